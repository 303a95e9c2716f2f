"""The generated pages of docs/reference: classes and settings."""

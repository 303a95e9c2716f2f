"""The generated pages of docs: classes, settings, the manual page."""

"""The CIM class model: MOF text, its compiled form, and CIM's own types and values."""

"""Values from clients, read and typed by MOF."""

"""Registration with existing CIMOMs, from specs and MOF: OpenPegasus and sfcb."""

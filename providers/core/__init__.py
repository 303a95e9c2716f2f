"""The vocabulary and the engine: specs, registry, the CIM operations, rights."""

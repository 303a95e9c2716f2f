"""What a virtualization host looks like in CIM: the engine, the back ends and the classes."""

"""Hypervisors as records: no CIM here, and no hypervisor objects outside."""

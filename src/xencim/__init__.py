"""xencim: a CIM/WBEM management provider for virtualization hosts."""

__version__ = "0.1.0"

"""The types of machines, as VirtualSystemType names them.

Source: DSP1042 1.0 (CIM_VirtualSystemManagementCapabilities.VirtualSystemTypesSupported).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host


def system_type(host: Host, domain_type: str) -> str:
    """Return the type of machine: the hypervisor, or QEMU for one that KVM does not accelerate."""
    return "QEMU" if host.prefix == "KVM" and domain_type == "qemu" else host.prefix

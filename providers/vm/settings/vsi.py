"""Virtual station interfaces: what the switch beside the host knows a network interface by.

Source: IEEE 802.1Qbg; libvirt's documentation, "Domain XML format", virtualport; libvirt-cim's settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import Prop

if TYPE_CHECKING:
    from xencim.providers.backends.records import Nic, VirtualMachine
    from xencim.providers.core.spec import Row

FIELDS = {
    "VSIManagerID": "vsi_manager_id",
    "VSITypeID": "vsi_type_id",
    "VSITypeIDVersion": "vsi_type_version",
    "VSIInstanceID": "vsi_instance_id",
}
"""The fields of an interface by the properties that tell them."""
_PORT = "virDomainGetXMLDesc: devices/interface/virtualport"


def _type(_vm: VirtualMachine, nic: Nic, *_: Row) -> str | None:
    """Return what it is known by: these values, or a profile (802.1Qbh)."""
    if any(getattr(nic, field) is not None for field in FIELDS.values()):
        return "802.1Qbg"
    return "802.1Qbh" if nic.profile_id and nic.source_type == "direct" else None


def _prop(name: str, field: str) -> Prop:
    return Prop(
        name,
        lambda _vm, nic, *_: getattr(nic, field) or None,
        source=f"{_PORT}/parameters/@{name.removeprefix('VSI').lower()}",
    )


PROPS = (
    Prop("VSIType", _type, source=f"{_PORT}/@type"),
    *(_prop(name, field) for name, field in FIELDS.items()),
)

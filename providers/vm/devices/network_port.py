"""Xen_NetworkPort: a network interface of a machine.

Source: DSP1050 (network ports of virtual systems); CIM_NetworkPort.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.devices.common import NO_DESCRIPTION, STATE_PROPS, device_keys
from xencim.providers.vm.rows import NICS
from xencim.providers.vm.status import enabled_state

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, Nic, VirtualMachine

_ETHERNET = 2
_ENABLED, _ENABLED_BUT_OFFLINE = 2, 6
_SPEED = "a virtual interface is as fast as its host lets it be"


def _enabled(vm: VirtualMachine, nic: Nic, _host: Host) -> int:
    state = enabled_state(vm)
    return _ENABLED_BUT_OFFLINE if state == _ENABLED and nic.link_up is False else state


_MAC = "virDomainGetXMLDesc: devices/interface/mac"

SPEC = ClassSpec(
    cim_class="NetworkPort",
    rows=NICS.device_rows(),
    profiles=("DSP1050", "DSP1057"),
    keys=device_keys(NICS, "devices/interface/mac"),
    props=(
        Prop("Name", lambda _vm, nic, _host: nic.mac, source=_MAC),
        Prop("ElementName", lambda vm, nic, _host: f"{vm.name} {nic.mac}", source=_MAC),
        Prop("Caption", Const("Virtual network interface"), source="constant: what it is"),
        Prop("EnabledState", _enabled, source="virDomainGetState; devices/interface/link"),
        *STATE_PROPS,
        Prop("LinkTechnology", Const(_ETHERNET), source="constant: hypervisors offer no other"),
        Prop("PermanentAddress", lambda _vm, nic, _host: nic.mac, source=_MAC),
        Prop(
            "ActiveMaximumTransmissionUnit",
            lambda _vm, nic, _host: nic.mtu,
            source="virDomainGetXMLDesc: devices/interface/mtu",
        ),
        Prop("NetworkAddresses", lambda _vm, nic, _host: (nic.mac,), source=_MAC),
    ),
    unfilled={
        **NO_DESCRIPTION,
        "Speed": _SPEED,
        "MaxSpeed": _SPEED,
        "RequestedSpeed": _SPEED,
        "FullDuplex": _SPEED,
        "AutoSense": _SPEED,
        "PortNumber": "interfaces are told apart by their addresses",
        "OtherLinkTechnology": "LinkTechnology is never Other",
        "PortType": "CIM_NetworkPort defines no types",
        "OtherPortType": "PortType is never Other",
        "UsageRestriction": "a machine has no front and back end",
        "SupportedMaximumTransmissionUnit": "the hypervisor does not tell",
    },
)

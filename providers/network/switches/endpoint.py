"""Xen_LANEndpoint: the two ends of a connection, at a machine's interface and at a switch's port.

Source: DSP1097 1.0 (CIM_LANEndpoint).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassName, ClassSpec, Const, Prop
from xencim.providers.network.switches.rows import PORTS, port_id, switch_name
from xencim.providers.vm.rows import NICS

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.providers.backends.records import Host, Nic, VirtualMachine
    from xencim.providers.network.switches.rows import Source

_ETHERNET_IF_TYPE = 6
_ENABLED = 2
_MAC = "virDomainGetXMLDesc: devices/interface/mac"


def _id(_source: Source, machine: VirtualMachine, nic: Nic, _host: Host) -> str:
    return port_id(machine, NICS.ident(nic))


def _address(_source: Source, _machine: VirtualMachine, nic: Nic, _host: Host) -> str:
    return nic.mac.replace(":", "").upper()


def _endpoint(
    system: str, name: Callable[..., str], caption: str, addresses: tuple[Prop, ...], **unfilled: str
) -> ClassSpec:
    return ClassSpec(
        cim_class="LANEndpoint",
        rows=PORTS,
        profiles=("DSP1097",),
        keys=(
            Prop("SystemCreationClassName", ClassName(system), source="constant: the system's class"),
            Prop("SystemName", name, source="virDomainGetName, virNetworkGetName"),
            Prop("CreationClassName", ClassName(), source="constant: the class's name"),
            Prop("Name", _id, source=f"virDomainGetName and {_MAC}"),
        ),
        props=(
            Prop("ElementName", _id, source=f"virDomainGetName and {_MAC}"),
            Prop("Caption", Const(caption), source="constant: what it is"),
            Prop("NameFormat", Const("Machine/Address"), source="constant: how Name is made"),
            Prop("ProtocolIFType", Const(_ETHERNET_IF_TYPE), source="constant: hypervisors offer no other"),
            Prop("EnabledState", Const(_ENABLED), source="constant: it is there while the machine runs"),
            Prop("RequestedState", Const(12), source="constant: no method changes its state"),
            Prop("EnabledDefault", Const(2), source="constant: it works when its machine does"),
            Prop("TransitioningToState", Const(12), source="constant: no method changes its state"),
            Prop(
                "LANID",
                lambda source, *_: switch_name(source),
                source="virNetworkGetName, or the bridge's",
            ),
            *addresses,
        ),
        unfilled={
            "Description": "Caption says all",
            "OtherTypeDescription": "ProtocolIFType is not Other",
            "BroadcastResetSupported": "no method sends one",
            "AliasAddresses": "an interface has one address",
            "GroupAddresses": "the hypervisor does not tell",
            "MaxDataSize": "the port tells its largest packet",
            **dict.fromkeys(("OperationalStatus", "HealthState", "PrimaryStatus"), "the port tells it"),
            **dict.fromkeys(
                ("LANType", "OtherLANType", "ProtocolType"), "ProtocolIFType stands in its place"
            ),
            **unfilled,
        },
    )


AT_MACHINE = _endpoint(
    "ComputerSystem",
    lambda _source, machine, *_: machine.name,
    "Machine's end of a connection",
    (Prop("MACAddress", _address, source=_MAC),),
)
AT_SWITCH = _endpoint(
    "VirtualEthernetSwitch",
    lambda source, *_: switch_name(source),
    "Switch's end of a connection",
    (),
    MACAddress="a port of a switch has no address of its own",
)

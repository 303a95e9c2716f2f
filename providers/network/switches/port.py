"""Xen_EthernetPort: a port of a virtual switch, to which an interface of a running machine is connected.

Source: DSP1097 1.0 (CIM_EthernetPort).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassName, ClassSpec, Const, Prop
from xencim.providers.network.switches.rows import PORTS, port_id, switch_name
from xencim.providers.pools import status
from xencim.providers.vm.rows import NICS

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, Nic, VirtualMachine
    from xencim.providers.network.switches.rows import Source

_ETHERNET = 2
_ENABLED, _ENABLED_BUT_OFFLINE = 2, 6
_SPEED = "a virtual port is as fast as its host lets it be"


def _id(_source: Source, machine: VirtualMachine, nic: Nic, _host: Host) -> str:
    return port_id(machine, NICS.ident(nic))


_MAC = "virDomainGetXMLDesc: devices/interface/mac"

SPEC = ClassSpec(
    cim_class="EthernetPort",
    rows=PORTS,
    profiles=("DSP1097",),
    keys=(
        Prop("SystemCreationClassName", ClassName("VirtualEthernetSwitch"), source="the switch's class"),
        Prop("SystemName", lambda source, *_: switch_name(source), source="virNetworkGetName"),
        Prop("CreationClassName", ClassName(), source="constant: the class's name"),
        Prop("DeviceID", _id, source=f"virDomainGetName and {_MAC}"),
    ),
    props=(
        Prop("Name", lambda _source, _vm, nic, _host: nic.target_dev or nic.mac, source="interface/target"),
        Prop("ElementName", _id, source=f"virDomainGetName and {_MAC}"),
        Prop("Caption", Const("Port of a virtual switch"), source="constant: what it is"),
        Prop(
            "EnabledState",
            lambda _source, _vm, nic, _host: _ENABLED_BUT_OFFLINE if nic.link_up is False else _ENABLED,
            source="virDomainGetXMLDesc: devices/interface/link",
        ),
        Prop("RequestedState", Const(12), source="constant: no method changes its state"),
        Prop("EnabledDefault", Const(2), source="constant: a port works when its machine does"),
        Prop("TransitioningToState", Const(12), source="constant: no method changes its state"),
        Prop(
            "OperationalStatus",
            lambda _source, _vm, _nic, host: status.operational_status(host),
            source=status.CONTACT,
        ),
        Prop("HealthState", lambda *row: status.health_state(row[3]), source=status.CONTACT),
        Prop("PrimaryStatus", lambda *row: status.primary_status(row[3]), source=status.CONTACT),
        Prop("CommunicationStatus", lambda *row: status.communication_status(row[3]), source=status.CONTACT),
        Prop("LinkTechnology", Const(_ETHERNET), source="constant: hypervisors offer no other"),
        Prop(
            "ActiveMaximumTransmissionUnit",
            lambda source, _vm, nic, _host: nic.mtu or getattr(source, "mtu", None),
            source="virDomainGetXMLDesc: devices/interface/mtu; virNetworkGetXMLDesc: mtu",
        ),
    ),
    unfilled={
        "Description": "Caption says all",
        "StatusDescriptions": "OperationalStatus says all",
        **dict.fromkeys(("Speed", "MaxSpeed", "RequestedSpeed", "FullDuplex", "AutoSense"), _SPEED),
        "PortNumber": "ports are told apart by what is connected to them",
        "PortType": "a virtual port is of none of these types",
        "OtherPortType": "PortType is not Other",
        "OtherLinkTechnology": "LinkTechnology is never Other",
        "UsageRestriction": "a switch has no front and back end",
        "PermanentAddress": "a port of a switch has no address of its own",
        "NetworkAddresses": "a port of a switch has no address of its own",
        "SupportedMaximumTransmissionUnit": "the hypervisor does not tell",
        "MaxDataSize": "ActiveMaximumTransmissionUnit tells it",
        **dict.fromkeys(
            ("Capabilities", "CapabilityDescriptions", "EnabledCapabilities", "OtherEnabledCapabilities"),
            "the hypervisor does not tell",
        ),
        "PVID": "the settings of the machine's interface tell its VLANs",
        "PoEPowerEntityType": "a virtual port powers nothing",
        "PortDiscriminator": "a virtual port has no place",
    },
)

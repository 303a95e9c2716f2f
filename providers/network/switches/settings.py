"""Xen_VirtualEthernetSwitchSettingData: what a virtual switch works with, or will after its next start.

Addresses, ranges and leases are told as text, one line each, as MOF describes them.

Source: DSP1097 1.0 (CIM_VirtualEthernetSwitchSettingData).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xencim.providers.backends.records import Bridge
from xencim.providers.core.pool_ids import pool_id
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.network.switches.rows import SETTINGS, settings_id, switch_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.mof.values import Value
    from xencim.providers.backends.records import Host, StaticLease
    from xencim.providers.network.switches.rows import Source
    from xencim.providers.vm.rows import Origin

SWITCH_TYPE = "Virtual Ethernet Switch"
"""What VirtualSystemType says of a switch."""
FORWARD_MODES = (None, "nat", "route", "bridge", "open", "private", "vepa", "passthrough", "hostdev")
"""By ForwardMode."""
_VEB, _VEPA, _DIRECT = 2, 3, 4
_EVB_MODES = {"vepa": _VEPA, "passthrough": _DIRECT, "hostdev": _DIRECT}
_STARTUP = {False: 2, True: 4, None: None}  # AutomaticStartupAction: none, always
_BRIDGE = "bridge"
_XML = "virNetworkGetXMLDesc: "


def lease_text(lease: StaticLease) -> str:
    """Return a static lease as StaticLeases tells it."""
    parts = (lease.address, lease.mac, lease.name, lease.client_id)
    return ",".join(part or "" for part in parts).rstrip(",")


def _field(name: str, field: str, element: str) -> Prop:
    def get(_source: Source, definition: Source, _origin: Origin, _host: Host) -> Value:
        value: Value = getattr(definition, field, None)
        return value

    return Prop(name, get, source=f"{_XML}{element}")


def _limit(name: str, direction: str, field: str) -> Prop:
    def get(_source: Source, definition: Source, _origin: Origin, _host: Host) -> int | None:
        return getattr(getattr(definition, direction, None), field, None)

    return Prop(name, get, source=f"{_XML}bandwidth/{direction}/@{field.partition('_')[0]}")


def _of_addresses(name: str, lines: Callable[[Any], list[str]], element: str) -> Prop:
    def get(_source: Source, definition: Source, _origin: Origin, _host: Host) -> tuple[str, ...] | None:
        addresses = getattr(definition, "addresses", ())
        return tuple(line for one in addresses for line in lines(one)) or None

    return Prop(name, get, source=f"{_XML}{element}")


def _mode(_source: Source, definition: Source, _origin: Origin, _host: Host) -> int | None:
    mode = _BRIDGE if isinstance(definition, Bridge) else definition.forward_mode
    return FORWARD_MODES.index(mode) if mode in FORWARD_MODES else None


def _bridge(_source: Source, definition: Source, _origin: Origin, _host: Host) -> str | None:
    return definition.name if isinstance(definition, Bridge) else definition.bridge


def _evb_mode(_source: Source, definition: Source, _origin: Origin, _host: Host) -> int:
    return _EVB_MODES.get(getattr(definition, "forward_mode", None) or "", _VEB)


def _vlans(_source: Source, definition: Source, _origin: Origin, _host: Host) -> tuple[str, ...] | None:
    return tuple(map(str, getattr(definition, "vlan_ids", ()))) or None


def _pool(source: Source, _definition: Source, _origin: Origin, host: Host) -> tuple[str, ...]:
    return (f'{host.prefix}_NetworkPool.InstanceID="{pool_id("Network", source)}"',)


SPEC = ClassSpec(
    cim_class="VirtualEthernetSwitchSettingData",
    rows=SETTINGS,
    profiles=("DSP1097",),
    keys=(
        Prop(
            "InstanceID",
            lambda source, _definition, origin, host: settings_id(source, host, origin),
            source="virNetworkGetName, or the bridge's; which definition",
        ),
    ),
    props=(
        Prop("ElementName", lambda source, *_: source.name, source="virNetworkGetName, or the bridge's"),
        Prop("Caption", Const("Virtual Ethernet switch"), source="constant: what it is"),
        Prop(
            "ChangeableType",
            lambda source, *_: 0 if isinstance(source, Bridge) else 2,
            source="constant: a network's settings can be changed, a bridge of the host's not",
        ),
        Prop(
            "VirtualSystemIdentifier",
            lambda source, *_: switch_name(source),
            source="virNetworkGetName, or the bridge's",
        ),
        Prop("VirtualSystemType", Const(SWITCH_TYPE), source="constant: it is no machine"),
        Prop(
            "AutomaticStartupAction",
            lambda source, *_: _STARTUP[getattr(source, "autostart", None)],
            source="virNetworkGetAutostart",
        ),
        _field("UUID", "uuid", "uuid"),
        Prop("AssociatedResourcePool", _pool, source="the pool that machines' interfaces come from"),
        Prop("EVBMode", _evb_mode, source=f"{_XML}forward/@mode"),
        Prop("VLANConnection", _vlans, source=f"{_XML}vlan/tag/@id"),
        Prop("ForwardMode", _mode, source=f"{_XML}forward/@mode"),
        Prop("BridgeName", _bridge, source=f"{_XML}bridge/@name"),
        _field("ForwardDevice", "forward_dev", "forward/@dev"),
        _field("BridgeType", "port_type", "virtualport/@type"),
        _field("DomainName", "domain_name", "domain/@name"),
        _field("MTU", "mtu", "mtu/@size"),
        _of_addresses("Addresses", lambda one: [f"{one.address}/{one.prefix}"], "ip"),
        _of_addresses("DHCPRanges", lambda one: [f"{a}-{b}" for a, b in one.ranges], "ip/dhcp/range"),
        _of_addresses("StaticLeases", lambda one: [lease_text(x) for x in one.leases], "ip/dhcp/host"),
        _limit("InboundLimit", "inbound", "average_kib_s"),
        _limit("InboundPeak", "inbound", "peak_kib_s"),
        _limit("InboundBurst", "inbound", "burst_kib"),
        _limit("OutboundLimit", "outbound", "average_kib_s"),
        _limit("OutboundPeak", "outbound", "peak_kib_s"),
        _limit("OutboundBurst", "outbound", "burst_kib"),
    ),
    unfilled={
        "Description": "Caption says all",
        "MaxNumMACAddress": "the hypervisor does not tell",
        "OtherEVBMode": "EVBMode is never Other",
        "Notes": "a network has no place for notes",
        "CreationTime": "the hypervisor does not tell",
        **dict.fromkeys(
            (
                *("ConfigurationID", "ConfigurationDataRoot", "ConfigurationFile", "SnapshotDataRoot"),
                *("SuspendDataRoot", "SwapFileDataRoot", "LogDataRoot", "RecoveryFile"),
                *("AutomaticStartupActionDelay", "AutomaticStartupActionSequenceNumber"),
                *("AutomaticShutdownAction", "AutomaticRecoveryAction"),
            ),
            "it has a meaning for machines only",
        ),
    },
)

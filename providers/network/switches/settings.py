"""Xen_VirtualEthernetSwitchSettingData: what a virtual switch works with, or will after its next start.

Source: DSP1097 1.0 (CIM_VirtualEthernetSwitchSettingData).
"""

from __future__ import annotations

from xencim.providers.backends.records import Bridge
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.network.switches import telling
from xencim.providers.network.switches.rows import SETTINGS, settings_id, switch_name
from xencim.providers.network.switches.telling import XML, field, lease_text, limit, of_addresses

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
        Prop("VirtualSystemType", Const(telling.SWITCH_TYPE), source="constant: it is no machine"),
        Prop(
            "AutomaticStartupAction",
            lambda source, *_: telling.STARTUP[getattr(source, "autostart", None)],
            source="virNetworkGetAutostart",
        ),
        field("UUID", "uuid", "uuid"),
        Prop("AssociatedResourcePool", telling.pool, source="the pool that machines' interfaces come from"),
        Prop("EVBMode", telling.evb_mode, source=f"{XML}forward/@mode"),
        Prop("VLANConnection", telling.vlans, source=f"{XML}vlan/tag/@id"),
        Prop("ForwardMode", telling.mode, source=f"{XML}forward/@mode"),
        Prop("BridgeName", telling.bridge, source=f"{XML}bridge/@name"),
        field("ForwardDevice", "forward_dev", "forward/@dev"),
        field("BridgeType", "port_type", "virtualport/@type"),
        field("DomainName", "domain_name", "domain/@name"),
        field("MTU", "mtu", "mtu/@size"),
        of_addresses("Addresses", lambda one: [f"{one.address}/{one.prefix}"], "ip"),
        of_addresses("DHCPRanges", lambda one: [f"{a}-{b}" for a, b in one.ranges], "ip/dhcp/range"),
        of_addresses("StaticLeases", lambda one: [lease_text(x) for x in one.leases], "ip/dhcp/host"),
        limit("InboundLimit", "inbound", "average_kib_s"),
        limit("InboundPeak", "inbound", "peak_kib_s"),
        limit("InboundBurst", "inbound", "burst_kib"),
        limit("OutboundLimit", "outbound", "average_kib_s"),
        limit("OutboundPeak", "outbound", "peak_kib_s"),
        limit("OutboundBurst", "outbound", "burst_kib"),
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

"""Xen_NetResourceAllocationSettingData: a network interface.

Limit and Reservation are of what the machine receives, OutboundLimit of what it sends.

Source: DSP1050 (Ethernet port resource allocation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.pool_ids import pool_id
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.rows import NICS
from xencim.providers.vm.settings import vsi
from xencim.providers.vm.settings.common import (
    NO_DESCRIPTION,
    ONE,
    PASSED_THROUGH,
    VIRTUALIZED,
    setting_keys,
    setting_props,
)

if TYPE_CHECKING:
    from xencim.providers.backends.records import Nic, VirtualMachine
    from xencim.providers.core.spec import Row

_ETHERNET_ADAPTER = 10


def _visibility(_vm: VirtualMachine, nic: Nic, *_: Row) -> int:
    passed = nic.source_type == "hostdev" or nic.mode == "passthrough"
    return PASSED_THROUGH if passed else VIRTUALIZED


def _connection(_vm: VirtualMachine, nic: Nic, *_: Row) -> tuple[str, ...] | None:
    end = nic.network or nic.bridge or nic.source_dev
    return (end,) if end else None


def _xml(name: str, field: str, element: str) -> Prop:
    return Prop(
        name,
        lambda _vm, nic, *_: getattr(nic, field) or None,
        source=f"virDomainGetXMLDesc: devices/interface/{element}",
    )


def _bandwidth(name: str, direction: str, field: str) -> Prop:
    def get(_vm: VirtualMachine, nic: Nic, *_: Row) -> int | None:
        limits = getattr(nic, direction)
        return getattr(limits, field) if limits else None

    attribute = field.partition("_")[0]
    return Prop(
        name, get, source=f"virDomainGetXMLDesc: devices/interface/bandwidth/{direction}/@{attribute}"
    )


SPEC = ClassSpec(
    cim_class="NetResourceAllocationSettingData",
    rows=NICS.setting_rows(),
    profiles=("DSP1050", "DSP1041"),
    keys=setting_keys(NICS, "devices/interface/mac"),
    props=(
        *setting_props(_ETHERNET_ADAPTER, lambda nic: nic.mac, "virDomainGetXMLDesc: devices/interface/mac"),
        *ONE,
        Prop("Caption", Const("Virtual network interface"), source="constant: what it is"),
        Prop("ConsumerVisibility", _visibility, source="virDomainGetXMLDesc: devices/interface/@type"),
        Prop(
            "PoolID",
            lambda _vm, _nic, _origin, network: pool_id("Network", network),
            source="virDomainGetXMLDesc: devices/interface/source",
        ),
        Prop("Connection", _connection, source="virDomainGetXMLDesc: devices/interface/source"),
        Prop(
            "AllocationUnits",
            Const("byte * 2^10 / second"),
            source="constant: libvirt's unit of bandwidth",
        ),
        _bandwidth("Reservation", "inbound", "floor_kib_s"),
        _bandwidth("Limit", "inbound", "average_kib_s"),
        _bandwidth("InboundPeak", "inbound", "peak_kib_s"),
        _bandwidth("InboundBurst", "inbound", "burst_kib"),
        _bandwidth("OutboundLimit", "outbound", "average_kib_s"),
        _bandwidth("OutboundPeak", "outbound", "peak_kib_s"),
        _bandwidth("OutboundBurst", "outbound", "burst_kib"),
        Prop(
            "LinkUp",
            lambda _vm, nic, *_: nic.link_up,
            source="virDomainGetXMLDesc: devices/interface/link/@state",
        ),
        _xml("Address", "mac", "mac"),
        _xml("ResourceSubType", "model", "model/@type"),
        _xml("NetworkType", "source_type", "@type"),
        Prop(
            "NetworkName",
            lambda _vm, nic, *_: nic.network or nic.bridge,
            source="virDomainGetXMLDesc: devices/interface/source, the network before its bridge",
        ),
        _xml("VirtualDevice", "target_dev", "target/@dev"),
        _xml("SourceDevice", "source_dev", "source/@dev"),
        _xml("NetworkMode", "mode", "source/@mode"),
        _xml("FilterRef", "filter_ref", "filterref/@filter"),
        _xml("ProfileID", "profile_id", "virtualport/parameters/@profileid"),
        *vsi.PROPS,
        _xml("VLANIDs", "vlan_ids", "vlan/tag/@id"),
        _xml("MTU", "mtu", "mtu/@size"),
        _xml("BootOrder", "boot_order", "boot/@order"),
    ),
    unfilled=NO_DESCRIPTION,
)

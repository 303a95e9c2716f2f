"""Virtual networks and bridges as pools, and all networks of the host as their primordial pool.

A network that libvirt manages and a bridge of the host are both pools: a port of a machine comes
from the one it is connected to, and a network wins over its own bridge (`vm.rows.network_of`).

Source: DSP1050 1.0 (Ethernet port resource pools); DSP1041 1.1, section 10.
"""

from __future__ import annotations

from xencim.providers.backends.records import Bridge, Host, HostUsage, Network
from xencim.providers.core.spec import ClassSpec, Const, Context, Prop
from xencim.providers.network.network_methods import METHODS
from xencim.providers.pools import status
from xencim.providers.pools.kind import COMMUNICATION, PoolKind

Source = Network | Bridge | None


def _concrete(context: Context) -> tuple[Network | Bridge, ...]:
    return (*context.view.all(Network).values(), *context.view.all(Bridge).values())


def _find(context: Context, bridge: type | None, name: str) -> Network | Bridge | None:
    return context.view.get(Bridge, name) if bridge else context.view.get(Network, name)


KIND = PoolKind(
    "Network",
    resource_type=10,
    sharing_mode=3,
    concrete=_concrete,
    find=_find,
    source_kinds=(Network, Bridge),
)


def _caption(source: Source, _host: Host, _usage: HostUsage) -> str:
    if source is None:
        return "Networks of the host"
    if isinstance(source, Bridge):
        return f"Bridge: {source.name}"
    return f"Bridge: {source.bridge}" if source.bridge else f"Network: {source.name}"


def _description(source: Source, _host: Host, _usage: HostUsage) -> str | None:
    if not isinstance(source, Network):
        return None
    forward = f"{source.forward_mode} to {source.forward_dev}" if source.forward_dev else source.forward_mode
    addresses = [f"{one.address}/{one.prefix}" for one in source.addresses]
    leased = [f"leases {first} to {last}" for one in source.addresses for first, last in one.ranges]
    return ", ".join((forward or "isolated", *addresses, *leased))


def _sub_type(source: Source, _host: Host, _usage: HostUsage) -> str | None:
    if isinstance(source, Network):
        return source.forward_mode or "isolated"
    return "bridge" if source else None


def _is_stopped(source: Source) -> bool:
    return isinstance(source, Network) and not source.active


def _operational_status(source: Source, host: Host, _usage: HostUsage) -> tuple[int, ...]:
    return status.operational_status(host, status.STOPPED if _is_stopped(source) else status.OK)


def _primary_status(source: Source, host: Host, _usage: HostUsage) -> int:
    return status.primary_status(host, status.STOPPED if _is_stopped(source) else status.OK)


def _status_descriptions(source: Source, host: Host, _usage: HostUsage) -> tuple[str, ...]:
    return status.status_descriptions(host, "inactive" if _is_stopped(source) else "active")


def _health_state(source: Source, host: Host, _usage: HostUsage) -> int:
    return status.health_state(host, status.HEALTH_UNKNOWN if _is_stopped(source) else status.HEALTH_OK)


_ACTIVE = "virNetworkIsActive"

SPEC = ClassSpec(
    cim_class="NetworkPool",
    rows=KIND.rows(),
    profiles=("DSP1041", "DSP1050"),
    keys=KIND.keys(),
    props=(
        *KIND.props(),
        Prop("Caption", _caption, source="virNetworkGetXMLDesc: bridge/@name"),
        Prop("Description", _description, source="virNetworkGetXMLDesc: forward, ip"),
        Prop(
            "Name",
            lambda source, *_: source.name if source else None,
            source="virNetworkGetName, or the bridge's name",
        ),
        Prop("ResourceSubType", _sub_type, source="virNetworkGetXMLDesc: forward/@mode"),
        Prop("AllocationUnits", Const("count"), source="constant: ports are counted"),
        Prop("ConsumedResourceUnits", Const("count"), source="constant: ports are counted"),
        Prop(
            "CurrentlyConsumedResource",
            lambda source, _host, usage: usage.nics if source is None else None,
            source="virDomainGetXMLDesc of all machines: devices/interface, counted; primordial pool only",
        ),
        Prop("Autostart", lambda source, *_: getattr(source, "autostart", None), "virNetworkGetAutostart"),
        Prop("OperationalStatus", _operational_status, source=_ACTIVE),
        Prop("StatusDescriptions", _status_descriptions, source=_ACTIVE),
        Prop("HealthState", _health_state, source=_ACTIVE),
        Prop("PrimaryStatus", _primary_status, source=_ACTIVE),
        COMMUNICATION,
    ),
    methods=METHODS,
    unfilled={
        "Capacity": "a network sets no limit to its ports",
        "Reserved": "nothing has to be reserved where nothing can run out",
        "MaxConsumableResource": "a network sets no limit to its ports",
    },
)

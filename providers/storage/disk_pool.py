"""Storage pools, and all storage of the host as their primordial pool.

Sizes are whole mebibytes, those of the pool's last refresh.

Source: DSP1047 1.0 (storage resource pools); DSP1041 1.1, section 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Host, HostUsage, PoolState, StoragePool
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.pools import status
from xencim.providers.pools.kind import COMMUNICATION, PoolKind
from xencim.providers.storage.pool_methods import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable

Source = StoragePool | None

KIND = PoolKind(
    "Disk",
    resource_type=17,
    sharing_mode=2,
    concrete=lambda context: context.view.all(StoragePool).values(),
    find=lambda context, _bridge, name: context.view.get(StoragePool, name),
    source_kinds=(StoragePool,),
)

UNITS = "byte*2^20"
_MIB = 2**20
_OPERATIONAL_STATUS = {
    PoolState.INACTIVE: status.STOPPED,
    PoolState.BUILDING: status.STARTING,
    PoolState.RUNNING: status.OK,
    PoolState.DEGRADED: status.DEGRADED,
    PoolState.INACCESSIBLE: status.ERROR,
}
_HEALTH_STATE = {
    PoolState.INACTIVE: status.HEALTH_UNKNOWN,
    PoolState.BUILDING: status.HEALTH_UNKNOWN,
    PoolState.RUNNING: status.HEALTH_OK,
    PoolState.DEGRADED: status.HEALTH_DEGRADED,
    PoolState.INACCESSIBLE: status.HEALTH_CRITICAL,
}


def _told(name: str, field: str, source: str) -> Prop:
    return Prop(
        name, lambda pool, *_: None if pool is None else getattr(pool, field), f"virStoragePool{source}"
    )


def _mib(size: Callable[[StoragePool], int | None]) -> Callable[..., int | None]:
    def get(source: Source, _host: Host, _usage: HostUsage) -> int | None:
        size_bytes = None if source is None else size(source)
        return None if size_bytes is None else size_bytes // _MIB

    return get


def _caption(source: Source, _host: Host, _usage: HostUsage) -> str:
    return "Storage of the host" if source is None else f"Storage pool {source.name}"


def _operational_status(source: Source, host: Host, _usage: HostUsage) -> tuple[int, ...]:
    return status.operational_status(host, _OPERATIONAL_STATUS[source.state] if source else status.OK)


def _primary_status(source: Source, host: Host, _usage: HostUsage) -> int:
    return status.primary_status(host, _OPERATIONAL_STATUS[source.state] if source else status.OK)


def _status_descriptions(source: Source, host: Host, _usage: HostUsage) -> tuple[str, ...]:
    return (
        status.status_descriptions(host, source.state.value) if source else status.status_descriptions(host)
    )


def _health_state(source: Source, host: Host, _usage: HostUsage) -> int:
    return status.health_state(host, _HEALTH_STATE[source.state] if source else status.HEALTH_OK)


_STATE = "virStoragePoolGetInfo: state"
_ALLOCATION = "virStoragePoolGetInfo: allocation"
_CAPACITY = "virStoragePoolGetInfo: capacity"

SPEC = ClassSpec(
    cim_class="DiskPool",
    rows=KIND.rows(),
    profiles=("DSP1041", "DSP1047"),
    refreshes_storage=True,
    keys=KIND.keys(),
    props=(
        *KIND.props(),
        Prop("Caption", _caption, source="virStoragePoolGetName"),
        _told("Name", "name", "GetName"),
        _told("ResourceSubType", "type", "GetXMLDesc: pool/@type"),
        Prop("AllocationUnits", Const(UNITS), source="constant: mebibytes, as libvirt-cim counts"),
        Prop("Capacity", _mib(lambda pool: pool.capacity_bytes), source=_CAPACITY),
        Prop("Reserved", _mib(lambda pool: pool.allocation_bytes), source=_ALLOCATION),
        Prop("ConsumedResourceUnits", Const(UNITS), source="constant: as AllocationUnits"),
        Prop("CurrentlyConsumedResource", _mib(lambda pool: pool.allocation_bytes), source=_ALLOCATION),
        Prop("MaxConsumableResource", _mib(lambda pool: pool.capacity_bytes), source=_CAPACITY),
        _told("Path", "target_path", "GetXMLDesc: target/path"),
        _told("Autostart", "autostart", "GetAutostart"),
        _told("Host", "source_host", "GetXMLDesc: source/host/@name"),
        _told("SourceDirectory", "source_path", "GetXMLDesc: source/dir/@path"),
        Prop("OperationalStatus", _operational_status, source=_STATE),
        Prop("StatusDescriptions", _status_descriptions, source=_STATE),
        Prop("HealthState", _health_state, source=_STATE),
        Prop("PrimaryStatus", _primary_status, source=_STATE),
        COMMUNICATION,
    ),
    methods=METHODS,
)

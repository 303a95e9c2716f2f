"""How work on storage is handed to the job engine, and what becomes of it is found out after a restart.

What the hypervisor says is given to the client as the error's text: it names the disk that is full or the
server that does not answer, which no return value could. Not supported and timed out are return values.

Source: DSP1103 (jobs); CIM_ResourcePoolConfigurationService (the return values).
Errors: CimError and BackendError of the work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import PoolState, StoragePool, Volume
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs import JobRequest
from xencim.providers.core.pool_ids import concrete_pool_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import View
    from xencim.providers.core.job_recovery import Reconciler
    from xencim.providers.core.jobs import Progress
    from xencim.providers.core.spec import MethodCall, MethodResult

_STATUSES = {
    "exists": Status.ALREADY_EXISTS,
    "invalid": Status.INVALID_PARAMETER,
    "invalid_state": Status.FAILED,
    "failed": Status.FAILED,
}


Act: TypeAlias = "Callable[[Progress], Awaitable[Mapping[str, Value]]]"


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work: ``act`` does it and returns the method's output."""

    name: str
    kind: str
    queue: str | None
    act: Act
    affected: tuple[Path, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


async def run(call: MethodCall, task: Task, *, wait_s: float | None = None) -> MethodResult:
    """Have a task done; ``wait_s`` is how long the answer waits for it, None the usual time."""

    async def work(progress: Progress) -> Mapping[str, Value]:
        try:
            return await task.act(progress)
        except BackendError as error:
            status = _STATUSES.get(error.kind)
            if status is None:
                raise
            raise CimError(status, f"{task.name}: {error.message}", hint=error.hint) from error

    return await call.jobs.run(
        JobRequest(
            name=task.name,
            owner=call.path,
            affected=task.affected,
            queue=task.queue,
            principal=call.principal.name,
            work=work,
            kind=task.kind,
            facts=task.facts,
        ),
        wait_s=wait_s,
    )


def pool_path(call: MethodCall, name: str) -> Path:
    """Return the path of a storage pool."""
    keys = (("InstanceID", concrete_pool_id("Disk", name)),)
    return Path(class_name(call, "DiskPool"), keys, call.path.namespace, call.path.host)


def volume_path(call: MethodCall, volume: Volume) -> Path:
    """Return the path of a volume."""
    keys = (
        ("SystemCreationClassName", class_name(call, "HostSystem")),
        ("SystemName", call.inventory.view.host.name),
        ("CreationClassName", class_name(call, "StorageVolume")),
        ("DeviceID", volume.key),
    )
    return Path(class_name(call, "StorageVolume"), keys, call.path.namespace, call.path.host)


def class_name(call: MethodCall, name: str) -> str:
    """Return the name of a class as it is served where the call was made."""
    prefix, _, _own = call.path.class_name.partition("_")
    return f"{prefix}_{name}"


# After a restart -------------------------------------------------------------------------------

POOL_MADE, POOL_GONE = "pool made", "pool gone"
POOL_STATE, POOL_AUTOSTART, POOL_READ = "pool state", "pool autostart", "pool read"
POOL_SOURCES = "pool sources"
VOLUME_MADE, VOLUME_COPIED, VOLUME_GONE = "volume made", "volume copied", "volume gone"
VOLUME_SIZE, VOLUME_WIPED = "volume size", "volume wiped"


def _pool_made(view: View, facts: Mapping[str, str]) -> str | None:
    is_there = view.get(StoragePool, facts["pool"])
    return None if is_there else f"there is no storage pool {facts['pool']!r}"


def _pool_gone(view: View, facts: Mapping[str, str]) -> str | None:
    is_there = view.get(StoragePool, facts["pool"])
    return f"storage pool {facts['pool']!r} is still there" if is_there else None


def _pool_state(view: View, facts: Mapping[str, str]) -> str | None:
    pool = view.get(StoragePool, facts["pool"])
    if pool is None:
        return f"there is no storage pool {facts['pool']!r}"
    is_active = pool.state is not PoolState.INACTIVE
    return None if str(is_active) == facts["active"] else f"storage pool {pool.name!r} is {pool.state.value}"


def _pool_autostart(view: View, facts: Mapping[str, str]) -> str | None:
    pool = view.get(StoragePool, facts["pool"])
    if pool is not None and str(pool.autostart) == facts["autostart"]:
        return None
    return f"storage pool {facts['pool']!r} was not changed"


def _volume_made(view: View, facts: Mapping[str, str]) -> str | None:
    return None if view.get(Volume, facts["volume"]) else f"there is no volume {facts['volume']!r}"


def _volume_copied(view: View, facts: Mapping[str, str]) -> str | None:
    if view.get(Volume, facts["volume"]) is None:
        return f"there is no volume {facts['volume']!r}"
    return f"volume {facts['volume']!r} is there; whether its content is whole cannot be told"


def _volume_gone(view: View, facts: Mapping[str, str]) -> str | None:
    return f"volume {facts['volume']!r} is still there" if view.get(Volume, facts["volume"]) else None


def _volume_size(view: View, facts: Mapping[str, str]) -> str | None:
    volume = view.get(Volume, facts["volume"])
    if volume is not None and str(volume.capacity_bytes) == facts["capacity"]:
        return None
    return f"volume {facts['volume']!r} was not made larger"


def _volume_wiped(_view: View, facts: Mapping[str, str]) -> str | None:
    return f"how far volume {facts['volume']!r} was overwritten cannot be told"


def _pool_read(_view: View, facts: Mapping[str, str]) -> str | None:
    return f"whether storage pool {facts['pool']!r} was looked at anew cannot be told"


def _pool_sources(_view: View, _facts: Mapping[str, str]) -> str | None:
    return "nothing was changed; ask again"


RECONCILERS: Mapping[str, Reconciler] = {
    POOL_MADE: _pool_made,
    POOL_GONE: _pool_gone,
    POOL_STATE: _pool_state,
    POOL_AUTOSTART: _pool_autostart,
    POOL_READ: _pool_read,
    POOL_SOURCES: _pool_sources,
    VOLUME_MADE: _volume_made,
    VOLUME_COPIED: _volume_copied,
    VOLUME_GONE: _volume_gone,
    VOLUME_SIZE: _volume_size,
    VOLUME_WIPED: _volume_wiped,
}

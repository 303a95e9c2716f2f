"""Methods of volumes, and those of the pool configuration service that make and delete them.

Source: Xen_StorageVolume and Xen_ResourcePoolConfigurationService in our MOF; libvirt-cim's
CreateResourceInPool and DeleteResourceInPool.
Errors: CimError INVALID_PARAMETER, NOT_FOUND, ALREADY_EXISTS, FAILED (in use, and what the hypervisor says).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.mof.values import Instance
from xencim.providers.backends.records import StoragePool, Volume
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.spec import MethodResult
from xencim.providers.management.given import given
from xencim.providers.pools.work import Task, run
from xencim.providers.storage import work
from xencim.providers.storage.moving import Moving
from xencim.providers.storage.parameters import pool_parameter
from xencim.providers.storage.settings import FORMATS, checked_name, named_volume, wanted_volume
from xencim.providers.storage.usage import demand_no_overlay, demand_volume_idle
from xencim.providers.storage.work import volume_path, volume_queue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.values import Path, Value
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import MethodCall
    from xencim.providers.management.given import Given
    from xencim.providers.pools.work import Act


async def create_resource_in_pool(call: MethodCall) -> MethodResult:
    """Make a volume in a pool."""
    pool = pool_parameter(call)
    volume = wanted_volume(_embedded(call, "Settings"), pool, call.inventory.view)

    async def act(progress: Progress) -> Mapping[str, Value]:
        await call.backend.create_volume(volume)
        return _made(call, progress, volume, "Resource")

    return await run(
        call,
        Task(
            "CreateResourceInPool",
            work.VOLUME_MADE,
            volume_queue(volume),
            act,
            (work.pool_path(call, pool.name),),
            {"volume": volume.key},
        ),
    )


async def delete_resource_in_pool(call: MethodCall) -> MethodResult:
    """Delete a volume that nobody uses."""
    pool = pool_parameter(call)
    await call.backend.refresh_storage()
    volume = named_volume(_embedded(call, "Resource"), pool, call.inventory.view)

    async def act(_progress: Progress) -> Mapping[str, Value]:
        await call.backend.resync()
        demand_volume_idle(call.inventory.view, volume, running=False)
        demand_no_overlay(call.inventory.view, volume)
        await call.backend.delete_volume(volume)
        return {}

    affected = (work.pool_path(call, pool.name), volume_path(call, volume))
    return await run(call, _task("DeleteResourceInPool", work.VOLUME_GONE, volume, act, affected))


async def resize(call: MethodCall) -> MethodResult:
    """Make a volume larger that no running machine has."""
    volume: Volume = call.row[0]
    capacity = call.parameters["capacity"]
    if not isinstance(capacity, int) or capacity < (volume.capacity_bytes or 0):
        raise CimError(
            Status.INVALID_PARAMETER,
            f"{call.path}: a volume of {volume.capacity_bytes} bytes cannot have {capacity}: "
            "it would lose content",
        )
    if capacity == volume.capacity_bytes:
        return MethodResult(0)

    async def act(_progress: Progress) -> Mapping[str, Value]:
        await call.backend.resync()
        demand_volume_idle(call.inventory.view, volume, running=True)
        demand_no_overlay(call.inventory.view, volume)
        await call.backend.resize_volume(volume, capacity)
        return {}

    task = _task("Resize", work.VOLUME_SIZE, volume, act, (call.path,), capacity=str(capacity))
    return await run(call, task)


async def clone(call: MethodCall) -> MethodResult:
    """Make a volume with the same content, which no running machine may write to meanwhile."""
    source: Volume = call.row[0]
    pool = call.inventory.view.get(StoragePool, source.pool)
    compact = call.parameters.get("compact") is True
    wanted = Volume(
        pool=source.pool,
        name=checked_name(f"{call.path}: VolumeName", call.parameters["volumename"]),
        capacity_bytes=source.capacity_bytes,
        allocation_bytes=0 if pool is not None and pool.is_folder else None,
        format=_format(call, source, pool),
    )
    moving = Moving(source.content_bytes)

    async def act(progress: Progress) -> Mapping[str, Value]:
        await call.backend.resync()
        demand_volume_idle(call.inventory.view, source, running=True, readers=False)
        await moving.followed(
            progress, call.backend.clone_volume(source, wanted, moving.told, compact=compact)
        )
        return _made(call, progress, wanted, "Volume")

    facts = {"volume": wanted.key}
    task = Task("Clone", work.VOLUME_COPIED, volume_queue(source), act, (call.path,), facts, moving.cancel)
    return await run(call, task)


def _format(call: MethodCall, source: Volume, pool: StoragePool | None) -> str | None:
    """Return the format that a copy is to have."""
    number = call.parameters.get("formattype") or 0
    wanted = FORMATS.get(number) if isinstance(number, int) else None
    if number and wanted is None:
        raise CimError(
            Status.INVALID_PARAMETER, f"{call.path}: FormatType: it is 0 (as it is), 1 (raw) or 2 (qcow2)"
        )
    if wanted is None or wanted == source.format:
        return source.format
    if pool is None or not pool.is_folder:
        raise CimError(
            Status.INVALID_PARAMETER,
            f"{call.path}: FormatType: volumes of pool {source.pool!r} are raw devices",
        )
    return wanted


async def wipe(call: MethodCall) -> MethodResult:
    """Overwrite a volume that nobody uses with zeros."""
    volume: Volume = call.row[0]
    moving = Moving(volume.content_bytes)

    async def act(progress: Progress) -> Mapping[str, Value]:
        await call.backend.resync()
        demand_volume_idle(call.inventory.view, volume, running=False)
        demand_no_overlay(call.inventory.view, volume)
        await moving.followed(progress, call.backend.wipe_volume(volume, moving.told))
        return {}

    task = _task("Wipe", work.VOLUME_WIPED, volume, act, (call.path,))
    return await run(call, replace(task, cancel=moving.cancel))


def _task(
    name: str,
    kind: str,
    volume: Volume,
    act: Act,
    affected: tuple[Path, ...],
    **facts: str,
) -> Task:
    return Task(name, kind, volume_queue(volume), act, affected, {"volume": volume.key, **facts})


def _made(call: MethodCall, progress: Progress, volume: Volume, name: str) -> Mapping[str, Value]:
    path = volume_path(call, volume)
    progress.affects(path)
    return {name: path}


def _embedded(call: MethodCall, name: str) -> Given:
    instance = call.parameters[name.lower()]
    if not isinstance(instance, Instance):
        raise CimError(Status.INVALID_PARAMETER, f"{name} is no embedded instance")
    return given(name, instance)

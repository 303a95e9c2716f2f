"""Methods that make, change and remove storage pools.

Nothing on a device is overwritten and nothing in a pool deleted unless Build or DeleteResourcePoolWithContent
says so: a pool that is removed otherwise can be made again over the same content.

Source: DSP1041 1.1 (CIM_ResourcePoolConfigurationService); Xen_DiskPool in our MOF.
Errors: CimError INVALID_PARAMETER, NOT_FOUND, ALREADY_EXISTS, FAILED (in use, and what the hypervisor says).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from xencim.mof.values import Instance, Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import StoragePool
from xencim.providers.core.errors import CimError, Status
from xencim.providers.management.given import given
from xencim.providers.pools.states import Startable, state_methods
from xencim.providers.pools.work import Task, class_name, run
from xencim.providers.storage import work
from xencim.providers.storage.parameters import named_pool, pool_parameter
from xencim.providers.storage.settings import checked_host, described, pool_type, wanted_build, wanted_pool
from xencim.providers.storage.usage import demand_content_idle, demand_devices_idle, demand_pool_idle
from xencim.providers.storage.work import pool_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.records import Host
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import MethodCall, MethodResult
    from xencim.providers.pools.work import Act

_SETTINGS = "DiskPoolResourceAllocationSettingData"
FIND_WAIT_S = 30.0
"""How long an answer waits for servers to tell what they have: a job could not tell it afterwards."""


async def create_child_resource_pool(call: MethodCall) -> MethodResult:
    """Make a storage pool and start it."""
    name = call.parameters.get("elementname")
    asked = given("Settings", _settings(call))
    pool = wanted_pool(asked, str(name) if name else None)
    build = wanted_build(asked, pool)
    parents = call.parameters.get("parentpool") or ()
    for parent in parents if isinstance(parents, tuple) else ():
        if isinstance(parent, Path) and named_pool(parent) is not None:
            raise CimError(Status.INVALID_PARAMETER, f"ParentPool: {parent}: only DiskPool/0 holds pools")

    async def act(progress: Progress) -> Mapping[str, Value]:
        _demand_type(call.inventory.view.host, pool.type)
        if build:
            await call.backend.resync()
            demand_devices_idle(call.inventory.view, pool)
        await call.backend.create_pool(pool, build)
        path = pool_path(call, pool.name)
        progress.affects(path)
        return {"Pool": path}

    facts = {"pool": pool.name, **({"build": build.value} if build else {})}
    return await run(call, Task("CreateChildResourcePool", work.POOL_MADE, _queue(pool), act, facts=facts))


def _demand_type(host: Host, kind: str) -> None:
    """Refuse a type of pool that the hypervisor's library was built without."""
    if host.pool_types is not None and kind not in host.pool_types:
        there = ", ".join(host.pool_types)
        raise BackendError(
            "unsupported", f"{host.hypervisor} on this host has no storage pools of type {kind}, but {there}"
        )


def _settings(call: MethodCall) -> Instance:
    settings = call.parameters.get("settings")
    one = settings[0] if isinstance(settings, tuple) and len(settings) == 1 else None
    if not isinstance(one, Instance):
        raise CimError(Status.INVALID_PARAMETER, f"Settings: one instance of Xen_{_SETTINGS} tells the pool")
    if not one.class_name.endswith(f"_{_SETTINGS}"):
        raise CimError(
            Status.INVALID_PARAMETER,
            f"Settings: {one.class_name} tells no storage pool, Xen_{_SETTINGS} does",
        )
    return one


async def find_pool_sources(call: MethodCall) -> MethodResult:
    """Find what pools of a type could be made from."""
    kind, host = pool_type(call.parameters["type"]), checked_host(call.parameters.get("host"))

    async def act(_progress: Progress) -> Mapping[str, Value]:
        name = class_name(call, _SETTINGS)
        found = await call.backend.find_pool_sources(kind, host)
        return {"Sources": tuple(described(source, name) for source in found)}

    return await run(call, Task("FindPoolSources", work.POOL_SOURCES, None, act), wait_s=FIND_WAIT_S)


async def delete_resource_pool(call: MethodCall) -> MethodResult:
    """Stop and forget a storage pool in which no machine has a disk; its content stays."""
    pool = pool_parameter(call)

    async def act(_progress: Progress) -> Mapping[str, Value]:
        await call.backend.resync()
        demand_pool_idle(call.inventory.view, pool, running=False)
        await call.backend.delete_pool(pool.name)
        return {}

    return await run(call, _task(call, "DeleteResourcePool", work.POOL_GONE, pool, act))


async def delete_resource_pool_with_content(call: MethodCall) -> MethodResult:
    """Delete what is in a storage pool that nobody uses, and the pool."""
    pool = pool_parameter(call)

    async def act(_progress: Progress) -> Mapping[str, Value]:
        await call.backend.resync()
        demand_pool_idle(call.inventory.view, pool, running=False)
        demand_content_idle(call.inventory.view, pool, call.jobs.busy)
        await call.backend.delete_pool(pool.name, with_content=True)
        return {}

    return await run(call, _task(call, "DeleteResourcePoolWithContent", work.POOL_EMPTIED, pool, act))


async def refresh_resources_in_pool(call: MethodCall) -> MethodResult:
    """Look at what is in a storage pool anew."""
    pool = pool_parameter(call)

    async def act(_progress: Progress) -> Mapping[str, Value]:
        await call.backend.refresh_pool(pool.name)
        return {}

    return await run(call, _task(call, "RefreshResourcesInPool", work.POOL_READ, pool, act))


def _own(call: MethodCall) -> StoragePool:
    pool = call.row[0]
    if not isinstance(pool, StoragePool):
        raise CimError(Status.NOT_SUPPORTED, f"{call.path} is all storage of the host: it has no state")
    return pool


def _task(call: MethodCall, name: str, kind: str, pool: StoragePool, act: Act, **facts: str) -> Task:
    affected = (pool_path(call, pool.name),)
    return Task(name, kind, _queue(pool), act, affected, {"pool": pool.name, **facts})


def _queue(pool: StoragePool) -> str:
    return f"DiskPool/{pool.name}"


METHODS = state_methods(
    Startable(
        what="a pool",
        state_kind=work.POOL_STATE,
        autostart_kind=work.POOL_AUTOSTART,
        own=_own,
        demand_idle=partial(demand_pool_idle, running=True),
        set_active=lambda backend, name, active: backend.set_pool_active(name, active),
        set_autostart=lambda backend, name, autostart: backend.set_pool_autostart(name, autostart),
        task=_task,
    )
)
"""What a pool itself can be told."""

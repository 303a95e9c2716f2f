"""RequestStateChange and SetAutostart of pools that are started and stopped: storage pools, networks.

Source: Xen_DiskPool and Xen_NetworkPool in our MOF; the values are those of CIM_EnabledLogicalElement.
Errors: CimError INVALID_PARAMETER, those of `Startable.own` and `demand_idle`, and of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from xencim.providers.core.access import Access
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.spec import MethodSpec
from xencim.providers.pools.work import run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.inventory import View
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import MethodCall, MethodResult
    from xencim.providers.pools.work import Task

_ENABLED, _DISABLED = 2, 3


@dataclass(frozen=True, slots=True)
class Startable:
    """A kind of pool that is started and stopped; ``own`` returns the record that a method was called on."""

    what: str
    state_kind: str  # the kinds of job
    autostart_kind: str
    own: Callable[[MethodCall], Any]
    demand_idle: Callable[[View, Any], None]
    set_active: Callable[[Backend, str, bool], Awaitable[None]]
    set_autostart: Callable[[Backend, str, bool], Awaitable[None]]
    task: Callable[..., Task]  # of call, method, kind of job, record, act, and facts by name


def state_methods(kind: Startable) -> tuple[MethodSpec, ...]:
    """Return the two methods of a kind."""
    return (
        MethodSpec("RequestStateChange", partial(_request_state_change, kind), access=Access.ADMIN),
        MethodSpec("SetAutostart", partial(_set_autostart, kind), access=Access.ADMIN),
    )


async def _request_state_change(kind: Startable, call: MethodCall) -> MethodResult:
    """Start a pool, or stop one that no running machine uses."""
    pool = kind.own(call)
    requested = call.parameters["requestedstate"]
    if requested not in {_ENABLED, _DISABLED}:
        raise CimError(Status.INVALID_PARAMETER, f"{call.path}: {kind.what} is started (2) or stopped (3)")
    active = requested == _ENABLED

    async def act(_progress: Progress) -> Mapping[str, Value]:
        if not active:
            await call.backend.resync()
            kind.demand_idle(call.inventory.view, pool)
        await kind.set_active(call.backend, pool.name, active)
        return {}

    return await run(
        call, kind.task(call, "RequestStateChange", kind.state_kind, pool, act, active=str(active))
    )


async def _set_autostart(kind: Startable, call: MethodCall) -> MethodResult:
    """Have a pool started with its host, or not."""
    pool = kind.own(call)
    autostart = bool(call.parameters["autostart"])

    async def act(_progress: Progress) -> Mapping[str, Value]:
        await kind.set_autostart(call.backend, pool.name, autostart)
        return {}

    task = kind.task(call, "SetAutostart", kind.autostart_kind, pool, act, autostart=str(autostart))
    return await run(call, task)

"""How work on pools is handed to the job engine.

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
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.engine import JobRequest
from xencim.providers.core.pool_ids import concrete_pool_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from xencim.mof.values import Value
    from xencim.providers.core.jobs.engine import Progress
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
    cancel: Callable[[], Awaitable[None]] | None = None


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
            cancel=task.cancel,
        ),
        wait_s=wait_s,
    )


def pool_path(call: MethodCall, kind: str, name: str) -> Path:
    """Return the path of a pool that is no bridge; ``kind`` is Disk or Network."""
    keys = (("InstanceID", concrete_pool_id(kind, name)),)
    return Path(class_name(call, f"{kind}Pool"), keys, call.path.namespace, call.path.host)


def class_name(call: MethodCall, name: str) -> str:
    """Return the name of a class as it is served where the call was made."""
    prefix, _, _own = call.path.class_name.partition("_")
    return f"{prefix}_{name}"

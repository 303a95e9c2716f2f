"""Changes that clients ask for by CreateInstance and DeleteInstance, done one after the other.

Changes of one filter list, and of one machine, do not interleave. These operations answer with no job:
they return when the change is made.

Errors: CimError, of what the hypervisor refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.engine import JobRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import View
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import InstanceChange

WAIT_S = 600.0
_STATUS = {
    "unsupported": Status.NOT_SUPPORTED,
    "not_found": Status.NOT_FOUND,
    "exists": Status.ALREADY_EXISTS,
    "invalid": Status.INVALID_PARAMETER,
}


def queue(name: str) -> str:
    """Return the queue of a filter list's changes."""
    return f"network filter {name}"


async def do(change: InstanceChange, what: str, queue: str, work: Callable[[View], Awaitable[None]]) -> None:
    """Do work in its turn, on the records as they are then."""

    async def carry_out(_progress: Progress) -> Mapping[str, Value]:
        try:
            await work(change.inventory.view)
        except BackendError as error:
            status = _STATUS.get(error.kind, Status.FAILED)
            raise CimError(status, f"{what}: {error.message}", hint=error.hint) from error
        return {}

    host = change.context.view.host
    system = f"{host.prefix}_HostSystem"
    request = JobRequest(
        name=what,
        owner=Path(system, (("CreationClassName", system), ("Name", host.name))),
        affected=(),
        queue=queue,
        principal=change.principal.name,
        work=carry_out,
        kind="network filter",
    )
    result = await change.jobs.run(request, wait_s=WAIT_S)
    if result.return_value != 0:
        raise CimError(Status.FAILED, f"{what}: it takes longer than {WAIT_S:g} s and goes on")

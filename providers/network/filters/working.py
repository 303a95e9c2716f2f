"""Changes that clients ask for by CreateInstance and DeleteInstance, done one after the other.

Changes of one filter list, and of one machine, do not interleave. These operations answer with no job:
they return when the change is made. Whoever asked is gone when the server was killed meanwhile; its job
tells then what became of the change.

Errors: CimError, of what the hypervisor refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import NetworkFilter, VirtualMachine
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.engine import JobRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import View
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.jobs.recovery import Reconciler
    from xencim.providers.core.spec import InstanceChange

WAIT_S = 600.0
LIST_CHANGED, NESTING_CHANGED, PORT_CHANGED = "filter list changed", "filter nesting changed", "port filtered"
_STATUS = {
    "unsupported": Status.NOT_SUPPORTED,
    "not_found": Status.NOT_FOUND,
    "exists": Status.ALREADY_EXISTS,
    "invalid": Status.INVALID_PARAMETER,
}


def queue(name: str) -> str:
    """Return the queue of a filter list's changes."""
    return f"network filter {name}"


async def do(
    change: InstanceChange,
    what: str,
    queue: str,
    work: Callable[[View], Awaitable[None]],
    *,
    kind: str,
    facts: Mapping[str, str],
) -> None:
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
        kind=kind,
        facts=facts,
    )
    result = await change.jobs.run(request, wait_s=WAIT_S)
    if result.return_value != 0:
        raise CimError(Status.FAILED, f"{what}: it takes longer than {WAIT_S:g} s and goes on")


# After a restart -------------------------------------------------------------------------------


def _list_changed(view: View, facts: Mapping[str, str]) -> str | None:
    is_there = view.get(NetworkFilter, facts["list"]) is not None
    if str(is_there) == facts["there"]:
        return None
    return f"filter list {facts['list']!r} is {'still' if is_there else 'not'} there"


def _nesting_changed(view: View, facts: Mapping[str, str]) -> str | None:
    outer = view.get(NetworkFilter, facts["list"])
    if outer is None:
        return f"there is no filter list {facts['list']!r}"
    is_nested = facts["nested"] in outer.references
    if str(is_nested) == facts["there"]:
        return None
    return f"{facts['nested']!r} is {'still' if is_nested else 'not'} nested in {facts['list']!r}"


def _port_changed(view: View, facts: Mapping[str, str]) -> str | None:
    machine = view.get(VirtualMachine, facts["machine"])
    found = [nic for nic in machine.current.nics if nic.mac == facts["port"]] if machine else []
    if not found:
        return f"there is no port {facts['port']}"
    present = found[0].filter_ref
    if (present or "") == facts["list"]:
        return None
    return f"port {facts['port']} has {f'filter list {present!r}' if present else 'no filter list'}"


RECONCILERS: Mapping[str, Reconciler] = {
    LIST_CHANGED: _list_changed,
    NESTING_CHANGED: _nesting_changed,
    PORT_CHANGED: _port_changed,
}

"""The methods of the snapshot service: CreateSnapshot, ApplySnapshot, DestroySnapshot, DestroySnapshotTree.

The last is an extension: it takes with a snapshot all those that follow from it. Of a machine that is off,
a full snapshot keeps the disks, which are all there is of it.

Source: DSP1042 1.0, 8.3; CIM_VirtualSystemSnapshotService (the return values).
Errors: CimError. What the hypervisor cannot do, not in time or not in the machine's state is a return value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import VirtualMachine
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.spec import Context, MethodResult
from xencim.providers.management.asked import missing, named_machine, reference
from xencim.providers.management.working import (
    SYSTEM_SETTINGS,
    demand_manageable,
    present,
    refusals,
    run,
    setting_path,
)
from xencim.providers.snapshots import snapshot
from xencim.providers.snapshots.rows import snapshot_named
from xencim.providers.snapshots.wish import asked_type, wish
from xencim.providers.vm.rows import SNAPSHOT_MARK, Origin, system_setting_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import Snapshot
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.jobs.recovery import Reconciler
    from xencim.providers.core.spec import ClassSpec, MethodCall

_INVALID_TYPE = 6


async def create_snapshot(defaults: ClassSpec, call: MethodCall) -> MethodResult:
    """Take a snapshot of a machine; ``defaults`` tells what settings are when they are not given."""
    method = "CreateSnapshot"
    machine = named_machine(call, method, "AffectedSystem")
    demand_manageable(machine)
    snapshot_type = asked_type(call)
    if snapshot_type is None:
        return MethodResult(_INVALID_TYPE)
    wanted = wish(call, defaults, snapshot_type)

    async def work(progress: Progress) -> Mapping[str, Value]:
        now = call.inventory.view.get(VirtualMachine, machine.uuid)
        if snapshot_type.needs_memory and now is not None and not now.state.is_active:
            raise BackendError("invalid_state", f"{now.name} is {now.state.value}: it has no memory to keep")
        # An agent in the guest is for the client to see to, so its lack is told in words.
        unsupported = Status.NOT_SUPPORTED if wanted.quiesced else None
        with refusals(method, unsupported=unsupported, hint="without ConsistencyLevel no agent is needed"):
            await call.backend.create_snapshot(machine.uuid, wanted)
        host = call.inventory.view.host
        instance_id = f"{system_setting_id(machine, host, Origin.CURRENT)}{SNAPSHOT_MARK}{wanted.name}"
        path = setting_path(call, snapshot.SPEC, instance_id)
        progress.affects(path)
        return {"ResultingSnapshot": path}

    return await run(call, method, (machine.uuid, machine.name), {"snapshot": wanted.name}, work)


async def apply_snapshot(call: MethodCall) -> MethodResult:
    """Return a machine to a snapshot; what it was meanwhile is lost."""
    machine, one = _asked(call, "ApplySnapshot", "Snapshot")
    if machine.current.is_template:
        raise CimError(
            Status.NOT_SUPPORTED,
            f"ApplySnapshot: {machine.name} is a template: it is not started, and copies may lie on it",
            hint="make it a machine again by ModifySystemSettings with IsTemplate false, once none do",
        )
    facts = {"snapshot": one.name, "was_current": str(machine.current_snapshot == one.name)}

    async def apply() -> None:
        await call.backend.apply_snapshot(machine.uuid, one.name)

    return await _run(call, "ApplySnapshot", machine, facts, apply)


async def destroy_snapshot(call: MethodCall) -> MethodResult:
    """Forget a snapshot; those that follow from it then follow from its own parent."""
    return await _destroy(call, "DestroySnapshot", with_descendants=False)


async def destroy_snapshot_tree(call: MethodCall) -> MethodResult:
    """Forget a snapshot and all that follow from it."""
    return await _destroy(call, "DestroySnapshotTree", with_descendants=True)


async def _destroy(call: MethodCall, method: str, *, with_descendants: bool) -> MethodResult:
    machine, one = _asked(call, method, "AffectedSnapshot")

    async def destroy() -> None:
        await call.backend.delete_snapshot(machine.uuid, one.name, with_descendants=with_descendants)

    return await _run(call, method, machine, {"snapshot": one.name}, destroy)


def _asked(call: MethodCall, method: str, parameter: str) -> tuple[VirtualMachine, Snapshot]:
    """Return the snapshot that a parameter refers to, and its machine."""
    path = call.parameters.get(parameter.lower())
    if not isinstance(path, Path):
        raise missing(method, parameter)
    spec, row = reference(call, present(call), (snapshot.SPEC, SYSTEM_SETTINGS), path)
    if spec is not snapshot.SPEC:
        raise CimError(Status.INVALID_PARAMETER, f"{path} is a machine's definition, no snapshot")
    machine, _config, one, _host = row
    return machine, one


async def _run(
    call: MethodCall,
    method: str,
    machine: VirtualMachine,
    facts: Mapping[str, str],
    act: Callable[[], Awaitable[None]],
) -> MethodResult:
    async def work(_progress: Progress) -> Mapping[str, Value]:
        with refusals(method):
            await act()
        return {}

    return await run(call, method, (machine.uuid, machine.name), facts, work)


# After a restart -------------------------------------------------------------------------------


def _is_there(view: View, facts: Mapping[str, str]) -> bool:
    machine = view.get(VirtualMachine, facts["machine"])
    return machine is not None and any(snapshot_named(Context(view, view), machine, facts["snapshot"]))


def _taken(view: View, facts: Mapping[str, str]) -> str | None:
    return None if _is_there(view, facts) else f"there is no snapshot {facts['snapshot']!r}"


def _gone(view: View, facts: Mapping[str, str]) -> str | None:
    return f"snapshot {facts['snapshot']!r} is still there" if _is_there(view, facts) else None


def _applied(view: View, facts: Mapping[str, str]) -> str | None:
    machine = view.get(VirtualMachine, facts["machine"])
    if machine is None or machine.current_snapshot != facts["snapshot"]:
        return f"the machine was not returned to snapshot {facts['snapshot']!r}"
    if facts["was_current"] == str(True):
        return f"{machine.name} followed from this snapshot before: whether it was applied cannot be seen"
    return None


RECONCILERS: Mapping[str, Reconciler] = {
    "CreateSnapshot": _taken,
    "ApplySnapshot": _applied,
    "DestroySnapshot": _gone,
    "DestroySnapshotTree": _gone,
}

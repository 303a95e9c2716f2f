"""RequestStateChange: a machine is started, stopped, saved, paused, rebooted or reset.

The changes of a machine are made one after the other, but for Disabled and Reset: they end what goes on
and act at once. With a TimeoutPeriod the caller waits that long; without one, what takes longer than the
grace time goes on as a job.

Source: DSP1057 (methods); CIM_EnabledLogicalElement.RequestStateChange (the return values).
Errors: NOT_SUPPORTED for Xen's Domain-0, NOT_FOUND for a machine that is gone by now.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import MachineOperation, PowerState, VirtualMachine
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.engine import GRACE_S, JobRequest
from xencim.providers.core.jobs.progress import followed
from xencim.providers.core.spec import MethodResult
from xencim.providers.vm.states import ACTIONS, Requested, available_states, supported_states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import Inventory, View
    from xencim.providers.backends.records import Host
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import MethodCall

KIND = "RequestStateChange"


class Answer(IntEnum):
    """What RequestStateChange refuses with; the rest is the job engine's."""

    NOT_SUPPORTED = 1
    INVALID_PARAMETER = 5
    INVALID_TRANSITION = 4097
    BUSY = 4099


# States of the parameter's ValueMap that have no meaning for a machine: Test and Defer.
_MEANINGLESS = frozenset({7, 8})
# They end what goes on.
_BY_FORCE = frozenset({Requested.DISABLED, Requested.RESET})
# What waits for the guest can be given up: nothing is under way but the wait.
_LEFT_TO_THE_GUEST = frozenset({Requested.SHUT_DOWN, Requested.REBOOT})


async def request_state_change(call: MethodCall) -> MethodResult:
    """Bring a machine into a state; done when it is there or has been asked to go there."""
    machine: VirtualMachine = call.row[0]
    requested, period = call.parameters.get("requestedstate"), call.parameters.get("timeoutperiod")
    if machine.is_management_domain:
        raise CimError(
            Status.NOT_SUPPORTED,
            f"{call.path}: {machine.name} is the host's management domain, its state is the host's own",
            hint="shut down or reboot the host instead",
        )
    if requested == Requested.ENABLED and machine.current.is_template and not machine.state.is_active:
        raise CimError(
            Status.NOT_SUPPORTED,
            f"{call.path}: {machine.name} is a template: it is copied, not started",
            hint="make a machine of it by CopySystem, or set IsTemplate of its settings to FALSE",
        )
    if not isinstance(requested, int) or not isinstance(period, timedelta | None):
        return MethodResult(int(Answer.INVALID_PARAMETER))
    refusal = _refusal(call, machine, requested)
    if refusal is Answer.NOT_SUPPORTED and not call.is_rehearsal:
        # A return value has no words: a job that fails at once has them.
        return await call.jobs.run(_unsupported(call, machine, requested))
    if refusal is not None:
        return MethodResult(int(refusal))
    if call.is_rehearsal and requested == Requested.ENABLED:
        await call.security.foresee_start(machine, machine.stored or machine.current)
    timeout_s = period.total_seconds() if period else None
    wait_s = None if timeout_s is None else timeout_s + GRACE_S
    return await call.jobs.run(_job(call, machine, requested, timeout_s), wait_s=wait_s)


def _job(call: MethodCall, machine: VirtualMachine, requested: int, timeout_s: float | None) -> JobRequest:
    deadline_s = None if timeout_s is None else asyncio.get_running_loop().time() + timeout_s

    async def cancel() -> None:
        if requested not in _LEFT_TO_THE_GUEST:
            await call.backend.abort(machine.uuid)

    return JobRequest(
        name="RequestStateChange",
        owner=call.path,
        affected=(call.path,),
        queue=machine.uuid,
        principal=call.principal.name,
        work=lambda progress: _carry_out(call, machine, requested, deadline_s, progress),
        kind=KIND,
        facts={"machine": machine.uuid, "requested": str(requested)},
        cancel=cancel,
        bypasses_queue=requested in _BY_FORCE,
    )


def _unsupported(call: MethodCall, machine: VirtualMachine, requested: int) -> JobRequest:
    host: Host = call.row[-1]
    states = ", ".join(map(str, supported_states(machine, host)))

    async def work(_progress: Progress) -> Mapping[str, Value]:
        raise BackendError(
            "unsupported",
            f"RequestedState {requested} is none that {host.hypervisor} has for {machine.name}",
            hint=f"those that can be asked for are {states}",
        )

    return JobRequest(
        name="RequestStateChange",
        owner=call.path,
        affected=(call.path,),
        queue=None,
        principal=call.principal.name,
        work=work,
        kind=KIND,
    )


def _refusal(call: MethodCall, machine: VirtualMachine, requested: int) -> Answer | None:
    host: Host = call.row[-1]
    if requested not in ACTIONS and requested not in _MEANINGLESS:
        return Answer.INVALID_PARAMETER
    if requested not in supported_states(machine, host):
        return Answer.NOT_SUPPORTED
    running = call.inventory.view.get(MachineOperation, machine.uuid)
    if running is not None and running.in_progress and requested in _BY_FORCE:
        # A plug can be pulled on whatever is going on, but not twice.
        return Answer.BUSY if running.requested_state in {requested, Requested.DISABLED} else None
    if call.jobs.busy(machine.uuid):
        return None  # what will be possible then, its turn will tell
    available = available_states(machine, host)
    is_possible = available is None or requested in available
    return None if is_possible else Answer.INVALID_TRANSITION


async def _carry_out(
    call: MethodCall, machine: VirtualMachine, requested: int, deadline_s: float | None, progress: Progress
) -> Mapping[str, Value]:
    timeout_s = None if deadline_s is None else deadline_s - asyncio.get_running_loop().time()
    if timeout_s is not None and timeout_s <= 0:
        raise BackendError("timeout", f"other work on {machine.name} took all of the time")
    inventory = call.inventory
    before = inventory.view.get(MachineOperation, machine.uuid)
    pending = MachineOperation(machine=machine.uuid, requested_state=requested, in_progress=True)
    inventory.put(pending)
    last = before
    try:
        control = call.backend.control(machine.uuid, ACTIONS[requested], timeout_s)
        await followed(control, progress, call.backend, machine.uuid)
        last = pending
    except BackendError as error:
        if error.kind == "timeout" and timeout_s is None:
            # It is the hypervisor that was too slow, not the client in a hurry.
            raise BackendError("failed", error.message, hint=error.hint) from error
        raise
    finally:
        _finish(inventory, pending, last)
    return {}


def _finish(inventory: Inventory, pending: MachineOperation, last: MachineOperation | None) -> None:
    """Leave behind what was last asked with success; nothing when nothing was."""
    if inventory.view.get(MachineOperation, pending.machine) is not pending:
        return  # the machine is gone, or somebody pulled its plug meanwhile
    if last is None:
        inventory.remove(MachineOperation, pending.machine)
    else:
        inventory.put(replace(last, in_progress=False))


_REACHED: Mapping[int, frozenset[PowerState]] = {
    Requested.ENABLED: frozenset({PowerState.RUNNING}),
    Requested.DISABLED: frozenset({PowerState.SHUT_OFF}),
    Requested.SHUT_DOWN: frozenset({PowerState.SHUT_OFF}),
    Requested.OFFLINE: frozenset({PowerState.SAVED}),
    Requested.QUIESCE: frozenset({PowerState.PAUSED}),
}


def reconcile(view: View, facts: Mapping[str, str]) -> str | None:
    """Tell whether a machine came into the state that it was asked for while nobody looked."""
    requested = int(facts["requested"])
    machine = view.get(VirtualMachine, facts["machine"])
    if machine is None:
        # One without a definition is gone once it is off.
        is_off = requested in {Requested.DISABLED, Requested.SHUT_DOWN}
        return None if is_off else "the machine is not there any more"
    if requested in _REACHED:
        reached = machine.state in _REACHED[requested]
        return None if reached else f"{machine.name} is {machine.state.value} now"
    return f"{machine.name} is {machine.state.value} now; whether it was started anew cannot be seen"

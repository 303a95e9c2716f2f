"""RequestStateChange: a machine is started, stopped, saved, paused, rebooted or reset.

Source: DSP1057 (methods); CIM_EnabledLogicalElement.RequestStateChange (the return values).
Errors: NOT_SUPPORTED for Xen's Domain-0, NOT_FOUND for a machine that is gone by now.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import MachineOperation, VirtualMachine
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.spec import MethodResult
from xencim.providers.vm.states import ACTIONS, Requested, available_states, supported_states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.records import Host
    from xencim.providers.core.spec import MethodCall

log = logging.getLogger(__name__)


class Answer(IntEnum):
    """What RequestStateChange returns."""

    DONE = 0
    NOT_SUPPORTED = 1
    TIMED_OUT = 3
    FAILED = 4
    INVALID_PARAMETER = 5
    INVALID_TRANSITION = 4097
    BUSY = 4099


_ANSWERS: Mapping[str, Answer] = {
    "unsupported": Answer.NOT_SUPPORTED,
    "invalid_state": Answer.INVALID_TRANSITION,
    "timeout": Answer.TIMED_OUT,
}
# States of the parameter's ValueMap that have no meaning for a machine: Test and Defer.
_MEANINGLESS = frozenset({7, 8})


async def request_state_change(call: MethodCall) -> MethodResult:
    """Bring a machine into a state; the answer comes when it is there or has been asked to go there."""
    machine: VirtualMachine = call.row[0]
    requested, period = call.parameters.get("requestedstate"), call.parameters.get("timeoutperiod")
    if machine.is_management_domain:
        raise CimError(
            Status.NOT_SUPPORTED,
            f"{call.path}: {machine.name} is the host's management domain, its state is the host's own",
            hint="shut down or reboot the host instead",
        )
    if not isinstance(requested, int) or not isinstance(period, timedelta | None):
        return MethodResult(Answer.INVALID_PARAMETER)
    answer = _refusal(call, machine, requested)
    if answer is None:
        answer = await _carry_out(call, machine, requested, period)
    return MethodResult(int(answer))


def _refusal(call: MethodCall, machine: VirtualMachine, requested: int) -> Answer | None:
    host: Host = call.row[-1]
    if requested not in ACTIONS and requested not in _MEANINGLESS:
        return Answer.INVALID_PARAMETER
    if requested not in supported_states(machine, host):
        return Answer.NOT_SUPPORTED
    available = available_states(machine, host)
    if available is not None and requested not in available:
        return Answer.INVALID_TRANSITION
    running = call.inventory.view.get(MachineOperation, machine.uuid)
    if running is not None and running.in_progress:
        # A plug can be pulled on whatever is going on, but not twice.
        waits = requested != Requested.DISABLED or running.requested_state == Requested.DISABLED
        return Answer.BUSY if waits else None
    return None


async def _carry_out(
    call: MethodCall, machine: VirtualMachine, requested: int, period: timedelta | None
) -> Answer:
    inventory = call.inventory
    before = inventory.view.get(MachineOperation, machine.uuid)
    pending = MachineOperation(machine=machine.uuid, requested_state=requested, in_progress=True)
    inventory.put(pending)
    timeout_s = period.total_seconds() if period else None
    answer = Answer.FAILED
    try:
        await call.backend.control(machine.uuid, ACTIONS[requested], timeout_s)
        answer = Answer.DONE
    except BackendError as error:
        answer = _answer(call, error, timed=timeout_s is not None)
    finally:
        _finish(inventory, pending, pending if answer is Answer.DONE else before)
    return answer


def _answer(call: MethodCall, error: BackendError, *, timed: bool) -> Answer:
    if error.kind == "not_found":
        raise CimError(Status.NOT_FOUND, f"{call.path}: {error.message}", hint=error.hint) from error
    log.warning("RequestStateChange on %s: %s", call.path, error.message)
    answer = _ANSWERS.get(error.kind, Answer.FAILED)
    # Without a TimeoutPeriod it is the hypervisor that was too slow, not the client in a hurry.
    return Answer.FAILED if answer is Answer.TIMED_OUT and not timed else answer


def _finish(inventory: Inventory, pending: MachineOperation, last: MachineOperation | None) -> None:
    """Leave behind what was last asked with success; nothing when nothing was."""
    if inventory.view.get(MachineOperation, pending.machine) is not pending:
        return  # the machine is gone, or somebody pulled its plug meanwhile
    if last is None:
        inventory.remove(MachineOperation, pending.machine)
    else:
        inventory.put(replace(last, in_progress=False))

"""The destination's end: PrepareIncomingMigration, Commit…, Finish… and CancelIncomingMigration.

They are called by the server of the host that the machine leaves. Extensions: DSP1081 leaves open how hosts
agree.

Source: DSP1081 1.0, 8.2.
Errors: CimError, which says what does not fit or what is wrong with the token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Arrival, IncomingMachine, VirtualMachine
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.reservations import PREPARED_FOR, Stage
from xencim.providers.core.spec import MethodResult
from xencim.providers.management.working import machine_path, refusals
from xencim.providers.migration.arriving import settle
from xencim.providers.migration.room import demand_room

if TYPE_CHECKING:
    from xencim.providers.core.reservations import Reservation
    from xencim.providers.core.spec import MethodCall


async def prepare(call: MethodCall) -> MethodResult:
    """Look whether a machine fits, and keep room for it against a token."""
    asked = call.parameters
    is_active = asked.get("isactive") is True
    with refusals("PrepareIncomingMigration", unsupported=Status.NOT_SUPPORTED):
        await call.backend.refresh_storage()
        # Nothing is awaited between what is decided here and the promise: two machines never share the
        # same room, and two that the policy keeps apart do not come at once.
        machine = await call.backend.admit(str(asked["definition"]))
        demand_room(
            call.inventory.view,
            _others(call, machine),
            machine,
            is_active=is_active,
            with_storage=asked.get("withstorage") is True,
        )
    if asked.get("checkonly") is True:
        return MethodResult(0)
    memory_kib = machine.config.memory.maximum_kib if is_active else 0
    token = await call.reservations.make(machine.uuid, machine.name, memory_kib, call.principal.name)
    return MethodResult(0, {"Token": token, "ValidFor": int(PREPARED_FOR.total_seconds())})


def _others(call: MethodCall, machine: IncomingMachine) -> tuple[Reservation, ...]:
    """Return what is promised, but for an unused promise to the same server for the same machine."""
    own = machine.uuid, call.principal.name, Stage.PREPARED
    return tuple(one for one in call.reservations.open() if (one.machine, one.principal, one.stage) != own)


async def commit(call: MethodCall) -> MethodResult:
    """Use a token: its machine sets out."""
    one = _found(call, Stage.PREPARED)
    if call.inventory.view.get(VirtualMachine, one.machine) or call.inventory.view.machine_named(one.name):
        raise CimError(
            Status.FAILED, f"CommitIncomingMigration: there is a machine {one.name!r} by now: it cannot come"
        )
    await call.reservations.advance(one, Stage.COMMITTED)
    return MethodResult(0, {"ComputerSystem": machine_path(call, one.name)})


async def finish(call: MethodCall) -> MethodResult:
    """Let go of the room of a machine that has arrived; it is what counts now."""
    one = _found(call, Stage.COMMITTED)
    arrival = _arrival(call)
    if call.inventory.view.get(VirtualMachine, one.machine) is None or arrival.definition is not None:
        await call.backend.resync()
    machine = call.inventory.view.get(VirtualMachine, one.machine)
    if machine is None:
        raise CimError(Status.FAILED, f"FinishIncomingMigration: {one.name!r} is not here")
    await call.reservations.advance(one, Stage.FINISHED)
    try:
        await settle(call.backend, machine, arrival)
    except BackendError as error:
        raise CimError(Status.FAILED, f"FinishIncomingMigration: {error.message}", hint=error.hint) from error
    return MethodResult(0)


def _arrival(call: MethodCall) -> Arrival:
    asked = call.parameters
    definition = asked.get("definition")
    return Arrival(
        autostart=asked.get("autostart") is True,
        start=asked.get("start") is True,
        definition=definition if isinstance(definition, str) and definition else None,
    )


async def cancel(call: MethodCall) -> MethodResult:
    """Let go of the room of a machine that does not come: by its token, or by its name."""
    name, token = call.parameters.get("name"), call.parameters.get("token")
    if bool(name) is bool(token):
        raise CimError(
            Status.INVALID_PARAMETER, "CancelIncomingMigration: give the token, or the machine's name"
        )
    one = _promised(call, str(name)) if name else _found(call, Stage.PREPARED, Stage.COMMITTED)
    await call.reservations.advance(one, Stage.CANCELLED)
    return MethodResult(0)


def _promised(call: MethodCall, name: str) -> Reservation:
    """Return what is promised to a machine of a name, to whomever."""
    promises = {one.name: one for one in call.reservations.open()}
    if name not in promises:
        raise CimError(
            Status.NOT_FOUND,
            f"CancelIncomingMigration: no room is kept for a machine {name!r}",
            hint=f"it is kept for {', '.join(sorted(promises)) or 'none'}",
        )
    return promises[name]


def _found(call: MethodCall, *stages: Stage) -> Reservation:
    return call.reservations.find(str(call.parameters["token"]), call.principal.name, *stages)

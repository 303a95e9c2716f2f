"""The source's end: machines are looked at and moved to another host.

Source: DSP1081 1.0, 8.2 (the methods); CIM_VirtualSystemMigrationService (their return values).
Errors: CimError. What the hypervisor cannot do or not in the machine's state is a return value.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Action, VirtualMachine
from xencim.providers.backends.records.jobs import RESULT
from xencim.providers.core.errors import CimError
from xencim.providers.core.jobs.errors import UNSUPPORTED
from xencim.providers.core.jobs.progress import followed
from xencim.providers.core.spec import MethodResult
from xencim.providers.management.asked import named_machine
from xencim.providers.management.working import demand_manageable, refusals, run
from xencim.providers.migration.changing import leaving, wanted
from xencim.providers.migration.doors import door
from xencim.providers.migration.following import arrival, settled, started_again, tell_arrival
from xencim.providers.migration.giving_up import Abortable
from xencim.providers.migration.wish import destination, wish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.values import Path, Value
    from xencim.providers.backends.records import Arrival, Destination, MigrationWish
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import ClassSpec, MethodCall
    from xencim.providers.migration.changing import Leaving
    from xencim.providers.migration.doors import Door

log = logging.getLogger(__name__)

SHUT_DOWN_WITHIN_S = 120.0
"""How long a guest that is to start anew elsewhere may take to obey."""
_TO_BE_LOOKED_AT = frozenset({"lost", "timeout"})


async def check(method: str, defaults: ClassSpec, call: MethodCall) -> MethodResult:
    """Tell whether a machine could be moved now; why not is in the log, and what moving it would say."""
    if not call.inventory.view.host.migration_uris:
        return _unsupported(call, method)
    machine, to, how = _asked(call, method, defaults)
    try:
        there = door(to, call.backend, call.inventory.view.host.prefix)
        going = await leaving(call, method, machine, how)
        await _prepare(there, machine, how, going, check_only=True)
    except (BackendError, CimError) as error:
        log.info("%s: %s to %s: %s", method, machine.name, to.name, error)
        return MethodResult(0, {"IsMigratable": False})
    return MethodResult(0, {"IsMigratable": True})


async def migrate(method: str, defaults: ClassSpec, call: MethodCall) -> MethodResult:
    """Move a machine to another host."""
    if not call.inventory.view.host.migration_uris:
        return _unsupported(call, method)
    machine, to, how = _asked(call, method, defaults)
    move = _Move(call, method, machine, to, how)
    return await run(
        call,
        method,
        (machine.uuid, machine.name),
        move.facts,
        move.work,
        cancel=move.moving.cancel,
        excludes_others=True,
    )


def _unsupported(call: MethodCall, method: str) -> MethodResult:
    """Answer for a hypervisor that cannot move machines; the capabilities say so beforehand."""
    log.warning(
        "%s on %s: %s names no way to move machines between hosts",
        method,
        call.path,
        call.inventory.view.host.hypervisor,
    )
    return MethodResult(UNSUPPORTED)


def _asked(
    call: MethodCall, method: str, defaults: ClassSpec
) -> tuple[VirtualMachine, Destination, MigrationWish]:
    machine = named_machine(call, method, "ComputerSystem")
    demand_manageable(machine)
    to = destination(call, method)
    how = wish(call, method, to, defaults)
    wanted(call, method, machine, how)
    return machine, to, how


async def _prepare(
    there: Door, machine: VirtualMachine, how: MigrationWish, going: Leaving, *, check_only: bool
) -> str:
    if machine.snapshots:
        raise BackendError("invalid_state", f"{machine.name} has snapshots, which cannot be moved")
    return await there.prepare(
        going.definition,
        is_active=machine.state.is_active,
        with_storage=how.with_storage,
        check_only=check_only,
    )


class _Move:
    """One migration."""

    def __init__(
        self, call: MethodCall, method: str, machine: VirtualMachine, to: Destination, how: MigrationWish
    ) -> None:
        self._call = call
        self._method = method
        self._machine = machine
        self._to = to
        self._how = how
        self._there = door(to, call.backend, call.inventory.view.host.prefix)
        self.moving = Abortable(partial(call.backend.abort, machine.uuid))
        restarts = how.restart and machine.state.is_active
        self.facts: Mapping[str, str] = {
            "machine": machine.uuid,
            "name": machine.name,
            "destination": to.name,
            "was_active": str(machine.state.is_active and not restarts),
            "restart": str(restarts),
        }

    async def work(self, progress: Progress) -> Mapping[str, Value]:
        """Ask the destination, move the machine, and tell the destination how it ended."""
        call, there, name = self._call, self._there, self._to.name
        machine = call.inventory.view.get(VirtualMachine, self._machine.uuid)
        if machine is None:
            raise BackendError("not_found", f"{self._machine.name} is not here any more")
        progress.tell(0, f"asking {name}")
        with refusals(self._method):
            going = await leaving(call, self._method, machine, self._how)
            token = await _prepare(there, machine, self._how, going, check_only=False)
            await progress.remember(token=token, **_remembered(going.arrival))
            arrived: Path | None = None
            try:
                arrived = await there.commit(token)
                if arrived is not None:
                    await progress.remember(arrived=str(arrived))
                if going.arrival.start:
                    progress.tell(0, f"waiting for {machine.name} to shut down")
                    await call.backend.control(machine.uuid, Action.SHUT_DOWN, SHUT_DOWN_WITHIN_S)
                kept = "" if there.keeps_room else ", which keeps no room for it: it has no server"
                progress.tell(0, f"moving {machine.name} to {name}{kept}")
                await self._move(replace(self._how, definition=going.on_the_way), progress)
            except (Exception, asyncio.CancelledError) as error:
                with suppress(CimError):
                    await there.cancel(token)
                await started_again(call.backend, call.inventory, self.facts, error)
                raise
        await tell_arrival(there, token, self.facts, going.arrival)
        await progress.remember(**{RESULT: arrival(machine.name, name, arrived)})
        if arrived is None or not self._method.endswith("ToSystem"):
            return {}
        return {"NewComputerSystem": arrived}

    async def _move(self, how: MigrationWish, progress: Progress) -> None:
        call, uuid = self._call, self._machine.uuid
        try:
            await self.moving.ended(followed(call.backend.migrate(uuid, how), progress, call.backend, uuid))
        except BackendError as error:
            if error.kind not in _TO_BE_LOOKED_AT:
                raise
            log.warning("%s: %s: what became of it is looked at", self._method, error)
            await settled(call.backend, call.inventory, self.facts, self._there, progress)


def _remembered(left: Arrival) -> dict[str, str]:
    """Return the facts that `following` reads what is left to be done from."""
    definition = {} if left.definition is None else {"definition": left.definition}
    return {"autostart": str(left.autostart), **definition}

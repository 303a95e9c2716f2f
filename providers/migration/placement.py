"""FindPossibleHostsToRunOn: where a machine could run now, this host and the configured ones.

An extension of xs-cim: its MOF calls the machine System, its provider reads AffectedSystem. Either is taken.

Source: DSP1081 1.0, 8.2 (what makes a virtual system migratable).
Errors: CimError. A host that does not answer is left out, and the log says why.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Destination
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.spec import MethodResult
from xencim.providers.management.asked import named_machine
from xencim.providers.management.working import demand_manageable
from xencim.providers.migration.doors import door
from xencim.providers.migration.room import demand_place

if TYPE_CHECKING:
    from xencim.providers.backends.records import VirtualMachine
    from xencim.providers.core.spec import MethodCall

log = logging.getLogger(__name__)

METHOD = "FindPossibleHostsToRunOn"
_NAMES = ("System", "AffectedSystem")


async def find_possible_hosts(call: MethodCall) -> MethodResult:
    """Ask this host and all that machines may be moved to, side by side."""
    machine = _machine(call)
    await call.backend.refresh_storage()
    host, destinations = call.inventory.view.host, call.inventory.view.all(Destination).values()
    is_movable = bool(host.migration_uris) and not machine.snapshots
    asked = (_there(call, machine, one) for one in destinations if is_movable)
    found = await asyncio.gather(_here(call, machine), *asked)
    return MethodResult(0, {"PossibleHosts": tuple(path for path in found if path is not None)})


def _machine(call: MethodCall) -> VirtualMachine:
    given = [name for name in _NAMES if call.parameters.get(name.lower()) is not None]
    if len(given) > 1:
        raise CimError(
            Status.INVALID_PARAMETER, f"{METHOD}: System and AffectedSystem say the same: give one"
        )
    machine = named_machine(call, METHOD, given[0] if given else _NAMES[0])
    demand_manageable(machine)
    return machine


async def _here(call: MethodCall, machine: VirtualMachine) -> Path | None:
    """Return this host, if the machine runs on it or could be started."""
    host = call.inventory.view.host
    if not machine.state.is_active:
        try:
            incoming = await call.backend.admit(await call.backend.describe(machine.uuid))
            demand_place(call.inventory.view, call.reservations.open(), incoming)
        except BackendError as error:
            log.info("%s: %s", METHOD, error)
            return None
    name = f"{host.prefix}_HostSystem"
    keys = (("CreationClassName", name), ("Name", host.name))
    return Path(name, keys, call.path.namespace, call.path.host)


async def _there(call: MethodCall, machine: VirtualMachine, destination: Destination) -> Path | None:
    """Return a destination that would take the machine as a running one."""
    there = door(destination, call.backend, call.inventory.view.host.prefix)
    try:
        definition = await call.backend.describe(machine.uuid)
        await there.prepare(definition, is_active=True, with_storage=False, check_only=True)
        return await there.system()
    except (BackendError, CimError) as error:
        log.info("%s: %s to %s: %s", METHOD, machine.name, destination.name, error)
        return None

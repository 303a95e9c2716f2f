"""What became of a machine that was moved: both hypervisors are looked at, and nothing is repeated.

Used when the hypervisor was lost meanwhile, and for jobs that a killed server left behind: the hypervisors
move a machine between them, whoever watches.

Errors: CimError, which says where the machine is.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Action, Arrival, Destination, PowerState, VirtualMachine
from xencim.providers.backends.records.jobs import RESULT
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.going_on import left_alone
from xencim.providers.core.jobs.recovery import Followed
from xencim.providers.migration.doors import door
from xencim.providers.migration.giving_up import Abortable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.values import Path, Value
    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.jobs.recovery import Follower
    from xencim.providers.core.served import Site
    from xencim.providers.migration.doors import Door

log = logging.getLogger(__name__)

KINDS = ("MigrateVirtualSystemToHost", "MigrateVirtualSystemToSystem")


def followers(site: Site) -> Mapping[str, Follower]:
    """Return who goes on with the migrations that an earlier server of this site began."""

    async def follow(facts: Mapping[str, str]) -> Followed:
        moving = Abortable(partial(site.backend.abort, facts["machine"]))

        async def work(progress: Progress) -> Mapping[str, Value]:
            backend, inventory = site.backend, site.inventory
            destination = inventory.view.get(Destination, facts["destination"].lower())
            if destination is None:
                raise CimError(
                    Status.FAILED,
                    f"the server ended while this went on, and {facts['destination']} is no destination any"
                    f" more; {_here(inventory, facts['machine'])}",
                )
            there = door(destination, backend, site.prefix)
            token = facts.get("token", "")
            try:
                await moving.ended(settled(backend, inventory, facts, there, progress))
            except CimError as error:
                with suppress(CimError):
                    await there.cancel(token)
                await started_again(backend, inventory, facts, error)
                raise
            await tell_arrival(there, token, facts, _arrival(facts))
            await progress.remember(
                **{RESULT: arrival(facts["name"], destination.name, facts.get("arrived"))}
            )
            return {}

        return Followed(work, moving.cancel, excludes_others=True)

    return dict.fromkeys(KINDS, follow)


async def settled(
    backend: Backend, inventory: Inventory, facts: Mapping[str, str], there: Door, progress: Progress
) -> None:
    """Return when a machine has arrived; CimError tells what became of it otherwise."""
    uuid, name, host = facts["machine"], facts["name"], facts["destination"]
    if not await left_alone(backend, [(VirtualMachine, uuid)], progress):
        raise CimError(Status.FAILED, f"{name}: its hypervisor does not answer: where it runs cannot be told")
    here = inventory.view.get(VirtualMachine, uuid)
    try:
        has_arrived = await there.has(uuid, name)
    except CimError as error:
        raise CimError(
            Status.FAILED,
            f"{_here(inventory, uuid)}, and whether it is at its destination is not known: {error}",
        ) from error
    if here is not None and here.state.is_active:
        state = f"{name} was not moved: it is {here.state.value} here"
        raise CimError(Status.FAILED, f"{state} and at {host} too" if has_arrived else state)
    if not has_arrived and facts.get("was_active") == str(True):
        raise CimError(Status.FAILED, f"{_here(inventory, uuid)}, and {host} does not run it")
    if here is not None and not has_arrived:
        raise CimError(Status.FAILED, f"{name} was not moved: it is {here.state.value} here")


async def tell_arrival(there: Door, token: str, facts: Mapping[str, str], arrival: Arrival) -> None:
    """Tell the destination that a machine has arrived; it is there, whatever the destination says.

    CimError where it is not started or not changed there, as was asked.
    """
    try:
        await there.finish(token, facts["machine"], arrival)
    except CimError as error:
        if arrival.start or arrival.definition is not None:
            raise CimError(
                Status.FAILED, f"{facts['name']} is at {facts['destination']} now: {error}", hint=error.hint
            ) from error
        log.warning("%s has arrived: %s", facts["name"], error)


def _arrival(facts: Mapping[str, str]) -> Arrival:
    return Arrival(
        autostart=facts.get("autostart") == str(True),
        start=facts.get("restart") == str(True),
        definition=facts.get("definition"),
    )


async def started_again(
    backend: Backend, inventory: Inventory, facts: Mapping[str, str], error: BaseException
) -> None:
    """Start a machine here that was shut down to start anew elsewhere, and did not get there."""
    machine = inventory.view.get(VirtualMachine, facts["machine"])
    if facts.get("restart") != str(True) or machine is None or machine.state is not PowerState.SHUT_OFF:
        return
    try:
        await backend.control(machine.uuid, Action.START, None)
    except (BackendError, CimError) as failure:
        raise CimError(
            Status.FAILED, f"{machine.name} was not moved, and is off here: {error}; {failure}"
        ) from failure
    log.warning("%s was not moved: it is started here again", machine.name)


def arrival(name: str, host: str, path: Path | str | None) -> str:
    """Tell, for a job's status, where a machine is now; ``path`` is what it is there, if that is known."""
    return f"{name} is at {host} now" + (f": {path}" if path else "")


def _here(inventory: Inventory, uuid: str) -> str:
    machine = inventory.view.get(VirtualMachine, uuid)
    return f"{machine.name} is {machine.state.value} here" if machine else "the machine is not here any more"

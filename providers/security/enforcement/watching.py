"""Machines that were started: held against the policy when they are seen.

Of those that were started through this server all is decided but whether the hypervisor, where it has
FLASK, knows them by their labels.

Errors: none; what a hypervisor refuses is logged.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from typing import TYPE_CHECKING

from xencim.acm.decisions.decision import all_of
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Action, Mode, Reaction, VirtualMachine

if TYPE_CHECKING:
    from xencim.providers.backends.base import Backend
    from xencim.providers.security.enforcement.keeper import Security

log = logging.getLogger(__name__)

_DONE = {Reaction.ALERT: "alert", Reaction.PAUSE: "paused", Reaction.DESTROY: "destroyed"}
_ACTIONS = {Reaction.PAUSE: Action.PAUSE, Reaction.DESTROY: Action.DESTROY}


class Watch:
    """Looks at each such machine once, and does what is to be done about one that may not run."""

    def __init__(self, security: Security, backend: Backend) -> None:
        self._security = security
        self._backend = backend
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self, machine: VirtualMachine, *, was_asked_for: bool) -> None:
        """Have a machine looked at that runs now; one asked for is known by its label, or else is not."""
        looking = self._look(machine, was_asked_for=was_asked_for)
        task = asyncio.create_task(looking, context=Context())  # nobody's wish, whoever had it started
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Return when nothing is left to look at."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Look at nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _look(self, machine: VirtualMachine, *, was_asked_for: bool) -> None:
        security = self._security
        try:
            decision = await security.hypervisor.runs_as_labelled(machine)
            if not was_asked_for:
                decision = all_of((await security.decide(machine), decision))
            if decision.permitted or not security.is_on:
                return
            enforces = security.mode is Mode.ENFORCING
            reaction = security.reaction if enforces else Reaction.ALERT
            past = "" if was_asked_for else " past this server"
            what = f"{machine.name!r} was started{past}"
            action = _ACTIONS.get(reaction)
            if action is not None:
                await self._backend.control(machine.uuid, action, None)
            security.record((machine.uuid, machine.name), what, _DONE[reaction], decision)
        except BackendError as error:
            log.error("%r runs although the policy refuses it, and stays: %s", machine.name, error)  # noqa: TRY400 - the cause is the text
        except Exception:
            log.exception("whether %r may run could not be found out", machine.name)

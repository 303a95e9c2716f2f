"""What is not as the policy has it: looked for when something changes, and told once.

What was told is kept, so that a server that starts anew does not tell it again; what was put right and goes
wrong again is told again.

Source: Xen_PolicyDriftIndication in our MOF.
Errors: none of what is looked for unasked: it is logged.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import (
    AssignedLabel,
    Drift,
    Network,
    SecurityPolicy,
    VirtualMachine,
    Volume,
)
from xencim.providers.core.state import StateError
from xencim.providers.security.drift import drifts
from xencim.providers.security.enforcement.refusals import reasons_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.acm.model import Finding
    from xencim.providers.backends.records import Disk, Nic
    from xencim.providers.security.drift import Drifted
    from xencim.providers.security.enforcement.keeper import Security

log = logging.getLogger(__name__)

PAUSE_S = 1.0
"""How long changes are gathered before what they come to is looked at."""
SHARE = 20
"""Of the time, one part in so many at most is spent on looking."""
AGAIN_S = 600.0
"""After which time labelled files are looked at though nothing has announced a change: none does."""


class DriftWatch:
    """Looks for drift on one host. The inventory tells what there is by records; only this changes them."""

    def __init__(self, security: Security) -> None:
        self._security = security
        self._changed = asyncio.Event()
        self._known: frozenset[str] = frozenset()
        self._told: dict[str, set[str]] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Know what was told before, and look now and whenever something changes."""
        self._known = await self._security.store.drifts()
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def changed(self, old: object, new: object) -> None:
        """Look soon, if what has changed can have made a difference."""
        if _matters(old, new):
            self._changed.set()
        if isinstance(old, VirtualMachine) and not (isinstance(new, VirtualMachine) and new.state.is_active):
            self._told.pop(old.uuid, None)

    def told(self, machine_uuid: str, findings: Iterable[Finding]) -> None:
        """Know that somebody was told of reasons why a machine that runs should not: it is no news."""
        self._told.setdefault(machine_uuid, set()).update(finding.message for finding in findings)

    async def look(self) -> tuple[Finding, ...]:
        """Find everything that is not as it should be, and tell what is new of it.

        BackendError (timeout): a file system does not answer. StateError.
        """
        security = self._security
        await security.settled()
        async with security.changing:
            found = await drifts(security)
            records = [self._record(one) for one in found]
            security.inventory.replace_all(Drift, records)
            keys = frozenset(record.key for record in records)
            if keys != self._known:
                await security.store.put_drifts(keys)
                self._known = keys
        return tuple(one.finding for one in found)

    def _record(self, drifted: Drifted) -> Drift:
        [reason] = reasons_of((drifted.finding,))
        drift = Drift(kind=drifted.kind, object=drifted.object, reason=reason)
        present = self._security.inventory.view.get(Drift, drift.key)
        if present is not None:
            return present
        is_news = drift.key not in self._known and drifted.cause not in self._told.get(drifted.object, ())
        if is_news:
            log.warning("the host is not as the policy has it: %s", reason.message)
        return Drift(kind=drift.kind, object=drift.object, reason=reason, is_news=is_news)

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            began = loop.time()
            try:
                await self.look()
            except (BackendError, StateError) as error:
                log.error("whether the host is as the policy has it could not be found out: %s", error)  # noqa: TRY400 - the cause is the text
            except Exception:
                log.exception("whether the host is as the policy has it could not be found out")
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await self._changed.wait()
            await asyncio.sleep(max(PAUSE_S, SHARE * (loop.time() - began)))


def _matters(old: object, new: object) -> bool:
    """Tell whether a change can have made, or put right, something that is not as the policy has it."""
    one = new if new is not None else old
    if isinstance(one, VirtualMachine):
        return _used(old) != _used(new)
    if isinstance(one, Network | Volume):
        return old is None or new is None
    return isinstance(one, AssignedLabel | SecurityPolicy)


def _used(machine: object) -> tuple[str, bool, tuple[Disk, ...], tuple[Nic, ...]] | None:
    """Return what of a machine is held against the policy."""
    if not isinstance(machine, VirtualMachine):
        return None
    return machine.name, machine.state.is_active, machine.current.disks, machine.current.nics

"""Work that its hypervisor went on with while the server was dead: waited for, then looked at.

To look at once would tell of a machine that is being saved that it runs, and be wrong a moment later.

Errors: CimError, which says what was found instead of what had been asked for.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Network, StoragePool, VirtualMachine, Volume
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.recovery import MEANWHILE, Followed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.base import Backend, WorkedOn
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.jobs.recovery import Follower, Reconciler

Thing: TypeAlias = "tuple[WorkedOn, str]"
"""What is worked on, by its kind and key."""

LOOK_S = 0.5
"""How often the hypervisor is asked whether it still works."""
BACK_S = 60.0
"""How long a hypervisor that was lost may take to come back."""

# The facts of a job that tell what it works on.
_MACHINE, _VOLUMES = "machine", "volumes"
_KINDS: Mapping[str, WorkedOn] = {
    _MACHINE: VirtualMachine,
    "pool": StoragePool,
    "volume": Volume,
    "network": Network,
}


def things(facts: Mapping[str, str]) -> list[Thing]:
    """Return what the work of a job with these facts is done on."""
    found: list[Thing] = [(kind, facts[name]) for name, kind in _KINDS.items() if name in facts]
    return [*found, *((Volume, key) for key in facts.get(_VOLUMES, "").split(", ") if key)]


def going_on(backend: Backend, inventory: Inventory, reconcile: Reconciler) -> Follower:
    """Return who waits for a hypervisor's work on what a job's facts name, and then reconciles."""

    async def follow(facts: Mapping[str, str]) -> Followed | None:
        worked_on = things(facts)
        try:
            if not await _goes_on(backend, worked_on):
                return None
        except BackendError:
            return None

        async def work(progress: Progress) -> Mapping[str, Value]:
            if not await left_alone(backend, worked_on, progress):
                raise CimError(Status.FAILED, f"{MEANWHILE}; the hypervisor does not answer")
            found = reconcile(inventory.view, facts)
            if found is not None:
                raise CimError(Status.FAILED, f"{MEANWHILE}; {found}")
            return {}

        async def cancel() -> None:
            if _MACHINE not in facts:
                raise BackendError("unsupported", "the hypervisor does not give up what it does to storage")
            await backend.abort(facts[_MACHINE])

        return Followed(work, cancel)

    return follow


async def _goes_on(backend: Backend, worked_on: Iterable[Thing]) -> bool:
    for kind, key in worked_on:
        try:
            if await backend.is_busy(kind, key):
                return True
        except BackendError as error:
            if error.kind == "timeout":
                return True  # it is there, and has no time to answer
            raise
    return False


async def left_alone(backend: Backend, worked_on: Iterable[Thing], progress: Progress) -> bool:
    """Wait until the hypervisor has done with things, and the inventory shows what is so; tell whether."""
    loop = asyncio.get_running_loop()
    last_s = loop.time()
    while loop.time() < last_s + BACK_S:
        with suppress(BackendError):  # it was lost
            if not await _goes_on(backend, worked_on):
                await backend.resync()
                return True
            last_s = loop.time()
        for kind, key in worked_on:
            with suppress(BackendError):
                percent = await backend.percent_done(key) if kind is VirtualMachine else None
                if percent is not None:
                    progress.tell(percent)
        await asyncio.sleep(LOOK_S)
    return False

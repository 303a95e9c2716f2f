"""Work on a machine that its hypervisor went on with while the server was dead: waited for, then looked at.

To look at once would tell of a machine that is being saved that it runs, and be wrong a moment later.

Errors: CimError, which says what was found instead of what had been asked for.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import VirtualMachine
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.recovery import MEANWHILE, Followed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.jobs.recovery import Follower, Reconciler

LOOK_S = 0.5
"""How often the hypervisor is asked whether it still works."""
BACK_S = 60.0
"""How long a hypervisor that was lost may take to come back."""


def going_on(backend: Backend, inventory: Inventory, reconcile: Reconciler) -> Follower:
    """Return who waits for a hypervisor's work on the machine of a job's facts, and then reconciles."""

    async def follow(facts: Mapping[str, str]) -> Followed | None:
        uuid = facts["machine"]
        if not await _goes_on(backend, uuid):
            return None

        async def work(progress: Progress) -> Mapping[str, Value]:
            if not await left_alone(backend, inventory, uuid, progress):
                raise CimError(Status.FAILED, f"{MEANWHILE}; the hypervisor does not answer")
            found = reconcile(inventory.view, facts)
            if found is not None:
                raise CimError(Status.FAILED, f"{MEANWHILE}; {found}")
            return {}

        async def cancel() -> None:
            await backend.abort(uuid)

        return Followed(work, cancel)

    return follow


async def _goes_on(backend: Backend, uuid: str) -> bool:
    try:
        return await backend.is_busy(uuid)
    except BackendError as error:
        return error.kind == "timeout"  # it is there, and has no time to answer


async def left_alone(backend: Backend, inventory: Inventory, uuid: str, progress: Progress) -> bool:
    """Wait until the hypervisor has done with a machine, and the inventory shows what is so; tell whether."""
    loop = asyncio.get_running_loop()
    last_s = loop.time()
    while loop.time() < last_s + BACK_S:
        try:
            if not await backend.is_busy(uuid):
                await backend.resync()
                return True
            last_s = loop.time()
            with suppress(BackendError):
                percent = await backend.percent_done(uuid)
                if percent is not None:
                    progress.tell(percent)
        except BackendError as error:
            if error.kind == "not_found":
                await backend.resync()
                return inventory.view.get(VirtualMachine, uuid) is None
        await asyncio.sleep(LOOK_S)
    return False

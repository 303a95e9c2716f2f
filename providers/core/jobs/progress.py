"""The hypervisor's own word on how far it has come, told to a job while its call goes on.

Source: virDomainGetJobInfo, by way of `Backend.percent_done`.
Errors: whatever the call raises; what the hypervisor says on being asked how far it is hinders nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from xencim.providers.backends.base import Backend
    from xencim.providers.core.jobs.engine import Progress

ASK_S = 1.0
"""How often the hypervisor is asked."""


async def followed(
    call: Coroutine[None, None, None], progress: Progress, backend: Backend, machine_uuid: str
) -> None:
    """Await a call of the backend that works on a machine, and tell meanwhile how far it is."""
    task = asyncio.create_task(call)
    try:
        while not (await asyncio.wait({task}, timeout=ASK_S))[0]:
            with suppress(BackendError):
                percent = await backend.percent_done(machine_uuid)
                if percent is not None:
                    progress.tell(percent)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        raise
    await task

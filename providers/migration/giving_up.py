"""Work of the hypervisor that can be given up: it is told so, and its own end of it is waited for.

Errors: what the work raises.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

ABORT_AGAIN_S = 0.1


class Abortable:
    """One piece of such work; ``abort`` tells the hypervisor to give it up."""

    def __init__(self, abort: Callable[[], Awaitable[None]]) -> None:
        self._abort = abort
        self._is_going_on = False
        self._is_given_up = False

    async def cancel(self) -> None:
        """Have the hypervisor give up; before it has begun there is nothing to give up."""
        self._is_given_up = True
        while self._is_going_on:
            try:
                await self._abort()
            except BackendError as error:
                if error.kind != "invalid_state":
                    raise
                await asyncio.sleep(ABORT_AGAIN_S)  # it has been called, and not yet begun
            else:
                return

    async def ended(self, work: Coroutine[None, None, None]) -> None:
        """Await the hypervisor's own end of it: one that is told to give up has not given up yet."""
        self._is_going_on = True
        task = asyncio.create_task(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not self._is_given_up:
                task.cancel()
                await asyncio.wait({task})
                raise
            await task
        finally:
            self._is_going_on = False

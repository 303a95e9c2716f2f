"""Work that moves a volume's content: how far it is, and how it is given up.

Source: DSP1103 (progress and cancellation of jobs).
Errors: BackendError (unsupported) where the hypervisor does not let go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from xencim.providers.core.jobs.engine import Progress


class Moving:
    """One piece of such work; ``total_bytes`` is 0 where nobody knows."""

    def __init__(self, total_bytes: int) -> None:
        self._total_bytes = total_bytes
        self._progress: Progress | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_ours = False

    def told(self, done_bytes: int) -> None:
        """Take note of how far it is (`backends.base.Told`)."""
        self._is_ours = True
        if self._progress is not None and self._total_bytes:
            self._progress.tell(done_bytes * 100 // self._total_bytes)

    async def followed(self, progress: Progress, work: Coroutine[None, None, None]) -> None:
        """Await the work, and tell meanwhile how far it is."""
        self._progress = progress
        self._task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({self._task})
        except asyncio.CancelledError:
            self._task.cancel()
            await asyncio.wait({self._task})
            raise
        await self._task

    async def cancel(self) -> None:
        """Give the work up, and return when it has ended."""
        if self._task is None or not self._is_ours:
            raise BackendError("unsupported", "the hypervisor does this by itself and does not give it up")
        self._task.cancel()
        await asyncio.wait({self._task})

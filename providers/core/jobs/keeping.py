"""Jobs as others find them: written to disk, kept for a while when they have ended, then forgotten.

Source: DSP1103 (TimeBeforeRemoval).
Errors: StateError when nothing can be written.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from xencim.providers.backends.records import Job

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.core.jobs.store import JobStore

log = logging.getLogger(__name__)

TIME_BEFORE_REMOVAL = timedelta(hours=1)
"""How long a finished job is kept."""
MAX_FINISHED = 1000
"""How many finished jobs are kept; the oldest go first."""


class KeptJobs:
    """The jobs of one site beyond their work. Without a store (tests) nothing outlives the process."""

    def __init__(self, inventory: Inventory) -> None:
        self.store: JobStore | None = None
        self._inventory = inventory
        self._removals: dict[str, asyncio.TimerHandle] = {}
        self._background: set[asyncio.Task[None]] = set()

    def stop(self) -> set[asyncio.Task[None]]:
        """Remove no more; return what is still being written."""
        for handle in self._removals.values():
            handle.cancel()
        return self._background

    async def write(self, job: Job) -> None:
        """Have a job on disk as it is now."""
        if self.store is not None:
            await self.store.save(job)

    def keep(self, job: Job) -> None:
        """Have a finished job removed in time, and the oldest when there are too many."""
        age = datetime.now(UTC) - (job.finished or job.changed)
        left_s = max(0.0, (TIME_BEFORE_REMOVAL - age).total_seconds())
        loop = asyncio.get_running_loop()
        self._removals[job.id] = loop.call_later(left_s, self._remove, job.id)
        while len(self._removals) > MAX_FINISHED:
            self._remove(next(iter(self._removals)))

    def forget(self, job_id: str) -> None:
        """Have a job deleted from the disk, some time soon."""
        if self.store is not None:
            task = asyncio.create_task(self.store.remove(job_id))
            self._background.add(task)
            task.add_done_callback(self._forgotten)

    def _remove(self, job_id: str) -> None:
        self._removals.pop(job_id).cancel()
        self._inventory.remove(Job, job_id)
        self.forget(job_id)

    def _forgotten(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a job was not forgotten: %s", error)

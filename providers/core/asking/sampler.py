"""Asks a hypervisor what a client's question needs: one question at a time, its answer everybody's.

Whoever comes while a question is under way waits for its answer, and one that is younger than FRESH_S is
given to all. Nothing is asked by a timer. What does not answer keeps its last answer, whose time is told.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.core.asking.log_lines import numbered
from xencim.providers.core.asking.samples import Asked, Samples

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from xencim.providers.backends.base import Backend

log = logging.getLogger(__name__)

FRESH_S = 1.0
WAIT_S = 5.0
"""How long who asks waits."""
BASELINE_S = 0.25
"""Rates need two samples: the first to ask takes two, this long after each other."""


class _Question:
    """Something asked at most every FRESH_S, by one task."""

    def __init__(self, what: Asked, ask: Callable[[], Awaitable[None]]) -> None:
        self._what = what
        self._ask = ask
        self._answered_s = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def forget(self) -> None:
        """Have it asked anew by who comes next."""
        self._answered_s = float("-inf")

    async def answered(self) -> None:
        """Return when there is an answer, or nobody can wait for it any longer."""
        if self._task is None or self._task.done():
            if asyncio.get_running_loop().time() < self._answered_s + FRESH_S:
                return
            self._task = asyncio.create_task(self._run(), name=f"ask for {self._what.value}")
        await asyncio.wait({self._task}, timeout=WAIT_S)

    async def stop(self) -> None:
        """Give the question up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._ask()
        except BackendError as error:
            level = logging.INFO if error.kind == "unsupported" else logging.WARNING
            log.log(level, "%s: not told: %s", self._what.value, error)
        except Exception:
            log.exception("%s: not told", self._what.value)
        self._answered_s = asyncio.get_running_loop().time()


class Sampler:
    """What one site's hypervisor was asked. Belongs to the event loop."""

    def __init__(self, backend: Callable[[], Backend]) -> None:
        self.samples = Samples()
        self._backend = backend
        self._next_line = 1
        asked = {Asked.METRICS: self._counters, Asked.MEMORY: self._memory, Asked.LOG: self._log}
        self._questions = {what: _Question(what, ask) for what, ask in asked.items()}

    async def ask(self, what: Asked) -> None:
        """Have ``samples`` tell something, as fresh as it is wanted."""
        await self._questions[what].answered()

    def forget(self, what: Asked) -> None:
        """Have something asked anew by who comes next: it was changed."""
        self._questions[what].forget()

    async def stop(self) -> None:
        """Ask no more."""
        for question in self._questions.values():
            await question.stop()

    async def _counters(self) -> None:
        before = self.samples.now
        if before is None:
            before = await self._backend().sample()
            await asyncio.sleep(BASELINE_S)
        now = await self._backend().sample()
        if now.taken_s > before.taken_s:
            self.samples = replace(self.samples, now=now, before=before)

    async def _memory(self) -> None:
        self.samples = replace(self.samples, memory=await self._backend().free_memory())

    async def _log(self) -> None:
        text = await self._backend().read_log()
        # On a thread: a log of lines that are alike takes long to compare.
        lines = await asyncio.to_thread(numbered, self.samples.log, text, self._next_line)
        if lines:
            self._next_line = lines[-1].number + 1
        self.samples = replace(self.samples, log=lines)

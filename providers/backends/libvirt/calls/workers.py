"""Hypervisor calls on threads, a few at a time, each with a deadline.

A call that misses its deadline is left alone on its thread: the caller gets `StuckError`, and another
call takes its place. At most `MAX_STUCK` threads are given up so; further stuck calls keep their
place, so that the number of threads stays bounded.

Errors: StuckError; whatever the function raises.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

MAX_STUCK = 32


class StuckError(BackendError):
    """A call did not come back in time; ``late`` is done when it does."""

    def __init__(self, what: str, deadline_s: float, late: asyncio.Future[None]) -> None:
        super().__init__("timeout", f"{what} did not answer within {deadline_s:g} s")
        self.late = late


class _Job:
    """A function on a thread of its own."""

    def __init__(self, function: Callable[[_Job], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._function = function
        self.beat_s = self._loop.time()
        self.done: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="libvirt-call", daemon=True)
        self._thread.start()

    def beat(self) -> None:
        """Start the deadline anew: some of the work is done."""
        self.beat_s = self._loop.time()

    def _run(self) -> None:
        try:
            self._function(self)
        except BaseException as error:  # noqa: BLE001 - handed to who waits for the job
            self._tell(error)
        else:
            self._tell(None)

    def _tell(self, error: BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
            self._loop.call_soon_threadsafe(self._finish, error)

    def _finish(self, error: BaseException | None) -> None:
        self._thread.join()  # this was its last act: it ends now
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
            self.done.exception()  # an abandoned job's error is nobody's


class _Batch(Generic[T, R]):
    """Items worked off one after the other, until one of them is stuck."""

    def __init__(self, function: Callable[[T], R], items: Sequence[T]) -> None:
        self.answers: list[tuple[T, R | BackendError]] = []
        self._function = function
        self._items = items
        self._abandoned = False

    def work(self, job: _Job) -> None:
        """Apply the function to the items."""
        for item in self._items:
            job.beat()
            try:
                answer: R | BackendError = self._function(item)
            except BackendError as error:
                answer = error
            except Exception as error:  # what one item is made of must not cost the others
                log.exception("%r was not read", item)
                answer = BackendError("failed", f"it could not be read: {error!r}")
            if self._abandoned:
                return
            self.answers.append((item, answer))

    def abandon(self, stuck: StuckError) -> list[tuple[T, R | BackendError]]:
        """Return the answers so far, the last of them that the item at hand is stuck."""
        self._abandoned = True
        answers = self.answers[:]
        if len(answers) < len(self._items):
            answers.append((self._items[len(answers)], stuck))
        return answers


class Workers:
    """A bounded number of calls at a time; ``around`` is entered on the thread of each."""

    def __init__(
        self,
        size: int,
        deadline_s: float,
        *,
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._slots = asyncio.Semaphore(size)
        self._deadline_s = deadline_s
        self._around = around
        self._jobs: set[asyncio.Future[None]] = set()
        self._stuck = 0

    async def run(self, what: str, function: Callable[[], T], *, deadline_s: float | None = None) -> T:
        """Return what ``function`` returns on a thread."""
        answer: list[T] = []
        await self._run(what, lambda _job: answer.append(function()), deadline_s or self._deadline_s)
        return answer[0]

    async def each(self, function: Callable[[T], R], items: Sequence[T]) -> list[tuple[T, R | BackendError]]:
        """Apply ``function`` to every item; one that is stuck does not keep the others.

        The deadline is each item's own.
        """
        answers: list[tuple[T, R | BackendError]] = []
        while left := items[len(answers) :]:
            batch = _Batch(function, left)
            try:
                await self._run("a machine", batch.work, self._deadline_s)
            except StuckError as stuck:
                answers += batch.abandon(stuck)
            else:
                answers += batch.answers
        return answers

    async def settle(self, timeout_s: float) -> None:
        """Wait for the calls that are still under way, but not for ever."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=timeout_s)

    async def _run(self, what: str, function: Callable[[_Job], None], deadline_s: float) -> None:
        loop = asyncio.get_running_loop()
        await self._slots.acquire()

        def carried_out(job: _Job) -> None:
            with self._around():
                function(job)

        job = _Job(carried_out)
        self._jobs.add(job.done)
        job.done.add_done_callback(self._jobs.discard)
        try:
            while not job.done.done():
                left_s = job.beat_s + deadline_s - loop.time()
                if left_s <= 0:
                    raise StuckError(what, deadline_s, job.done)
                await asyncio.wait({job.done}, timeout=left_s)
        finally:
            self._free_slot(job)
        job.done.result()

    def _free_slot(self, job: _Job) -> None:
        if job.done.done():
            self._slots.release()
        elif self._stuck < MAX_STUCK:
            self._stuck += 1
            self._slots.release()
            job.done.add_done_callback(self._came_back)
        else:
            job.done.add_done_callback(lambda _done: self._slots.release())

    def _came_back(self, _done: asyncio.Future[None]) -> None:
        self._stuck -= 1

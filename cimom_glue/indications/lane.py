"""One destination's way out: what waits is sent in order, and again until it is taken.

A listener that cannot be reached is waited for; what it refuses again and again is dropped, for the next
one may pass. A lane never waits for another.

Source: DSP1054 1.1, section 7 (delivery retries, OnFatalErrorPolicy).
Errors: none; StateError is logged, and what could not be read or forgotten is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from xencim.cimom_glue.indications import queue
from xencim.cimom_glue.indications.sender import Sender, Undelivered
from xencim.providers.backends.records import Delivery, ListenerDestination
from xencim.providers.core.events.delivery_limits import FIRST_RETRY_S, LAST_RETRY_S, REFUSED_ATTEMPTS
from xencim.providers.core.state import StateError

if TYPE_CHECKING:
    import ssl

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.core.events.subscriptions import Subscriptions
    from xencim.providers.core.state import State

log = logging.getLogger(__name__)

_BATCH = 32
"""Indications that may be sent twice when the server is killed; their numbers tell."""
_IDLE_S = 10.0
_SHOW_S = 5.0
"""How often a growing number of dropped indications is shown at most."""


class _Abandoned(Exception):  # noqa: N818 - named by what it is
    """No subscription wants the destination to be told any more."""


class Lane:
    """The lane of one destination; its counters are those on disk and what is about to be."""

    def __init__(
        self,
        progress: queue.Progress,
        state: State,
        subscriptions: Subscriptions,
        server: Inventory,
        tls: ssl.SSLContext,
    ) -> None:
        self.name = progress.destination
        self.context = progress.context
        self.next_number = progress.next_number
        self.waiting = 0
        self.waiting_bytes = 0
        self._delivered = progress.delivered
        self._dropped = progress.dropped
        self._state = state
        self._subscriptions = subscriptions
        self._server = server
        self._tls = tls
        self._sender: Sender | None = None
        self._arrived = asyncio.Event()
        self._failing_since: datetime | None = None
        self._error: str | None = None
        self._shown_at = -_SHOW_S
        self._shown_dropped = progress.dropped

    @property
    def progress(self) -> queue.Progress:
        """What is kept on disk of the lane."""
        return queue.Progress(self.name, self.context, self.next_number, self._delivered, self._dropped)

    def show_losses(self) -> None:
        """Tell clients what was dropped before this server was started."""
        if self._dropped:
            self._show()

    def wake(self) -> None:
        """Say that something waits."""
        self._arrived.set()

    def drop(self, count: int = 1) -> None:
        """Count indications that the listener will never get."""
        if not count:
            return
        now = time.monotonic()
        self._dropped += count
        if now - self._shown_at >= _SHOW_S:
            self._shown_at = now
            log.warning("%s: %d indications dropped so far", self.name, self._dropped)
            self._show()

    async def run(self) -> None:
        """Send whatever waits, until cancelled."""
        try:
            while True:
                await self._something()
                try:
                    while waited := await self._state.run(
                        partial(queue.first, destination=self.name, most=_BATCH)
                    ):
                        await self._send(waited)
                except _Abandoned:
                    await self._give_up()
                except StateError as error:
                    log.error("%s: indications stay where they are: %s", self.name, error)  # noqa: TRY400 - the text says it
                    self.wake()
                    await asyncio.sleep(LAST_RETRY_S)
        finally:
            self._close()

    async def _something(self) -> None:
        """Return when something waits; the connection is not kept for long without."""
        try:
            async with asyncio.timeout(_IDLE_S):
                await self._arrived.wait()
        except TimeoutError:
            self._close()
            await self._arrived.wait()
        self._arrived.clear()

    async def _send(self, waited: list[queue.Waiting]) -> None:
        done: list[queue.Waiting] = []
        try:
            for one in waited:
                await self._deliver(queue.unpacked(one))
                done.append(one)
        finally:
            if done:
                self.waiting -= len(done)
                self.waiting_bytes -= sum(len(one.body) for one in done)
                if self._dropped != self._shown_dropped:
                    self._show()
                await self._state.run(partial(queue.done, waited=done, sequence=self.progress))

    async def _deliver(self, message: bytes) -> None:
        """Return when the listener took the message, or refused it too often."""
        refusals = 0
        wait_s = FIRST_RETRY_S
        while True:
            try:
                await self._open().send(message)
            except Undelivered as error:
                refusals += error.refused
                await self._failed(error)
                if refusals > REFUSED_ATTEMPTS:
                    log.warning("%s: an indication is dropped: %s", self.name, error)
                    self.drop()
                    return
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, LAST_RETRY_S)
            else:
                self._delivered += 1
                self._reached()
                return

    def _open(self) -> Sender:
        record = self._server.view.get(ListenerDestination, self.name)
        if record is None:
            raise _Abandoned
        if self._sender is None or self._sender.url != record.url:
            self._close()
            self._sender = Sender(record.url, self._tls)
        return self._sender

    def _close(self) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = None

    async def _failed(self, error: Undelivered) -> None:
        now = datetime.now(UTC)
        if self._failing_since is None:
            self._failing_since = now
            log.warning("%s does not take indications: %s", self.name, error)
        self._error = str(error)
        self._show()
        failing_s = (now - self._failing_since).total_seconds()
        if not await self._subscriptions.unreachable(self.name, failing_s):
            raise _Abandoned

    def _reached(self) -> None:
        if self._failing_since is not None:
            self._failing_since = self._error = None
            log.info("%s takes indications again, %d wait", self.name, self.waiting)
            self._show()

    async def _give_up(self) -> None:
        """Drop what waits: the subscriptions are gone or disabled."""
        count = await self._state.run(partial(queue.clear, destination=self.name))
        self.waiting = self.waiting_bytes = 0
        self._failing_since = self._error = None
        self.drop(count)
        await self._state.run(partial(queue.save, sequences=[self.progress]))
        self._show()

    def _show(self) -> None:
        """Bring the record that clients see up to date."""
        self._shown_dropped = self._dropped
        if self._server.view.get(ListenerDestination, self.name) is not None:
            record = Delivery(
                destination=self.name,
                waiting=self.waiting,
                dropped=self._dropped,
                failing_since=self._failing_since,
                error=self._error,
            )
            self._server.put(record)

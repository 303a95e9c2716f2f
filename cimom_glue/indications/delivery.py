"""From events to listeners: numbered, kept on disk, and sent by each destination's lane.

An indication is numbered when its event is known, so a listener sees a gap where one was dropped.

Source: DSP1054 1.1, section 7 (SequenceContext, SequenceNumber).
Errors: StateError from `start`.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from xencim.cimom_glue.indications import queue
from xencim.cimom_glue.indications.export import export_request
from xencim.cimom_glue.indications.lane import Lane
from xencim.mof.values import Instance, TypedValue
from xencim.providers.backends.records import Delivery, ListenerDestination
from xencim.providers.core.events.delivery_limits import MAX_WAITING, MAX_WAITING_BYTES
from xencim.providers.core.state import StateError

if TYPE_CHECKING:
    import sqlite3
    import ssl
    from collections.abc import Coroutine, Sequence

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.records import Record
    from xencim.providers.core.events.subscriptions import Subscriptions
    from xencim.providers.core.state import State
    from xencim.providers.events import Outgoing

log = logging.getLogger(__name__)

_BATCH = 128
_MAX_ARRIVED = 10_000
"""Indications on their way to the disk; more are dropped: the disk does not take them."""
_DISK_RETRY_S = 1.0


class _Arrived(NamedTuple):
    lane: Lane
    number: int
    filter: str
    indication: Instance


class Deliverer:
    """Takes indications and sees to it that listeners get them."""

    def __init__(
        self, state: State, subscriptions: Subscriptions, server: Inventory, tls: ssl.SSLContext
    ) -> None:
        self._state = state
        self._subscriptions = subscriptions
        self._server = server
        self._tls = tls
        self._lanes: dict[str, Lane] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._arrived: list[_Arrived] = []
        self._something = asyncio.Event()
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Go on where the last server stopped."""
        await self._state.migrate(queue.PART, queue.MIGRATIONS)
        known = self._server.view.all(ListenerDestination)
        for progress, waiting, waiting_bytes in await self._state.run(queue.load):
            if progress.destination not in known:
                await self._state.run(partial(queue.forget, destination=progress.destination))
                continue
            lane = self._add(progress)
            lane.waiting, lane.waiting_bytes = waiting, waiting_bytes
            lane.wake()
            lane.show_losses()
        self._end = self._server.subscribe(self._record_changed)
        self._writer = asyncio.get_running_loop().create_task(self._write())

    async def stop(self) -> None:
        """Write down what has arrived and stop sending."""
        self._end()
        self._stopping.set()
        self._something.set()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(self._writer, *self._tasks.values(), *self._others, return_exceptions=True)

    def accept(self, outgoing: Sequence[Outgoing]) -> None:
        """Take indications, in order; returns at once."""
        for one in outgoing:
            lane = self._lanes.get(one.destination)
            if lane is None:
                lane = self._add(queue.Progress(one.destination, uuid4().hex))
            number = lane.next_number
            lane.next_number += 1
            full = lane.waiting >= MAX_WAITING or lane.waiting_bytes >= MAX_WAITING_BYTES
            if full or len(self._arrived) >= _MAX_ARRIVED:
                lane.drop()
            else:
                lane.waiting += 1
                self._arrived.append(_Arrived(lane, number, one.filter, one.indication))
        self._something.set()

    def _add(self, progress: queue.Progress) -> Lane:
        lane = Lane(progress, self._state, self._subscriptions, self._server, self._tls)
        self._lanes[lane.name] = lane
        self._tasks[lane.name] = asyncio.get_running_loop().create_task(lane.run())
        return lane

    async def _write(self) -> None:
        """Bring to disk what arrives, as many at a time as there are; at the stop, once more."""
        while not self._stopping.is_set():
            await self._something.wait()
            self._something.clear()
            while self._arrived:
                try:
                    await self._write_some()
                except StateError as error:
                    log.error("%d indications wait in memory: %s", len(self._arrived), error)  # noqa: TRY400 - the text says it
                    if self._stopping.is_set():
                        return
                    await asyncio.sleep(_DISK_RETRY_S)

    async def _write_some(self) -> None:
        # Of a destination that was deleted meanwhile nothing must come to the disk any more.
        batch = [one for one in self._arrived[:_BATCH] if self._lanes.get(one.lane.name) is one.lane]
        del self._arrived[:_BATCH]
        lanes = {one.lane.name: one.lane for one in batch}
        sequences = [lane.progress for lane in lanes.values()]
        try:
            sizes = await self._state.run(partial(_keep, batch=batch, sequences=sequences))
        except StateError:
            self._arrived[:0] = batch
            raise
        for one, size in zip(batch, sizes, strict=True):
            one.lane.waiting_bytes += size
        for lane in lanes.values():
            lane.wake()

    def _record_changed(self, old: Record | None, new: Record | None) -> None:
        if new is None and isinstance(old, ListenerDestination):
            self._run(self._forget(old.name))

    async def _forget(self, name: str) -> None:
        self._server.remove(Delivery, name)
        self._lanes.pop(name, None)
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        try:
            await self._state.run(partial(queue.forget, destination=name))
        except StateError as error:
            log.error("what waited for %s is deleted at the next start: %s", name, error)  # noqa: TRY400 - the text says it

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)


def _keep(
    connection: sqlite3.Connection, batch: Sequence[_Arrived], sequences: Sequence[queue.Progress]
) -> list[int]:
    """Encode and keep indications (called on the state's thread)."""
    return queue.add(connection, [(one.lane.name, _message(one)) for one in batch], sequences)


def _message(arrived: _Arrived) -> bytes:
    values = {
        **arrived.indication.properties,
        "IndicationFilterName": TypedValue("string", arrived.filter),
        "SequenceContext": TypedValue("string", arrived.lane.context),
        "SequenceNumber": TypedValue("sint64", arrived.number),
    }
    return export_request(Instance(arrived.indication.class_name, values), str(arrived.number))

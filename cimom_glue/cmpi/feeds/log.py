"""The log of events for CIMOMs: kept while a feed is there, numbered, bounded, on disk before it is told.

A feed is a CIMOM's provider library while filters are active there. It keeps its place while the library
is away, for a while; whoever falls behind the log's end is told how many events are lost to it.

Errors: StateError from `start` and `open`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from xencim.cimom_glue.cmpi.feeds import store
from xencim.cimom_glue.cmpi.frames import Item
from xencim.cimom_glue.cmpi.values import path, properties
from xencim.mof.values import Path, TypedValue
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.events.delivery_limits import MAX_WAITING, MAX_WAITING_BYTES
from xencim.providers.core.state import StateError
from xencim.providers.events.kept import packed, unpacked

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from xencim.mof.values import Instance
    from xencim.providers.core.state import State
    from xencim.providers.events import Recorded
    from xencim.providers.events.sources import Seen

log = logging.getLogger(__name__)

KEPT_S = 900.0
"""How long a feed's place is kept for a library that is away while this server runs."""
MAX_FEEDS = 256
_BATCH = 64
_MAX_ARRIVED = 10_000
"""Changes on their way to the disk; more are dropped: the disk does not take them."""
_DISK_RETRY_S = 1.0
_INSTANCE = bytes((Item.INSTANCE,))
_NOTE_S = 1.0
"""How often it is written down what feeds have seen: the libraries know it themselves."""


class FeedLog:
    """Records what happens (a `Recorder`) and lets feeds read it."""

    def __init__(
        self, state: State, machines: Callable[[], Mapping[store.Machine, Seen]], names: Mapping[str, str]
    ) -> None:
        self._state = state
        self._machines = machines
        self._names = names
        self._feeds: dict[str, int] = {}
        self._attached: Counter[str] = Counter()
        self._away: dict[str, asyncio.TimerHandle] = {}
        self._kept: dict[store.Machine, bytes] = {}
        self._arrived: list[tuple[int, Recorded]] = []  # with the number of its first event
        self._next = 1
        self._size = store.Size()
        self._noting: asyncio.TimerHandle | None = None
        self._others: set[asyncio.Task[None]] = set()
        self._something = asyncio.Event()
        self._grown = asyncio.Event()
        self._stopping = False
        self.context = ""
        self.last = 0

    @property
    def recording(self) -> bool:
        """Whether events are wanted."""
        return bool(self._feeds)

    async def start(self) -> None:
        """Go on where the last server stopped."""
        await self._state.migrate(store.PART, store.MIGRATIONS)
        loaded = await self._state.run(store.load)
        self.context, self.last, self._feeds, self._kept, self._size = loaded
        self._next = self.last + 1
        for feed in self._feeds:
            self._await_return(feed)
        self._writer = asyncio.get_running_loop().create_task(self._write())

    async def stop(self) -> None:
        """Write down what has arrived."""
        self._stopping = True
        self._something.set()
        for timer in (self._noting, *self._away.values()):
            if timer is not None:
                timer.cancel()
        await asyncio.gather(self._writer, *self._others, return_exceptions=True)
        if self._feeds:
            await self._note()

    # What is recorded --------------------------------------------------------------------------

    def take_kept(self) -> dict[store.Machine, Seen]:
        """Return the machines as an earlier server has told of them, once."""
        kept, self._kept = self._kept, {}
        found: dict[store.Machine, Seen] = {}
        for key, raw in kept.items():
            try:
                found[key] = unpacked(raw)
            except ValueError as error:
                log.warning("changes of machine %s meanwhile cannot be told to CIMOMs: %s", key[1], error)
        return found

    def record(self, change: Recorded) -> None:
        """Take a change, in order; returns at once."""
        self._arrived.append((self._next, change))
        self._next += len(change.indications)
        if len(self._arrived) > _MAX_ARRIVED:
            del self._arrived[0]
        self._something.set()

    async def _write(self) -> None:
        """Bring to disk what arrives, as many at a time as there are; at the stop, once more."""
        while self._arrived or not self._stopping:
            if not self._arrived:
                await self._something.wait()
                self._something.clear()
                continue
            batch = self._arrived[:_BATCH]
            del self._arrived[:_BATCH]
            try:
                await self._write_some(batch)
            except StateError as error:
                self._arrived[:0] = batch if self._feeds else ()
                log.error("%d changes wait in memory: %s", len(self._arrived), error)  # noqa: TRY400 - the text says it
                if self._stopping:
                    return
                await asyncio.sleep(_DISK_RETRY_S)
            else:
                await self._drop_oldest()

    async def _write_some(self, batch: Sequence[tuple[int, Recorded]]) -> None:
        first, change = batch[-1]
        last = first + len(change.indications) - 1
        added = await self._state.run(partial(self._keep, batch=batch, last=last))
        self._size = self._size.plus(added)
        self.last = last
        self._grown.set()
        self._grown = asyncio.Event()

    async def _drop_oldest(self) -> None:
        while self._size.events > MAX_WAITING or self._size.bytes > MAX_WAITING_BYTES:
            log.warning("%d events wait for CIMOMs: the oldest are dropped", self._size.events)
            try:
                self._size = self._size.minus(await self._state.run(store.drop_oldest))
            except StateError as error:
                log.error("they are dropped later: %s", error)  # noqa: TRY400 - the text says it
                return

    def _keep(
        self, connection: sqlite3.Connection, batch: Sequence[tuple[int, Recorded]], last: int
    ) -> store.Size:
        """Encode and keep changes (called on the state's thread)."""
        seen = {change.machine: change.now for _, change in batch if change.machine}
        store.keep(connection, {key: None if now is None else packed(now) for key, now in seen.items()})
        events = []
        for first, change in batch:
            for number, indication in enumerate(change.indications, first):
                try:
                    events.append(self._event(number, change.namespace, indication))
                except (TypeError, ValueError):
                    # Its number is missing then, so every feed is told that one is lost.
                    log.exception("an event of %s cannot be told to CIMOMs", indication.class_name)
        return store.add(connection, events, last)

    def _event(self, number: int, namespace: str, indication: Instance) -> store.Event:
        named = self._names.get(namespace, namespace)
        told = dict(indication.properties)
        where = told.get("SourceInstanceModelPath")
        if where is not None and named != namespace:
            renamed = str(where.value).replace(f"/{namespace}:", f"/{named}:", 1)
            told["SourceInstanceModelPath"] = TypedValue("string", renamed)
        content = (_INSTANCE, path(Path(indication.class_name, (), named)), properties(told))
        return store.Event(number, namespace, indication.class_name, b"".join(content))

    # Who reads ---------------------------------------------------------------------------------

    async def open(self, feed: str) -> None:
        """Keep what happens from now on for a feed; nothing happens where that is done already."""
        if feed in self._feeds:
            return
        if len(self._feeds) >= MAX_FEEDS:
            raise CimError(Status.FAILED, f"there are {MAX_FEEDS} feeds of events already")
        machines = None if self._feeds else self._machines()
        self._feeds[feed] = seen = self._next - 1
        self._await_return(feed)
        try:
            await self._state.run(partial(_begin, feed=feed, seen=seen, machines=machines))
        except StateError:
            self._feeds.pop(feed, None)
            raise

    def attach(self, feed: str, context: str | None, seen: int) -> int | None:
        """Return the number after which a feed goes on, None where its place is not known any more."""
        self._attached[feed] += 1
        self._cancel(feed)
        place = self._feeds.get(feed)
        if place is None or context is None:
            return place
        return max(place, seen) if context == self.context else None

    def detach(self, feed: str) -> None:
        """Keep a feed's place for a while: its library is away."""
        self._attached[feed] -= 1
        if not self._attached[feed]:
            del self._attached[feed]
            self._await_return(feed)

    async def after(self, number: int) -> list[store.Event]:
        """Return the next events after one, as soon as there are any; none where they were dropped."""
        while self.last <= number:
            await self._grown.wait()
        return await self._state.run(partial(store.after, number=number, most=_BATCH))

    def seen(self, feed: str, number: int) -> None:
        """Take down that a feed has seen all up to a number."""
        if feed in self._feeds:
            self._feeds[feed] = max(self._feeds[feed], number)
            if self._noting is None:
                loop = asyncio.get_running_loop()
                self._noting = loop.call_later(_NOTE_S, lambda: self._run(self._note()))

    async def forget(self, feed: str) -> None:
        """Forget a feed that wants no events any more."""
        self._cancel(feed)
        if self._feeds.pop(feed, None) is None:
            return
        if not self._feeds:
            self._arrived.clear()
            self._size = store.Size()
            self.last = self._next - 1
        try:
            await self._state.run(partial(store.forget, feed=feed, last=self._next - 1))
        except StateError as error:
            log.error("a feed of events is forgotten at the next start: %s", error)  # noqa: TRY400 - the text says it

    def _await_return(self, feed: str) -> None:
        if feed in self._feeds and not self._stopping:
            loop = asyncio.get_running_loop()
            self._away[feed] = loop.call_later(KEPT_S, lambda: self._run(self.forget(feed)))

    def _cancel(self, feed: str) -> None:
        timer = self._away.pop(feed, None)
        if timer is not None:
            timer.cancel()

    async def _note(self) -> None:
        self._noting = None
        if not self._feeds:
            return
        try:
            freed = await self._state.run(partial(store.note, feeds=dict(self._feeds)))
        except StateError as error:
            log.error("what CIMOMs have seen is noted later: %s", error)  # noqa: TRY400 - the text says it
        else:
            self._size = self._size.minus(freed)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)


def _begin(
    connection: sqlite3.Connection, feed: str, seen: int, machines: Mapping[store.Machine, Seen] | None
) -> None:
    """Keep a new feed (called on the state's thread)."""
    kept = None if machines is None else {key: packed(one) for key, one in machines.items()}
    store.begin(connection, feed, seen, kept)

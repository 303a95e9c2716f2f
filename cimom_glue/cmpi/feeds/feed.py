"""A CIMOM's feed: the events that its active filters are about, in order, each once.

Source: docs/reference/cmpi-protocol.md, "Feeds of events".
Errors: CimError where a filter is refused; IncompleteReadError and OSError where the connection is over;
FrameError where what came is no frame.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from xencim.cimom_glue.cmpi.feeds import store
from xencim.cimom_glue.cmpi.frames import HEADER, FrameError, Kind, Reader, frame, read_header, text, u64
from xencim.providers.core.access import Access
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.state import StateError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.cimom_glue.cmpi.feeds.log import FeedLog
    from xencim.cimom_glue.cmpi.principals import Principals
    from xencim.providers.core.access import Principal
    from xencim.providers.core.engine import Engine

log = logging.getLogger(__name__)

ALIVE_S = 10.0
"""How often a feed without events says that it is there."""
LOST_UNKNOWN = 2**64 - 1


class Filter(NamedTuple):
    """What a feed is about: a class of indications and its subclasses, in a namespace."""

    namespace: str
    class_name: str


class Feeds:
    """What feeds have in common."""

    def __init__(self, events: FeedLog, engine: Engine) -> None:
        self.events = events
        self._engine = engine

    def check(self, principal: Principal, wanted: Filter) -> Filter:
        """Return a filter as the registry names it, unless it is not allowed or about no indications."""
        namespace = self._engine.registry.namespace(wanted.namespace)
        self._engine.policy.demand(principal, Access.READ, f"indications of {namespace.name}")
        decl = namespace.demand_class(wanted.class_name, Status.INVALID_PARAMETER)
        if not decl.qualifier("Indication"):
            raise CimError(Status.NOT_SUPPORTED, f"class {decl.name} is no class of indications")
        return Filter(namespace.name, decl.name)

    def wants(self, filters: frozenset[Filter], event: store.Event) -> bool:
        """Tell whether an event is one that filters are about."""
        repository = self._engine.registry.namespace(event.namespace).repository
        return any(
            one.namespace == event.namespace and repository.is_a(event.class_name, one.class_name)
            for one in filters
        )


class _Wish(NamedTuple):
    """What a library asks for."""

    feed: str
    context: str | None
    seen: int
    filters: tuple[tuple[str | None, Filter], ...]  # each with the principal who made it


class FeedSession:
    """The feed on one connection."""

    def __init__(
        self,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        feeds: Feeds,
        principals: Principals,
    ) -> None:
        self._reader, self._writer = streams
        self._feeds = feeds
        self._events = feeds.events
        self._principals = principals
        self._passed = 0  # the last event that was looked at
        self._sent = 0  # the last one that was told
        self._seen = 0  # the last one that the library says it has delivered

    async def run(self, content: bytes) -> None:
        """Tell events until the library has gone or wants no more."""
        wish = _read_wish(content)
        filters = frozenset([one async for one in self._allowed(wish)])
        start = self._events.attach(wish.feed, wish.context, wish.seen)
        telling: asyncio.Task[None] | None = None
        try:
            await self._begin(wish, start)
            telling = asyncio.create_task(self._tell(wish.feed, filters))
            telling.add_done_callback(lambda _: self._writer.transport.abort())
            await self._listen(wish.feed)
        except (CimError, StateError) as error:
            log.warning("a CIMOM's feed of events ends: %s", error)  # its library will try again
        finally:
            self._events.detach(wish.feed)
            if telling is not None:
                telling.cancel()
                (end,) = await asyncio.gather(telling, return_exceptions=True)
                if isinstance(end, Exception) and not isinstance(end, OSError):
                    log.warning("a CIMOM's feed of events ends: %s", end, exc_info=end)

    async def _allowed(self, wish: _Wish) -> AsyncIterator[Filter]:
        for name, wanted in wish.filters:
            try:
                yield self._feeds.check(await self._principals.find(name), wanted)
            except CimError as error:
                log.warning("a CIMOM's filter lets nothing through: %s", error.description)

    async def _begin(self, wish: _Wish, start: int | None) -> None:
        lost = 0
        if start is None:
            lost = LOST_UNKNOWN if wish.context is not None else 0
            await self._events.open(wish.feed)
            start = self._events.attach(wish.feed, None, 0) or 0
            self._events.detach(wish.feed)
        self._passed = self._sent = self._seen = start
        await self._position(start, lost)

    async def _position(self, number: int, lost: int) -> None:
        if lost:
            log.warning("a CIMOM has lost %s events", "some" if lost == LOST_UNKNOWN else lost)
        content = text(self._events.context) + u64(number) + u64(lost)
        self._writer.write(frame(Kind.POSITION, content))
        await self._writer.drain()

    async def _tell(self, feed: str, filters: frozenset[Filter]) -> None:
        while True:
            try:
                async with asyncio.timeout(ALIVE_S):
                    events = await self._events.after(self._passed)
            except TimeoutError:
                self._writer.write(frame(Kind.ALIVE))
                await self._writer.drain()
                continue
            for event in events:
                if event.number != self._passed + 1:
                    await self._position(event.number - 1, event.number - 1 - self._passed)
                self._passed = event.number
                if self._feeds.wants(filters, event):
                    self._writer.write(frame(Kind.EVENT, u64(event.number) + store.unpacked(event)))
                    self._sent = event.number
                    await self._writer.drain()
            if not events:
                last = self._events.last
                await self._position(last, last - self._passed)
                self._passed = last
            self._note(feed)

    async def _listen(self, feed: str) -> None:
        while True:
            header = read_header(await self._reader.readexactly(HEADER.size))
            content = Reader(await self._reader.readexactly(header.length))
            if header.kind == Kind.END:
                await self._events.forget(feed)
                return
            if header.kind != Kind.SEEN:
                raise FrameError(f"a frame of kind {header.kind} on a feed")
            self._seen = content.u64()
            content.end()
            self._note(feed)

    def _note(self, feed: str) -> None:
        """Take down what the feed has seen; what lies between two events that are told is nothing to it."""
        self._events.seen(feed, self._passed if self._seen >= self._sent else self._seen)


def _read_wish(content: bytes) -> _Wish:
    reader = Reader(content)
    feed = reader.feed()
    if feed is None:
        raise FrameError("a feed has no name")
    context = reader.optional_text()
    seen = reader.u64()
    filters = tuple(
        (reader.optional_text(), Filter(reader.text(), reader.text())) for _ in range(reader.u16())
    )
    reader.end()
    return _Wish(feed, context, seen, filters)

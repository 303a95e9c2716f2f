"""One connection of a CIMOM's provider library: a call and its answer, then the next; or a feed of events.

Source: docs/reference/cmpi-protocol.md.
Errors: SessionEndedError, IncompleteReadError and OSError where the connection is over; FrameError
where what came is no frame.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING, Protocol

from xencim.cimom_glue.cmpi.feeds import FeedSession
from xencim.cimom_glue.cmpi.feeds.feed import Filter
from xencim.cimom_glue.cmpi.frames import (
    HEADER,
    PROTOCOL_VERSION,
    FrameError,
    Kind,
    frame,
    read_header,
    text,
    u32,
)
from xencim.cimom_glue.cmpi.requests import WatchEvents, read_request
from xencim.cimom_glue.logs import request_id
from xencim.providers.core import operations as op
from xencim.providers.core.acting import LANGUAGES
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from xencim.cimom_glue.cmpi.answers import Answers
    from xencim.cimom_glue.cmpi.feeds import Feeds
    from xencim.cimom_glue.cmpi.principals import Principals
    from xencim.cimom_glue.cmpi.requests import Request
    from xencim.providers.core.access import Principal
    from xencim.providers.core.results import Result

log = logging.getLogger(__name__)

LANGUAGE = "en"  # of all our texts
_CONTENT_SECONDS = 10.0  # from a request's header to its last byte: both are on one machine
_LATER_SECONDS = 1.0  # the library gives up first, and knows better what to say
_numbers = itertools.count(1)


class Engine(Protocol):
    """What carries operations out."""

    async def execute(self, operation: op.Operation, principal: Principal) -> Result:
        """Carry an operation out; raise CimError."""


class SessionEndedError(Exception):
    """The connection is over, or must be."""


class Session:
    """A connection; ``idle`` while no call is under way on it."""

    def __init__(
        self,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        engine: Engine,
        answers: Answers,
        principals: Principals,
        feeds: Feeds | None,
    ) -> None:
        self._reader, self._writer = streams
        self._feeds = feeds
        self._engine = engine
        self._answers = answers
        self._principals = principals
        self.idle = True
        self.ending = False

    async def refuse(self, reason: str) -> None:
        """Answer the first call with a refusal: a library reads nothing before it has called."""
        await self._receive()
        await self._error(CimError(Status.ACCESS_DENIED, reason))

    async def converse(self) -> None:
        """Answer calls until the connection ends."""
        while not self.ending:
            kind, content = await self._receive()
            if kind is Kind.SUBSCRIBE:
                self.idle = True  # a feed may be ended whenever it has to be
                if self._feeds is not None:
                    await FeedSession((self._reader, self._writer), self._feeds, self._principals).run(
                        content
                    )
                return
            request_id.set(f"cmpi{next(_numbers):06x}")
            try:
                await self._answer(content)
            except OSError as error:
                raise SessionEndedError from error
            self.idle = True

    async def _receive(self) -> tuple[Kind, bytes]:
        raw = await self._reader.readexactly(HEADER.size)
        self.idle = False
        header = read_header(raw)
        if header.version != PROTOCOL_VERSION or header.kind not in {Kind.REQUEST, Kind.SUBSCRIBE}:
            message = f"the daemon speaks version {PROTOCOL_VERSION} of the protocol, not {header.version}"
            await self._error(CimError(Status.FAILED, message, hint="install both from one release"))
            raise SessionEndedError
        try:
            async with asyncio.timeout(_CONTENT_SECONDS):
                return Kind(header.kind), await self._reader.readexactly(header.length)
        except TimeoutError as error:
            raise FrameError("a request did not come to its end") from error

    async def _answer(self, content: bytes) -> None:
        try:
            request = read_request(content)
        except FrameError as error:
            await self._error(CimError(Status.FAILED, f"the request is malformed: {error}"))
            raise
        name = type(request.operation).__name__
        try:
            async with asyncio.timeout(request.timeout_ms / 1000 + _LATER_SECONDS):
                await self._carry_out(request)
        except TimeoutError as error:
            log.warning("%s took longer than the CIMOM waits", name)
            raise SessionEndedError from error
        except CimError as error:
            await self._error(error)
        except OSError:
            raise
        except Exception:
            log.exception("%s failed", name)
            hint = f"the log has it as request {request_id.get()}"
            await self._error(CimError(Status.FAILED, f"{name}: internal error", hint=hint))

    async def _carry_out(self, request: Request) -> None:
        principal = await self._principals.find(request.principal)
        LANGUAGES.set(request.languages)
        log.debug(
            "%s of %s, who reads %s", type(request.operation).__name__, principal.name, request.languages
        )
        if isinstance(request.operation, WatchEvents):
            await self._watch(request.operation, principal)
            return
        result = await self._engine.execute(request.operation, principal)
        held = b""
        for content in self._answers.contents(result):
            if held:
                self._writer.write(held)
                await self._writer.drain()
                await asyncio.sleep(0)  # while there is room, drain lets nobody else in
            held = frame(Kind.ITEMS, content)
        if not held and isinstance(request.operation, op.GetInstance):
            raise CimError(Status.FAILED, "the instance cannot be told", hint="the server's log says why")
        self._writer.write(held + frame(Kind.DONE))
        await self._writer.drain()

    async def _watch(self, wish: WatchEvents, principal: Principal) -> None:
        if self._feeds is None:
            raise CimError(Status.NOT_SUPPORTED, "this daemon has no events for CIMOMs")
        self._feeds.check(principal, Filter(wish.namespace, wish.class_name))
        if wish.feed is not None:
            await self._feeds.events.open(wish.feed)
        self._writer.write(frame(Kind.DONE))
        await self._writer.drain()

    async def _error(self, error: CimError) -> None:
        content = u32(int(error.status)) + text(error.description) + text(LANGUAGE)
        self._writer.write(frame(Kind.ERROR, content))
        await self._writer.drain()

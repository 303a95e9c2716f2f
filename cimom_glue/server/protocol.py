"""One client's connection: uvicorn's HTTP protocol with deadlines, limits and the peer.

What uvicorn leaves open is closed here: heads and bodies have deadlines and sizes, a client
that reads nothing is cut off, the bytes of pipelined requests wait unparsed, methods that HTTP
does not know (M-POST) get 501, on which WBEM clients fall back to POST.

Source: RFC 9112 (HTTP/1.1); RFC 6585, section 5 (431); DSP0200 1.4, section 7.3 (M-POST).
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from xencim.cimom_glue.server.content import is_content_path
from xencim.cimom_glue.server.cycle import Cycle
from xencim.cimom_glue.server.peer import Peer, subject_user
from xencim.cimom_glue.server.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from uvicorn import Config
    from uvicorn.server import ServerState

    from xencim.cimom_glue.server.settings import Limits

FAREWELL_S = 0.05  # until what was written last is on its way
_PIECE_BYTES = 4096  # parsed at a time: the fewer, the fewer pipelined requests are held as objects


class _Phase(Enum):
    """What the connection waits for."""

    IDLE = auto()  # a request
    HEAD = auto()  # the rest of a head
    BODY = auto()  # the rest of a body
    BUSY = auto()  # our own reply
    LINGER = auto()  # the client to read its refusal
    CLOSING = auto()  # the last bytes to go out


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections have in common."""

    config: Config
    state: ServerState
    limits: Limits
    subject_attribute: str


class Connection(HttpToolsProtocol):
    """A client's connection."""

    def __init__(
        self, shared: Shared, peer: Peer, on_lost: Callable[[], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(shared.config, shared.state, {}, loop)
        self.peer = peer
        self._shared = shared
        self._limits = shared.limits
        self._on_lost = on_lost
        self._phase = _Phase.IDLE
        self._due = math.inf
        self._answered_s = -math.inf
        self._write_due = math.inf
        self._unwritten_bytes = 0
        self._unparsed = bytearray()
        self._deaf = False
        self._running: Cycle | None = None
        self._waiting: deque[Cycle] = deque()
        self._head_bytes = 0
        self._body_bytes = 0
        self._announced_bytes = 0
        self._fruitless_bytes = 0

    # The transport's side

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Take the connection on."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            subject = subject_user(tls.getpeercert(), self._shared.subject_attribute)
            self.peer = replace(self.peer, subject=subject)
        self._wait(_Phase.IDLE, self._limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """End what is under way for a client that has gone."""
        super().connection_lost(exc)
        for cycle in (*self._waiting, *([self._running] if self._running else ())):
            cycle.disconnected = True
            cycle.message_event.set()
        self._waiting.clear()
        self._unparsed.clear()
        # A connection and its request know each other: without this, both would wait for the collector.
        self._running = self.cycle = None  # type: ignore[assignment] # uvicorn asks for it no more
        self._on_lost()

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless a request already waits for the one before it."""
        if self._deaf:
            return
        if len(data) <= _PIECE_BYTES and not self._unparsed and not self._waiting:
            self._parse(data)
        else:
            self._unparsed += data
            self._parse_waiting()

    def pause_writing(self) -> None:
        """Note that the client reads more slowly than we write."""
        super().pause_writing()
        self._write_due = self.loop.time() + self._limits.write_seconds
        self._unwritten_bytes = self.transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        super().resume_writing()
        self._write_due = math.inf

    # The server's side

    def expire(self, now: float) -> None:
        """End what is past its deadline."""
        if now >= self._write_due:
            unwritten = self.transport.get_write_buffer_size()
            if unwritten >= self._unwritten_bytes:
                self.transport.abort()
                return
            self._unwritten_bytes = unwritten
            self._write_due = now + self._limits.write_seconds
        if now >= self._due:
            self._expired()

    def shutdown(self) -> None:
        """Close once the requests that have come are answered."""
        if self._running is None:
            self._deaf = True
            self._close()
            if self._phase is _Phase.CLOSING:
                # TLS waits for the client to say goodbye too, which it need not (RFC 8446, 6.1): one that
                # has had its replies for a while is not waited for.
                left_s = self._answered_s + self._limits.linger_seconds - self.loop.time()
                self.loop.call_later(max(FAREWELL_S, left_s), self.transport.abort)
        else:
            self._last().keep_alive = False
            self._deaf = self._phase is not _Phase.BODY

    def abort(self) -> None:
        """Close now."""
        self.transport.abort()

    # The parser's side

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._head_bytes = self._body_bytes = self._announced_bytes = 0
        self._wait(_Phase.HEAD, self._limits.header_seconds)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; count a trailer and drop it."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > self._limits.header_bytes or len(self.headers) >= self._limits.header_count:
            raise Refused(431, "the request's headers are too many or too large")
        if self._phase is _Phase.BODY:
            return
        name = name.lower()
        if name == b"content-length":
            self._announced_bytes = int(value)
        elif name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Start answering the request, or queue it behind those before it."""
        if self.parser.should_upgrade():
            raise Refused(400, "the connection cannot be upgraded to another protocol")
        version = self.parser.get_http_version()
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = version
        self.scope["path"] = path = _path(self.url)
        is_streamed = is_content_path(path) and self.scope["method"] == "PUT"
        if self._announced_bytes > self._limits.body_bytes and not is_streamed:
            raise self._too_large()
        self.scope["extensions"] = {"xencim.peer": self.peer}  # type: ignore[dict-item] # not an extension's dict
        self.cycle = cycle = Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        cycle.is_streamed = is_streamed
        self._fruitless_bytes = 0
        self._wait(_Phase.BODY, self._limits.body_seconds)
        if self._running is None:
            self._start(cycle)
        else:
            self.flow.pause_reading()
            self._waiting.append(cycle)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._fruitless_bytes = 0
        self._body_bytes += len(body)
        if self.cycle.is_streamed:  # type: ignore[attr-defined] # ours, see on_headers_complete
            self._wait(_Phase.BODY, self._limits.body_seconds)
        elif self._body_bytes > self._limits.body_bytes:
            raise self._too_large()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        super().on_message_complete()
        if self.cycle.response_complete:
            self._wait(_Phase.IDLE, self._limits.keep_alive_seconds)
        else:
            self._wait(_Phase.BUSY, math.inf)

    def on_response_complete(self) -> None:
        """Go on to the next request once a reply is written."""
        done, self._running = self._running, None
        self.server_state.total_requests += 1
        if done is None or self.transport.is_closing():
            return
        if not done.keep_alive:
            self._close()
        elif self._waiting:
            self._start(self._waiting.popleft())
            if self._phase is _Phase.BODY:
                self._wait(_Phase.BODY, self._limits.body_seconds)
            self._schedule_parsing()
        else:
            if self._phase is _Phase.BUSY:
                self._answered_s = self.loop.time()
                self._wait(_Phase.IDLE, self._limits.keep_alive_seconds)
            self._schedule_parsing()

    # Within

    def _wait(self, phase: _Phase, seconds: float) -> None:
        self._phase = phase
        self._due = self.loop.time() + seconds

    def _last(self) -> Cycle:
        return self._waiting[-1] if self._waiting else self._running  # type: ignore[return-value] # asked while running

    def _start(self, cycle: Cycle) -> None:
        self._running = cycle
        task = self.loop.create_task(cycle.run_asgi(self.app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _schedule_parsing(self) -> None:
        if self._unparsed:
            self.loop.call_soon(self._parse_waiting)
        elif not self._waiting:
            self.flow.resume_reading()

    def _parse_waiting(self) -> None:
        while self._unparsed and not self._waiting and not self._deaf:
            piece = bytes(self._unparsed[:_PIECE_BYTES])
            del self._unparsed[:_PIECE_BYTES]
            self._parse(piece)

    def _parse(self, data: bytes) -> None:
        self._fruitless_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserInvalidMethodError:
            self._refuse(Refused(501, "the HTTP method is not known here; use POST"))
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, Refused):
                raise
            self._refuse(error.__context__)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(Refused(400, "the request is not HTTP/1.1"))
        else:
            # What the parser swallows without telling us is a head, or a trailer, without an end.
            if self._phase in (_Phase.IDLE, _Phase.BUSY):
                self._fruitless_bytes = 0
            elif self._fruitless_bytes > self._limits.header_bytes + _PIECE_BYTES:
                self._refuse(Refused(431, "the request's headers are too large"))

    def _too_large(self) -> Refused:
        return Refused(413, f"a request's body has at most {self._limits.body_bytes} bytes here")

    def _refuse(self, refused: Refused) -> None:
        self._deaf = True
        self._unparsed.clear()
        self._due = math.inf
        if self._phase is _Phase.BODY and not self.cycle.response_complete:
            cycle: Cycle = self.cycle  # type: ignore[assignment] # ours, see on_headers_complete
            cycle.refusal = refused
            cycle.keep_alive = False
            cycle.message_event.set()
        elif self._running is not None:
            self._last().keep_alive = False
        else:
            if self._phase is not _Phase.BODY:
                self.transport.write(plain_reply(refused))
            self._close()

    def _close(self) -> None:
        self._waiting.clear()
        self._deaf = True
        if self._phase in (_Phase.HEAD, _Phase.BODY):
            # Closing on unread bytes resets the connection, and the reply may be lost with it.
            self._wait(_Phase.LINGER, self._limits.linger_seconds)
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self._wait(_Phase.CLOSING, self._limits.write_seconds)
            self.transport.close()

    def _expired(self) -> None:
        if self._phase is _Phase.IDLE and not self.transport.get_write_buffer_size():
            self._close()
        elif self._phase is _Phase.HEAD:
            self._refuse(Refused(408, "the request's head did not come in time"))
        elif self._phase is _Phase.BODY and self.flow.read_paused:
            self._due = self.loop.time() + self._limits.body_seconds  # it is we who do not read
        elif self._phase is _Phase.BODY:
            self._refuse(Refused(408, "the request's body did not come in time"))
        else:
            self.transport.abort()


def plain_reply(refused: Refused) -> bytes:
    """Return a whole reply that closes the connection."""
    text = f"{refused.text}\n".encode()
    return (
        STATUS_LINE[refused.status]
        + b"content-type: text/plain; charset=utf-8\r\n"
        + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(text)
        + text
    )


def _path(url: bytes) -> str:
    if url in {b"/cimom", b"/"}:
        return url.decode("ascii")
    try:
        path: bytes | None = httptools.parse_url(url).path
    except httptools.HttpParserInvalidURLError:
        raise Refused(400, "the request's target is not a URL") from None
    return (path or b"").decode("latin-1")

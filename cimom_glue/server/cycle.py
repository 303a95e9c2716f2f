"""One request and its reply on a connection: uvicorn's, with our way of sending.

The head of a reply waits for the first piece of its body and both are one write; a client of
HTTP/1.0 gets no chunks; a client that has gone ends the reply.

Source: RFC 9112, sections 6 and 7 (body length, chunks) and 9.3 (persistence).
Errors: Refused from `receive` when the rest of the body is refused; ClientGone.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from xencim.cimom_glue.server.refused import ClientGone, Refused

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application, ASGIReceiveEvent, ASGISendEvent

NO_CONTENT = 204

_log = logging.getLogger(__name__)


class Cycle(RequestResponseCycle):
    """A request being answered."""

    is_streamed = False
    """Whether the body may be of any length: it is not held in memory, and has a deadline for each piece."""
    refusal: Refused | None = None
    head: bytes = b""

    async def run_asgi(self, app: ASGI3Application) -> None:
        """Have the application answer; a reply that it cannot finish is cut off with its connection."""
        try:
            await app(self.scope, self.receive, self.send)
        except ClientGone:
            _log.debug("the client closed its connection before it had its reply")
        except Exception:  # noqa: BLE001 - nobody waits for this task; its defect goes to the log
            _log.exception("a request could not be answered")
        finally:
            if not self.response_complete:
                self.transport.abort()

    async def receive(self) -> ASGIReceiveEvent:
        """Return the next piece of the body."""
        if self.waiting_for_100_continue:
            self.waiting_for_100_continue = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.more_body:
            self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.refusal:
            raise self.refusal
        if self.disconnected:
            raise ClientGone
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: ASGISendEvent) -> None:
        """Send the reply's head or the next piece of its body."""
        if self.flow.write_paused:
            await self.flow.drain()
        if self.disconnected:
            raise ClientGone
        event: dict[str, Any] = message  # type: ignore[assignment] # one of a union, told by its type
        if event["type"] == "http.response.start":
            self.head = self._head(event["status"], event["headers"])
            return
        body: bytes = event["body"]
        more: bool = event.get("more_body", False)
        if self.scope["method"] == "HEAD":
            body = b""
        pieces = [self.head] if self.head else []
        self.head = b""
        if not self.chunked_encoding:
            pieces.append(body)
        elif body:
            pieces += (b"%x\r\n" % len(body), body, b"\r\n")
        if self.chunked_encoding and not more:
            pieces.append(b"0\r\n\r\n")
        self.transport.writelines(pieces)
        if not more:
            self.response_complete = True
            self.on_response()

    def _head(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        self.response_started = True
        if self.waiting_for_100_continue or (self.is_streamed and self.more_body):
            # The client holds its body back, or goes on with what nobody wants: what follows could be either.
            self.waiting_for_100_continue = False
            self.keep_alive = False
        lines = [STATUS_LINE[status]]
        sized = False
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
            sized = sized or name == b"content-length"
        if not sized and status != NO_CONTENT:
            self.chunked_encoding = self.scope["http_version"] != "1.0"
            if self.chunked_encoding:
                lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        return b"".join(lines)

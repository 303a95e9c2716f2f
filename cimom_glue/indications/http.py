"""The client's side of HTTP, as far as listeners need it: one POST, one reply. No sockets.

Source: RFC 9112; DSP0200 1.4, section 7.
Errors: ValueError for a URL that is none; `BadReply`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httptools

if TYPE_CHECKING:
    from collections.abc import Iterable

# A reply says that the indication was taken, or an error's text.
_MAX_REPLY_BYTES = 256 * 1024
_PORTS = {"http": 80, "https": 443}
_FIRST_FINAL_STATUS = 200


class BadReply(Exception):  # noqa: N818 - named by what it is
    """What came back is no reply of HTTP, or too much of one."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a listener is."""

    scheme: str
    host: str
    port: int
    authority: str
    target: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Take a URL apart."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"{url[:80]!r} is no address of a listener")
        port = parts.port or _PORTS[parts.scheme]
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, parts.hostname, port, parts.netloc, target)


def post(address: Address, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """Return the bytes of a POST."""
    lines = [
        f"POST {address.target} HTTP/1.1",
        f"Host: {address.authority}",
        *(f"{name}: {value}" for name, value in headers),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


class Reply:
    """A reply, from the bytes as they come."""

    def __init__(self) -> None:
        self.complete = False
        self.status = 0
        self.keeps_alive = False
        self._parts: list[bytes] = []
        self._received = 0
        self._parser = httptools.HttpResponseParser(self)

    @property
    def body(self) -> bytes:
        """What has come of the body."""
        return b"".join(self._parts)

    def feed(self, data: bytes) -> None:
        """Take bytes; none is the end of the connection."""
        self._received += len(data)
        if self._received > _MAX_REPLY_BYTES:
            raise BadReply(f"a reply of more than {_MAX_REPLY_BYTES} bytes")
        if not data:
            self._end()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise BadReply(f"no HTTP: {error}") from error

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body (called by the parser)."""
        self._parts.append(data)

    def on_headers_complete(self) -> None:
        """Look at the status (called by the parser)."""
        self.status = self._parser.get_status_code()

    def on_message_complete(self) -> None:
        """Note the end (called by the parser); 100 Continue is not it."""
        if self.status >= _FIRST_FINAL_STATUS:
            self.complete = True
            self.keeps_alive = self._parser.should_keep_alive()

    def _end(self) -> None:
        # A reply without a length ends with its connection.
        if self.status < _FIRST_FINAL_STATUS:
            raise ConnectionResetError("the listener closed the connection without an answer")
        self.complete = True
        self.keeps_alive = False

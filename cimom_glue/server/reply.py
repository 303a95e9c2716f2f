"""A reply on its way out: a line of text, CIM-XML whole or in pieces, or bytes.

Source: DSP0200 1.4, section 7 (HTTP); ASGI 3.0.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from xencim.cimom_glue.wire import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from uvicorn._types import ASGISendCallable

    from xencim.cimom_glue.server.settings import Limits

CIM_HEADERS = (
    (b"content-type", CONTENT_TYPE.encode("ascii")),
    (b"cimoperation", b"MethodResponse"),
)


class Reply:
    """A reply on its way out."""

    def __init__(self, send: ASGISendCallable, limits: Limits) -> None:
        self._send = send
        self._limits = limits
        self.started = False

    async def text(self, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
        """Send a line of text."""
        body = f"{text}\n".encode()
        await self._start(status, [*headers, (b"content-type", b"text/plain; charset=utf-8"), _length(body)])
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def whole(self, body: bytes) -> None:
        """Send a CIM-XML body in one piece."""
        await self._start(200, [*CIM_HEADERS, _length(body)])
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def stream(self, pieces: Iterator[bytes]) -> None:
        """Send a CIM-XML body: in one piece unless it is large, then as fast as the client reads."""
        held: list[bytes] = []
        held_bytes = 0
        held_until = time.perf_counter() + self._limits.slice_seconds
        for piece in pieces:
            held.append(piece)
            held_bytes += len(piece)
            if held_bytes > self._limits.join_bytes or self.started:
                await self._parts(held)
                held, held_bytes = [], 0
            if time.perf_counter() >= held_until:
                await asyncio.sleep(0)
                held_until = time.perf_counter() + self._limits.slice_seconds
        if self.started:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self.whole(held[0] if len(held) == 1 else b"".join(held))

    async def raw(
        self, status: int, headers: list[tuple[bytes, bytes]], pieces: AsyncIterator[bytes] | None = None
    ) -> None:
        """Send bytes as fast as the client reads."""
        await self._start(status, headers)
        if pieces is not None:
            async for piece in pieces:
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _parts(self, pieces: list[bytes]) -> None:
        if not self.started:
            await self._start(200, list(CIM_HEADERS))
        for piece in pieces:
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


def _length(body: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", b"%d" % len(body))

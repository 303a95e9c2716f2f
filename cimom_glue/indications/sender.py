"""Sends indications to one listener, over a connection that is kept while there is something to send.

Source: DSP0200 1.4, sections 5.5 and 7.
Errors: `Undelivered`; ssl.SSLError and OSError from `listener_tls`.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from xencim.cimom_glue.indications.export import EXPORT_HEADERS, Refused, read_reply
from xencim.cimom_glue.indications.http import Address, BadReply, Reply, post

if TYPE_CHECKING:
    from pathlib import Path

CONNECT_S = 10.0
ANSWER_S = 30.0
_OK = 200
_CLIENT_ERRORS = range(400, 500)
_NOT_IMPLEMENTED = 501
_READ_BYTES = 65_536


class Undelivered(Exception):  # noqa: N818 - named by what it is
    """The listener has not taken an indication; ``refused``: it answered so and probably will again."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


def listener_tls(authorities: Path | None, *, verify: bool) -> ssl.SSLContext:
    """Return how listeners' certificates are checked: by these authorities, None: by the system's."""
    context = ssl.create_default_context(cafile=str(authorities) if authorities else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Sender:
    """One listener's connection. Not for several tasks at once."""

    def __init__(self, url: str, tls: ssl.SSLContext) -> None:
        self.url = url
        self._address = Address.of(url)
        self._tls = tls if self._address.scheme == "https" else None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, body: bytes) -> None:
        """Return when the listener has taken the message."""
        was_open = self._streams is not None
        try:
            try:
                reply = await self._exchange(body)
            except ConnectionError:
                if not was_open:
                    raise
                # An idle connection may have been closed by the listener just now.
                reply = await self._exchange(body)
        except TimeoutError as error:
            raise Undelivered("no answer in time") from error
        except (OSError, UnicodeError, BadReply) as error:
            raise Undelivered(str(error)) from error
        if reply.status != _OK:
            refused = reply.status in _CLIENT_ERRORS or reply.status == _NOT_IMPLEMENTED
            raise Undelivered(f"HTTP status {reply.status}", refused=refused)
        try:
            read_reply(reply.body)
        except Refused as error:
            raise Undelivered(str(error), refused=True) from error

    def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, body: bytes) -> Reply:
        done = False
        try:
            reader, writer = await self._connected()
            async with asyncio.timeout(ANSWER_S):
                writer.write(post(self._address, EXPORT_HEADERS, body))
                await writer.drain()
                reply = Reply()
                while not reply.complete:
                    reply.feed(await reader.read(_READ_BYTES))
            done = reply.keeps_alive
        finally:
            if not done:
                self.close()
        return reply

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            async with asyncio.timeout(CONNECT_S):
                self._streams = await asyncio.open_connection(
                    self._address.host, self._address.port, ssl=self._tls
                )
        return self._streams

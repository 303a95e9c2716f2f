"""Xenstore by the socket of its daemon: many questions at once, and watches.

Belongs to the event loop. Source: Xen's docs/misc/xenstore.txt and xen/include/public/io/xs_wire.h.
Errors: BackendError: absent (no daemon here), refused, lost.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SOCKETS = ("/run/xenstored/socket", "/var/run/xenstored/socket")
LARGEST = 4096
"""A payload's limit in bytes: the wire's XENSTORE_PAYLOAD_MAX."""
_HEADER = struct.Struct("=IIII")  # type, request, transaction, length
_DIRECTORY, _READ, _WATCH, _UNWATCH, _WATCH_EVENT, _ERROR = 1, 2, 4, 5, 15, 16
_ABSENT = b"ENOENT"
_TOKEN = "xencim"  # noqa: S105 - a watch's name, which comes back with its events
_SENT_AT_ONCE = 64
"""Questions on their way: the daemon reads none while nobody takes its answers."""


class Xenstore:
    """A connection. ``changed`` is called with the path of each event, ``ended`` when the daemon is gone."""

    def __init__(self, changed: Callable[[str], None], ended: Callable[[], None]) -> None:
        self.requests = 0
        self._changed = changed
        self._ended = ended
        self._answers: dict[int, asyncio.Future[bytes | None]] = {}
        self._gate = asyncio.Semaphore(_SENT_AT_ONCE)
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None

    async def connect(self, sockets: Iterable[str] = SOCKETS) -> None:
        """Find the daemon and listen to it."""
        refused: OSError | None = None
        for socket in sockets:
            try:
                reader, self._writer = await asyncio.open_unix_connection(socket)
            except FileNotFoundError:
                continue
            except OSError as error:
                refused = error
                continue
            self._listening = asyncio.create_task(self._listen(reader), name="xenstore")
            return
        if refused is not None:
            hint = "its socket is root's: run the server as root, or give its account the right"
            raise BackendError("refused", f"xenstore does not let us in: {refused}", hint=hint)
        raise BackendError("absent", "no xenstore daemon listens here")

    async def close(self) -> None:
        """Let go of the daemon; its watches end with the connection."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    async def read(self, path: str) -> str | None:
        """Return what a node holds, None where there is none."""
        answer = await self._ask(_READ, path)
        return None if answer is None else answer.decode(errors="replace")

    async def directory(self, path: str) -> tuple[str, ...]:
        """Return the names under a node; none where there is no node."""
        answer = await self._ask(_DIRECTORY, path)
        return tuple(name for name in (answer or b"").decode(errors="replace").split("\0") if name)

    async def values(self, paths: Iterable[str]) -> dict[str, str]:
        """Return what nodes hold by the ends of their paths, without those that are not there."""
        asked = tuple(paths)
        found = await asyncio.gather(*map(self.read, asked))
        return {
            path.rpartition("/")[2]: value
            for path, value in zip(asked, found, strict=True)
            if value is not None
        }

    async def watch(self, path: str) -> None:
        """Have changes at a node and under it told; one is told at once."""
        await self._ask(_WATCH, path, _TOKEN)

    async def unwatch(self, path: str) -> None:
        """No longer have them told."""
        await self._ask(_UNWATCH, path, _TOKEN)

    async def _ask(self, kind: int, *words: str) -> bytes | None:
        payload = b"".join(word.encode() + b"\0" for word in words)
        if len(payload) > LARGEST:
            raise BackendError("invalid", f"no path of xenstore is that long: {words[0][:80]}…")
        async with self._gate:
            if self._writer is None or self._listening is None or self._listening.done():
                raise BackendError("lost", "xenstore's daemon is gone")
            self.requests += 1
            number = self.requests & 0xFFFFFFFF
            answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
            self._answers[number] = answer
            try:
                self._writer.write(_HEADER.pack(kind, number, 0, len(payload)) + payload)
                await self._writer.drain()
                return await answer
            except OSError as error:
                raise BackendError("lost", f"xenstore's daemon is gone: {error}") from error
            finally:
                self._answers.pop(number, None)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                kind, number, _, length = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                self._heard(kind, number, await reader.readexactly(length))
        except (OSError, EOFError):
            self._ended()
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(BackendError("lost", "xenstore's daemon is gone"))

    def _heard(self, kind: int, number: int, payload: bytes) -> None:
        if kind == _WATCH_EVENT:
            self._changed(payload.split(b"\0")[0].decode(errors="replace"))
            return
        answer = self._answers.get(number)
        if answer is None or answer.done():
            return
        error = payload.rstrip(b"\0")
        if kind != _ERROR:
            answer.set_result(payload)
        elif error == _ABSENT:
            answer.set_result(None)
        else:
            answer.set_exception(BackendError("failed", f"xenstore says {error.decode(errors='replace')}"))

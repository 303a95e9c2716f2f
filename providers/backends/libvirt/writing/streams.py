"""Content of volumes by libvirt's streams: read, written and copied a piece at a time.

Belongs to the event loop; each call runs on a worker, and the next one comes only when its bytes were
taken. Content is read by one stream after the other, so that little waits in memory. A stream that is left
by an error or a cancellation is aborted: what was written stays.

Source: libvirt's API reference, virStorageVolUpload, virStorageVolDownload, virStreamRecvFlags,
virStreamSendHole.
Errors: BackendError of every kind.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.writing.storage_actions import find_volume

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator

    from libvirt import virStream

    from xencim.providers.backends.base import Told
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers
    from xencim.providers.backends.records import Volume

T = TypeVar("T")

PIECE_BYTES = 256 * 1024
"""About what libvirt puts into one message."""
STREAM_TIMEOUT_S = 60.0
"""How long one piece may take."""
STREAMS_AT_A_TIME = 8
"""How many pieces are on their way at once, of whatever streams."""
FINISH_S = 600.0
"""How long it may take until all that was written is on the disk."""
WINDOW_BYTES = 32 * 1024**2
"""What one stream reads. The daemon sends a whole stream as fast as it can, whether or not somebody takes it
from libvirt's memory here: this is what a slow client can make it hold."""
_AT_HOLE = -3
_ZEROS = bytes(PIECE_BYTES)


class Streams:
    """Opens the streams of one session."""

    def __init__(self, session: Session, workers: Workers) -> None:
        self._session = session
        self._workers = workers

    @asynccontextmanager
    async def download(
        self, volume: Volume, offset: int, length: int, *, sparse: bool = False
    ) -> AsyncIterator[Stream]:
        """Open a part of a volume to be read; ``sparse`` tells holes as such."""
        flags = self._session.libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM if sparse else 0

        def begin(stream: virStream) -> None:
            found = find_volume(self._session, volume.pool, volume.name)
            self._session.call(found.download, stream, offset, length, flags)

        async with self._opened(volume, begin) as stream:
            yield stream

    @asynccontextmanager
    async def upload(self, volume: Volume, offset: int, *, sparse: bool = False) -> AsyncIterator[Stream]:
        """Open a volume to be written from an offset on."""
        flags = self._session.libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM if sparse else 0

        def begin(stream: virStream) -> None:
            found = find_volume(self._session, volume.pool, volume.name)
            self._session.call(found.upload, stream, offset, 0, flags)

        async with self._opened(volume, begin) as stream:
            yield stream

    @asynccontextmanager
    async def _opened(self, volume: Volume, begin: Callable[[virStream], None]) -> AsyncIterator[Stream]:
        stream = Stream(self._session, self._workers, f"the content of volume {volume.key}")
        try:
            await stream.begin(begin)
            yield stream
            await stream.finish()
        except BaseException:
            await stream.abort()
            raise


class Stream:
    """A stream that is read or written."""

    _stream: virStream | None = None

    def __init__(self, session: Session, workers: Workers, what: str) -> None:
        self._session = session
        self._workers = workers
        self._what = what

    async def begin(self, begin: Callable[[virStream], None]) -> None:
        """Open the stream."""

        def opened() -> None:
            self._stream = self._session.call(self._session.connection.newStream, 0)
            begin(self._stream)

        await self._run(opened)

    async def finish(self) -> None:
        """Have everything that was written reach its disk."""
        await self._run(partial(self._call, "finish"), FINISH_S)

    async def abort(self) -> None:
        """Give up what is under way, if anything is: it may have ended by an error of its own."""
        if self._stream is not None:
            with suppress(BackendError):
                await self._run(partial(self._call, "abort"))

    def _call(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - what libvirt returns
        return self._session.call(getattr(self._stream, name), *arguments)

    async def _run(self, function: Callable[[], T], deadline_s: float | None = None) -> T:
        """Call a function on a worker; cancelled, wait for it: a stream takes one call at a time."""
        task = asyncio.ensure_future(self._workers.run(self._what, function, deadline_s=deadline_s))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            task.exception()  # nobody asks for it any more
            raise

    async def read(self) -> bytes:
        """Return the next piece, empty at the end."""
        piece = await self._run(partial(self._call, "recv", PIECE_BYTES))
        if not isinstance(piece, bytes):
            raise BackendError("failed", f"{self._what} cannot be read: libvirt answers {piece}")
        return piece

    async def read_or_skip(self) -> bytes | int:
        """Return the next piece, or how many bytes of nothing come next."""
        at_hole = self._session.libvirt.VIR_STREAM_RECV_STOP_AT_HOLE

        def receive() -> bytes | int:
            piece: bytes | int = self._call("recvFlags", PIECE_BYTES, at_hole)
            return int(self._call("recvHole")) if piece == _AT_HOLE else piece

        return await self._run(receive)

    async def write(self, piece: bytes) -> None:
        """Write a piece."""

        def send() -> None:
            left = memoryview(piece)
            while left:
                left = left[self._call("send", bytes(left[:PIECE_BYTES])) :]

        await self._run(send)

    async def skip(self, length: int) -> None:
        """Leave a hole."""
        await self._run(partial(self._call, "sendHole", length))


def windows(offset: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield offset and length of the streams by which a part is read."""
    end = offset + length
    return ((start, min(WINDOW_BYTES, end - start)) for start in range(offset, end, WINDOW_BYTES))


async def pieces_of(
    streams: Streams, volume: Volume, offset: int, length: int
) -> AsyncGenerator[bytes, None]:
    """Yield a part of a volume's content."""
    for start, size in windows(offset, length):
        async with streams.download(volume, start, size) as stream:
            while piece := await stream.read():
                yield piece


async def write_pieces(
    streams: Streams, volume: Volume, offset: int, pieces: AsyncIterator[bytes], told: Told
) -> None:
    """Write pieces as they come."""
    done = 0
    async with streams.upload(volume, offset) as stream:
        told(done)
        async for piece in pieces:
            await stream.write(piece)
            done += len(piece)
            told(done)


async def copy(streams: Streams, source: Volume, target: Volume, told: Told) -> None:
    """Copy all content of a volume into another one, whose own has to be as large and zero."""
    done = 0
    async with streams.upload(target, 0, sparse=True) as writing:
        told(done)
        for start, size in windows(0, source.content_bytes):
            async with streams.download(source, start, size, sparse=True) as reading:
                while piece := await reading.read_or_skip():
                    if isinstance(piece, int):
                        await writing.skip(piece)
                        done += piece
                    else:
                        await writing.write(piece)
                        done += len(piece)
                    told(done)


async def zeros(length: int) -> AsyncGenerator[bytes, None]:
    """Yield zeros."""
    for start in range(0, length, PIECE_BYTES):
        yield _ZEROS[: min(PIECE_BYTES, length - start)]

"""A load generator over bare sockets: whole replies are read and nothing of them is parsed.

What it costs itself (about 15 µs a request, and the copying of large replies) is in every figure
alike, in those of the references too.
"""

from __future__ import annotations

import re
import selectors
import socket
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Address: TypeAlias = tuple[str, int]

_LAST_CHUNK = b"\r\n0\r\n\r\n"
_TAIL_BYTES = 512  # holds the parameters that follow a page of a pulled enumeration
_TIMEOUT_S = 120
_CONTEXT = re.compile(rb'NAME="EnumerationContext"[^>]*><VALUE>([^<]+)</VALUE>')


class Script(Protocol):
    """The requests that make up one unit of work, each known once the reply before it is there."""

    def first(self) -> bytes:
        """Return the first request."""
        ...

    def following(self, tail: bytes) -> bytes | None:
        """Return the next request, given the end of the last reply; None: the work is done."""
        ...


@dataclass(slots=True)
class Replay:
    """Given requests, one after the other."""

    requests: Sequence[bytes]
    _sent: int = 0

    def first(self) -> bytes:
        """Return the first request."""
        self._sent = 1
        return self.requests[0]

    def following(self, _tail: bytes) -> bytes | None:
        """Return the next request."""
        if self._sent == len(self.requests):
            return None
        self._sent += 1
        return self.requests[self._sent - 1]


@dataclass(frozen=True, slots=True)
class Pulls:
    """An Open operation, and pulls until the end."""

    opening: bytes
    pull: Callable[[str], bytes]

    def first(self) -> bytes:
        """Return the Open request."""
        return self.opening

    def following(self, tail: bytes) -> bytes | None:
        """Return the request for the next page."""
        context = _CONTEXT.search(tail)
        return self.pull(context[1].decode()) if context else None


@dataclass(slots=True)
class _Reply:
    """How far one reply has been read."""

    head: bytearray = field(default_factory=bytearray)
    received: int = 0
    expected: int | None = None  # None: not known yet, or chunked
    tail: bytes = b""
    in_body: bool = False

    def feed(self, data: memoryview) -> bool:
        """Take what arrived; True when the reply is whole."""
        if self.in_body:
            self._take(data)
        else:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return False
            self.in_body = True
            self._read_head(bytes(self.head[:end]).lower())
            self._take(memoryview(self.head)[end + 4 :])
        if self.expected is not None:
            return self.received == self.expected
        return self.tail.endswith(_LAST_CHUNK)

    def _take(self, data: memoryview) -> None:
        self.received += len(data)
        if len(data) < _TAIL_BYTES:
            self.tail = (self.tail + bytes(data))[-_TAIL_BYTES:]
        else:
            self.tail = bytes(data[-_TAIL_BYTES:])

    def _read_head(self, head: bytes) -> None:
        if head.split(b" ", 2)[1] != b"200":
            raise RuntimeError(f"the server answered {head.decode(errors='replace')}")
        for line in head.split(b"\r\n"):
            if line.startswith(b"content-length:"):
                self.expected = int(line.partition(b":")[2])


class Connection:
    """One keep-alive connection that goes through a script again and again."""

    def __init__(self, address: Address, script: Script) -> None:
        self.socket = socket.create_connection(address, timeout=_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began_s = 0.0
        self.received_bytes = 0
        self._script = script
        self._reply = _Reply()
        self._buffer = memoryview(bytearray(1 << 20))

    def begin(self) -> None:
        """Send the first request."""
        self.began_s = time.perf_counter()
        self._send(self._script.first())

    def receive(self) -> bool:
        """Read what is there and go on; True when all replies are in."""
        count = self.socket.recv_into(self._buffer)
        self.received_bytes += count
        if not count:
            raise ConnectionError("the server closed the connection")
        if not self._reply.feed(self._buffer[:count]):
            return False
        request = self._script.following(self._reply.tail)
        if request is None:
            return True
        self._send(request)
        return False

    def run(self) -> float:
        """Go through the script once and return the seconds it took."""
        self.begin()
        while not self.receive():
            pass
        return time.perf_counter() - self.began_s

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def _send(self, request: bytes) -> None:
        self._reply = _Reply()
        self.socket.sendall(request)


@dataclass(frozen=True, slots=True)
class Figure:
    """Times of single units of work, and how many were done a second."""

    median_ms: float
    low_ms: float  # 10th percentile
    high_ms: float  # 90th percentile
    per_second: float
    count: int


@dataclass(slots=True)
class Sample:
    """What was measured so far."""

    times_s: list[float] = field(default_factory=list)
    busy_s: float = 0.0

    def figure(self) -> Figure:
        """Sum up."""
        ordered = sorted(self.times_s)
        last = len(ordered) - 1
        return Figure(
            statistics.median(ordered) * 1000,
            ordered[last // 10] * 1000,
            ordered[last * 9 // 10] * 1000,
            len(ordered) / self.busy_s,
            len(ordered),
        )


def load(
    sample: Sample, address: Address, script: Callable[[], Script], *, connections: int, seconds: float
) -> None:
    """Go through a script over some connections for some time."""
    opened = [Connection(address, script()) for _ in range(connections)]
    try:
        with selectors.DefaultSelector() as selector:
            for connection in opened:
                connection.run()  # the first request pays for authentication
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            start = time.perf_counter()
            for connection in opened:
                connection.begin()
            _drive(sample, selector, start + seconds)
            sample.busy_s += time.perf_counter() - start
    finally:
        for connection in opened:
            connection.close()


def _drive(sample: Sample, selector: selectors.BaseSelector, until_s: float) -> None:
    while selector.get_map():
        for key, _ in selector.select():
            connection: Connection = key.data
            if not connection.receive():
                continue
            now = time.perf_counter()
            sample.times_s.append(now - connection.began_s)
            if now < until_s:
                connection.begin()
            else:
                selector.unregister(connection.socket)


def body_of(address: Address, request: bytes) -> bytes:
    """Return the body of one reply, its chunks joined."""
    with socket.create_connection(address, timeout=_TIMEOUT_S) as connection:
        connection.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        data = bytearray()
        while part := connection.recv(1 << 20):
            data += part
    head, _, rest = bytes(data).partition(b"\r\n\r\n")
    return _joined(rest) if b"chunked" in head.lower() else rest


def _joined(chunks: bytes) -> bytes:
    body = bytearray()
    at = 0
    while True:
        end = chunks.index(b"\r\n", at)
        length = int(chunks[at:end], 16)
        if not length:
            return bytes(body)
        body += chunks[end + 2 : end + 2 + length]
        at = end + length + 4

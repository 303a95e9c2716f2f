"""The listening sockets, and which of the connections that come are let in.

Connections are counted from the moment they are accepted, so a TLS handshake that never ends
counts as well.

Source: accept(2), unix(7), ipv6(7).
Errors: OSError names the address that cannot be listened on.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xencim.cimom_glue.server.auth.ratelimit import FailureLimiter
from xencim.cimom_glue.server.peer import Peer, Transport, peer_of
from xencim.cimom_glue.server.protocol import plain_reply
from xencim.cimom_glue.server.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xencim.cimom_glue.server.settings import Address, Limits

_log = logging.getLogger(__name__)

_BACKLOG = 512
_ACCEPTED_AT_ONCE = 64
_SAID_SECONDS = 60.0
_PAUSE_SECONDS = 0.5  # when descriptors or memory have run out
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket."""

    socket: socket.socket
    transport: Transport
    url: str


class Doorman:
    """Counts the connections of each address and of all."""

    def __init__(self, limits: Limits, on_empty: Callable[[], None]) -> None:
        self._limits = limits
        self.on_empty = on_empty
        self._said = FailureLimiter(1, _SAID_SECONDS)  # a flood of connections is none of log lines
        self._counts: Counter[str] = Counter()
        self.total = 0

    def enter(self, peer: Peer) -> Place | None:
        """Count a connection in, if there is room for it."""
        own = self._counts[peer.bucket]
        if self.total >= self._limits.connections or own >= self._limits.connections_per_address:
            if not self._said.wait_seconds(peer.bucket):
                self._said.take(peer.bucket)
                _log.warning("%s is refused: it has %d of %d connections", peer.address, own, self.total)
            return None
        self._counts[peer.bucket] += 1
        self.total += 1
        return Place(self, peer.bucket)

    def leave(self, bucket: str) -> None:
        """Count a connection out."""
        self._counts[bucket] -= 1
        if not self._counts[bucket]:
            del self._counts[bucket]
        self.total -= 1
        if not self.total:
            self.on_empty()


class Place:
    """A connection's place among those that are counted; left once, however often it is said."""

    def __init__(self, doorman: Doorman, bucket: str) -> None:
        self._doorman: Doorman | None = doorman
        self._bucket = bucket

    def leave(self) -> None:
        """Give the place up."""
        doorman, self._doorman = self._doorman, None
        if doorman is not None:
            doorman.leave(self._bucket)


class Gate:
    """Accepts the connections of listeners and hands on those that are let in."""

    def __init__(
        self,
        listeners: list[Listener],
        doorman: Doorman,
        connect: Callable[[socket.socket, Transport, Peer, Place], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listeners = listeners
        self._doorman = doorman
        self._connect = connect
        self._pauses: dict[Listener, asyncio.TimerHandle] = {}
        for listener in listeners:
            self._open(listener)

    def close(self) -> None:
        """Listen no more."""
        for pause in self._pauses.values():
            pause.cancel()
        for listener in self._listeners:
            self._loop.remove_reader(listener.socket)
            listener.socket.close()

    def _open(self, listener: Listener) -> None:
        self._pauses.pop(listener, None)
        self._loop.add_reader(listener.socket, self._accept, listener)

    def _accept(self, listener: Listener) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                connection, _address = listener.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _NO_ROOM:
                    _log.error("no connection can be accepted: %s", error)
                    self._loop.remove_reader(listener.socket)
                    self._pauses[listener] = self._loop.call_later(_PAUSE_SECONDS, self._open, listener)
                return
            self._admit(connection, listener)

    def _admit(self, connection: socket.socket, listener: Listener) -> None:
        connection.setblocking(False)
        try:
            peer = peer_of(connection, listener.transport)
            if listener.transport is not Transport.UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            place = self._doorman.enter(peer)
            if place is not None:
                self._connect(connection, listener.transport, peer, place)
                return
            if listener.transport is not Transport.HTTPS:
                connection.send(plain_reply(Refused(503, "there are too many connections")))
        except OSError as error:
            _log.debug("a client was gone at once: %s", error)
        connection.close()


def listen(address: Address, transport: Transport) -> list[Listener]:
    """Listen on a host's addresses; on those of IPv6 only where the machine has it."""
    host, port = address
    listeners: list[Listener] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, where in dict.fromkeys((entry[0], entry[4]) for entry in found):
            try:
                listeners.append(_listen_on(family, where, transport))
            except OSError as error:
                if family != socket.AF_INET6 or error.errno not in _NO_IPV6:
                    raise
                _log.warning("%s: this machine has no IPv6", _url(transport, str(where[0]), port))
    except OSError as error:
        close_all(listeners)
        raise OSError(
            error.errno, f"cannot listen on {_url(transport, host, port)}: {error.strerror}"
        ) from error
    return listeners


def listen_unix(path: Path) -> Listener:
    """Listen on a Unix socket; who may use it is told by its peers' credentials."""
    _remove_stale(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        bound.bind(str(path))
        path.chmod(0o666)
        bound.listen(_BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise OSError(
            error.errno, f"cannot listen on the Unix socket {path}: {error.strerror or error}"
        ) from error
    return Listener(bound, Transport.UNIX, f"unix:{path}")


def close_all(listeners: list[Listener]) -> None:
    """Close listening sockets."""
    for listener in listeners:
        listener.socket.close()


def _listen_on(family: int, where: tuple[object, ...], transport: Transport) -> Listener:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(where)
        bound.listen(_BACKLOG)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    host, port = bound.getsockname()[:2]
    return Listener(bound, transport, _url(transport, host, port))


def _url(transport: Transport, host: str, port: int) -> str:
    return f"{transport.value}://{f'[{host}]' if ':' in host else host}:{port}"


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens on, left by a server that was killed."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()

"""libvirt as one server talks to it: every call goes through `Session.call`, counted and its errors mapped.

Made and used on worker threads only. A daemon works on a few calls of one connection at a time
(max_client_requests, 5 unless its administrator says otherwise) and lets all others wait: calls that may
take long are made `apart`, over connections of their own.

Source: libvirt's API reference, virConnectOpen, virConnectSetKeepAlive,
virConnectRegisterCloseCallback.
Errors: BackendError of every kind.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls import binding
from xencim.providers.backends.libvirt.calls.errors import backend_error, connect_error, is_missing
from xencim.providers.backends.libvirt.calls.uris import driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from libvirt import virConnect

T = TypeVar("T")

KEEPALIVE_S = 5
KEEPALIVE_COUNT = 3
"""A daemon that is silent for KEEPALIVE_S * (KEEPALIVE_COUNT + 1) seconds is taken for dead."""


class CallCounter:
    """How often each libvirt function was called; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, name: str) -> None:
        """Count a call."""
        with self._lock:
            self._counts[name] += 1

    def read(self) -> dict[str, int]:
        """Return the counts so far."""
        with self._lock:
            return dict(self._counts)


class Session:
    """An open connection."""

    def __init__(self, uri: str, counter: CallCounter) -> None:
        self.libvirt = binding.load()
        self.uri = uri
        self._counter = counter
        self._missing: set[str] = set()
        self._undo: list[Callable[[], object]] = []
        self._main = self._open()
        self._own = threading.local()
        self._spare: list[virConnect] = []
        self._is_closed = False

    @property
    def connection(self) -> virConnect:
        """The connection that this thread's calls are made over."""
        own: virConnect | None = getattr(self._own, "connection", None)
        return own or self._main

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """Make this thread's calls over a connection that nobody else uses meanwhile.

        The test driver counts no calls, and its machines may be one connection's only.
        """
        if driver(self.uri) == "test" or hasattr(self._own, "connection"):
            yield
            return
        try:
            own = self._spare.pop()
        except IndexError:
            own = self._open()
        self._own.connection = own
        try:
            yield
        finally:
            del self._own.connection
            self._spare.append(own)
            if self._is_closed:
                self._close_spares()

    def _open(self) -> virConnect:
        self._counter.add("open")
        try:
            return self.libvirt.open(self.uri)
        except self.libvirt.libvirtError as error:
            raise connect_error(self.uri, error) from error

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        """Call a method of the connection or of one of its objects."""
        self._counter.add(function.__name__)
        try:
            return function(*arguments)
        except self.libvirt.libvirtError as error:
            if is_missing(error):
                self._missing.add(function.__name__)
            raise backend_error(error) from error

    def offered(self, function: Callable[..., T], *arguments: object) -> T | None:
        """Call a method that some drivers do not have; None where this one has not."""
        if function.__name__ in self._missing:
            return None
        try:
            return self.call(function, *arguments)
        except BackendError as error:
            if error.kind != "unsupported":
                raise
            return None

    def at_close(self, function: Callable[..., object], *arguments: object) -> None:
        """Have a call made before the connection is closed."""
        self._undo.append(lambda: self.call(function, *arguments))

    def watch(self, closed: Callable[[], None]) -> None:
        """Have ``closed`` called, on libvirt's event thread, when the connection breaks."""
        connection = self.connection
        if self.offered(connection.registerCloseCallback, lambda *_event: closed(), None) is not None:
            self.at_close(connection.unregisterCloseCallback)
        self.offered(connection.setKeepAlive, KEEPALIVE_S, KEEPALIVE_COUNT)

    def is_alive(self) -> bool:
        """Tell whether the daemon can still be talked to, without asking it."""
        return bool(self.call(self.connection.isAlive))

    def close(self) -> None:
        """Close all connections, broken or not; one that is in use when its call has come back."""
        self.at_close(self.connection.close)
        for undo in self._undo:
            with contextlib.suppress(BackendError):
                undo()
        self._is_closed = True
        self._close_spares()

    def _close_spares(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                spare = self._spare.pop()
                with contextlib.suppress(BackendError):
                    self.call(spare.close)

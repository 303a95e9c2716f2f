"""Listeners for indications: pywbem's own in this process, and ones that misbehave."""

from __future__ import annotations

import queue
import socket
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pywbem import WBEMListener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pywbem import CIMInstance

WITHIN_S = 30


class Received:
    """What a listener was told, in order."""

    def __init__(self, port: int, scheme: str = "http") -> None:
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.port = port
        self._queue: queue.Queue[CIMInstance] = queue.Queue()

    def put(self, indication: CIMInstance, _host: str) -> None:
        self._queue.put(indication)

    def next(self) -> CIMInstance:
        return self._queue.get(timeout=WITHIN_S)

    def take(self, count: int) -> list[CIMInstance]:
        return [self.next() for _ in range(count)]

    @property
    def is_empty(self) -> bool:
        return self._queue.empty()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def listening(
    port: int | None = None, *, certificate: str | None = None, key: str | None = None
) -> Iterator[Received]:
    """Run pywbem's listener, with HTTPS where there is a certificate."""
    received = Received(port or free_port(), "https" if certificate else "http")
    listener = WBEMListener(
        "127.0.0.1",
        http_port=None if certificate else received.port,
        https_port=received.port if certificate else None,
        certfile=certificate,
        keyfile=key,
    )
    listener.add_callback(received.put)
    with warnings.catch_warnings():
        # pywbem still asks for PROTOCOL_TLS.
        warnings.simplefilter("ignore", DeprecationWarning)
        listener.start()
    try:
        yield received
    finally:
        listener.stop()

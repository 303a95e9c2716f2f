"""libvirt's Python binding, imported when first needed, and its event loop on a thread.

libvirt's events come from a loop that must be registered before the first connection is opened
and can be registered only once in a process. `events` is that loop: a thread runs it while any
backend holds it. libvirt's asyncio adapter is not used: it loses events when calls come from
other threads.

Source: libvirt's API reference, virEventRegisterDefaultImpl, virSetErrorFunc.
Errors: BackendError (failed) when the binding is not installed.
"""

from __future__ import annotations

import importlib
import logging
import threading
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from types import ModuleType

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 5.0


def load() -> ModuleType:
    """Return the module `libvirt`."""
    try:
        return importlib.import_module("libvirt")
    except ImportError as error:
        raise BackendError(
            "failed",
            f"libvirt's Python binding is not installed: {error}",
            hint="on Debian: apt install python3-libvirt (with a virtual environment made with "
            "--system-site-packages); elsewhere: libvirt's headers (libvirt-dev) and a C compiler, "
            "then pip install 'xencim[libvirt]'",
        ) from error


class EventThread:
    """libvirt's default event loop; runs on a daemon thread while somebody holds it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._registered = False
        self._holders = 0
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def acquire(self) -> None:
        """Hold the loop; the first holder starts it."""
        with self._lock:
            libvirt = load()
            if not self._registered:
                libvirt.registerErrorHandler(_log_error, None)
                libvirt.virEventRegisterDefaultImpl()
                self._registered = True
            self._holders += 1
            if self._thread is None:
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=_run, args=(libvirt, self._stop), name="libvirt-events", daemon=True
                )
                self._thread.start()

    def release(self) -> None:
        """Let go of the loop; after the last holder its thread ends."""
        with self._lock:
            self._holders -= 1
            if self._holders:
                return
            thread, self._thread = self._thread, None
            if thread is not None:
                _end(load(), thread, self._stop)


events = EventThread()


def _run(libvirt: ModuleType, stop: threading.Event) -> None:
    while not stop.is_set():
        libvirt.virEventRunDefaultImpl()


def _end(libvirt: ModuleType, thread: threading.Thread, stop: threading.Event) -> None:
    stop.set()
    timer = libvirt.virEventAddTimeout(0, lambda _timer, _opaque: None, None)  # wakes the loop
    thread.join(STOP_TIMEOUT_S)
    libvirt.virEventRemoveTimeout(timer)
    if thread.is_alive():
        log.warning("libvirt's event thread did not end within %g s", STOP_TIMEOUT_S)


def _log_error(_context: object, error: tuple[int, int, str, int, str, str, str, int, int]) -> None:
    """Log what libvirt would print on standard error; the exception tells the caller."""
    log.debug("libvirt: %s", error[2])

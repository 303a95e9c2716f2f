"""One read at a time of each thing; whatever announces itself meanwhile makes one more.

Belongs to the event loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, KeysView

    from xencim.providers.backends.libvirt.calls.events import Kind

Key: TypeAlias = "tuple[Kind, str]"


class Rereads:
    """Coalesces the events of many things into reads."""

    def __init__(self, read: Callable[[Kind, str], Awaitable[None]]) -> None:
        self._read = read
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._marked: set[Key] = set()

    @property
    def under_way(self) -> KeysView[Key]:
        """What is being read now."""
        return self._tasks.keys()

    def mark(self, kind: Kind, key: str) -> asyncio.Task[None]:
        """Have a thing read; the task is done when a read that began after this call is."""
        self._marked.add((kind, key))
        if (kind, key) not in self._tasks:
            task = asyncio.create_task(self._run((kind, key)), name=f"read {kind.__name__} {key}")
            self._tasks[kind, key] = task
        return self._tasks[kind, key]

    async def settle(self) -> None:
        """Return when the reads that are under way are done."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks.values()))

    async def stop(self) -> None:
        """End all reads."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: Key) -> None:
        try:
            while key in self._marked:
                self._marked.discard(key)
                await self._read(*key)
        finally:
            del self._tasks[key]

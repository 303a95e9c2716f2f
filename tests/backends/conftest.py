"""Backends that are stopped again, a wait for what an inventory comes to show, captures."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest

from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.libvirt import LibvirtBackend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from xencim.providers.backends.inventory import View


@pytest.fixture(scope="session")
def xen_captures(shared_dir: Path) -> Path:
    """What libvirt said on a real Xen host."""
    return shared_dir / "xen" / "captures" / "libvirt"


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Wait until an inventory shows something, woken by its changes."""

    async def wait(inventory: Inventory, shows: Callable[[View], object], timeout_s: float = 5) -> None:
        changed = asyncio.Event()
        unsubscribe = inventory.subscribe(lambda _old, _new: changed.set())
        try:
            async with asyncio.timeout(timeout_s):
                while not shows(inventory.view):
                    changed.clear()
                    await changed.wait()
        finally:
            unsubscribe()

    return wait


@pytest.fixture
async def backends() -> AsyncIterator[Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]]:
    """Start backends; they are stopped at the end, and must leave no thread."""
    # What an earlier test's error still refers to keeps libvirt's test host as that test left it.
    gc.collect()
    started = []

    async def start(uri: str, **options: Any) -> tuple[LibvirtBackend, Inventory]:  # noqa: ANN401 - as they come
        backend, inventory = LibvirtBackend(uri, **options), Inventory()
        await backend.start(inventory)
        started.append(backend)
        return backend, inventory

    yield start
    for backend in started:
        await backend.stop()
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("libvirt")]
    assert left == []

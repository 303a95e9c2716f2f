"""A private libvirtd for tests, and a wait for what an inventory comes to show."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.libvirt import LibvirtBackend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

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


@dataclass(frozen=True)
class Libvirtd:
    """A system libvirtd in namespaces of its own."""

    tools: Path
    base: Path

    @property
    def uri(self) -> str:
        return f"qemu+unix:///system?socket={self.base}/libvirt-sock"

    def start(self, *, keep: bool = False) -> None:
        environment = {**os.environ, "LV_KEEP": "1" if keep else "0"}
        script = self.tools / "libvirtd-start"
        subprocess.run([script, self.base], check=True, env=environment, capture_output=True)

    def stop(self) -> None:
        subprocess.run([self.tools / "libvirtd-stop", self.base], check=True, capture_output=True)

    def kill(self) -> None:
        """End the daemon as a crash does; its guests live on."""
        os.kill(int((self.base / "libvirtd.pid").read_text()), 9)

    def virsh(self, *words: str) -> str:
        done = subprocess.run(
            ["virsh", "-q", "-c", self.uri, *words], check=True, capture_output=True, text=True
        )
        return done.stdout


@pytest.fixture(scope="module")
def libvirtd(shared_dir: Path) -> Iterator[Libvirtd]:
    """A private libvirtd with QEMU, started from nothing."""
    if os.geteuid() != 0:
        pytest.skip("a private libvirtd needs root")
    for program in ("libvirtd", "virsh", "qemu-system-x86_64"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    # Not pytest's own folder: a Unix socket's path has 107 characters.
    base = Path(tempfile.mkdtemp(prefix="xencim-libvirtd-"))
    daemon = Libvirtd(shared_dir / "tools", base)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()
        shutil.rmtree(base, ignore_errors=True)


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

"""A hypervisor whose servers, and which itself, are killed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.conftest import private_libvirtd

from ..clients.migration.hosts import BOOT_IMAGE, Host, Server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def _killed_host(shared_dir: Path) -> Iterator[Host]:
    with (
        private_libvirtd(shared_dir) as libvirtd,
        # Not pytest's own folder: a Unix socket's path has 107 characters.
        tempfile.TemporaryDirectory(prefix="xencim-kills-") as folder,
    ):
        boot = Path(folder) / "boot.img"
        boot.write_bytes(BOOT_IMAGE)
        (Path(folder) / "pool").mkdir()
        libvirtd.virsh("pool-define-as", "pool", "dir", "--target", f"{folder}/pool")
        libvirtd.virsh("pool-start", "pool")
        libvirtd.virsh("pool-autostart", "pool")
        server = Server(Path(folder) / "server", (libvirtd.uri,))
        server.start()
        try:
            yield Host(libvirtd, server, boot)
        finally:
            server.stop()


@pytest.fixture
def host(_killed_host: Host) -> Iterator[Host]:
    """A hypervisor with a pool, and its server; no guest is left."""
    if _killed_host.server.process is None:
        _killed_host.server.start()
    yield _killed_host
    _killed_host.clear()

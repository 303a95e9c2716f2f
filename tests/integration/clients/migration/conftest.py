"""Two hosts of QEMU, each with a server; the first may move machines to the second."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.conftest import private_libvirtd

from .hosts import BOOT_IMAGE, Host, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

_DESTINATION = """
[[migration.destination]]
name = "there"
url = "{url}"
ca = "{folder}/server.crt"
user = "mover"
password_file = "{folder}/password"
transport = "unix"
hypervisor_socket = "{base}/libvirt-sock"
data_socket = "{base}/incoming"

[[migration.destination]]
name = "plain"
transport = "unix"
hypervisor_socket = "{base}/libvirt-sock"
data_socket = "{base}/incoming"
"""


@pytest.fixture(scope="module")
def _hosts(shared_dir: Path) -> Iterator[tuple[Host, Host]]:
    with ExitStack() as running:
        # Not pytest's own folder: a Unix socket's path has 107 characters.
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="xencim-migration-")))
        boot = folder / "boot.img"
        boot.write_bytes(BOOT_IMAGE)
        hosts = []
        for number in (1, 2):
            uuid = f"{number}" * 8 + "-1111-4111-8111-" + f"{number}" * 12
            libvirtd = running.enter_context(private_libvirtd(shared_dir, uuid))
            running.callback(libvirtd.kill)  # no guest is left, and after migrations it takes 30 s to end
            server = Server(folder / f"server{number}", (libvirtd.uri,))
            running.callback(server.stop)
            hosts.append(Host(libvirtd, server, boot))
        here, there = hosts
        there.server.start()
        here.server.config = _DESTINATION.format(
            url=there.server.url, folder=there.server.folder, base=there.libvirtd.base
        )
        here.server.start()
        yield here, there


@pytest.fixture
def here(_hosts: tuple[Host, Host]) -> Iterator[Host]:
    """The host that machines leave; none is left."""
    host = _hosts[0]
    if host.server.process is None:
        host.server.start()
    yield host
    host.clear()


@pytest.fixture
def there(_hosts: tuple[Host, Host]) -> Iterator[Host]:
    """The host that they come to; none is left."""
    host = _hosts[1]
    if host.server.process is None:
        host.server.start()
    yield host
    host.clear()

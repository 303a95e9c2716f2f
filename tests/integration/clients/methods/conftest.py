"""A QEMU host whose server and clients tests share, and a machine on it that does what it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..programs import connect
from .actors import Server
from .steps import Host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve


@pytest.fixture(scope="module")
def qemu(libvirtd: Libvirtd, serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with serve(libvirtd.uri) as process, connect(process) as connection:
        yield Host(libvirtd, Server(process, connection), tmp_path_factory.mktemp("unused"))


@pytest.fixture
def host(qemu: Host, tmp_path: Path) -> Iterator[Host]:
    """An empty host; nothing stays on it."""
    yield Host(qemu.libvirtd, qemu.server, tmp_path)
    everything = (("list", "--all"), ("net-list", "--all"), ("pool-list", "--all"))
    assert [qemu.virsh(*words, "--name").split() for words in everything] == [[], [], []]

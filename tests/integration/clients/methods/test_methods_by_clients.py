"""Every method that changes a QEMU host, by pywbem, wbemcli and pywbemcli; virsh looks after each."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ..programs import connect
from .actors import CANNOT, CLIENTS, Server, operation
from .scenarios import SCENARIOS
from .steps import Host, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]


SEEN_WITHIN_S = 20


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


def grant(host: Host, client: str, steps: tuple[Step, ...], asked: set[tuple[str, str]]) -> None:
    """Put wishes by a client, and look at each.

    ``asked`` is what pywbemcli was used for before: it takes a second to start, so it asks once.
    """
    for step in steps:
        what = operation(step.wish)
        in_its_place = what in CANNOT.get(client, {}) or (client == "pywbemcli" and what in asked)
        CLIENTS["pywbem" if in_its_place else client](host.server, step.wish)
        asked.add(what)
        until_s = time.monotonic() + SEEN_WITHIN_S
        while (seen := step.look(host)) != step.expected:
            assert time.monotonic() < until_s, (step.wish, seen)
            time.sleep(0.02)


@pytest.mark.parametrize("client", CLIENTS)
def test_every_operation_is_granted_and_seen_by_virsh(host: Host, client: str) -> None:
    asked: set[tuple[str, str]] = set()
    for scenario in SCENARIOS:
        folder = host.folder / scenario.__name__
        folder.mkdir()
        grant(replace(host, folder=folder), client, scenario(folder), asked)

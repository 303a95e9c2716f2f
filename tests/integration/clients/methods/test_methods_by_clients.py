"""Every method that changes a QEMU host, by pywbem, wbemcli and pywbemcli; virsh looks after each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from .actors import CANNOT, CLIENTS, operation
from .scenarios import SCENARIOS
from .steps import shows

if TYPE_CHECKING:
    from .steps import Host, Step

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]


def grant(host: Host, client: str, steps: tuple[Step, ...], asked: set[tuple[str, str]]) -> None:
    """Put wishes by a client, and look at each.

    ``asked`` is what pywbemcli was used for before: it takes a second to start, so it asks once.
    """
    for step in steps:
        what = operation(step.wish)
        in_its_place = what in CANNOT.get(client, {}) or (client == "pywbemcli" and what in asked)
        CLIENTS["pywbem" if in_its_place else client](host.server, step.wish)
        asked.add(what)
        shows(step.look, host, step.expected)


@pytest.mark.parametrize("client", CLIENTS)
def test_every_operation_is_granted_and_seen_by_virsh(host: Host, client: str) -> None:
    asked: set[tuple[str, str]] = set()
    for scenario in SCENARIOS:
        folder = host.folder / scenario.__name__
        folder.mkdir()
        grant(replace(host, folder=folder), client, scenario(folder), asked)

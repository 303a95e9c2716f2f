"""Every state that a real QEMU guest can be asked for, with a TimeoutPeriod; virsh is the second opinion."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMDateTime, Uint16, Uint64

from ..programs import connect
from .managed_host import Host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve, ServerProcess

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

ENABLED, DISABLED, SHUT_DOWN, OFFLINE, QUIESCE, REBOOT, RESET = 2, 3, 4, 6, 9, 10, 11
NO_CHANGE = 5
DONE, TIMEOUT, INVALID_TRANSITION = 0, 3, 4097
SERVER_S = 30
# A guest without an operating system obeys nothing that it would have to do itself.
WAITED = timedelta(seconds=2)


@pytest.fixture(scope="module")
def server(libvirtd: Libvirtd, serve: Serve) -> Iterator[ServerProcess]:
    with serve(libvirtd.uri) as running:
        yield running


@pytest.fixture(scope="module")
def guest(libvirtd: Libvirtd, server: ServerProcess, tmp_path_factory: Any) -> Iterator[tuple[Host, Any]]:  # noqa: ANN401 - pytest's own
    with connect(server) as connection:
        host = Host(libvirtd, libvirtd.uri, "KVM", connection, tmp_path_factory.mktemp("guests"))
        settings = host.instance(
            "VirtualSystemSettingData", VirtualSystemIdentifier="states", VirtualSystemType="QEMU"
        )
        memory = host.instance(
            "MemResourceAllocationSettingData", VirtualQuantity=Uint64(32), AllocationUnits="MegaBytes"
        )
        out = host.call("DefineSystem", SystemSettings=settings, ResourceSettings=[memory])
        system = out["ResultingSystem"]
        yield host, system
        host.call("DestroySystem", AffectedSystem=system)


def request(host: Host, system: Any, state: int, period: timedelta) -> int:  # noqa: ANN401 - pywbem's own
    returned, _ = host.connection.InvokeMethod(
        "RequestStateChange", system, RequestedState=Uint16(state), TimeoutPeriod=CIMDateTime(period)
    )
    return int(returned)


def test_each_state_is_reached_within_its_period(guest: tuple[Host, Any]) -> None:
    host, system = guest
    long = timedelta(seconds=60)
    for state, domstate, enabled_state in (
        (ENABLED, "running", 2),
        (QUIESCE, "paused", 9),
        (ENABLED, "running", 2),
        (OFFLINE, "shut off", 6),
        (ENABLED, "running", 2),
        (RESET, "running", 2),
        (DISABLED, "shut off", 3),
    ):
        assert request(host, system, state, long) == DONE, state
        assert host.virsh("domstate", "states").strip() == domstate
        told = host.connection.GetInstance(system)
        assert (told["EnabledState"], told["RequestedState"]) == (enabled_state, state)
        assert told["TransitioningToState"] == NO_CHANGE
        is_saved = "Managed save:   yes" in host.virsh("dominfo", "states")
        assert is_saved == (state == OFFLINE)
    assert request(host, system, QUIESCE, long) == INVALID_TRANSITION


@pytest.mark.parametrize("state", [SHUT_DOWN, REBOOT])
def test_a_guest_that_does_not_obey_is_waited_for_no_longer(
    guest: tuple[Host, Any], server: ServerProcess, state: int
) -> None:
    host, system = guest
    host.start(system)
    answers: list[tuple[int, float]] = []

    def ask() -> None:
        with connect(server) as connection:
            other = Host(host.libvirtd, host.uri, host.prefix, connection, host.folder)
            began_s = time.monotonic()
            answers.append((request(other, system, state, WAITED), time.monotonic() - began_s))

    asking = threading.Thread(target=ask)
    asking.start()
    deadline_s = time.monotonic() + SERVER_S
    while host.connection.GetInstance(system)["TransitioningToState"] != state:
        assert time.monotonic() < deadline_s
        assert asking.is_alive()
    assert host.connection.GetInstance(system)["RequestedState"] == state
    asking.join(SERVER_S)
    [(returned, waited_s)] = answers
    assert returned == TIMEOUT
    assert WAITED.total_seconds() <= waited_s < WAITED.total_seconds() + 1
    told = host.connection.GetInstance(system)
    assert (told["TransitioningToState"], told["RequestedState"]) == (NO_CHANGE, ENABLED)
    assert host.virsh("domstate", "states").strip() == "running"
    assert request(host, system, DISABLED, timedelta(seconds=60)) == DONE

"""A QEMU guest asked for every state, by pywbem, wbemcli and pywbemcli; virsh looks after each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pywbem import CIMDateTime, Uint16

from ..programs import connect
from .actors import CLIENTS, Call, by_pywbem
from .guests import boot_disk
from .machine_steps import ONE, serial
from .steps import WITHIN, manage, resource, settings, shows, state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .steps import Host

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

NOT_SUPPORTED, NOT_IN_TIME, INVALID_PARAMETER, INVALID_TRANSITION = 1, 3, 5, 4097
SHUT_DOWN, NO_CHANGE = 4, 5
# What is asked for, what virsh says then, and what the guest has written since its process began.
STATES = (
    (2, "running", "!"),
    (9, "paused", "!"),
    (2, "running", "!"),
    (6, "shut off", "!"),  # its memory is saved,
    (2, "running", ""),  # and it goes on where it was
    (11, "running", "!"),
    (10, "running", "!!"),  # it switches itself off when it is asked to, and is started again
    (4, "shut off", "!!"),
    (2, "running", "!"),
    (3, "shut off", "!"),
)
# What virsh says, what is asked for, and the answer.
REFUSED = (
    ("shut off", 3, INVALID_TRANSITION),
    ("shut off", 9, INVALID_TRANSITION),
    ("running", 2, INVALID_TRANSITION),
    ("running", NO_CHANGE, INVALID_PARAMETER),
    ("running", 7, NOT_SUPPORTED),
    ("running", 8, NOT_SUPPORTED),
)


@pytest.fixture
def guest(host: Host) -> Iterator[Host]:
    boot_disk(host.folder, "one")
    made = [
        resource("Disk", Address=f"{host.folder}/one.qcow2", VirtualDevice="vda"),
        resource(
            "Console", ResourceSubType="serial", SourceType="file", SourcePath=f"{host.folder}/one.serial"
        ),
    ]
    system = settings("VirtualSystem", VirtualSystemIdentifier="one", VirtualSystemType="QEMU", Machine="pc")
    by_pywbem(host.server, manage("DefineSystem", SystemSettings=system, ResourceSettings=made))
    yield host
    by_pywbem(host.server, manage("DestroySystem", AffectedSystem=ONE))


def both(host: Host) -> object:
    return host.virsh("domstate", "one").strip(), serial(host)


@pytest.mark.parametrize("client", CLIENTS)
def test_each_state_is_reached(guest: Host, client: str) -> None:
    for requested, seen, written in STATES:
        CLIENTS[client](guest.server, state(ONE, requested, TimeoutPeriod=WITHIN))
        assert guest.virsh("domstate", "one").strip() == seen
        shows(both, guest, (seen, written))


@pytest.mark.parametrize("client", ["pywbem", "wbemcli"])
def test_what_cannot_be_asked_for_is_answered_and_changes_nothing(guest: Host, client: str) -> None:
    for seen, requested, answer in REFUSED:
        if seen == "running" != guest.virsh("domstate", "one").strip():
            by_pywbem(guest.server, state(ONE, 2, TimeoutPeriod=WITHIN))
        asked = Call(ONE, "RequestStateChange", {"RequestedState": Uint16(requested)}, returns=answer)
        CLIENTS[client](guest.server, asked)
        assert guest.virsh("domstate", "one").strip() == seen


def test_what_is_going_on_is_told_until_the_time_is_over(guest: Host) -> None:
    """A guest that does not hear has two seconds, and all the while is told what it is asked for."""
    by_pywbem(guest.server, state(ONE, 2, TimeoutPeriod=WITHIN))
    guest.virsh("qemu-monitor-command", "one", "--hmp", "o/w 0x602 0")  # its power button is torn off

    def told() -> tuple[int, int]:
        machine = guest.server.connection.GetInstance(guest.server.path(ONE))
        return machine["RequestedState"], machine["TransitioningToState"]

    before = told()
    period = CIMDateTime(timedelta(seconds=2))
    asked = state(ONE, SHUT_DOWN, TimeoutPeriod=period)
    with connect(guest.server.process) as other, ThreadPoolExecutor(1) as pool:
        theirs = replace(guest.server, connection=other)
        answered = pool.submit(by_pywbem, theirs, replace(asked, returns=NOT_IN_TIME))
        seen = {told()}
        while not answered.done():
            seen.add(told())
        answered.result()
    assert seen == {before, (SHUT_DOWN, SHUT_DOWN)}
    assert told() == before
    assert before[0] == 2
    assert guest.virsh("domstate", "one").strip() == "running"

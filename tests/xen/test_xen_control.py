"""Guests of a real Xen host told by clients: what xl then says is what was asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import pywbem

from .conftest import shows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import XenHost

pytestmark = [pytest.mark.xen, pytest.mark.timeout(1800)]

NAME = "commanded"
PATH = f'root/virt:Xen_ComputerSystem.CreationClassName="Xen_ComputerSystem",Name="{NAME}"'
DONE, JOB_STARTED = 0, 4096
ENABLED, DISABLED, SHUT_DOWN, QUIESCE, RESET = 2, 3, 4, 9, 11
DONE_WITHIN_S = 240.0


@pytest.fixture(scope="module")
def machine(xen: XenHost) -> Iterator[Any]:
    """The path of a PVH guest that is off."""
    xen.define(NAME, 5, pvh=True)
    yield pywbem.CIMInstanceName.from_wbem_uri(f"/{PATH}")
    xen.take_away(NAME)


def state_of(xen: XenHost) -> str | None:
    """Return the letters that xl has for the machine's state, without those of the moment."""
    lines = [line.split() for line in xen.host.run("xl list").splitlines()]
    found = [words[4] for words in lines if words[0] == NAME]
    return found[0].replace("r", "-").replace("b", "-") if found else None


def ask(connection: Any, machine: Any, state: int) -> None:  # noqa: ANN401 - a WBEMConnection
    """Ask for a state, and wait until it is reached."""
    answer, out = connection.InvokeMethod("RequestStateChange", machine, RequestedState=pywbem.Uint16(state))
    assert answer in {DONE, JOB_STARTED}
    if answer == JOB_STARTED:
        job = out["Job"]
        shows(lambda: connection.GetInstance(job)["JobState"] in {7, 8, 9, 10}, True, within_s=DONE_WITHIN_S)
        assert connection.GetInstance(job)["JobState"] == 7, connection.GetInstance(job).tomof()


def start_and_wait(connection: Any, xen: XenHost, machine: Any) -> None:  # noqa: ANN401 - as above
    """Start the guest and wait for its first program: before that, its kernel ignores what it is asked."""
    xen.host.forget_console(NAME)
    ask(connection, machine, ENABLED)
    xen.host.guest_says(NAME, "guest is up")


def test_a_guest_is_started_paused_resumed_and_stopped(
    connection: Any,  # noqa: ANN401 - as above
    xen: XenHost,
    machine: Any,  # noqa: ANN401 - a CIMInstanceName
) -> None:
    assert state_of(xen) is None
    start_and_wait(connection, xen, machine)
    assert state_of(xen) == "------"
    for state, letters in ((QUIESCE, "--p---"), (ENABLED, "------"), (DISABLED, None)):
        ask(connection, machine, state)
        assert state_of(xen) == letters
        shows(lambda: connection.GetInstance(machine)["EnabledState"], state)


def test_a_guest_obeys_shutdown(connection: Any, xen: XenHost, machine: Any) -> None:  # noqa: ANN401 - as above
    start_and_wait(connection, xen, machine)
    ask(connection, machine, SHUT_DOWN)
    shows(lambda: connection.GetInstance(machine)["EnabledState"], DISABLED, within_s=DONE_WITHIN_S)
    assert state_of(xen) is None


def test_wbemcli_starts_and_stops_a_guest(xen: XenHost, machine: Any) -> None:  # noqa: ANN401 - as above
    del machine
    for state, letters in ((ENABLED, "------"), (DISABLED, None)):
        [told] = xen.wbemcli("cm", PATH, f"RequestStateChange.RequestedState={state}")
        [answer] = re.findall(r"RequestStateChange: (\d+)", told)
        assert int(answer) in {DONE, JOB_STARTED}
        shows(lambda: state_of(xen), letters, within_s=DONE_WITHIN_S)
        shows(lambda: xen.wbemcli("gp", PATH, "EnabledState"), [str(state)], within_s=DONE_WITHIN_S)


def test_what_libxl_cannot_do_is_refused(connection: Any, xen: XenHost, machine: Any) -> None:  # noqa: ANN401 - as above
    ask(connection, machine, ENABLED)
    answer, _ = connection.InvokeMethod("RequestStateChange", machine, RequestedState=pywbem.Uint16(RESET))
    assert answer == 1
    assert state_of(xen) == "------"
    ask(connection, machine, DISABLED)

"""Migrations in which a server, a hypervisor or a destination fails: exactly one copy of the guest runs."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
import pywbem

from .hosts import COMPLETED, FAILED, RUNNING, SLOWLY, TERMINATED

if TYPE_CHECKING:
    from .hosts import Host

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]


def test_a_destination_without_a_running_server(here: Host, there: Host) -> None:
    here.define("guest")
    there.server.stop()
    with pytest.raises(pywbem.CIMError) as caught:
        here.server.migrate("guest")
    assert f"there ({there.server.url}): it does not answer: " in caught.value.status_description
    assert (here.domains(), there.domains()) == ({"guest": "running"}, {})


def test_a_killed_source_server_follows_what_goes_on(here: Host, there: Host) -> None:
    here.define("guest")
    job = here.server.begin("guest", **SLOWLY)
    here.server.stop(signal.SIGKILL)
    here.server.start()
    told = here.server.ask(lambda connection: connection.GetInstance(job))
    assert (told["JobState"], told["Name"]) == (RUNNING, "MigrateVirtualSystemToHost")
    with pytest.raises(pywbem.CIMError, match="MigrateVirtualSystemToHost is refused"):
        here.server.migrate("guest")
    here.let_go()
    ended = here.server.ended(job)
    assert ended["JobState"] == COMPLETED, here.server.log
    assert ended["JobStatus"].startswith("guest is at there now: //")
    assert 'Name="guest"' in ended["JobStatus"]
    assert (here.domains(), there.domains()) == ({}, {"guest": "running"})


def test_what_was_done_while_the_source_server_was_dead_is_told(here: Host, there: Host) -> None:
    here.define("guest")
    job = here.server.begin("guest", **SLOWLY)
    here.server.stop(signal.SIGKILL)
    here.libvirtd.virsh("domjobabort", "guest")
    here.server.start()
    ended = here.server.ended(job)
    assert ended["JobState"] == FAILED
    assert ended["ErrorDescription"] == "guest was not moved: it is running here"
    assert (here.domains(), there.domains()) == ({"guest": "running"}, {})


def test_it_is_given_up_after_a_restart(here: Host, there: Host) -> None:
    here.define("guest")
    job = here.server.begin("guest", **SLOWLY)
    here.server.stop(signal.SIGKILL)
    here.server.start()
    assert here.server.cancel(job) == 0
    assert here.server.ended(job)["JobState"] == TERMINATED
    assert (here.domains(), there.domains()) == ({"guest": "running"}, {})


def test_a_killed_destination_server_hinders_nothing(here: Host, there: Host) -> None:
    here.define("guest")
    job = here.server.begin("guest", **SLOWLY)
    there.server.stop(signal.SIGKILL)
    here.let_go()
    assert here.server.ended(job)["JobState"] == COMPLETED
    assert "guest has arrived: there (" in here.server.log
    assert (here.domains(), there.domains()) == ({}, {"guest": "running"})
    there.server.start()
    machine = there.server.ask(
        lambda connection: connection.EnumerateInstances("KVM_ComputerSystem", PropertyList=["EnabledState"])
    )
    assert [one["EnabledState"] for one in machine] == [2]


def test_a_killed_hypervisor_of_the_source(here: Host, there: Host) -> None:
    here.define("guest")
    job = here.server.begin("guest", **SLOWLY)
    here.libvirtd.kill()
    here.libvirtd.start(keep=True)
    ended = here.server.ended(job)
    assert ended["JobState"] == FAILED
    assert ended["ErrorDescription"] == "guest was not moved: it is running here", here.server.log
    assert (here.domains(), there.domains()) == ({"guest": "running"}, {})


def test_a_killed_hypervisor_of_the_destination(here: Host, there: Host) -> None:
    here.define("guest")
    job = here.server.begin("guest", **SLOWLY)
    there.libvirtd.kill()
    ended = here.server.ended(job)
    assert ended["JobState"] == FAILED
    there.libvirtd.start(keep=True)
    assert (here.domains(), there.domains()) == ({"guest": "running"}, {})

"""Machines moved from one made-up host to another, and why they are not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import pywbem

from xencim.providers.backends.records import Network, Snapshot, SnapshotKind
from xencim.providers.core.reservations import Stage

from .made_up import (
    COMPLETED,
    JOB_STARTED,
    OFF_VM,
    PAUSED_VM,
    RUNNING_VM,
    TERMINATED,
    machine_path,
)

if TYPE_CHECKING:
    from .made_up import Host

MOVE = "MigrateVirtualSystemToHost"


@pytest.mark.parametrize("name", [RUNNING_VM, OFF_VM, PAUSED_VM])
async def test_a_machine_is_moved(hosts: tuple[Host, Host], name: str) -> None:
    here, there = hosts
    before = here.vm(name)
    assert await here.is_migratable(name, WithStorage=True)
    assert name in here.names()
    assert (await here.migrate(name, WithStorage=True))[0] == 0
    assert name not in here.names()
    after = there.vm(name)
    assert (after.uuid, after.state, after.current) == (before.uuid, before.state, before.current)
    assert list(there.site.reservations.open()) == []


async def test_to_a_system_answers_what_it_is_there(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    keys = {"CreationClassName": "Xen_HostSystem", "Name": "there"}
    settings = pywbem.CIMInstance("Xen_VirtualSystemMigrationSettingData", {"WithStorage": True})
    code, out = await here.call(
        "MigrateVirtualSystemToSystem",
        ComputerSystem=machine_path(OFF_VM),
        DestinationSystem=pywbem.CIMInstanceName("Xen_HostSystem", keys),
        MigrationSettingData=settings,
    )
    new = out["NewComputerSystem"]
    assert (code, new.host, new["Name"]) == (0, "there.example", OFF_VM)
    found = await there.ask(lambda connection: connection.GetInstance(new))
    assert found["Name"] == OFF_VM


async def test_a_job_says_where_the_machine_is(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    slow(here, 0.3)
    here.site.jobs.grace_s = 0
    code, out = await here.migrate(RUNNING_VM, WithStorage=True)
    assert code == JOB_STARTED
    ended = await here.ended(out["Job"])
    assert ended["JobState"] == COMPLETED
    start = f"{RUNNING_VM} is at there now: //there.example/root/virt:Xen_ComputerSystem."
    assert str(ended["JobStatus"]).startswith(start)
    assert f'Name="{RUNNING_VM}"' in ended["JobStatus"]
    assert there.vm(RUNNING_VM).name == RUNNING_VM


async def test_it_is_given_up_and_refuses_others_meanwhile(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    slow(here, 60)
    here.site.jobs.grace_s = 0
    _code, out = await here.migrate(RUNNING_VM, WithStorage=True)
    await moving(there)
    status, text = await here.refusal(MOVE, **second())
    number = str(out["Job"]["InstanceID"]).partition(":")[2]
    assert (status, text) == (
        1,
        f"{MOVE} is refused: {MOVE}, which mover asked for, goes on (job {number})",
    )
    code, _out = await here.ask(
        lambda connection: connection.InvokeMethod(
            "RequestStateChange", out["Job"], RequestedState=pywbem.Uint16(4)
        )
    )
    assert code == 0
    assert (await here.ended(out["Job"]))["JobState"] == TERMINATED
    assert RUNNING_VM in here.names()
    assert there.names() == []
    assert list(there.site.reservations.open()) == []


async def test_a_destination_is_reached_as_configured_or_not_at_all(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    where = f"({there.url})"
    told = {
        to: await here.not_moved(RUNNING_VM, to=to, WithStorage=True)
        for to in ("wrong password", "no password", "other certificate", "reader", "nobody")
    }
    method = "PrepareIncomingMigration of class Xen_VirtualSystemMigrationService"
    assert told["wrong password"] == f"wrong password {where}: it does not let 'mover' in"
    assert told["no password"] == (
        f"no password {where}: its password in {here.folder.parent / 'nothing'} cannot be read:"
        " No such file or directory"
    )
    assert told["other certificate"].startswith(f"other certificate {where}: it does not answer: ")
    assert "CERTIFICATE_VERIFY_FAILED" in told["other certificate"]
    assert told["reader"].startswith(f"reader {where}: ")
    assert method in told["reader"]
    assert told["nobody"].startswith("nobody (https://localhost:")
    assert RUNNING_VM in here.names()
    assert list(there.site.reservations.open()) == []


async def test_what_does_not_fit_is_told_by_name(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    said = f"there ({there.url}): PrepareIncomingMigration: {RUNNING_VM} cannot run on there.example: "
    there.site.inventory.remove(Network, "default")
    assert await here.not_moved(RUNNING_VM, WithStorage=True) == f"{said}there is no network 'default'"
    there.put(replace(here.site.inventory.view.all(Network)["default"], active=False))
    assert await here.not_moved(RUNNING_VM, WithStorage=True) == f"{said}network 'default' is not active"
    there.put(here.site.inventory.view.all(Network)["default"])
    wanted = here.vm(RUNNING_VM).current.memory.maximum_kib // 1024
    there.limit_memory(wanted - 1)
    assert await here.not_moved(RUNNING_VM, WithStorage=True) == (
        f"{said}it needs {wanted} MiB of memory, and {wanted - 1} of {wanted - 1} are free"
    )
    there.limit_memory(wanted)
    assert await here.is_migratable(RUNNING_VM, WithStorage=True)


async def test_a_name_or_a_uuid_that_is_taken(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    machine, other = here.vm(RUNNING_VM), "0f0f0f0f-0000-4000-8000-000000000000"
    for taken in (replace(machine, uuid=other), replace(machine, name="other")):
        there.put(taken)
        assert await here.not_moved(RUNNING_VM, WithStorage=True) == (
            f"there ({there.url}): PrepareIncomingMigration: there is a machine {taken.name!r} with uuid"
            f" {taken.uuid} already"
        )
        there.remove(taken.name)


async def test_processors_that_are_not_there(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    machine = here.vm(RUNNING_VM)
    cpu = replace(machine.current.cpu, model="unknown-v9")
    here.put(replace(machine, current=replace(machine.current, cpu=cpu)))
    assert await here.not_moved(RUNNING_VM, WithStorage=True) == (
        f"there ({there.url}): PrepareIncomingMigration: {RUNNING_VM}: no processor here is of model"
        " unknown-v9"
    )


async def test_a_machine_with_snapshots_stays(hosts: tuple[Host, Host]) -> None:
    here, _there = hosts
    machine = here.vm(RUNNING_VM)
    snapshot = Snapshot(name="first", kind=SnapshotKind.DISK, config=machine.current)
    here.put(replace(machine, snapshots=(snapshot,)))
    assert not await here.is_migratable(RUNNING_VM, WithStorage=True)
    assert (await here.migrate(RUNNING_VM, WithStorage=True))[0] == 5


@pytest.mark.parametrize(
    ("how", "name"),
    [
        ({"MigrationType": pywbem.Uint16(4)}, "MigrationType"),
        ({"Priority": pywbem.Uint16(3)}, "Priority"),
        ({"PostCopy": True, "MigrationType": pywbem.Uint16(3)}, "PostCopy"),
        ({"Bandwidth": pywbem.Uint64(1), "BandwidthUnit": "byte / second"}, "Bandwidth"),
    ],
)
async def test_what_cannot_be_chosen_is_refused_by_name(
    hosts: tuple[Host, Host], how: dict[str, Any], name: str
) -> None:
    here, _there = hosts
    status, told = await here.refusal(MOVE, **second(**how))
    assert (status, name in told) == (4, True), told
    assert RUNNING_VM in here.names()


async def test_a_hypervisor_without_migration_says_so(
    hosts: tuple[Host, Host], caplog: pytest.LogCaptureFixture
) -> None:
    here, _there = hosts
    here.put(replace(here.site.inventory.view.host, migration_uris=(), hypervisor="Stay"))
    for method in (MOVE, "CheckVirtualSystemIsMigratableToHost"):
        assert (await here.call(method, **second()))[0] == 1
        assert f"{method} on " in caplog.text
    assert "Stay names no way to move machines between hosts" in caplog.text
    [told] = await here.ask(
        lambda connection: connection.EnumerateInstances("Xen_VirtualSystemMigrationCapabilities")
    )
    assert told["AsynchronousMethodsSupported"] is None


def second(**how: Any) -> dict[str, Any]:  # noqa: ANN401 - of every type
    return {
        "ComputerSystem": machine_path(RUNNING_VM),
        "DestinationHost": "there",
        "MigrationSettingData": pywbem.CIMInstance(
            "Xen_VirtualSystemMigrationSettingData", {"WithStorage": True, **how}
        ),
    }


def slow(host: Host, delay_s: float) -> None:
    host.fake.delay_s = delay_s


async def moving(there: Host) -> None:
    """Return when a machine has set out."""
    async with asyncio.timeout(20):
        while not any(one.stage is Stage.COMMITTED for one in there.site.reservations.open()):  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)

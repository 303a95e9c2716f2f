"""The made-up host's machines defined, changed and taken away: what a client's write leads to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import FakeBackend, fake_config, fake_machine
from xencim.providers.backends.fake_xen import CPU_POOLS
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import (
    Action,
    CpuAllocation,
    Disk,
    InputDevice,
    Nic,
    PowerState,
    Vcpu,
    VirtualMachine,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_DEFINED = fake_config(0)
CONFIG = replace(_DEFINED, cpu=replace(_DEFINED.cpu, pool=CPU_POOLS[0].name))
"""What the first machine runs with."""
RUNNING, OFF = fake_machine(0).uuid, fake_machine(2).uuid
NEW = "30000000-0000-4000-8000-000000000001"
EXTRA = Disk(target="xvdb", bus="xen", source_type="file", source="/extra.img", capacity_bytes=1)


@pytest.fixture
async def inventory() -> Inventory:
    return Inventory()


@pytest.fixture
async def backend(inventory: Inventory) -> AsyncIterator[FakeBackend]:
    made = FakeBackend(3)
    await made.start(inventory)
    yield made
    await made.stop()


def machine(inventory: Inventory, uuid: str) -> VirtualMachine:
    return inventory.view.all(VirtualMachine)[uuid]


async def refused(call: object) -> tuple[str, str]:
    with pytest.raises(BackendError) as caught:
        await call  # type: ignore[misc] # a coroutine of the backend's
    return caught.value.kind, caught.value.message


async def test_a_machine_is_defined_and_does_not_run(backend: FakeBackend, inventory: Inventory) -> None:
    config = replace(CONFIG, cpu=CpuAllocation(count=2, maximum=4), vcpus=(Vcpu(index=1, pinned_to=(3,)),))
    assert await backend.define("new", config, uuid=NEW, autostart=True) == NEW
    assert machine(inventory, NEW) == VirtualMachine(
        uuid=NEW,
        name="new",
        state=PowerState.SHUT_OFF,
        current=replace(config, vcpus=(Vcpu(index=0), Vcpu(index=1, pinned_to=(3,)))),
        autostart=True,
    )
    await backend.control(NEW, Action.START, None)
    vm = machine(inventory, NEW)
    assert (vm.state, vm.stored) == (PowerState.RUNNING, vm.current)


async def test_a_name_and_a_uuid_are_given_once(backend: FakeBackend) -> None:
    message = f"there is a machine 'vm-00000' with uuid {RUNNING} already"
    assert await refused(backend.define("vm-00000", CONFIG)) == ("exists", message)
    assert await refused(backend.define("new", CONFIG, uuid=RUNNING)) == ("exists", message)


@pytest.mark.parametrize("uuid", [RUNNING, OFF])
async def test_a_machine_is_taken_away(backend: FakeBackend, inventory: Inventory, uuid: str) -> None:
    await backend.undefine(uuid)
    assert uuid not in inventory.view.all(VirtualMachine)
    assert await refused(backend.undefine(uuid)) == ("not_found", f"there is no machine with uuid {uuid}")


async def test_current_and_stored_are_two_things(backend: FakeBackend, inventory: Inventory) -> None:
    stored = replace(CONFIG, disks=(*CONFIG.disks, EXTRA), boot_devices=("cdrom", "hd"))
    current = replace(CONFIG, description="now", memory=replace(CONFIG.memory, current_kib=4096))
    await backend.reconfigure(RUNNING, current=current, stored=stored)
    assert (machine(inventory, RUNNING).current, machine(inventory, RUNNING).stored) == (current, stored)
    await backend.control(RUNNING, Action.PAUSE, None)
    assert machine(inventory, RUNNING).stored == stored
    await backend.control(RUNNING, Action.DESTROY, None)
    assert (machine(inventory, RUNNING).current, machine(inventory, RUNNING).stored) == (stored, None)


async def test_off_there_is_one_definition(backend: FakeBackend, inventory: Inventory) -> None:
    old = machine(inventory, OFF).current
    first, second = replace(old, title="first"), replace(old, title="second")
    await backend.reconfigure(OFF, current=first)
    assert machine(inventory, OFF).current == first
    await backend.reconfigure(OFF, current=first, stored=second)
    assert (machine(inventory, OFF).current, machine(inventory, OFF).stored) == (second, None)


async def test_what_does_not_change_while_it_runs_is_named(
    backend: FakeBackend, inventory: Inventory
) -> None:
    before = machine(inventory, RUNNING)
    disk, cdrom = CONFIG.disks
    for wanted, name in (
        (replace(CONFIG, description="x", boot_devices=()), "boot_devices"),
        (replace(CONFIG, memory=replace(CONFIG.memory, maximum_kib=1 << 30)), "memory.maximum_kib"),
        (replace(CONFIG, disks=(replace(disk, source="/other"), cdrom)), "disks[xvda].source"),
        (replace(CONFIG, disks=(replace(disk, cache="none"), cdrom)), "disks[xvda].cache"),
        (replace(CONFIG, nics=(replace(CONFIG.nics[0], model="e1000"),)), "nics[00:16:3e:00:00:00].model"),
        (replace(CONFIG, controllers=()), "controllers[xenbus:0]"),
    ):
        answer = await refused(backend.reconfigure(RUNNING, current=wanted, stored=CONFIG))
        assert answer == ("unsupported", f"{name} cannot be changed while the machine runs")
    assert machine(inventory, RUNNING) is before


async def test_devices_come_and_go_while_it_runs(backend: FakeBackend, inventory: Inventory) -> None:
    disk, cdrom = CONFIG.disks
    wanted = replace(
        CONFIG,
        disks=(replace(disk, capacity_bytes=2 << 40), replace(cdrom, source="/a.iso"), EXTRA),
        nics=(replace(CONFIG.nics[0], link_up=False), Nic(mac="00:16:3e:ff:ff:ff")),
        inputs=(InputDevice(type="mouse", bus="usb", index=1),),
    )
    await backend.reconfigure(RUNNING, current=wanted)
    assert machine(inventory, RUNNING).current == replace(
        wanted, inputs=(InputDevice(type="mouse", bus="usb"),)
    )


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            replace(CONFIG, cpu=replace(CONFIG.cpu, count=5)),
            "cpu.count is 5: from 1 to cpu.maximum, 4",
        ),
        (
            replace(CONFIG, cpu=replace(CONFIG.cpu, maximum=129)),
            "cpu.maximum is 129: a machine of this host has at most 128",
        ),
        (replace(CONFIG, cpu=replace(CONFIG.cpu, weight=0)), "cpu.weight is 0: at least 1"),
        (
            replace(CONFIG, memory=replace(CONFIG.memory, current_kib=0)),
            "memory.current_kib is 0: more than 0, at most memory.maximum_kib, 8388608",
        ),
        (replace(CONFIG, disks=(EXTRA, EXTRA)), "disks[xvdb] is there twice"),
        (replace(CONFIG, nics=(Nic(mac=""),)), "one of nics has no name"),
        (
            replace(CONFIG, vcpus=(Vcpu(index=0, pinned_to=(64,)),)),
            "vcpus[0].pinned_to is (64,): the host has processors 0 to 63",
        ),
    ],
)
async def test_a_senseless_definition_is_refused(backend: FakeBackend, wanted: object, message: str) -> None:
    assert await refused(backend.define("new", wanted)) == ("invalid", message)  # type: ignore[arg-type]
    assert await refused(backend.reconfigure(RUNNING, stored=wanted)) == ("invalid", message)  # type: ignore[arg-type]


async def test_a_disk_is_never_made_smaller(backend: FakeBackend) -> None:
    disk, cdrom = CONFIG.disks
    wanted = replace(CONFIG, disks=(replace(disk, capacity_bytes=1), cdrom))
    message = "disks[xvda].capacity_bytes: a disk is never made smaller"
    for arguments in ({"current": wanted}, {"stored": wanted}):
        assert await refused(backend.reconfigure(RUNNING, **arguments)) == ("unsupported", message)


async def test_automatic_start(backend: FakeBackend, inventory: Inventory) -> None:
    await backend.set_autostart(OFF, False)
    assert machine(inventory, OFF).autostart is False


async def test_a_transient_machine_has_nothing_stored(backend: FakeBackend, inventory: Inventory) -> None:
    transient = replace(machine(inventory, RUNNING), persistent=False, stored=None)
    inventory.put(transient)
    answer = await refused(backend.reconfigure(RUNNING, stored=CONFIG))
    assert answer == ("invalid_state", "'vm-00000' is transient: nothing is stored of it")
    assert (await refused(backend.set_autostart(RUNNING, True)))[0] == "invalid_state"
    await backend.control(RUNNING, Action.PAUSE, None)
    assert machine(inventory, RUNNING).stored is None
    await backend.control(RUNNING, Action.DESTROY, None)
    assert RUNNING not in inventory.view.all(VirtualMachine)


async def test_a_stopped_host_is_lost(backend: FakeBackend) -> None:
    await backend.stop()
    assert await refused(backend.undefine(OFF)) == ("lost", "the made-up host was stopped")

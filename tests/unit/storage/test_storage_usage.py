"""Who uses pools and volumes, and what joins them: by name and by path, current and stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import (
    CpuAllocation,
    Disk,
    MachineConfig,
    MemoryAllocation,
    PoolState,
    PowerState,
    StoragePool,
    VirtualMachine,
    Volume,
)
from xencim.providers.core.errors import CimError, Status
from xencim.providers.storage import usage
from xencim.providers.storage.rows import volumes_of

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import View

POOL = StoragePool(name="p", uuid="u", type="dir", state=PoolState.RUNNING, target_path="/p")
SAME = replace(POOL, name="same", uuid="u2")
VOLUME = Volume(pool="p", name="v", path="/p/v")
SEEN_TWICE = replace(VOLUME, pool="same")
BY_NAME = Disk(target="vda", source_type="volume", pool="p", volume="v")
BY_PATH = Disk(target="vdb", source_type="file", source="/p/v")
ELSEWHERE = Disk(target="vdc", source_type="file", source="/other/v")
EMPTY = Disk(target="sda", device="cdrom")


def config(*disks: Disk) -> MachineConfig:
    return MachineConfig(
        cpu=CpuAllocation(count=1, maximum=1),
        memory=MemoryAllocation(current_kib=1, maximum_kib=1),
        disks=disks,
    )


def off(*disks: Disk, name: str = "m") -> VirtualMachine:
    return VirtualMachine(uuid=name, name=name, state=PowerState.SHUT_OFF, current=config(*disks))


def view(*machines: VirtualMachine) -> View:
    inventory = Inventory()
    for pool in (POOL, SAME):
        inventory.put(pool)
    for volume in (VOLUME, SEEN_TWICE):
        inventory.put(volume)
    for machine in machines:
        inventory.put(machine)
    return inventory.view


def test_media_are_found_by_name_and_by_path_and_nothing_else() -> None:
    seen = view(off(BY_NAME, EMPTY), off(BY_PATH, name="n"), off(ELSEWHERE, name="o"))
    assert [machine.name for machine in seen.machines_with(VOLUME)] == ["m", "n"]
    assert [machine.name for machine in seen.machines_with(SEEN_TWICE)] == ["n"]
    assert list(seen.machines_with(Volume(pool="p", name="w"))) == []
    assert [volume.key for volume in volumes_of(seen, BY_NAME)] == ["p/v"]
    assert [volume.key for volume in volumes_of(seen, BY_PATH)] == ["p/v", "same/v"]
    for disk in (ELSEWHERE, EMPTY, replace(BY_NAME, volume="w")):
        assert list(volumes_of(seen, disk)) == []


@pytest.mark.parametrize("disk", [BY_NAME, BY_PATH], ids=["by name", "by path"])
def test_what_a_machine_that_is_off_has_may_grow_but_not_go(disk: Disk) -> None:
    seen = view(off(ELSEWHERE, disk))
    usage.demand_volume_idle(seen, VOLUME, running=True)
    with pytest.raises(CimError) as caught:
        usage.demand_volume_idle(seen, VOLUME, running=False)
    assert (caught.value.status, caught.value.message) == (
        Status.FAILED,
        f"volume 'p/v' is in use: it is disk {disk.target} of machine 'm' (shut off)",
    )


def test_what_is_only_stored_counts_and_what_is_only_read_does_not_for_a_copy() -> None:
    stored = replace(off(), state=PowerState.PAUSED, stored=config(BY_NAME))
    with pytest.raises(CimError, match="disk vda of machine 'm'"):
        usage.demand_volume_idle(view(stored), VOLUME, running=True)
    reader = replace(off(replace(BY_NAME, readonly=True)), state=PowerState.RUNNING)
    usage.demand_volume_idle(view(reader), VOLUME, running=True, readers=False)
    with pytest.raises(CimError, match="disk vda of machine 'm'"):
        usage.demand_volume_idle(view(reader), VOLUME, running=True)


def test_a_pool_is_in_use_by_name_and_by_folder() -> None:
    usage.demand_pool_idle(view(off(ELSEWHERE, EMPTY)), POOL, running=False)
    usage.demand_pool_idle(view(off(BY_NAME)), POOL, running=True)
    for disk in (BY_NAME, replace(BY_PATH, source="/p/not-a-volume")):
        with pytest.raises(CimError, match=f"'p' is in use: it has disk {disk.target} of"):
            usage.demand_pool_idle(view(off(disk)), POOL, running=False)


def test_what_another_volume_is_based_on_is_in_use() -> None:
    inventory = Inventory()
    for record in (VOLUME, Volume(pool="q", name="top", path="/q/top", backing_path="/p/v")):
        inventory.put(record)
    with pytest.raises(CimError, match="volume 'p/v' is in use: volume 'q/top' is based on it"):
        usage.demand_no_overlay(inventory.view, VOLUME)
    usage.demand_no_overlay(inventory.view, Volume(pool="q", name="top", path="/q/top"))
    usage.demand_no_overlay(inventory.view, Volume(pool="q", name="pathless"))


def test_an_index_forgets_what_is_gone() -> None:
    inventory = Inventory()
    inventory.put(VOLUME)
    inventory.put(replace(VOLUME, path="/moved"))
    assert list(inventory.view.volumes_by("path", "/p/v")) == []
    assert [volume.key for volume in inventory.view.volumes_by("path", "/moved")] == ["p/v"]
    inventory.remove(Volume, "p/v")
    assert list(inventory.view.volumes_by("in", "p")) == []

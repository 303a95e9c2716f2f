"""Volumes made, changed and taken away through the engine, on a made-up host; rights and jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.fake import GIB, IMAGES, fake_machine
from xencim.providers.backends.records import Job, JobState, VirtualMachine, Volume
from xencim.providers.core import operations as op
from xencim.providers.core.access import Principal
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Instances

from .storage_world import (
    MACHINE_DISK,
    SERVICE,
    STOPPED_DISK,
    VIRT,
    Storage,
    out,
    pool_path,
    running,
    volume_path,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.values import Value


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    async with running() as found:
        yield found


async def test_a_volume_is_made_and_takes_its_room(storage: Storage) -> None:
    before = storage.pool()
    made = await storage.create_volume(
        VolumeName="data", Capacity=3, AllocationQuantity=1, AllocationUnits="GigaBytes", FormatType=2
    )
    assert made.return_value == 0
    assert out(made)["Resource"].endswith(',DeviceID="default/data"')
    assert storage.volume("data") == Volume(
        pool="default",
        name="data",
        path=f"{IMAGES}/data",
        capacity_bytes=3 * GIB,
        allocation_bytes=GIB,
        format="qcow2",
    )
    assert storage.pool() == replace(
        before,
        allocation_bytes=(before.allocation_bytes or 0) + GIB,
        available_bytes=(before.available_bytes or 0) - GIB,
    )
    pools = op.Associators(
        namespace=VIRT, object_name=volume_path("data"), assoc_class="Xen_ElementAllocatedFromPool"
    )
    found = await storage.world.engine.execute(pools, Principal("root"))
    assert isinstance(found, Instances)
    assert [row[0].name for batch in found.batches for row in batch.rows] == ["default"]
    assert (await storage.delete_volume(Path=f"{IMAGES}/data")).return_value == 0
    assert storage.pool() == before


@pytest.mark.parametrize(
    "properties",
    [{"VolumeName": "data", "Path": IMAGES}, {"Path": f"{IMAGES}/data"}, {"VolumeName": "data"}],
)
async def test_a_volume_s_place_may_be_told_as_folder_or_path_or_not_at_all(
    storage: Storage, properties: dict[str, Value]
) -> None:
    assert (await storage.create_volume(Capacity=10**6, **properties)).return_value == 0
    assert storage.volume("data").capacity_bytes == 10**6
    assert storage.volume("data").allocation_bytes == 0


async def test_a_volume_over_another_is_based_on_it(storage: Storage) -> None:
    await storage.create_volume(VolumeName="top", BackingVolume=f"default/{STOPPED_DISK}")
    base = storage.volume(STOPPED_DISK)
    assert storage.volume("top") == Volume(
        pool="default",
        name="top",
        path=f"{IMAGES}/top",
        capacity_bytes=base.capacity_bytes,
        allocation_bytes=0,
        format="qcow2",
        backing_path=base.path,
        backing_format="qcow2",
    )
    over = await storage.associators(volume_path(STOPPED_DISK), "Xen_BasedOn", "Antecedent")
    assert sorted(over) == ["default/top", "vm-00002/xvda"]
    under = await storage.associators(volume_path("top"), "Xen_BasedOn", "Dependent")
    assert under == [f"default/{STOPPED_DISK}"]


@pytest.mark.parametrize(
    ("properties", "status", "text"),
    [
        ({"VolumeName": "a"}, Status.INVALID_PARAMETER, "property Capacity"),
        ({"VolumeName": "a", "Capacity": 0}, Status.INVALID_PARAMETER, "property Capacity"),
        ({"Capacity": 9}, Status.INVALID_PARAMETER, "property VolumeName"),
        ({"VolumeName": "a/b", "Capacity": 9}, Status.INVALID_PARAMETER, "property VolumeName"),
        ({"VolumeName": "..", "Capacity": 9}, Status.INVALID_PARAMETER, "property VolumeName"),
        ({"VolumeName": "-a", "Capacity": 9}, Status.INVALID_PARAMETER, "property VolumeName"),
        ({"Path": "/etc/passwd", "Capacity": 9}, Status.INVALID_PARAMETER, "is not in pool 'default'"),
        ({"Path": f"{IMAGES}/../a", "Capacity": 9}, Status.INVALID_PARAMETER, "is not in pool 'default'"),
        (
            {"VolumeName": "b", "Path": f"{IMAGES}/a", "Capacity": 9},
            Status.INVALID_PARAMETER,
            "is not in pool 'default'",
        ),
        ({"VolumeName": "a", "Capacity": 9, "FormatType": 7}, Status.INVALID_PARAMETER, "FormatType"),
        (
            {"VolumeName": "a", "Capacity": 9, "AllocationQuantity": 10},
            Status.INVALID_PARAMETER,
            "Allocation",
        ),
        ({"VolumeName": "a", "Capacity": 9, "AllocationUnits": "Parsecs"}, Status.INVALID_PARAMETER, "Units"),
        ({"VolumeName": "a", "Capacity": 9, "PoolID": "DiskPool/b"}, Status.INVALID_PARAMETER, "PoolID"),
        ({"VolumeName": "a", "Capacity": 9, "Limit": 4}, Status.INVALID_PARAMETER, "property Limit"),
        (
            {"VolumeName": "a", "BackingVolume": "default/no"},
            Status.INVALID_PARAMETER,
            "no volume 'default/no'",
        ),
        (
            {"VolumeName": "a", "BackingVolume": f"default/{MACHINE_DISK}", "FormatType": 1},
            Status.INVALID_PARAMETER,
            "raw holds no differences",
        ),
        ({"VolumeName": MACHINE_DISK, "Capacity": 9}, Status.ALREADY_EXISTS, "already"),
        (
            {"VolumeName": "a", "Capacity": 10**15, "AllocationQuantity": 10**15},
            Status.FAILED,
            "bytes left, not",
        ),
    ],
)
async def test_a_volume_that_makes_no_sense_is_refused_by_the_name_of_the_property(
    storage: Storage, properties: dict[str, Value], status: Status, text: str
) -> None:
    before = dict(storage.view.all(Volume))
    with pytest.raises(CimError, match=text) as caught:
        await storage.create_volume(**properties)
    assert caught.value.status is status
    assert storage.view.all(Volume) == before


async def test_a_pool_of_devices_has_raw_volumes(storage: Storage) -> None:
    await storage.create_pool(Type=6)
    with pytest.raises(CimError, match="are raw devices"):
        await storage.create_volume("new", VolumeName="lv", Capacity=9, FormatType=2)
    assert (await storage.create_volume("new", VolumeName="lv", Capacity=9)).return_value == 0


async def test_a_volume_in_use_is_refused_by_name(storage: Storage) -> None:
    text = f"volume 'default/{MACHINE_DISK}' is in use: it is disk xvda of machine 'vm-00000' (running)"
    with pytest.raises(CimError) as caught:
        await storage.delete_volume(VolumeName=MACHINE_DISK)
    assert (caught.value.status, caught.value.message) == (Status.FAILED, text)
    running = volume_path(MACHINE_DISK)
    assert (await storage.refused(running, "Wipe")).message == text
    assert (await storage.refused(running, "Clone", VolumeName="copy")).message == text
    assert (await storage.refused(running, "Resize", Capacity=40 * GIB)).message == text
    off = volume_path(STOPPED_DISK)
    assert (await storage.refused(off, "Wipe")).message.endswith("machine 'vm-00002' (shut off)")
    await storage.create_volume(VolumeName="top", BackingVolume=f"default/{STOPPED_DISK}")
    grown = await storage.refused(off, "Resize", Capacity=40 * GIB)
    assert grown.message.endswith("is in use: volume 'default/top' is based on it")
    assert storage.volume(MACHINE_DISK).capacity_bytes == 20 * GIB


async def test_volumes_grow_are_cloned_and_wiped(storage: Storage) -> None:
    off = volume_path(STOPPED_DISK)
    assert (await storage.call(off, "Resize", Capacity=40 * GIB)).return_value == 0
    assert storage.volume(STOPPED_DISK).capacity_bytes == 40 * GIB
    assert storage.view.all(VirtualMachine)[fake_machine(2).uuid].current.disks[0].capacity_bytes == 40 * GIB
    smaller = await storage.refused(off, "Resize", Capacity=GIB)
    assert (smaller.status, "lose content" in smaller.message) == (Status.INVALID_PARAMETER, True)
    assert (await storage.call(off, "Resize", Capacity=40 * GIB)).return_value == 0
    cloned = await storage.call(off, "Clone", VolumeName="copy")
    assert (cloned.return_value, list(out(cloned))) == (0, ["Volume"])
    assert storage.volume("copy") == replace(storage.volume(STOPPED_DISK), name="copy", path=f"{IMAGES}/copy")
    assert (await storage.call(volume_path("copy"), "Wipe")).return_value == 0
    again = await storage.refused(off, "Clone", VolumeName="copy")
    assert again.status is Status.ALREADY_EXISTS
    other = await storage.call(off, "Clone", VolumeName="raw", FormatType=1, Compact=True)
    assert (other.return_value, storage.volume("raw").format) == (0, "raw")
    odd = await storage.refused(off, "Clone", VolumeName="a", FormatType=2 + 1)
    assert odd.status is Status.INVALID_PARAMETER
    await storage.create_pool(Type=6)
    await storage.create_volume("new", VolumeName="device", Capacity=GIB)
    odd = await storage.refused(volume_path("device", "new"), "Clone", VolumeName="a", FormatType=2)
    assert odd.message.endswith("FormatType: volumes of pool 'new' are raw devices")
    odd = await storage.refused(off, "Clone", VolumeName="a/b")
    assert odd.status is Status.INVALID_PARAMETER


async def test_a_volume_that_is_gone_is_not_found(storage: Storage) -> None:
    with pytest.raises(CimError, match="there is no volume 'gone'") as caught:
        await storage.delete_volume(VolumeName="gone")
    assert caught.value.status is Status.NOT_FOUND
    assert (await storage.refused(volume_path("gone"), "Wipe")).status is Status.NOT_FOUND


async def test_only_administrators_change_storage(storage: Storage) -> None:
    for path, method in (
        (SERVICE, "CreateChildResourcePool"),
        (SERVICE, "FindPoolSources"),
        (SERVICE, "DeleteResourcePool"),
        (SERVICE, "CreateResourceInPool"),
        (SERVICE, "DeleteResourceInPool"),
        (SERVICE, "RefreshResourcesInPool"),
        (pool_path("default"), "RequestStateChange"),
        (pool_path("default"), "SetAutostart"),
        (volume_path(STOPPED_DISK), "Resize"),
        (volume_path(STOPPED_DISK), "Clone"),
        (volume_path(STOPPED_DISK), "Wipe"),
    ):
        assert (await storage.refused(path, method, user="nobody")).status is Status.ACCESS_DENIED


async def test_what_takes_long_goes_on_as_a_job(storage: Storage) -> None:
    jobs = storage.world.sites[0].jobs
    jobs.grace_s = 0.0
    result = await storage.create_volume(VolumeName="data", Capacity=GIB)
    assert (result.return_value, list(out(result))) == (4096, ["Job"])
    [job] = storage.view.all(Job).values()
    await jobs.finished(job.id)
    [job] = storage.view.all(Job).values()
    assert (job.name, job.state) == ("CreateResourceInPool", JobState.COMPLETED)
    assert [element.class_name for element in job.affected] == ["DiskPool", "StorageVolume"]
    assert storage.volume("data").capacity_bytes == GIB

"""Templates of storage pools and volumes: what they tell, and that they are good as input."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Instance, TypedValue, Value
from xencim.providers.backends.fake import GIB
from xencim.providers.backends.records import StoragePool
from xencim.providers.host.capabilities import SETTINGS_DEFINE_CAPABILITIES
from xencim.providers.host.pools.allocation_capabilities import capabilities_row
from xencim.providers.host.templates import storage_pool, storage_volume
from xencim.providers.management.given import told
from xencim.providers.storage.disk_pool import KIND

from .storage_world import SERVICE, Storage, pool_path, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.providers.core.spec import ClassSpec, Context

MIB = 1024**2


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    async with running() as found:
        yield found


def context_of(storage: Storage) -> Context:
    return storage.world.sites[0].context()


def values(spec: ClassSpec, context: Context, instance_id: str) -> dict[str, Value]:
    """Return what a template tells, but for NULL."""
    row = spec.rows.find(context, {"instanceid": instance_id})
    assert row is not None
    found = {prop.name: told(spec, row, prop.name) for prop in (*spec.keys, *spec.props)}
    return {name: value for name, value in found.items() if value is not None}


def embedded(kind: str, given: dict[str, Value]) -> Instance:
    return Instance(
        f"Xen_{kind}ResourceAllocationSettingData",
        {name: TypedValue(None, value) for name, value in given.items()},
    )


def sizes(storage: Storage, level: str, pool: str = "default") -> dict[str, Value]:
    all_of_it = values(storage_volume.SPEC, context_of(storage), f"DiskPool/{pool}/Volume/{level}")
    return {
        name: all_of_it[name]
        for name in ("Capacity", "AllocationQuantity", "FormatType")
        if name in all_of_it
    }


async def test_volumes_of_files_may_be_larger_than_the_room_that_is_left(storage: Storage) -> None:
    assert sizes(storage, "Default") == {"Capacity": 5000 * MIB, "AllocationQuantity": 0, "FormatType": 1}
    assert sizes(storage, "Minimum") == {"Capacity": MIB, "AllocationQuantity": 0}
    assert sizes(storage, "Maximum") == {"AllocationQuantity": storage.pool().available_bytes}
    assert sizes(storage, "Increment") == {"Capacity": MIB}


async def test_volumes_on_devices_take_all_their_room(storage: Storage) -> None:
    await storage.create_pool(Type=6)
    room = storage.pool("new").available_bytes
    assert sizes(storage, "Maximum", "new") == {"Capacity": room, "AllocationQuantity": room}
    assert sizes(storage, "Default", "new") == {"Capacity": 5000 * MIB}


async def test_there_are_none_where_no_volume_can_be_made(storage: Storage) -> None:
    await storage.create_pool(Type=9)
    assert [row[0].name for row in storage_volume.SPEC.rows.all(context_of(storage))] == ["default"] * 4
    await storage.create_pool("other", Type=1, Path="/srv/other")
    assert sizes(storage, "Increment", "other") == {"Capacity": MIB}
    await storage.call(pool_path("other"), "RequestStateChange", RequestedState=3)
    assert [row[0].name for row in storage_volume.SPEC.rows.all(context_of(storage))] == ["default"] * 4


async def test_templates_are_good_as_input(storage: Storage) -> None:
    volume = values(storage_volume.SPEC, context_of(storage), "DiskPool/default/Volume/Default")
    one = embedded("StorageVolume", {**volume, "VolumeName": "v"})
    made = await storage.call(SERVICE, "CreateResourceInPool", Settings=one, Pool=pool_path("default"))
    assert made.return_value == 0
    assert storage.volume("v").capacity_bytes == 5000 * MIB < GIB * 5
    pool = values(storage_pool.SPEC, context_of(storage), "DiskPool/0/disk/Default")
    assert (pool["Type"], pool["ResourceSubType"], pool["Path"], pool["Build"]) == (4, "disk", "/dev", 0)
    wish = embedded("DiskPool", {**pool, "DevicePaths": ("/dev/sdb",)})
    made = await storage.call(SERVICE, "CreateChildResourcePool", ElementName="new", Settings=(wish,))
    assert made.return_value == 0
    assert storage.view.all(StoragePool)["new"].source_devices == ("/dev/sdb",)


async def test_pools_that_the_hypervisor_cannot_have_are_neither_told_nor_made(storage: Storage) -> None:
    storage.inventory.put(replace(storage.view.host, pool_types=("dir", "netfs")))
    told_types = [row[1].name for row in storage_pool.SPEC.rows.all(context_of(storage))]
    assert told_types == ["dir", "netfs"]
    made = await storage.create_pool(Type=6)
    assert made.return_value == 1
    assert list(storage.view.all(StoragePool)) == ["default"]


async def test_the_capabilities_of_pools_lead_to_them(storage: Storage) -> None:
    context = context_of(storage)
    for link in SETTINGS_DEFINE_CAPABILITIES.links:
        if link.right in {storage_pool.SPEC, storage_volume.SPEC}:
            source = None if link.right is storage_pool.SPEC else storage.pool()
            capabilities = capabilities_row(context, KIND, source)
            found = list(link.rights_of(context, capabilities))
            assert len(found) == (13 if source is None else 4)
            assert [list(link.lefts_of(context, row)) for row in found] == [[capabilities]] * len(found)

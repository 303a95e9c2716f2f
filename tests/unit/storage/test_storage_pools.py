"""Storage pools made, changed and taken away through the engine, on a made-up host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.backends.fake import GIB, fake_machine
from xencim.providers.backends.fake_storage import POOL_CAPACITY_BYTES
from xencim.providers.backends.records import Job, PoolState, StoragePool, VirtualMachine, Volume
from xencim.providers.core.errors import CimError, Status

from .storage_world import SERVICE, Storage, out, pool_path, running, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.values import Value


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    async with running() as found:
        yield found


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Type": 1, "Path": "/srv/a/"}, {"type": "dir", "target_path": "/srv/a"}),
        (
            {"Type": 2, "Path": "/srv/a", "DevicePaths": ("/dev/sdb1",), "Autostart": True},
            {"type": "fs", "target_path": "/srv/a", "source_devices": ("/dev/sdb1",), "autostart": True},
        ),
        (
            {"Type": 3, "Path": "/srv/a", "Host": "nas.example", "SourceDirectory": "/export"},
            {
                "type": "netfs",
                "target_path": "/srv/a",
                "source_host": "nas.example",
                "source_path": "/export",
            },
        ),
        (
            {"Type": 4, "DevicePaths": ("/dev/sdb",)},
            {"type": "disk", "target_path": "/dev", "source_devices": ("/dev/sdb",)},
        ),
        (
            {"Type": 5, "Host": "san.example", "DevicePaths": ("iqn.2026-01.example:a",)},
            {
                "type": "iscsi",
                "target_path": "/dev/disk/by-path",
                "source_host": "san.example",
                "source_devices": ("iqn.2026-01.example:a",),
            },
        ),
        (
            {"Type": 6, "Path": "/dev/vg0"},
            {"type": "logical", "target_path": "/dev/vg0", "source_name": "vg0"},
        ),
        ({"Type": 6}, {"type": "logical", "target_path": "/dev/new", "source_name": "new"}),
        (
            {"Type": 7, "AdapterName": "host1"},
            {"type": "scsi", "target_path": "/dev/disk/by-path", "source_adapter": "host1"},
        ),
        (
            {"Type": 7, "PortName": "2101001b32a90002", "NodeName": "2001001b32a9da4e"},
            {
                "type": "scsi",
                "target_path": "/dev/disk/by-path",
                "source_port": "2101001b32a90002",
                "source_node": "2001001b32a9da4e",
            },
        ),
        (
            {"Type": 8, "Host": "san", "DevicePaths": ("iqn.a",), "InitiatorName": "iqn.b"},
            {
                "type": "iscsi-direct",
                "source_host": "san",
                "source_devices": ("iqn.a",),
                "source_initiator": "iqn.b",
            },
        ),
        ({"Type": 9}, {"type": "mpath", "target_path": "/dev/mapper"}),
        (
            {"Type": 10, "Host": "mon1,mon2", "SourceName": "data"},
            {"type": "rbd", "source_host": "mon1,mon2", "source_name": "data"},
        ),
        (
            {"Type": 11, "Host": "brick", "SourceName": "data", "SourceDirectory": "/images"},
            {"type": "gluster", "source_host": "brick", "source_name": "data", "source_path": "/images"},
        ),
        (
            {"Type": 12, "SourceName": "tank", "DevicePaths": ("/dev/sdb", "/dev/sdc")},
            {"type": "zfs", "source_name": "tank", "source_devices": ("/dev/sdb", "/dev/sdc")},
        ),
        (
            {"Type": 13, "SourceName": "cluster", "Path": "/mnt/p"},
            {"type": "vstorage", "source_name": "cluster", "target_path": "/mnt/p"},
        ),
    ],
)
async def test_pools_of_every_type_are_made(
    storage: Storage, properties: dict[str, Value], expected: dict[str, object]
) -> None:
    made = await storage.create_pool(**properties)
    assert (made.return_value, out(made)) == (
        0,
        {"Pool": '//fake.example/root/virt:Xen_DiskPool.InstanceID="DiskPool/new"'},
    )
    pool = storage.pool("new")
    told = {
        "autostart": False,
        "capacity_bytes": POOL_CAPACITY_BYTES,
        "allocation_bytes": 0,
        "available_bytes": POOL_CAPACITY_BYTES,
        **expected,
    }
    assert pool == StoragePool(name="new", uuid=pool.uuid, state=PoolState.RUNNING, **told)  # type: ignore[arg-type] # as given
    assert storage.view.all(Job) == {}


async def test_a_pool_is_named_by_its_settings_as_clients_of_libvirt_cim_do(storage: Storage) -> None:
    text = (
        "instance of Xen_DiskPoolResourceAllocationSettingData "
        '{ PoolID = "DiskPool/new"; Type = 1; Path = "/srv/a"; ResourceType = 17; };'
    )
    made = await storage.call(
        SERVICE, "CreateChildResourcePool", Settings=(text,), ParentPool=(pool_path("0"),)
    )
    assert made.return_value == 0
    assert storage.pool("new").target_path == "/srv/a"


@pytest.mark.parametrize(
    ("name", "properties", "status", "text"),
    [
        ("new", {"Path": "/a"}, Status.INVALID_PARAMETER, "property Type of Xen_DiskPool"),
        ("new", {"Type": 14, "Path": "/a"}, Status.INVALID_PARAMETER, "1 dir, 2 fs, 3 netfs"),
        ("new", {"Type": 1}, Status.INVALID_PARAMETER, "property Path"),
        ("new", {"Type": 1, "Path": "a"}, Status.INVALID_PARAMETER, "no absolute path"),
        ("new", {"Type": 1, "Path": "/a/../b"}, Status.INVALID_PARAMETER, "no absolute path"),
        ("new", {"Type": 1, "Path": "/a\n"}, Status.INVALID_PARAMETER, "no absolute path"),
        ("new", {"Type": 1, "Path": "/a", "Host": "h"}, Status.INVALID_PARAMETER, "property Host"),
        ("new", {"Type": 10, "Host": "a,,b", "SourceName": "p"}, Status.INVALID_PARAMETER, "makes no sense"),
        ("new", {"Type": 11, "Host": "a,b", "SourceName": "p"}, Status.INVALID_PARAMETER, "one server"),
        ("new", {"Type": 1, "Path": "/a", "Weight": 3}, Status.INVALID_PARAMETER, "property Weight"),
        ("new", {"Type": 1, "Path": "/a", "ResourceType": 10}, Status.INVALID_PARAMETER, "ResourceType"),
        (
            "new",
            {"Type": 1, "Path": "/a", "ResourceSubType": "fs"},
            Status.INVALID_PARAMETER,
            "Type says dir",
        ),
        ("new", {"Type": 1, "Path": "/a", "PoolID": "DiskPool/b"}, Status.INVALID_PARAMETER, "PoolID"),
        ("new", {"Type": 1, "Path": "/a", "PoolID": "MemoryPool/0"}, Status.INVALID_PARAMETER, "PoolID"),
        (
            "new",
            {"Type": 3, "Path": "/a", "Host": "-o x", "SourceDirectory": "/b"},
            Status.INVALID_PARAMETER,
            "Host",
        ),
        ("new", {"Type": 4, "DevicePaths": ("sdb",)}, Status.INVALID_PARAMETER, "'sdb' is no device"),
        ("new", {"Type": 4, "DevicePaths": ("/dev/a", "/dev/b")}, Status.INVALID_PARAMETER, "on one device"),
        ("new", {"Type": 7}, Status.INVALID_PARAMETER, "AdapterName"),
        ("a/b", {"Type": 1, "Path": "/a"}, Status.INVALID_PARAMETER, "'a/b' is no name of a pool"),
        ("-a", {"Type": 1, "Path": "/a"}, Status.INVALID_PARAMETER, "'-a' is no name of a pool"),
        ("..", {"Type": 1, "Path": "/a"}, Status.INVALID_PARAMETER, "'..' is no name of a pool"),
        (None, {"Type": 1, "Path": "/a"}, Status.INVALID_PARAMETER, "'' is no name of a pool"),
        ("default", {"Type": 1, "Path": "/a"}, Status.ALREADY_EXISTS, "storage pool 'default'"),
    ],
)
async def test_a_pool_that_makes_no_sense_is_refused_by_the_name_of_the_property(
    storage: Storage, name: str | None, properties: dict[str, Value], status: Status, text: str
) -> None:
    before = dict(storage.view.all(StoragePool))
    with pytest.raises(CimError, match=text) as caught:
        await storage.create_pool(name, **properties)
    assert caught.value.status is status
    assert storage.view.all(StoragePool) == before


async def test_what_is_found_can_be_made(storage: Storage) -> None:
    before = dict(storage.view.all(StoragePool))
    found = await storage.call(SERVICE, "FindPoolSources", Type=6)
    [parameter] = found.out
    assert (found.return_value, parameter.name) == (0, "Sources")
    assert parameter.value == (
        settings_of(Type=("uint16", 6), DevicePaths=("string", ("/dev/sdb",)), Path=("string", "/dev/spare")),
    )
    assert storage.view.all(StoragePool) == before
    await storage.call(SERVICE, "CreateChildResourcePool", ElementName="new", Settings=parameter.value)
    assert storage.pool("new").source_name == "spare"
    share = await storage.call(SERVICE, "FindPoolSources", Type=3, Host="nas.example")
    assert share.out[0].value == (
        settings_of(
            Type=("uint16", 3), Host=("string", "nas.example"), SourceDirectory=("string", "/export")
        ),
    )


async def test_where_nothing_can_be_found(storage: Storage) -> None:
    assert (await storage.call(SERVICE, "FindPoolSources", Type=1)).return_value == 1
    for wrong in ({"Type": 14}, {"Type": 3, "Host": "-o x"}):
        error = await storage.refused(SERVICE, "FindPoolSources", **wrong)
        assert error.status is Status.INVALID_PARAMETER


def settings_of(**properties: tuple[str, Value]) -> Instance:
    values = {name: TypedValue(*typed) for name, typed in properties.items()}
    return Instance("Xen_DiskPoolResourceAllocationSettingData", values)


async def test_other_settings_make_no_pool(storage: Storage) -> None:
    wrong = (settings("Mem"),)
    error = await storage.refused(SERVICE, "CreateChildResourcePool", ElementName="new", Settings=wrong)
    assert error.status is Status.INVALID_PARAMETER
    assert "Xen_MemResourceAllocationSettingData tells no storage pool" in error.message
    none = await storage.refused(SERVICE, "CreateChildResourcePool", ElementName="new")
    assert none.status is Status.INVALID_PARAMETER
    one = (settings("DiskPool", Type=1, Path="/a"),)
    child = await storage.refused(
        SERVICE,
        "CreateChildResourcePool",
        ElementName="new",
        Settings=one,
        ParentPool=(pool_path("default"),),
    )
    assert "only DiskPool/0 holds pools" in child.message


async def test_a_pool_in_use_is_neither_deleted_nor_stopped(storage: Storage) -> None:
    error = await storage.refused(SERVICE, "DeleteResourcePool", Pool=pool_path("default"))
    assert (error.status, error.message) == (
        Status.FAILED,
        "storage pool 'default' is in use: it has disk xvda of machine 'vm-00000' (running)",
    )
    stop = await storage.refused(pool_path("default"), "RequestStateChange", RequestedState=3)
    assert stop.message == error.message
    for number in (0, 1):
        storage.inventory.remove(VirtualMachine, fake_machine(number).uuid)
    off = await storage.refused(SERVICE, "DeleteResourcePool", Pool=pool_path("default"))
    assert off.message.endswith("disk xvda of machine 'vm-00002' (shut off)")
    stopped = await storage.call(pool_path("default"), "RequestStateChange", RequestedState=3)
    assert stopped.return_value == 0
    assert storage.pool().state is PoolState.INACTIVE
    assert storage.view.all(Volume) == {}
    assert (
        await storage.call(pool_path("default"), "RequestStateChange", RequestedState=2)
    ).return_value == 0
    assert storage.pool().state is PoolState.RUNNING
    assert len(storage.view.all(Volume)) == 3


async def test_a_pool_that_nobody_uses_goes_with_what_is_shown_of_it(storage: Storage) -> None:
    await storage.create_pool(Type=1, Path="/srv/a")
    await storage.create_volume("new", VolumeName="a", Capacity=GIB)
    assert (await storage.call(SERVICE, "DeleteResourcePool", Pool=pool_path("new"))).return_value == 0
    assert list(storage.view.all(StoragePool)) == ["default"]
    assert all(volume.pool == "default" for volume in storage.view.all(Volume).values())


async def test_autostart_and_refresh(storage: Storage) -> None:
    assert (await storage.call(pool_path("default"), "SetAutostart", Autostart=False)).return_value == 0
    assert storage.pool().autostart is False
    refreshed = await storage.call(SERVICE, "RefreshResourcesInPool", Pool=pool_path("default"))
    assert refreshed.return_value == 0


@pytest.mark.parametrize(
    ("pool", "status", "text"),
    [
        (pool_path("gone"), Status.NOT_FOUND, "no storage pool 'gone'"),
        (pool_path("0"), Status.INVALID_PARAMETER, "all storage of the host"),
        (
            Path("Xen_MemoryPool", (("InstanceID", "MemoryPool/0"),)),
            Status.INVALID_PARAMETER,
            "invalid InstanceID",
        ),
        (None, Status.INVALID_PARAMETER, "Pool"),
    ],
)
async def test_a_pool_must_be_named(storage: Storage, pool: Path | None, status: Status, text: str) -> None:
    for method in ("DeleteResourcePool", "RefreshResourcesInPool"):
        error = await storage.refused(SERVICE, method, Pool=pool)
        assert error.status is status
        assert text in error.message


async def test_the_host_s_storage_as_a_whole_has_no_state(storage: Storage) -> None:
    error = await storage.refused(pool_path("0"), "RequestStateChange", RequestedState=3)
    assert error.status is Status.NOT_SUPPORTED
    odd = await storage.refused(pool_path("default"), "RequestStateChange", RequestedState=9)
    assert odd.status is Status.INVALID_PARAMETER

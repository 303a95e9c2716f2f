"""Pools' devices formatted and their content deleted, on explicit wish only; logins to their servers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.fake import fake_machine
from xencim.providers.backends.records import Disk, StoragePool, Volume
from xencim.providers.core.errors import Status

from .storage_world import SERVICE, Storage, pool_path, running, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.values import Value
    from xencim.providers.core.results import MethodReturn

MIB = 1024**2
DISK: dict[str, Value] = {"Type": 4, "DevicePaths": ("/dev/sdb",)}
SECRET = "5f5d1c3a-2c8f-4f0e-9f4b-0a6a3d9a5a01"
ISCSI: dict[str, Value] = {"Type": 5, "Host": "san", "DevicePaths": ("iqn.a",)}


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    async with running() as found:
        yield found


async def refused_pool(storage: Storage, properties: dict[str, Value]) -> tuple[Status, str]:
    one = settings("DiskPool", **properties)
    error = await storage.refused(SERVICE, "CreateChildResourcePool", ElementName="other", Settings=(one,))
    return error.status, error.message


async def emptied(storage: Storage, pool: str, user: str = "root") -> MethodReturn:
    return await storage.call(SERVICE, "DeleteResourcePoolWithContent", user, Pool=pool_path(pool))


async def test_a_device_with_something_on_it_is_built_on_only_by_overwriting(storage: Storage) -> None:
    assert (await storage.create_pool(**DISK, Build=1)).return_value == 0
    await storage.call(SERVICE, "DeleteResourcePool", Pool=pool_path("new"))
    assert await refused_pool(storage, {**DISK, "Build": 1}) == (
        Status.FAILED,
        "CreateChildResourcePool: there is something on /dev/sdb already",
    )
    assert (await storage.create_pool(**DISK, Build=2, SourceFormat="gpt")).return_value == 0
    assert storage.pool("new").source_format == "gpt"


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({**DISK, "Build": 3}, "property Build of Xen_DiskPoolResourceAllocationSettingData: it is 0"),
        ({"Type": 6, "Build": 1}, "property DevicePaths"),
        ({"Type": 2, "Path": "/a", "DevicePaths": ("/dev/sdb",), "Build": 1}, "property SourceFormat"),
        ({"Type": 12, "SourceName": "t", "DevicePaths": ("/dev/sdb",), "Build": 2}, "property Build"),
        ({"Type": 1, "Path": "/a", "Build": 1}, "it has no meaning for a pool of type dir"),
        ({**ISCSI, "SecretUUID": SECRET}, "property UserName"),
        ({**ISCSI, "UserName": "u"}, "property SecretUUID"),
        ({**ISCSI, "UserName": "u", "SecretUUID": SECRET, "SecretUsage": "x"}, "property SecretUUID"),
        ({**ISCSI, "UserName": "u", "SecretUUID": "no"}, "'no' is no UUID"),
        ({**ISCSI, "HostPort": 0}, "property HostPort"),
        ({**DISK, "UserName": "u"}, "it has no meaning for a pool of type disk"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    storage: Storage, properties: dict[str, Value], text: str
) -> None:
    status, message = await refused_pool(storage, properties)
    assert (status, text in message) == (Status.INVALID_PARAMETER, True), message


async def test_a_device_that_somebody_has_is_not_built_on(storage: Storage) -> None:
    await storage.create_pool(**DISK)
    assert await refused_pool(storage, {**DISK, "Build": 2}) == (
        Status.FAILED,
        "device /dev/sdb is in use: storage pool 'new' is on it",
    )
    machine = fake_machine(7)
    disk = Disk(target="vda", source_type="block", source="/dev/sdc")
    storage.inventory.put(replace(machine, current=replace(machine.current, disks=(disk,)), stored=None))
    assert await refused_pool(storage, {"Type": 4, "DevicePaths": ("/dev/sdc",), "Build": 2}) == (
        Status.FAILED,
        f"device /dev/sdc is in use: it is disk vda of machine {machine.name!r} ({machine.state.value})",
    )


async def test_a_login_names_its_secret(storage: Storage) -> None:
    await storage.create_pool(**ISCSI, HostPort=3261, UserName="u", SecretUUID=SECRET)
    pool = storage.pool("new")
    assert (pool.source_host_port, pool.auth_user, pool.secret_uuid, pool.secret_usage) == (
        3261,
        "u",
        SECRET,
        None,
    )


async def test_a_pool_goes_with_its_content(storage: Storage) -> None:
    await storage.create_pool(Type=1, Path="/srv/new")
    await storage.create_volume("new", VolumeName="v", Capacity=MIB)
    assert (await emptied(storage, "new")).return_value == 0
    assert storage.view.get(StoragePool, "new") is None
    assert storage.view.get(Volume, "new/v") is None


async def test_forgetting_a_pool_deletes_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = []
    backend = storage.world.sites[0].backend
    forget = backend.delete_pool

    async def noted(name: str, *, with_content: bool = False) -> None:
        wishes.append((name, with_content))
        await forget(name, with_content=with_content)

    monkeypatch.setattr(backend, "delete_pool", noted)
    for name in ("forgotten", "deleted"):
        await storage.create_pool(name, Type=1, Path=f"/srv/{name}")
    await storage.call(SERVICE, "DeleteResourcePool", Pool=pool_path("forgotten"))
    await emptied(storage, "deleted")
    assert wishes == [("forgotten", False), ("deleted", True)]


async def test_content_in_use_stays(storage: Storage) -> None:
    await storage.create_pool(Type=1, Path="/srv/new")
    await storage.create_volume("new", VolumeName="base", Capacity=MIB)
    await storage.create_volume(VolumeName="top", Capacity=MIB, BackingVolume="new/base")
    for pool, text in (
        ("new", "volume 'new/base' is in use: volume 'default/top' is based on it"),
        ("default", "storage pool 'default' is in use: it has disk "),
    ):
        error = await storage.refused(SERVICE, "DeleteResourcePoolWithContent", Pool=pool_path(pool))
        assert (error.status, text in error.message) == (Status.FAILED, True), error.message
    assert storage.volume("base", "new").capacity_bytes == MIB


async def test_content_of_a_stopped_pool_and_by_others_stays(storage: Storage) -> None:
    await storage.create_pool(Type=1, Path="/srv/new")
    error = await storage.refused(SERVICE, "DeleteResourcePoolWithContent", "bob", Pool=pool_path("new"))
    assert error.status is Status.ACCESS_DENIED
    await storage.call(pool_path("new"), "RequestStateChange", RequestedState=3)
    error = await storage.refused(SERVICE, "DeleteResourcePoolWithContent", Pool=pool_path("new"))
    assert (error.status, "storage pool 'new' is inactive" in error.message) == (Status.FAILED, True)

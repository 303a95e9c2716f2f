"""Pools' devices formatted and their content deleted by libvirt, on explicit wish; logins to servers."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import PoolBuild, PoolState, StoragePool, Volume

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

libvirt = pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"
MIB = 1024**2
SECRET = "5f5d1c3a-2c8f-4f0e-9f4b-0a6a3d9a5a01"


def wanted(kind: str, **fields: Any) -> StoragePool:  # noqa: ANN401 - of every type
    return StoragePool(name="new", uuid="", state=PoolState.INACTIVE, type=kind, **fields)


async def refused(call: Awaitable[object]) -> tuple[str, str]:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value.kind, caught.value.message


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (
            "iscsi",
            {
                "source_host": "san",
                "source_host_port": 3261,
                "source_devices": ("iqn.a",),
                "auth_user": "u",
                "secret_uuid": SECRET,
                "target_path": "/dev/disk/by-path",
            },
        ),
        (
            "iscsi-direct",
            {
                "source_host": "san",
                "source_devices": ("iqn.a",),
                "source_initiator": "iqn.b",
                "auth_user": "u",
                "secret_usage": "target",
            },
        ),
        (
            "rbd",
            {
                "source_host": "mon1,mon2",
                "source_host_port": 6789,
                "source_name": "data",
                "auth_user": "admin",
                "secret_usage": "ceph",
            },
        ),
        ("gluster", {"source_host": "brick", "source_host_port": 24007, "source_name": "data"}),
        ("disk", {"source_devices": ("/dev/sdz",), "source_format": "gpt", "target_path": "/dev"}),
        ("fs", {"source_devices": ("/dev/sdz1",), "source_format": "ext4", "target_path": "/srv/a"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_logins_ports_and_formats_come_back_from_libvirt(
    backends: Start, kind: str, fields: dict[str, Any]
) -> None:
    backend, inventory = await backends("test:///default")
    await backend.create_pool(wanted(kind, **fields))
    pool = inventory.view.all(StoragePool)["new"]
    assert {name: getattr(pool, name) for name in fields} == fields
    await backend.delete_pool("new")


async def test_content_that_libvirt_does_not_delete_is_said_before_anything_goes(backends: Start) -> None:
    backend, inventory = await backends("test:///default")
    await backend.create_pool(wanted("disk", source_devices=("/dev/sdz",), target_path="/dev"))
    await backend.create_volume(Volume(pool="new", name="a", capacity_bytes=MIB))
    assert await refused(backend.delete_pool("new", with_content=True)) == (
        "unsupported",
        "libvirt deletes no content of pools of type disk",
    )
    assert list(inventory.view.all(Volume)) == ["new/a"]
    await backend.delete_pool("new")
    await backend.create_pool(wanted("dir", target_path="/srv/new"))
    await backend.create_volume(Volume(pool="new", name="b", capacity_bytes=MIB))
    await backend.delete_pool("new", with_content=True)
    assert (list(inventory.view.all(StoragePool)), inventory.view.all(Volume)) == (["default-pool"], {})


# A private libvirtd ----------------------------------------------------------------------------


@pytest.fixture
def clean(libvirtd: Libvirtd) -> Iterator[None]:
    """No pool stays."""
    yield
    for name in libvirtd.virsh("pool-list", "--all", "--name").split():
        for command in ("pool-destroy", "pool-undefine"):
            subprocess.run(
                ["virsh", "-q", "-c", libvirtd.uri, command, name], check=False, capture_output=True
            )


def partition_table(device: str) -> str:
    command = ["blkid", "-p", "-o", "value", "-s", "PTTYPE", device]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.libvirtd
@pytest.mark.usefixtures("clean")
async def test_a_folder_goes_with_what_is_in_it(backends: Start, libvirtd: Libvirtd, tmp_path: Path) -> None:
    backend, inventory = await backends(libvirtd.uri)
    folder = tmp_path / "pool"
    await backend.create_pool(wanted("dir", target_path=str(folder)))
    await backend.create_volume(Volume(pool="new", name="a", capacity_bytes=MIB, format="raw"))
    (folder / "seen-by-nobody").write_bytes(b"x")
    await backend.set_pool_active("new", False)
    kind, message = await refused(backend.delete_pool("new", with_content=True))
    assert (kind, message) == ("invalid_state", "storage pool 'new' is stopped")
    assert sorted(path.name for path in folder.iterdir()) == ["a", "seen-by-nobody"]
    await backend.set_pool_active("new", True)
    await backend.delete_pool("new", with_content=True)
    assert not folder.exists()
    assert libvirtd.virsh("pool-list", "--all", "--name").split() == []
    assert (inventory.view.all(StoragePool), inventory.view.all(Volume)) == ({}, {})


@pytest.mark.libvirtd
@pytest.mark.usefixtures("clean")
async def test_a_folder_that_cannot_go_keeps_its_pool(
    backends: Start, libvirtd: Libvirtd, tmp_path: Path
) -> None:
    backend, inventory = await backends(libvirtd.uri)
    folder = tmp_path / "pool"
    await backend.create_pool(wanted("dir", target_path=str(folder)))
    (folder / "inner").mkdir()
    (folder / "inner" / "file").write_bytes(b"x")
    kind, message = await refused(backend.delete_pool("new", with_content=True))
    assert (kind, str(folder) in message) == ("failed", True), message
    assert (folder / "inner" / "file").read_bytes() == b"x"
    assert inventory.view.all(StoragePool)["new"].state is PoolState.RUNNING
    assert "running" in libvirtd.virsh("pool-info", "new")


@pytest.mark.libvirtd
@pytest.mark.usefixtures("clean")
async def test_a_file_system_is_made_on_an_empty_device_or_over_another(
    backends: Start, libvirtd: Libvirtd, tmp_path: Path, loop_device: str
) -> None:
    backend, inventory = await backends(libvirtd.uri)
    pool = wanted(
        "fs", source_devices=(loop_device,), source_format="ext4", target_path=str(tmp_path / "mounted")
    )
    kind, _message = await refused(backend.create_pool(pool))
    assert kind == "failed"  # there is nothing to mount, and nobody wished for a file system
    await backend.create_pool(pool, PoolBuild.NEW)
    assert inventory.view.all(StoragePool)["new"].source_format == "ext4"
    assert "running" in libvirtd.virsh("pool-info", "new")
    await backend.create_volume(Volume(pool="new", name="a", capacity_bytes=MIB, format="raw"))
    await backend.delete_pool("new")

    kind, message = await refused(backend.create_pool(pool, PoolBuild.NEW))
    assert (kind, loop_device in message) == ("failed", True), message
    await backend.create_pool(pool)
    assert "new/a" in inventory.view.all(Volume)
    await backend.delete_pool("new")
    await backend.create_pool(pool, PoolBuild.OVERWRITE)
    assert "new/a" not in inventory.view.all(Volume)
    await backend.delete_pool("new", with_content=True)
    assert not (tmp_path / "mounted").exists()


@pytest.mark.libvirtd
@pytest.mark.usefixtures("clean")
@pytest.mark.skipif(shutil.which("parted") is None, reason="libvirt makes partition tables with parted")
async def test_a_partition_table_is_made(backends: Start, libvirtd: Libvirtd, loop_device: str) -> None:
    backend, inventory = await backends(libvirtd.uri)
    pool = wanted("disk", source_devices=(loop_device,), source_format="gpt", target_path="/dev")
    await backend.create_pool(pool, PoolBuild.NEW)
    assert partition_table(loop_device) == "gpt"
    assert inventory.view.all(StoragePool)["new"].state is PoolState.RUNNING

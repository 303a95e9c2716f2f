"""Storage pools and volumes by libvirt: pretended by its test driver, real files of a private libvirtd."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt import backend as backend_module
from xencim.providers.backends.records import (
    CpuAllocation,
    Disk,
    MachineConfig,
    MemoryAllocation,
    PoolState,
    StoragePool,
    VirtualMachine,
    Volume,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd

    from xencim.providers.backends.inventory import Inventory, View
    from xencim.providers.backends.libvirt import LibvirtBackend

libvirt = pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"

TEST = "test:///default"
MIB = 1024**2


def wanted_pool(name: str = "new", **fields: Any) -> StoragePool:  # noqa: ANN401 - of every type
    known = {"type": "dir", "target_path": "/srv/new", **fields}
    return StoragePool(name=name, uuid="", state=PoolState.INACTIVE, **known)


def volume(view: View, key: str) -> Volume:
    return view.all(Volume)[key]


async def refused(call: Awaitable[object]) -> tuple[str, str]:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value.kind, caught.value.message


# The test driver -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"type": "fs", "source_devices": ("/dev/sdz1",)},
        {"type": "netfs", "source_host": "nas.example", "source_path": "/export"},
        {"type": "logical", "source_name": "vg", "target_path": "/dev/vg"},
        {"type": "disk", "source_devices": ("/dev/sdz",), "target_path": "/dev"},
        {
            "type": "iscsi",
            "source_host": "san.example",
            "source_devices": ("iqn.2026-01.example:a",),
            "target_path": "/dev/disk/by-path",
        },
        {"type": "scsi", "source_adapter": "host1", "target_path": "/dev/disk/by-path"},
    ],
    ids=lambda fields: fields.get("type", "dir"),
)
async def test_a_pool_of_each_type_comes_stops_starts_and_goes(
    backends: Start, fields: dict[str, Any]
) -> None:
    backend, inventory = await backends(TEST)
    await backend.create_pool(wanted_pool(autostart=True, **fields))
    pool = inventory.view.all(StoragePool)["new"]
    told = {name: getattr(pool, name) for name in ("type", "target_path", *fields)}
    assert told == {"type": "dir", "target_path": "/srv/new", **fields}
    assert (pool.state, pool.autostart, pool.persistent) == (PoolState.RUNNING, True, True)
    await backend.set_pool_autostart("new", False)
    await backend.set_pool_active("new", False)
    await backend.set_pool_active("new", False)
    pool = inventory.view.all(StoragePool)["new"]
    assert (pool.state, pool.autostart) == (PoolState.INACTIVE, False)
    await backend.set_pool_active("new", True)
    await backend.refresh_pool("new")
    assert inventory.view.all(StoragePool)["new"].state is PoolState.RUNNING
    await backend.delete_pool("new")
    assert list(inventory.view.all(StoragePool)) == ["default-pool"]


async def test_sources_are_found_and_nothing_is_changed(backends: Start) -> None:
    backend, inventory = await backends(TEST)
    groups = await backend.find_pool_sources("logical", None)
    assert [(one.source_name, one.source_devices) for one in groups] == [
        ("testvg1", ("/dev/sda20",)),
        ("testvg2", ("/dev/sda21",)),
    ]
    [share] = await backend.find_pool_sources("netfs", "nas.example")
    assert (share.source_host, share.source_path) == ("nas.example", "/testshare")
    assert (await refused(backend.find_pool_sources("scsi", None)))[0] == "unsupported"
    assert list(inventory.view.all(StoragePool)) == ["default-pool"]


async def test_volumes_come_are_cloned_and_go(backends: Start) -> None:
    backend, inventory = await backends(TEST)
    assert inventory.view.all(Volume) == {}
    wanted = Volume(pool="default-pool", name="a", capacity_bytes=MIB, allocation_bytes=0, format="raw")
    await backend.create_volume(wanted)
    [made] = inventory.view.all(Volume).values()
    assert (made.key, made.path, made.capacity_bytes) == ("default-pool/a", "/default-pool/a", MIB)
    copy = Volume(pool="default-pool", name="b", capacity_bytes=MIB, allocation_bytes=0)
    await backend.clone_volume(made, copy)
    assert sorted(inventory.view.all(Volume)) == ["default-pool/a", "default-pool/b"]
    assert await refused(backend.create_volume(wanted)) == (
        "exists",
        "there is a volume 'a' in pool 'default-pool' already",
    )
    await backend.set_pool_active("default-pool", False)
    assert inventory.view.all(Volume) == {}
    assert (await refused(backend.create_volume(copy)))[0] == "invalid_state"
    await backend.set_pool_active("default-pool", True)
    for name in ("a", "b"):
        await backend.delete_volume(Volume(pool="default-pool", name=name))
    assert inventory.view.all(Volume) == {}


async def test_what_is_not_there_or_not_offered_is_named(backends: Start) -> None:
    backend, _inventory = await backends(TEST)
    gone = ("not_found", "there is no storage pool 'gone'")
    assert await refused(backend.delete_pool("gone")) == gone
    assert await refused(backend.set_pool_active("gone", True)) == gone
    assert await refused(backend.create_volume(Volume(pool="gone", name="a"))) == gone
    missing = Volume(pool="default-pool", name="none")
    assert (await refused(backend.delete_volume(missing)))[0] == "not_found"
    assert await refused(backend.create_pool(wanted_pool("default-pool"))) == (
        "exists",
        "there is a storage pool 'default-pool' already",
    )
    await backend.create_volume(Volume(pool="default-pool", name="a", capacity_bytes=MIB))
    made = Volume(pool="default-pool", name="a")
    assert (await refused(backend.resize_volume(made, 2 * MIB)))[0] == "unsupported"
    assert (await refused(backend.wipe_volume(made)))[0] == "unsupported"
    await backend.delete_volume(made)


async def test_volumes_that_others_make_are_seen_when_somebody_asks(
    backends: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, inventory = await backends(TEST)
    behind = libvirt.open(TEST)
    try:
        pool = behind.storagePoolLookupByName("default-pool")
        made = pool.createXML("<volume><name>v</name><capacity>1024</capacity></volume>")
        assert inventory.view.all(Volume) == {}
        await backend.refresh_storage()
        assert list(inventory.view.all(Volume)) == ["default-pool/v"]
        known = volume(inventory.view, "default-pool/v")
        made.delete()
        await backend.refresh_storage()
        assert volume(inventory.view, "default-pool/v") is known
        monkeypatch.setattr(backend_module, "STORAGE_REFRESH_S", 0)
        monkeypatch.setattr(backend_module, "STORAGE_SHARE", float("inf"))
        await backend.refresh_storage()
        assert inventory.view.all(Volume) == {}
    finally:
        behind.close()


async def test_a_pool_that_is_stuck_keeps_its_volumes_and_is_not_asked_again(
    backends: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, inventory = await backends(TEST, call_timeout_s=0.4)
    await backend.create_pool(wanted_pool("other"))
    await backend.create_volume(Volume(pool="other", name="o", capacity_bytes=1))
    await backend.create_volume(Volume(pool="default-pool", name="v", capacity_bytes=1))
    answer, real = threading.Event(), libvirt.virStoragePool.listAllVolumes
    asked = []

    def stuck(pool: Any, flags: int) -> Any:  # noqa: ANN401 - libvirt's own method
        asked.append(pool.name())
        if pool.name() == "other":
            answer.wait(30)
        return real(pool, flags)

    monkeypatch.setattr(libvirt.virStoragePool, "listAllVolumes", stuck)
    for _ in range(3):
        await backend.resync()
    assert sorted(inventory.view.all(Volume)) == ["default-pool/v", "other/o"]
    assert Counter(asked) == {"other": 1, "default-pool": 3}
    answer.set()
    while Counter(asked)["other"] == 1:
        await backend.resync()
    await backend.delete_pool("other")
    assert list(inventory.view.all(Volume)) == ["default-pool/v"]
    await backend.delete_volume(Volume(pool="default-pool", name="v"))


async def test_a_machine_that_was_just_defined_is_seen_by_a_look_at_everything(
    backends: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_module.LibvirtBackend, "_changed", lambda *_: None)  # events are late
    backend, inventory = await backends(TEST)
    behind = libvirt.open(TEST)
    try:
        made = behind.defineXML(
            "<domain type='test'><name>new</name><memory>1024</memory><os><type>hvm</type></os></domain>"
        )
        assert inventory.view.machine_named("new") is None
        await backend.resync()
        assert inventory.view.machine_named("new") is not None
        made.undefine()
    finally:
        behind.close()


# A private libvirtd ----------------------------------------------------------------------------


@pytest.fixture
def folder(libvirtd: Libvirtd, tmp_path: Path) -> Iterator[Path]:
    """A folder for a pool; no pool stays."""
    yield tmp_path / "pool"
    for name in libvirtd.virsh("pool-list", "--all", "--name").split():
        for command in ("pool-destroy", "pool-undefine"):
            subprocess.run(
                ["virsh", "-q", "-c", libvirtd.uri, command, name], check=False, capture_output=True
            )


def put_file(path: Path) -> None:
    path.write_text("no folder")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def image(path: Path) -> dict[str, Any]:
    command = ["qemu-img", "info", "--output=json", "-U", str(path)]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return told


@pytest.mark.libvirtd
async def test_files_are_made_grown_cloned_wiped_and_deleted(
    backends: Start, libvirtd: Libvirtd, folder: Path
) -> None:
    backend, inventory = await backends(libvirtd.uri)
    await backend.create_pool(wanted_pool("files", target_path=str(folder), autostart=True))
    assert "files" in libvirtd.virsh("pool-list", "--autostart", "--name")
    assert names(folder) == []
    thin = Volume(pool="files", name="thin", capacity_bytes=64 * MIB, allocation_bytes=0, format="qcow2")
    full = Volume(pool="files", name="full", capacity_bytes=2 * MIB, allocation_bytes=2 * MIB, format="raw")
    for one in (thin, full):
        await backend.create_volume(one)
    told = image(folder / "thin")
    assert (told["format"], told["virtual-size"], told["actual-size"] < MIB) == ("qcow2", 64 * MIB, True)
    assert (folder / "full").stat().st_blocks * 512 >= 2 * MIB
    known = volume(inventory.view, "files/thin")
    assert (known.path, known.format, known.capacity_bytes) == (f"{folder}/thin", "qcow2", 64 * MIB)

    top = Volume(
        pool="files",
        name="top",
        capacity_bytes=64 * MIB,
        allocation_bytes=0,
        format="qcow2",
        backing_path=known.path,
        backing_format="qcow2",
    )
    await backend.create_volume(top)
    assert image(folder / "top")["full-backing-filename"] == str(folder / "thin")
    assert volume(inventory.view, "files/top").backing_path == f"{folder}/thin"

    await backend.resize_volume(volume(inventory.view, "files/full"), 4 * MIB)
    assert image(folder / "full")["virtual-size"] == 4 * MIB
    assert volume(inventory.view, "files/full").capacity_bytes == 4 * MIB
    kind, message = await refused(backend.resize_volume(volume(inventory.view, "files/full"), MIB))
    assert (kind, "capacity" in message) == ("failed", True)

    (folder / "full").write_bytes(b"x" * 4 * MIB)
    copy = Volume(pool="files", name="copy", capacity_bytes=4 * MIB, allocation_bytes=0, format="raw")
    await backend.clone_volume(volume(inventory.view, "files/full"), copy)
    assert (folder / "copy").read_bytes() == b"x" * 4 * MIB
    await backend.wipe_volume(volume(inventory.view, "files/copy"))
    assert (folder / "copy").read_bytes() == bytes(4 * MIB)

    for name in ("copy", "full"):
        await backend.delete_volume(volume(inventory.view, f"files/{name}"))
    assert names(folder) == ["thin", "top"]
    await backend.delete_pool("files")
    assert names(folder) == ["thin", "top"]
    assert libvirtd.virsh("pool-list", "--all", "--name").split() == []
    await backend.create_pool(wanted_pool("again", target_path=str(folder)))
    assert sorted(inventory.view.all(Volume)) == ["again/thin", "again/top"]


@pytest.mark.libvirtd
async def test_a_machine_s_disk_grows_with_its_volume(
    backends: Start, libvirtd: Libvirtd, folder: Path
) -> None:
    backend, inventory = await backends(libvirtd.uri)
    await backend.create_pool(wanted_pool("files", target_path=str(folder)))
    await backend.create_volume(Volume(pool="files", name="d", capacity_bytes=MIB, format="raw"))
    disk = Disk(target="vda", bus="virtio", source_type="volume", pool="files", volume="d", driver_type="raw")
    config = MachineConfig(
        domain_type="qemu",
        arch="x86_64",
        cpu=CpuAllocation(count=1, maximum=1),
        memory=MemoryAllocation(current_kib=65536, maximum_kib=65536),
        disks=(disk,),
    )
    uuid = await backend.define("grower", config)
    try:
        [before] = inventory.view.all(VirtualMachine)[uuid].current.disks
        assert before.capacity_bytes == MIB
        await backend.resize_volume(volume(inventory.view, "files/d"), 3 * MIB)
        [after] = inventory.view.all(VirtualMachine)[uuid].current.disks
        assert after.capacity_bytes == 3 * MIB
    finally:
        await backend.undefine(uuid)


@pytest.mark.libvirtd
async def test_a_pool_that_cannot_start_is_not_kept(
    backends: Start, libvirtd: Libvirtd, folder: Path
) -> None:
    backend, inventory = await backends(libvirtd.uri)
    put_file(folder)
    kind, message = await refused(backend.create_pool(wanted_pool("bad", target_path=str(folder))))
    assert (kind, str(folder) in message) == ("failed", True)
    assert libvirtd.virsh("pool-list", "--all", "--name").split() == []
    assert inventory.view.all(StoragePool) == {}

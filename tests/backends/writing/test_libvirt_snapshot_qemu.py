"""Snapshots of real QEMU guests; virsh and qemu-img say what became of them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import (
    Action,
    CpuAllocation,
    Disk,
    MachineConfig,
    MemoryAllocation,
    PowerState,
    SnapshotKind,
    SnapshotWish,
    VirtualMachine,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.conftest import Libvirtd

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = pytest.mark.libvirtd

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"
Guest: TypeAlias = "tuple[LibvirtBackend, Inventory]"

UUID = "50000000-0000-4000-8000-000000000002"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "disk.qcow2"
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=1.1", str(path), "16M"]
    subprocess.run(create, check=True)
    return path


@pytest.fixture
async def guest(backends: Start, libvirtd: Libvirtd, image: Path) -> AsyncIterator[Guest]:
    """A guest that is off; nothing of it stays."""
    backend, inventory = await backends(libvirtd.uri)
    config = MachineConfig(
        cpu=CpuAllocation(count=1, maximum=1),
        memory=MemoryAllocation(current_kib=65536, maximum_kib=65536),
        domain_type="qemu",
        machine="pc",
        disks=(Disk(target="vda", bus="virtio", source_type="file", source=str(image), driver_type="qcow2"),),
    )
    await backend.define("s1", config, uuid=UUID)
    yield backend, inventory
    if machine(inventory).state.is_active:
        await backend.control(UUID, Action.DESTROY, 10)
    for name in libvirtd.virsh("snapshot-list", UUID, "--name").split():
        libvirtd.virsh("snapshot-delete", UUID, name, "--metadata")
    await backend.undefine(UUID)
    assert libvirtd.virsh("list", "--all", "--uuid").split() == []


def machine(inventory: Inventory) -> VirtualMachine:
    return inventory.view.all(VirtualMachine)[UUID]


def wish(name: str, kind: SnapshotKind = SnapshotKind.FULL, *, quiesced: bool = False) -> SnapshotWish:
    return SnapshotWish(name=name, kind=kind, quiesced=quiesced)


def in_image(image: Path) -> str:
    """Return the snapshots that an image holds, as qemu-img tells them."""
    command = ["qemu-img", "snapshot", "-U", "-l", str(image)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def refused(call: Awaitable[None]) -> tuple[str, str]:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value.kind, caught.value.message


async def test_a_running_guest_comes_back_with_its_memory(
    guest: Guest, libvirtd: Libvirtd, image: Path
) -> None:
    backend, inventory = guest
    await backend.control(UUID, Action.START, 30)
    await backend.resync()
    assert inventory.view.host.snapshot_kinds == (SnapshotKind.FULL, SnapshotKind.DISK)
    await backend.create_snapshot(UUID, wish("first"))
    await backend.create_snapshot(UUID, wish("second"))
    assert libvirtd.virsh("snapshot-list", UUID, "--name").split() == ["first", "second"]
    assert libvirtd.virsh("snapshot-parent", UUID, "second").strip() == "first"
    assert all(name in in_image(image) for name in ("first", "second"))
    assert [one.kind for one in machine(inventory).snapshots] == [SnapshotKind.FULL] * 2
    await backend.control(UUID, Action.DESTROY, 10)
    await backend.apply_snapshot(UUID, "first")
    now = machine(inventory)
    assert (now.state, now.current_snapshot, now.applied_snapshot) == (PowerState.RUNNING, "first", "first")
    assert libvirtd.virsh("domstate", UUID).strip() == "running"
    assert libvirtd.virsh("snapshot-current", UUID, "--name").strip() == "first"
    await backend.delete_snapshot(UUID, "first", with_descendants=True)
    assert libvirtd.virsh("snapshot-list", UUID, "--name").split() == []
    assert "first" not in in_image(image)
    assert machine(inventory).snapshots == ()


async def test_a_guest_that_is_off_keeps_its_disks(guest: Guest, libvirtd: Libvirtd, image: Path) -> None:
    backend, inventory = guest
    await backend.create_snapshot(UUID, wish("cold", SnapshotKind.DISK))
    assert "cold" in in_image(image)
    assert "shutoff" in libvirtd.virsh("snapshot-dumpxml", UUID, "cold")
    await backend.control(UUID, Action.START, 30)
    await backend.apply_snapshot(UUID, "cold")
    assert machine(inventory).state is PowerState.SHUT_OFF
    assert libvirtd.virsh("domstate", UUID).strip() == "shut off"
    await backend.delete_snapshot(UUID, "cold")
    assert "cold" not in in_image(image)


async def test_the_disks_of_a_running_guest_get_overlays(
    guest: Guest, libvirtd: Libvirtd, image: Path
) -> None:
    backend, inventory = guest
    await backend.control(UUID, Action.START, 30)
    kind, message = await refused(
        backend.create_snapshot(UUID, wish("quiet", SnapshotKind.DISK, quiesced=True))
    )
    assert kind == "unsupported"
    assert "agent" in message
    assert libvirtd.virsh("snapshot-list", UUID, "--name").split() == []
    await backend.create_snapshot(UUID, wish("live", SnapshotKind.DISK))
    (snapshot,) = machine(inventory).snapshots
    assert (snapshot.name, snapshot.kind) == ("live", SnapshotKind.DISK)
    overlay = image.with_suffix(".live")
    assert machine(inventory).current.disks[0].source == str(overlay)
    assert str(overlay) in libvirtd.virsh("domblklist", UUID)
    if inventory.view.host.library_version == "9.0.0":
        kind, message = await refused(backend.apply_snapshot(UUID, "live"))
        assert (kind, message[:16]) == ("unsupported", "QEMU by libvirt:")
        await backend.delete_snapshot(UUID, "live")
        assert machine(inventory).current.disks[0].source == str(image)
        assert not overlay.exists()


async def test_raw_disks_keep_no_snapshots(backends: Start, libvirtd: Libvirtd, tmp_path: Path) -> None:
    backend, inventory = await backends(libvirtd.uri)
    raw = tmp_path / "disk.raw"
    raw.write_bytes(bytes(1024**2))
    config = MachineConfig(
        cpu=CpuAllocation(count=1, maximum=1),
        memory=MemoryAllocation(current_kib=65536, maximum_kib=65536),
        domain_type="qemu",
        disks=(Disk(target="vda", bus="virtio", source_type="file", source=str(raw), driver_type="raw"),),
    )
    await backend.define("s2", config, uuid=UUID)
    kind, message = await refused(backend.create_snapshot(UUID, wish("no")))
    assert (kind, message[:16]) == ("unsupported", "QEMU by libvirt:")
    assert machine(inventory).snapshots == ()
    await backend.undefine(UUID)

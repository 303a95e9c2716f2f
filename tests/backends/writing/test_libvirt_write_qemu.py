"""Real QEMU guests defined, changed while they run and taken away; virsh says what became of them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import (
    Action,
    Console,
    CpuAllocation,
    Disk,
    Graphics,
    InputDevice,
    MachineConfig,
    MemoryAllocation,
    Nic,
    PowerState,
    Vcpu,
    VirtualMachine,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = pytest.mark.libvirtd

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"

UUID = "40000000-0000-4000-8000-000000000001"
MIB = 1024**2


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with a disk, another one and a medium."""
    for name, size in (("disk", "64M"), ("extra", "32M"), ("medium", "1M")):
        create = ["qemu-img", "create", "-q", "-f", "qcow2", f"{tmp_path}/{name}.qcow2", size]
        subprocess.run(create, check=True)
    return tmp_path


@pytest.fixture
def config(images: Path) -> MachineConfig:
    return MachineConfig(
        cpu=CpuAllocation(count=1, maximum=4),
        memory=MemoryAllocation(current_kib=65536, maximum_kib=65536),
        title="a guest",
        domain_type="qemu",
        machine="pc",
        acpi=True,
        boot_devices=("hd", "cdrom"),
        clock_offset="utc",
        on_crash="destroy",
        vcpus=(Vcpu(index=0, pinned_to=(0,)),),
        disks=(
            Disk(
                target="vda",
                bus="virtio",
                source_type="file",
                source=f"{images}/disk.qcow2",
                driver_name="qemu",
                driver_type="qcow2",
            ),
            Disk(target="hdc", device="cdrom", bus="ide", source_type="file", driver_type="qcow2"),
        ),
        nics=(Nic(mac="52:54:00:aa:00:01", model="virtio", link_up=True),),
        graphics=(Graphics(type="vnc", listen="127.0.0.1", port=-1, autoport=True),),
        inputs=(InputDevice(type="tablet"),),
        consoles=(Console(index=0, source_type="pty", target_type="serial"),),
    )


@pytest.fixture
async def guest(
    backends: Start, libvirtd: Libvirtd, config: MachineConfig
) -> AsyncIterator[tuple[LibvirtBackend, Inventory]]:
    """A backend that defined a guest; nothing of it stays."""
    backend, inventory = await backends(libvirtd.uri)
    await backend.define("g1", config, uuid=UUID)
    yield backend, inventory
    if UUID in inventory.view.all(VirtualMachine):
        await backend.undefine(UUID)
    assert libvirtd.virsh("list", "--all", "--uuid").split() == []


@pytest.fixture
async def running(guest: tuple[LibvirtBackend, Inventory]) -> tuple[LibvirtBackend, Inventory]:
    await guest[0].control(UUID, Action.START, 30)
    return guest


def machine(inventory: Inventory) -> VirtualMachine:
    return inventory.view.all(VirtualMachine)[UUID]


async def change(
    guest: tuple[LibvirtBackend, Inventory], edit: Callable[[MachineConfig], MachineConfig]
) -> None:
    """Change the running machine and its definition alike."""
    backend, inventory = guest
    vm = machine(inventory)
    assert vm.stored is not None
    await backend.reconfigure(UUID, current=edit(vm.current), stored=edit(vm.stored))


async def refused(call: Awaitable[object]) -> tuple[str, str]:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value.kind, caught.value.message


def both(libvirtd: Libvirtd) -> tuple[str, str]:
    """Return what virsh tells of the running guest and of its definition."""
    return libvirtd.virsh("dumpxml", UUID), libvirtd.virsh("dumpxml", UUID, "--inactive")


async def test_a_guest_is_defined_runs_and_goes(
    guest: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd, config: MachineConfig, images: Path
) -> None:
    backend, inventory = guest
    now = machine(inventory).current
    assert (now.cpu.count, now.cpu.maximum, now.memory.maximum_kib) == (1, 4, 65536)
    assert now.machine is not None
    assert now.machine.startswith("pc-i440fx")
    assert (now.arch, now.domain_type, now.boot_devices) == ("x86_64", "qemu", ("hd", "cdrom"))
    assert now.disks[0] == replace(config.disks[0], capacity_bytes=64 * MIB)
    xml = libvirtd.virsh("dumpxml", UUID)
    for part in (
        "<title>a guest</title>",
        "<vcpupin vcpu='0' cpuset='0'/>",
        "<input type='tablet' bus='usb'>",
    ):
        assert part in xml, part
    await backend.control(UUID, Action.START, 30)
    await backend.control(UUID, Action.SAVE, 30)
    assert machine(inventory).state is PowerState.SAVED
    await backend.undefine(UUID)
    assert libvirtd.virsh("list", "--all", "--uuid").split() == []
    assert (images / "disk.qcow2").exists()
    await backend.define("g1", config, uuid=UUID)
    assert machine(inventory).state is PowerState.SHUT_OFF


async def test_texts_processors_and_pins(
    running: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd
) -> None:
    await change(running, lambda old: replace(old, title="a new title", on_crash="restart"))
    await change(running, lambda old: replace(old, cpu=replace(old.cpu, count=3)))
    pins = (Vcpu(index=0), Vcpu(index=1), Vcpu(index=2, pinned_to=(0,)))
    await change(running, lambda old: replace(old, vcpus=pins))
    for xml in both(libvirtd):
        assert "<title>a new title</title>" in xml
        assert "<on_crash>restart</on_crash>" in xml
        assert "current='3'>4</vcpu>" in xml
        assert "<vcpupin vcpu='2' cpuset='0'/>" in xml
    kind, message = await refused(
        change(running, lambda old: replace(old, title="lost", cpu=replace(old.cpu, count=1)))
    )
    assert (kind, message[:10]) == ("unsupported", "cpu.count:")
    assert libvirtd.virsh("domstate", UUID).strip() == "running"
    assert all("<title>a new title</title>" in xml for xml in both(libvirtd))


async def test_weight_and_cap(running: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd) -> None:
    if not os.access("/sys/fs/cgroup", os.W_OK):
        pytest.skip("the kernel's control groups cannot be written here")
    await change(running, lambda old: replace(old, cpu=replace(old.cpu, weight=512, cap_percent=50)))
    for xml in both(libvirtd):
        assert "<shares>512</shares>" in xml
        assert "<global_quota>50000</global_quota>" in xml
    await change(running, lambda old: replace(old, cpu=replace(old.cpu, cap_percent=None)))
    assert "global_quota" not in libvirtd.virsh("dumpxml", UUID, "--inactive")
    assert "global_quota   : -1" in " ".join(libvirtd.virsh("schedinfo", UUID).splitlines())


async def test_disks_come_go_and_grow(
    running: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd, images: Path
) -> None:
    extra = Disk(
        target="sdb", bus="usb", source_type="file", source=f"{images}/extra.qcow2", driver_type="qcow2"
    )
    await change(running, lambda old: replace(old, disks=(*old.disks, extra)))
    assert all("extra.qcow2" in xml for xml in both(libvirtd))
    sizes = {disk.target: disk.capacity_bytes for disk in machine(running[1]).current.disks}
    assert sizes == {"vda": 64 * MIB, "hdc": None, "sdb": 32 * MIB}

    def larger(old: MachineConfig) -> MachineConfig:
        vda = next(disk for disk in old.disks if disk.target == "vda")
        return replace(
            old,
            disks=tuple(
                replace(disk, capacity_bytes=128 * MIB) if disk.target == vda.target else disk
                for disk in old.disks
                if disk.target != "sdb"
            ),
        )

    await change(running, larger)
    assert all("extra.qcow2" not in xml for xml in both(libvirtd))
    assert f"Capacity:       {128 * MIB}" in libvirtd.virsh("domblkinfo", UUID, "vda")
    vm = machine(running[1])
    assert vm.stored is not None
    assert [disk.capacity_bytes for disk in (vm.current.disks[0], vm.stored.disks[0])] == [128 * MIB] * 2


async def test_a_medium_is_inserted_and_ejected(
    running: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd, images: Path
) -> None:
    def insert(source: str | None) -> Callable[[MachineConfig], MachineConfig]:
        return lambda old: replace(
            old,
            disks=tuple(replace(disk, source=source) if disk.target == "hdc" else disk for disk in old.disks),
        )

    # The BIOS, trying to boot from it, would close the tray in between.
    await running[0].control(UUID, Action.PAUSE, 10)
    await change(running, insert(f"{images}/medium.qcow2"))
    assert all("medium.qcow2" in xml for xml in both(libvirtd))
    await change(running, insert(None))
    assert all("medium.qcow2" not in xml for xml in both(libvirtd))


async def test_interfaces(
    running: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd, networks: list[str]
) -> None:
    first, second = networks
    added = Nic(mac="52:54:00:aa:00:02", source_type="network", network=first, model="e1000")
    await change(running, lambda old: replace(old, nics=(*old.nics, added)))

    def moved(old: MachineConfig) -> MachineConfig:
        unplugged, nic = old.nics
        return replace(old, nics=(replace(unplugged, link_up=False), replace(nic, network=second)))

    await change(running, moved)
    for xml in both(libvirtd):
        assert "<link state='down'/>" in xml
        assert f"<source network='{second}'" in xml
    assert second in libvirtd.virsh("domiflist", UUID)


@pytest.fixture
def networks(libvirtd: Libvirtd, tmp_path: Path) -> Iterator[list[str]]:
    """Two networks that lead nowhere."""
    names = ["m1", "m2"]
    for name in names:
        path = tmp_path / f"{name}.xml"
        path.write_text(f"<network><name>{name}</name><bridge name='virbr-{name}'/></network>")
        libvirtd.virsh("net-create", str(path))
    yield names
    for name in names:
        libvirtd.virsh("net-destroy", name)


async def test_a_device_that_libvirt_refuses_leaves_the_definition(
    running: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd
) -> None:
    missing = Disk(target="vdb", bus="virtio", source_type="file", source="/nowhere/x.img")
    kind, message = await refused(change(running, lambda old: replace(old, disks=(*old.disks, missing))))
    assert (kind, message[:12]) == ("failed", "disks[vdb]: ")
    assert all("/nowhere" not in xml for xml in both(libvirtd))


async def test_secrets_and_what_records_do_not_know_stay(
    backends: Start, libvirtd: Libvirtd, tmp_path: Path
) -> None:
    xml = f"""<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>g2</name>
    <uuid>{UUID}</uuid><memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type machine='q35'>hvm</type></os>
    <devices><graphics type='vnc' port='5999' passwd='s3same'/><rng model='virtio'>
    <backend model='random'>/dev/urandom</backend></rng></devices>
    <qemu:commandline><qemu:env name='A' value='b'/></qemu:commandline></domain>"""
    (tmp_path / "g2.xml").write_text(xml)
    libvirtd.virsh("define", str(tmp_path / "g2.xml"))
    backend, inventory = await backends(libvirtd.uri)
    old = machine(inventory).current
    display = replace(old.graphics[0], port=-1, autoport=True, listen="127.0.0.2")
    await backend.reconfigure(UUID, stored=replace(old, title="edited", graphics=(display,)))
    told = libvirtd.virsh("dumpxml", UUID, "--security-info")
    for part in ("passwd='s3same'", "/dev/urandom", "<qemu:env name='A' value='b'/>", "address='127.0.0.2'"):
        assert part in told, part
    assert "s3same" not in repr(machine(inventory))
    await backend.undefine(UUID)


def image_info(path: Path) -> str:
    return subprocess.run(["qemu-img", "info", path], check=True, capture_output=True, text=True).stdout


async def test_a_volume_of_a_guest_that_is_off_grows(
    guest: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd, images: Path
) -> None:
    backend, inventory = guest
    libvirtd.virsh("pool-create-as", "p1", "dir", "--target", str(images))
    try:
        old = machine(inventory).current
        larger = replace(old, disks=(replace(old.disks[0], capacity_bytes=96 * MIB), *old.disks[1:]))
        await backend.reconfigure(UUID, stored=larger)
        assert machine(inventory).current.disks[0].capacity_bytes == 96 * MIB
        assert f"({96 * MIB} bytes)" in image_info(images / "disk.qcow2")
    finally:
        libvirtd.virsh("pool-destroy", "p1")


async def test_firmware_boot_order_and_machine_type(
    guest: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd
) -> None:
    backend, inventory = guest
    old = machine(inventory).current
    wanted = replace(old, machine="q35", boot_devices=("network",), disks=(), controllers=())
    secure = replace(wanted, firmware="efi", secure_boot=True)
    parts = ["<boot dev='network'/>", "machine='pc-q35-"]
    if any(guest.platform and guest.platform.secure_boot for guest in inventory.view.host.guests):
        await backend.reconfigure(UUID, stored=secure)
        parts += ["firmware='efi'", "name='secure-boot'/>"]
    else:
        kind, _words = await refused(backend.reconfigure(UUID, stored=secure))
        assert kind == "unsupported"
        await backend.reconfigure(UUID, stored=wanted)
    xml = libvirtd.virsh("dumpxml", UUID)
    for part in parts:
        assert part in xml, part

"""Real QEMU guests of a private libvirtd: what virsh does behind the backend's back shows at once."""

from __future__ import annotations

import asyncio
import subprocess
from typing import TYPE_CHECKING, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt import probe
from xencim.providers.backends.libvirt.calls.backoff import Backoff
from xencim.providers.backends.records import (
    Action,
    ControllerDevice,
    Disk,
    Network,
    PoolState,
    PowerState,
    StoragePool,
    VirtualMachine,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd

    from xencim.providers.backends.inventory import Inventory, View
    from xencim.providers.backends.libvirt import LibvirtBackend

libvirt = pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = pytest.mark.libvirtd

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"
Until: TypeAlias = "Callable[..., Awaitable[None]]"

UUID = "20000000-0000-4000-8000-000000000001"
SHOWS_WITHIN_S = 1.0
GUEST = """<domain type='qemu'><name>g1</name><uuid>{uuid}</uuid><memory unit='MiB'>64</memory>
<vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{folder}/g1.qcow2'/>
<target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
<graphics type='vnc' autoport='yes' passwd='s3same'/></devices></domain>"""


@pytest.fixture
def guest(libvirtd: Libvirtd, tmp_path: Path) -> Iterator[Path]:
    """A guest, defined; the folder of its disk."""
    for name, size in (("g1", "64M"), ("extra", "32M"), ("medium", "1M")):
        create = ["qemu-img", "create", "-q", "-f", "qcow2", f"{tmp_path}/{name}.qcow2", size]
        subprocess.run(create, check=True)
    (tmp_path / "g1.xml").write_text(GUEST.format(uuid=UUID, folder=tmp_path))
    libvirtd.virsh("define", str(tmp_path / "g1.xml"))
    yield tmp_path
    if UUID in libvirtd.virsh("list", "--uuid"):
        libvirtd.virsh("destroy", UUID)
    if UUID in libvirtd.virsh("list", "--all", "--uuid"):
        libvirtd.virsh("undefine", UUID, "--managed-save")


def machine(view: View) -> VirtualMachine:
    return view.all(VirtualMachine)[UUID]


async def test_the_host_is_its_own_and_its_guest_is_whole(
    backends: Start, libvirtd: Libvirtd, guest: Path
) -> None:
    _backend, inventory = await backends(libvirtd.uri)
    host = inventory.view.host
    assert (host.prefix, host.hypervisor, host.arch) == ("KVM", "QEMU", "x86_64")
    assert host.uuid is not None
    assert "tcp" in host.migration_uris
    assert {"qemu"} <= {kind for support in host.guests for kind in support.domain_types}
    vm = machine(inventory.view)
    assert (vm.state, vm.id, vm.stored) == (PowerState.SHUT_OFF, None, None)
    assert vm.current.disks[0] == Disk(
        target="vda",
        bus="virtio",
        source_type="file",
        source=f"{guest}/g1.qcow2",
        driver_name="qemu",
        driver_type="qcow2",
        capacity_bytes=64 * 1024**2,
    )
    assert ControllerDevice(type="usb", index=0, model="qemu-xhci") in vm.current.controllers
    assert "s3same" not in repr(vm)


async def test_started_and_stopped_behind_its_back(
    backends: Start, libvirtd: Libvirtd, guest: Path, until: Until
) -> None:
    del guest
    _backend, inventory = await backends(libvirtd.uri)
    libvirtd.virsh("start", UUID)
    await until(inventory, lambda view: machine(view).state is PowerState.RUNNING, SHOWS_WITHIN_S)
    vm = machine(inventory.view)
    assert vm.stored is not None
    assert vm.id is not None
    assert (vm.current.graphics[0].port or 0) >= 5900
    assert vm.stored.graphics[0].port == -1
    assert vm.current.disks[0].capacity_bytes == vm.stored.disks[0].capacity_bytes == 64 * 1024**2
    libvirtd.virsh("suspend", UUID)
    await until(inventory, lambda view: machine(view).state is PowerState.PAUSED, SHOWS_WITHIN_S)
    libvirtd.virsh("destroy", UUID)
    await until(inventory, lambda view: machine(view).state is PowerState.SHUT_OFF, SHOWS_WITHIN_S)
    assert (machine(inventory.view).state_reason, machine(inventory.view).stored) == ("destroyed", None)


async def test_devices_media_and_definitions_changed_behind_its_back(
    backends: Start, libvirtd: Libvirtd, guest: Path, until: Until
) -> None:
    _backend, inventory = await backends(libvirtd.uri)
    libvirtd.virsh("start", UUID)
    extra = str(guest / "extra.qcow2")
    libvirtd.virsh("attach-disk", UUID, extra, "vdb", "--subdriver", "qcow2", "--live")
    await until(inventory, lambda view: len(machine(view).current.disks) == 3, SHOWS_WITHIN_S)
    vm = machine(inventory.view)
    assert [disk.capacity_bytes for disk in vm.current.disks if disk.target == "vdb"] == [32 * 1024**2]
    assert vm.stored is not None
    assert len(vm.stored.disks) == 2
    medium = str(guest / "medium.qcow2")
    libvirtd.virsh("change-media", UUID, "sda", medium, "--insert", "--live")

    def inserted(view: View) -> bool:
        return medium in {disk.source for disk in machine(view).current.disks if disk.target == "sda"}

    await until(inventory, inserted, SHOWS_WITHIN_S)
    libvirtd.virsh("desc", UUID, "--live", "--title", "a guest")
    await until(inventory, lambda view: machine(view).current.title == "a guest", SHOWS_WITHIN_S)
    libvirtd.virsh("destroy", UUID)
    libvirtd.virsh("undefine", UUID)
    await until(inventory, lambda view: UUID not in view.all(VirtualMachine), SHOWS_WITHIN_S)


async def test_pools_and_networks(backends: Start, libvirtd: Libvirtd, tmp_path: Path, until: Until) -> None:
    _backend, inventory = await backends(libvirtd.uri)
    libvirtd.virsh("pool-create-as", "p1", "dir", "--target", str(tmp_path))
    await until(inventory, lambda view: "p1" in view.all(StoragePool), SHOWS_WITHIN_S)
    pool = inventory.view.all(StoragePool)["p1"]
    assert (pool.type, pool.state, pool.target_path) == ("dir", PoolState.RUNNING, str(tmp_path))
    assert pool.persistent is False
    assert (pool.capacity_bytes or 0) > 0
    libvirtd.virsh("pool-destroy", "p1")
    await until(inventory, lambda view: "p1" not in view.all(StoragePool), SHOWS_WITHIN_S)
    (tmp_path / "n1.xml").write_text("<network><name>n1</name><bridge name='virbr77'/></network>")
    libvirtd.virsh("net-define", str(tmp_path / "n1.xml"))
    await until(inventory, lambda view: "n1" in view.all(Network), SHOWS_WITHIN_S)
    assert inventory.view.all(Network)["n1"].active is False
    libvirtd.virsh("net-undefine", "n1")
    await until(inventory, lambda view: "n1" not in view.all(Network), SHOWS_WITHIN_S)


async def test_every_action(backends: Start, libvirtd: Libvirtd, guest: Path) -> None:
    del guest
    backend, inventory = await backends(libvirtd.uri)
    for action, state in (
        (Action.START, PowerState.RUNNING),
        (Action.PAUSE, PowerState.PAUSED),
        (Action.START, PowerState.RUNNING),
        (Action.SAVE, PowerState.SAVED),
        (Action.START, PowerState.RUNNING),
        (Action.RESET, PowerState.RUNNING),
        (Action.DESTROY, PowerState.SHUT_OFF),
    ):
        await backend.control(UUID, action, 30)
        assert machine(inventory.view).state is state, action


async def test_a_guest_without_a_system_does_not_obey(
    backends: Start, libvirtd: Libvirtd, guest: Path
) -> None:
    del guest
    backend, _inventory = await backends(libvirtd.uri)
    await backend.control(UUID, Action.START, 30)
    for action in (Action.SHUT_DOWN, Action.REBOOT):
        await backend.control(UUID, action, None)
        with pytest.raises(BackendError) as caught:
            await backend.control(UUID, action, 0.2)
        assert caught.value.kind == "timeout"


async def test_a_guest_that_reboots_has_obeyed(
    backends: Start, libvirtd: Libvirtd, guest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del guest
    backend, _inventory = await backends(libvirtd.uri)
    await backend.control(UUID, Action.START, 30)
    loop, asked, ask = asyncio.get_running_loop(), asyncio.Event(), libvirt.virDomain.reboot

    def reboot(domain: object, flags: int) -> object:
        answer = ask(domain, flags)
        loop.call_soon_threadsafe(asked.set)
        return answer

    monkeypatch.setattr(libvirt.virDomain, "reboot", reboot)
    rebooting = asyncio.create_task(backend.control(UUID, Action.REBOOT, 10))
    await asked.wait()
    libvirtd.virsh("reset", UUID)  # what a guest does by itself when it obeys
    await rebooting


async def test_a_daemon_without_the_driver_is_absence(libvirtd: Libvirtd) -> None:
    candidates = [libvirtd.uri.replace("qemu", scheme) for scheme in ("lxc", "qemu")]
    assert await probe(candidates) == libvirtd.uri


async def test_a_daemon_that_dies_and_comes_back(
    backends: Start, libvirtd: Libvirtd, guest: Path, until: Until
) -> None:
    backend, inventory = await backends(libvirtd.uri, backoff=Backoff(first_s=0.05, cap_s=0.2))
    libvirtd.virsh("start", UUID)
    await until(inventory, lambda view: machine(view).state is PowerState.RUNNING, SHOWS_WITHIN_S)
    running = machine(inventory.view)
    libvirtd.kill()
    await until(inventory, lambda view: view.host.no_contact_since is not None)
    assert machine(inventory.view) is running
    with pytest.raises(BackendError) as caught:
        await backend.control(UUID, Action.PAUSE, 1)
    assert caught.value.kind == "lost"
    libvirtd.start(keep=True)
    libvirtd.virsh("suspend", UUID)
    await until(
        inventory,
        lambda view: view.host.no_contact_since is None and machine(view).state is PowerState.PAUSED,
        15,
    )
    assert guest
    await backend.control(UUID, Action.DESTROY, 10)
    assert machine(inventory.view).state is PowerState.SHUT_OFF

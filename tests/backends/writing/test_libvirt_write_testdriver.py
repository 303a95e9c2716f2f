"""Machines written to libvirt's test driver; a second connection says what became of them."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.writing import manage
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
    from collections.abc import Awaitable, Callable, Iterator

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

libvirt = pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"
Until: TypeAlias = "Callable[..., Awaitable[None]]"

URI = "test:///default"
TEST = "6695eb01-f6a4-8304-79aa-97f2502e193f"
NEW = "30000000-0000-4000-8000-000000000001"
CONFIG = MachineConfig(
    cpu=CpuAllocation(count=1, maximum=4, weight=512, cap_percent=150),
    memory=MemoryAllocation(current_kib=4096, maximum_kib=8192),
    title="a title",
    description="  a description\n",
    os_type="hvm",
    boot_devices=("cdrom", "hd"),
    acpi=True,
    clock_offset="localtime",
    on_poweroff="destroy",
    on_reboot="restart",
    on_crash="preserve",
    vcpus=(Vcpu(index=0, pinned_to=(0, 2)),),
    disks=(
        Disk(target="vda", bus="virtio", source_type="file", source="/a.img", driver_type="qcow2"),
        Disk(target="hdc", device="cdrom", bus="ide", source_type="file", readonly=True),
        Disk(target="vdb", bus="virtio", source_type="volume", pool="default-pool", volume="v1"),
    ),
    nics=(Nic(mac="52:54:00:AA:00:01", source_type="network", network="default", model="virtio"),),
    graphics=(Graphics(type="vnc", listen="127.0.0.1", port=-1, autoport=True, keymap="en-us"),),
    inputs=(InputDevice(type="mouse"), InputDevice(type="tablet")),
    consoles=(Console(index=0, source_type="pty", target_type="serial"),),
)


@pytest.fixture
def behind() -> Iterator[Any]:
    """Another connection to the same host."""
    connection = libvirt.open(URI)
    yield connection
    connection.close()


def machine(inventory: Inventory, uuid: str) -> VirtualMachine:
    return inventory.view.all(VirtualMachine)[uuid]


async def refused(call: Awaitable[object]) -> tuple[str, str]:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value.kind, caught.value.message


async def test_a_machine_is_defined(backends: Start, behind: Any) -> None:  # noqa: ANN401 - a libvirt connection
    backend, inventory = await backends(URI)
    assert await backend.define("new", CONFIG, uuid=NEW, autostart=True) == NEW
    vm = machine(inventory, NEW)
    assert (vm.name, vm.state, vm.persistent, vm.autostart) == ("new", PowerState.SHUT_OFF, True, True)
    now = vm.current
    assert (now.cpu, now.memory, now.vcpus) == (CONFIG.cpu, CONFIG.memory, CONFIG.vcpus)
    assert (now.title, now.description, now.domain_type, now.arch) == (
        "a title",
        "a description",
        "test",
        "i686",
    )
    assert [(disk.target, disk.source, disk.volume) for disk in now.disks] == [
        ("vda", "/a.img", None),
        ("vdb", None, "v1"),
        ("hdc", None, None),
    ]
    assert now.nics[0].mac == "52:54:00:aa:00:01"
    assert (now.graphics[0].keymap, now.consoles[0].target_type) == ("en-us", "serial")
    domain = behind.lookupByUUIDString(NEW)
    assert domain.autostart() == 1
    xml = domain.XMLDesc()
    for part in (
        "<boot dev='cdrom'/>\n    <boot dev='hd'/>",
        "<global_quota>150000</global_quota>",
        "<vcpupin vcpu='0' cpuset='0,2'/>",
        "<input type='mouse' bus='ps2'/>",
        "<clock offset='localtime'/>",
    ):
        assert part in xml, part


async def test_what_is_there_already_is_not_taken_for_a_change(backends: Start) -> None:
    backend, inventory = await backends(URI)
    before = machine(inventory, TEST)
    message = f"there is a machine 'test' with uuid {TEST} already"
    assert await refused(backend.define("test", CONFIG)) == ("exists", message)
    assert await refused(backend.define("other", CONFIG, uuid=TEST)) == ("exists", message)
    assert machine(inventory, TEST) == before


async def test_a_definition_that_is_not_kept_leaves_nothing(
    backends: Start,
    behind: Any,  # noqa: ANN401 - a libvirt connection
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend, _inventory = await backends(URI)
    real = libvirt.virConnect.defineXML

    def forgetful(connection: Any, xml: str) -> Any:  # noqa: ANN401 - libvirt's own
        return real(connection, xml.replace("<title>a title</title>", ""))

    monkeypatch.setattr(libvirt.virConnect, "defineXML", forgetful)
    answer = await refused(backend.define("new", CONFIG, uuid=NEW))
    assert answer == ("unsupported", "new: the hypervisor does not keep title")
    assert NEW not in {domain.UUIDString() for domain in behind.listAllDomains()}


async def test_a_definition_that_libvirt_refuses(backends: Start) -> None:
    backend, inventory = await backends(URI)
    kind, message = await refused(backend.define("new", replace(CONFIG, clock_offset="moon"), uuid=NEW))
    assert kind == "unsupported"
    assert "moon" in message
    assert NEW not in inventory.view.all(VirtualMachine)


async def test_the_stored_definition_is_edited(backends: Start, behind: Any) -> None:  # noqa: ANN401
    backend, inventory = await backends(URI)
    note = "<note>mine</note>"
    await backend.define("new", CONFIG, uuid=NEW)
    domain = behind.lookupByUUIDString(NEW)
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, note, "app", "urn:app", 0)
    old = machine(inventory, NEW).current
    vda, _vdb, hdc = old.disks
    wanted = replace(
        old,
        cpu=replace(old.cpu, count=2, weight=None, cap_percent=None),
        boot_devices=("network",),
        disks=(vda, replace(hdc, source="/b.iso")),
        nics=(),
    )
    await backend.reconfigure(NEW, stored=wanted)
    now = machine(inventory, NEW).current
    assert (now.cpu, now.boot_devices, now.nics) == (wanted.cpu, ("network",), ())
    assert [(disk.target, disk.source) for disk in now.disks] == [("vda", "/a.img"), ("hdc", "/b.iso")]
    xml = domain.XMLDesc()
    assert "mine</app:note>" in xml
    assert "<interface" not in xml


async def test_what_others_changed_unseen_stays(backends: Start) -> None:
    backend, inventory = await backends(URI)
    await backend.define("new", CONFIG, uuid=NEW)
    seen = machine(inventory, NEW)
    unseen = replace(seen.current, title="theirs", nics=(), cpu=replace(seen.current.cpu, maximum=3))
    await backend.reconfigure(NEW, stored=unseen)
    inventory.put(seen)  # as on a driver that tells nobody
    await backend.reconfigure(NEW, stored=replace(seen.current, description="mine"))
    now = machine(inventory, NEW).current
    assert (now.title, now.description, now.nics, now.cpu.maximum) == ("theirs", "mine", (), 3)


async def test_a_running_machine_and_its_next_start(backends: Start) -> None:
    backend, inventory = await backends(URI)
    await backend.define("new", CONFIG, uuid=NEW)
    await backend.control(NEW, Action.START, None)
    vm = machine(inventory, NEW)
    assert vm.stored is not None
    current = replace(
        vm.current,
        title="now",
        cpu=replace(vm.current.cpu, count=3),
        memory=replace(vm.current.memory, current_kib=2048),
        vcpus=(Vcpu(index=0, pinned_to=(1,)), Vcpu(index=1), Vcpu(index=2, pinned_to=(3,))),
    )
    stored = replace(vm.stored, title="next", acpi=False)
    await backend.reconfigure(NEW, current=current, stored=stored)
    now = machine(inventory, NEW)
    assert now.stored is not None
    assert (now.current.title, now.stored.title) == ("now", "next")
    assert (now.current.acpi, now.stored.acpi) == (True, False)
    assert (now.current.cpu.count, now.stored.cpu.count) == (3, 1)
    assert (now.current.memory.current_kib, now.stored.memory.current_kib) == (2048, 4096)
    assert now.current.vcpus[0].pinned_to == (1,)
    assert now.current.vcpus[2].pinned_to == (3,)
    await backend.control(NEW, Action.DESTROY, None)
    assert machine(inventory, NEW).current.title == "next"


async def test_what_cannot_be_done_changes_nothing(backends: Start) -> None:
    backend, inventory = await backends(URI)
    before = machine(inventory, TEST)
    wanted = replace(before.current, title="now", acpi=True)
    answer = await refused(backend.reconfigure(TEST, current=wanted, stored=wanted))
    assert answer == ("unsupported", "acpi cannot be changed while the machine runs")
    assert machine(inventory, TEST) == before


@pytest.mark.parametrize(
    ("fails", "message"),
    [
        ("setMetadata", "title: no luck"),
        (
            "setMemoryFlags",
            "memory.current_kib: no luck; done before: the stored definition, title; not done: cpu.count",
        ),
    ],
)
async def test_an_error_half_way(
    backends: Start, monkeypatch: pytest.MonkeyPatch, fails: str, message: str
) -> None:
    backend, inventory = await backends(URI)
    before = machine(inventory, TEST)
    assert before.stored is not None

    def fail(*_arguments: object) -> None:
        error = libvirt.libvirtError("")
        error.err = (1, 0, "no luck", 2, None, None, None, -1, -1)
        raise error

    fail.__name__ = fails
    monkeypatch.setattr(libvirt.virDomain, fails, fail)
    wanted = replace(
        before.current,
        title="now",
        cpu=replace(before.current.cpu, count=1),
        memory=replace(before.current.memory, current_kib=1024),
    )
    stored = replace(before.stored, title="next")
    assert await refused(backend.reconfigure(TEST, current=wanted, stored=stored)) == ("failed", message)
    now = machine(inventory, TEST)
    assert now.stored is not None
    is_first = fails == "setMetadata"
    assert (now.current.title, now.stored.title) == ((None, None) if is_first else ("now", "next"))
    assert now.current.cpu == before.current.cpu


async def test_a_definition_that_cannot_be_taken_back(
    backends: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, inventory = await backends(URI)
    real, defined = libvirt.virConnect.defineXML, []

    def once(connection: Any, xml: str) -> Any:  # noqa: ANN401 - libvirt's own
        defined.append(xml)
        return real(connection, xml if len(defined) == 1 else "nonsense")

    def fail(*_arguments: object) -> None:
        raise libvirt.libvirtError("no luck")

    monkeypatch.setattr(libvirt.virConnect, "defineXML", once)
    monkeypatch.setattr(libvirt.virDomain, "setMetadata", fail)
    before = machine(inventory, TEST)
    assert before.stored is not None
    kind, message = await refused(
        backend.reconfigure(
            TEST, current=replace(before.current, title="now"), stored=replace(before.stored, title="next")
        )
    )
    assert (kind, message) == ("failed", "title: no luck; done before: the stored definition")
    now = machine(inventory, TEST)
    assert now.stored is not None
    assert (now.current.title, now.stored.title) == (None, "next")


async def test_what_the_guest_does_not_do_is_named(backends: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manage, "SHOWN_TIMEOUT_S", 0.05)
    monkeypatch.setattr(libvirt.virDomain, "setMemoryFlags", lambda *_arguments: 0)
    backend, inventory = await backends(URI)
    before = machine(inventory, TEST)
    wanted = replace(before.current, memory=replace(before.current.memory, current_kib=1024))
    message = "test: asked for, and not done within 0.05 s: memory.current_kib"
    assert await refused(backend.reconfigure(TEST, current=wanted)) == ("timeout", message)
    assert machine(inventory, TEST) == before


async def test_a_disk_outside_a_pool_does_not_grow(backends: Start) -> None:
    backend, inventory = await backends(URI)
    await backend.define("new", CONFIG, uuid=NEW)
    old = machine(inventory, NEW).current
    for index, medium in ((0, "/a.img"), (1, "v1")):
        disk = replace(old.disks[index], capacity_bytes=1 << 50)
        larger = replace(old, disks=(*old.disks[:index], disk, *old.disks[index + 1 :]))
        message = f"disks[{disk.target}].capacity_bytes: {medium} is in no storage pool: it cannot be resized"
        answer = await refused(backend.reconfigure(NEW, stored=replace(larger, title="next")))
        assert answer == ("unsupported", message)
        assert machine(inventory, NEW).current == old


@pytest.mark.parametrize("run", [True, False])
async def test_a_machine_is_taken_away(backends: Start, behind: Any, run: bool) -> None:  # noqa: ANN401, FBT001 - a row
    backend, inventory = await backends(URI)
    if not run:
        await backend.control(TEST, Action.SAVE, None)
        assert machine(inventory, TEST).state is PowerState.SAVED
    await backend.undefine(TEST)
    assert TEST not in inventory.view.all(VirtualMachine)
    assert behind.listAllDomains() == []
    assert (await refused(backend.undefine(TEST)))[0] == "not_found"


async def test_a_transient_machine_is_what_runs(
    backends: Start,
    behind: Any,  # noqa: ANN401 - a libvirt connection
    until: Until,
) -> None:
    backend, inventory = await backends(URI)
    behind.createXML(
        f"<domain type='test'><name>t</name><uuid>{NEW}</uuid><memory>1024</memory><vcpu>1</vcpu>"
        "<os><type>hvm</type></os></domain>"
    )
    await until(inventory, lambda view: view.get(VirtualMachine, NEW))
    config = machine(inventory, NEW).current
    answer = await refused(backend.reconfigure(NEW, stored=config))
    assert answer == ("invalid_state", "'t' is transient: nothing is stored of it")
    assert (await refused(backend.set_autostart(NEW, True)))[0] == "invalid_state"
    await backend.reconfigure(NEW, current=replace(config, title="now"))
    assert machine(inventory, NEW).current.title == "now"
    await backend.undefine(NEW)
    assert NEW not in inventory.view.all(VirtualMachine)


async def test_automatic_start(backends: Start, behind: Any) -> None:  # noqa: ANN401
    backend, inventory = await backends(URI)
    await backend.set_autostart(TEST, True)
    assert machine(inventory, TEST).autostart is True
    assert behind.lookupByUUIDString(TEST).autostart() == 1


async def test_the_hosts_own_domain_stays(backends: Start) -> None:
    backend, inventory = await backends(URI)
    inventory.put(replace(machine(inventory, TEST), is_management_domain=True))
    message = "test is the host's own domain: it stays"
    assert await refused(backend.undefine(TEST)) == ("unsupported", message)


async def test_a_lost_connection_is_no_cancellation(backends: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manage, "SHOWN_TIMEOUT_S", 0.05)
    backend, inventory = await backends(URI)
    reached, opened = threading.Event(), threading.Event()
    real = libvirt.virDomain.isPersistent  # what a read begins with

    def held(domain: Any) -> Any:  # noqa: ANN401 - libvirt's own
        reached.set()
        opened.wait(10)
        return real(domain)

    held.__name__ = "isPersistent"
    monkeypatch.setattr(libvirt.virDomain, "isPersistent", held)
    wanted = replace(machine(inventory, TEST).current, title="now")
    writing = asyncio.create_task(backend.reconfigure(TEST, current=wanted))
    await asyncio.to_thread(reached.wait, 10)
    assert backend._mirror is not None
    await backend._mirror.stop()
    opened.set()
    assert (await refused(writing))[0] == "timeout"

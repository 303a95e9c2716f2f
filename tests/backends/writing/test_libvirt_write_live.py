"""What each driver is told to change on a running machine, in which order, and what it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import fake_config, fake_host, fake_machine
from xencim.providers.backends.libvirt.writing.live import steps
from xencim.providers.backends.libvirt.writing.reconfigure import completed, plan, settled
from xencim.providers.backends.libvirt.xml.machine_writer import domain_text, new_domain
from xencim.providers.backends.records import (
    Bandwidth,
    Disk,
    Graphics,
    GuestSupport,
    InputDevice,
    MachineConfig,
    Nic,
    Vcpu,
)

if TYPE_CHECKING:
    from collections.abc import Callable

libvirt = pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")

OLD = fake_config(1)
DISK, CDROM = OLD.disks
EXTRA = Disk(target="xvdb", bus="xen", source_type="block", source="/dev/x")
LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE


class Recorder:
    """A session and a domain at once, which note what they are told."""

    libvirt = libvirt

    def __init__(self, config: MachineConfig) -> None:
        self.xml = domain_text(new_domain("vm", fake_machine(1).uuid, config))
        self.told: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> str:
        return name

    def call(self, name: str, *arguments: object) -> str:
        if name != "XMLDesc":
            self.told.append((name, *arguments))
        return self.xml


def told(driver: str, old: MachineConfig, wanted: MachineConfig) -> list[tuple[Any, ...]]:
    recorder: Any = Recorder(old)
    for step in steps(driver, old, wanted, host_cpus=4):
        step.run(recorder, recorder)
    found: list[tuple[Any, ...]] = recorder.told
    return found


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(BackendError) as caught:
        call()
    return caught.value.kind, caught.value.message


FIGURES = replace(
    OLD,
    title="new",
    description=None,
    cpu=replace(OLD.cpu, count=3, weight=512, cap_percent=150),
    memory=replace(OLD.memory, current_kib=1024),
    vcpus=(Vcpu(index=0, pinned_to=(1, 3)), Vcpu(index=1), Vcpu(index=2, pinned_to=(0,))),
)
FIGURES_TOLD = [
    ("setMetadata", libvirt.VIR_DOMAIN_METADATA_TITLE, "new", None, None, LIVE),
    ("setMetadata", libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None, None, None, LIVE),
    ("setMemoryFlags", 1024, LIVE),
    ("setVcpusFlags", 3, LIVE),
    ("pinVcpu", 0, (False, True, False, True)),
    ("pinVcpu", 2, (True, False, False, False)),
]


def test_figures_on_xen() -> None:
    assert told("xen", OLD, FIGURES) == [
        *FIGURES_TOLD,
        ("setSchedulerParameters", {"weight": 512, "cap": 150}),
    ]
    uncapped = replace(FIGURES, cpu=replace(FIGURES.cpu, cap_percent=None))
    assert told("xen", FIGURES, uncapped) == [("setSchedulerParameters", {"cap": 0})]


def test_figures_on_qemu() -> None:
    quota = {"vcpu_quota": -1, "global_period": 100_000, "global_quota": 150_000}
    scheduled = ("setSchedulerParametersFlags", {"cpu_shares": 512} | quota, LIVE)
    assert told("qemu", OLD, FIGURES) == [*FIGURES_TOLD, scheduled]
    uncapped = replace(FIGURES, cpu=replace(FIGURES.cpu, cap_percent=None))
    assert told("qemu", FIGURES, uncapped) == [
        ("setSchedulerParametersFlags", quota | {"global_quota": -1}, LIVE)
    ]
    free = replace(FIGURES, vcpus=(Vcpu(index=0), *FIGURES.vcpus[1:]))
    assert told("qemu", FIGURES, free) == [("pinVcpu", 0, (True, True, True, True))]


@pytest.mark.parametrize("factor", [2, 0.5])
def test_the_memory_in_use_stays_below_the_maximum(factor: float) -> None:
    sizes = OLD.memory.current_kib, OLD.memory.maximum_kib
    current_kib, maximum_kib = (int(size * factor) for size in sizes)
    wanted = replace(OLD, memory=replace(OLD.memory, current_kib=current_kib, maximum_kib=maximum_kib))
    calls = [
        ("setMemoryFlags", maximum_kib, LIVE | libvirt.VIR_DOMAIN_MEM_MAXIMUM),
        ("setMemoryFlags", current_kib, LIVE),
    ]
    assert told("xen", OLD, wanted) == (calls if factor > 1 else calls[::-1])


@pytest.mark.parametrize(("mode", "is_possible"), [(None, True), ("strict", True), ("preferred", False)])
def test_memory_s_nodes_change_where_it_comes_from_them_only(mode: str | None, is_possible: bool) -> None:  # noqa: FBT001 - a case
    old = replace(OLD, memory=replace(OLD.memory, numa_mode=mode, numa_nodes=(0,) if mode else ()))
    wanted = replace(OLD, memory=replace(OLD.memory, numa_mode=mode or "strict", numa_nodes=(1, 3)))
    if is_possible:
        assert told("qemu", old, wanted) == [("setNumaParameters", {"numa_nodeset": "1,3"}, LIVE)]
    else:
        why = "memory.numa_nodes cannot be changed while the machine runs"
        assert refused(lambda: told("qemu", old, wanted)) == ("unsupported", why)
    kind, why = refused(lambda: told("qemu", wanted, OLD))
    assert (kind, "memory.numa_mode cannot be" in why) == ("unsupported", True)


def test_devices_go_change_and_come_in_this_order() -> None:
    nic = OLD.nics[0]
    wanted = replace(
        OLD,
        disks=(EXTRA, replace(CDROM, source="/a.iso", source_type="file", capacity_bytes=9)),
        nics=(replace(nic, link_up=False, outbound=Bandwidth(average_kib_s=5)),),
        inputs=(*OLD.inputs, InputDevice(type="tablet", bus="usb")),
    )
    calls = told("qemu", OLD, wanted)
    assert [call[0] for call in calls] == [
        "detachDeviceFlags",
        "updateDeviceFlags",
        "updateDeviceFlags",
        "attachDeviceFlags",
        "attachDeviceFlags",
    ]
    assert {call[2] for call in calls} == {LIVE}
    gone, inserted, limited, added, tablet = (call[1] for call in calls)
    assert '<source file="/var/lib/xen/images/vm-00001.qcow2"/>' in gone
    assert inserted == (
        '<disk type="file" device="cdrom"><target dev="hdc" bus="ide"/><readonly/>'
        '<source file="/a.iso"/></disk>'
    )
    assert '<link state="down"/><bandwidth><outbound average="5"/></bandwidth>' in limited
    assert added == '<disk type="block"><source dev="/dev/x"/><target dev="xvdb" bus="xen"/></disk>'
    assert tablet == '<input type="tablet" bus="usb"/>'


def test_a_disk_grows_on_qemu_only() -> None:
    wanted = replace(OLD, disks=(replace(DISK, capacity_bytes=1 << 40), CDROM))
    in_bytes = libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES
    assert told("qemu", OLD, wanted) == [("blockResize", "xvda", 1 << 40, in_bytes)]
    message = "disks[xvda].capacity_bytes cannot be changed while the machine runs"
    assert refused(lambda: told("xen", OLD, wanted)) == ("unsupported", message)


def test_what_happens_at_the_end_of_a_run() -> None:
    wanted = replace(OLD, on_poweroff="preserve", on_crash="coredump-destroy")
    calls = [("setLifecycleAction", 0, 3, LIVE), ("setLifecycleAction", 2, 4, LIVE)]
    assert told("qemu", OLD, wanted) == calls
    wrong = replace(OLD, on_crash="explode")
    message = "on_crash: 'explode' is no such action"
    assert refused(lambda: told("qemu", OLD, wrong)) == ("invalid", message)


@pytest.mark.parametrize(
    ("driver", "wanted", "name"),
    [
        ("qemu", replace(OLD, boot_devices=()), "boot_devices"),
        ("qemu", replace(OLD, graphics=(Graphics(type="vnc", keymap="de"),)), "graphics[vnc:0].listen"),
        ("qemu", replace(OLD, memory=replace(OLD.memory, maximum_kib=1 << 40)), "memory.maximum_kib"),
        ("qemu", replace(OLD, nics=(replace(OLD.nics[0], model="e1000"),)), "nics[00:16:3e:00:00:01].model"),
        ("xen", replace(OLD, nics=(replace(OLD.nics[0], link_up=False),)), "nics[00:16:3e:00:00:01].link_up"),
        ("xen", replace(OLD, on_crash="destroy"), "on_crash"),
        ("test", replace(OLD, disks=(*OLD.disks, EXTRA)), "disks[xvdb]"),
        ("test", replace(OLD, cpu=replace(OLD.cpu, weight=1)), "cpu.weight"),
        ("lxc", replace(OLD, cpu=replace(OLD.cpu, count=1)), "cpu.count"),
        ("vz", replace(OLD, title="a"), "title"),
    ],
)
def test_what_a_driver_does_not_change_is_named(driver: str, wanted: MachineConfig, name: str) -> None:
    message = f"{name} cannot be changed while the machine runs"
    assert refused(lambda: steps(driver, OLD, wanted, 4)) == ("unsupported", message)


def test_an_emulated_machine_keeps_its_processors() -> None:
    old = replace(OLD, domain_type="qemu")
    kind, message = refused(lambda: steps("qemu", old, replace(old, cpu=replace(old.cpu, count=1)), 4))
    assert kind == "unsupported"
    assert message.startswith("cpu.count: an emulated machine does not survive it")
    accelerated = replace(old, domain_type="kvm")
    fewer = replace(accelerated, cpu=replace(old.cpu, count=1))
    assert told("qemu", accelerated, fewer) == [("setVcpusFlags", 1, LIVE)]


def test_a_running_machine_has_a_weight() -> None:
    wanted = replace(OLD, cpu=replace(OLD.cpu, weight=None))
    assert refused(lambda: steps("xen", OLD, wanted, 4))[0] == "unsupported"


def test_libxl_stores_no_cap() -> None:
    machine, host = fake_machine(2), fake_host(1)
    capped = replace(machine.current, cpu=replace(machine.current.cpu, cap_percent=50))
    message = "cpu.cap_percent: libxl keeps none in a stored definition"
    assert refused(lambda: plan("xen", machine, host, capped, None)) == ("unsupported", message)
    assert plan("qemu", machine, host, capped, None).stored == capped


def test_a_disk_of_a_running_machine_grows_under_it() -> None:
    machine, host = fake_machine(1), fake_host(1)
    larger = replace(OLD, disks=(replace(DISK, capacity_bytes=1 << 40), CDROM))
    both = plan("qemu", machine, host, larger, larger)
    assert (both.stored, [step.name for step in both.steps]) == (None, ["disks[xvda].capacity_bytes"])
    message = "disks[xvda].capacity_bytes: the running machine uses this disk"
    assert refused(lambda: plan("qemu", machine, host, None, larger)) == ("unsupported", message)


def test_a_definition_as_libvirt_tells_it_back() -> None:
    given = replace(
        OLD,
        title=" a ",
        description="\n",
        firmware="bios",
        nics=(Nic(mac="00:16:3E:AA:AA:AA"),),
        inputs=(InputDevice(type="mouse"),),
    )
    told_back = settled(given)
    assert (told_back.title, told_back.description, told_back.firmware) == ("a", None, None)
    assert told_back.nics == (Nic(mac="00:16:3e:aa:aa:aa"),)
    assert told_back.inputs == (InputDevice(type="mouse", bus="xen"),)
    for kind, bus in (("mouse", "ps2"), ("tablet", "usb")):
        hvm = replace(OLD, os_type="hvm", inputs=(InputDevice(type=kind),))
        assert settled(hvm).inputs == (InputDevice(type=kind, bus=bus),)


def test_the_kind_of_machine_is_the_hosts() -> None:
    kinds = (
        GuestSupport(os_type="hvm", arch="i686", domain_types=("qemu",)),
        GuestSupport(os_type="hvm", arch="x86_64", domain_types=("qemu", "kvm")),
    )
    host = replace(fake_host(1), guests=kinds)
    open_one = replace(OLD, os_type="hvm", domain_type="", arch=None)
    assert (completed(open_one, host).domain_type, completed(open_one, host).arch) == ("kvm", "x86_64")
    assert completed(replace(open_one, arch="i686"), host).domain_type == "qemu"
    message = "the host runs no machine of type 'linux' for x86_64: it runs hvm for i686, hvm for x86_64"
    xen = replace(host, guests=(GuestSupport(os_type="xen", arch="x86_64", domain_types=("xen",)),))
    wrong = replace(open_one, os_type="linux")
    assert completed(wrong, xen).domain_type == "xen"
    assert refused(lambda: completed(wrong, host)) == ("unsupported", message)

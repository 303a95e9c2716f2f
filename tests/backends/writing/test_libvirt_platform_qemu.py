"""Virtual NUMA, NUMA placement and TPMs of real QEMU guests; virsh says what libvirt keeps."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import (
    Action,
    CpuAllocation,
    MachineConfig,
    MemoryAllocation,
    NumaCell,
    PowerState,
    VirtualMachine,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.conftest import Libvirtd

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = pytest.mark.libvirtd

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"
UUID = "40000000-0000-4000-8000-00000000000a"
CONFIG = MachineConfig(
    cpu=CpuAllocation(count=2, maximum=2),
    memory=MemoryAllocation(current_kib=65536, maximum_kib=65536, numa_nodes=(0,), numa_mode="preferred"),
    domain_type="qemu",
    machine="q35",
    numa_cells=(NumaCell(cpus=(0,), memory_kib=32768), NumaCell(cpus=(1,), memory_kib=32768)),
)


@pytest.fixture
async def guest(backends: Start, libvirtd: Libvirtd) -> AsyncIterator[tuple[LibvirtBackend, Inventory]]:
    backend, inventory = await backends(libvirtd.uri)
    await backend.define("numa", CONFIG, uuid=UUID)
    yield backend, inventory
    await backend.undefine(UUID)
    assert libvirtd.virsh("list", "--all", "--uuid").split() == []


def told(libvirtd: Libvirtd) -> ET.Element:
    return ET.fromstring(libvirtd.virsh("dumpxml", "numa", "--inactive"))  # noqa: S314 - libvirt's own


async def test_virtual_numa_and_placement_are_kept_and_start(
    guest: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd
) -> None:
    xml = told(libvirtd)
    cells = [(cell.get("cpus"), cell.get("memory")) for cell in xml.findall("cpu/numa/cell")]
    assert cells == [("0", "32768"), ("1", "32768")]
    placed = xml.find("numatune/memory")
    assert placed is not None
    assert placed.attrib == {"mode": "preferred", "nodeset": "0"}
    backend, inventory = guest
    await backend.control(UUID, Action.START, 30)
    machine = inventory.view.all(VirtualMachine)[UUID]
    assert machine.state is PowerState.RUNNING
    assert machine.current.numa_cells == CONFIG.numa_cells
    assert machine.current.memory == machine.stored.memory if machine.stored else False


async def test_one_node_takes_the_place_of_two(
    guest: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd
) -> None:
    one = replace(CONFIG, numa_cells=(NumaCell(cpus=(0, 1), memory_kib=65536),))
    backend, inventory = guest
    now = inventory.view.all(VirtualMachine)[UUID].current
    await backend.reconfigure(UUID, stored=replace(now, numa_cells=one.numa_cells))
    assert [cell.get("cpus") for cell in told(libvirtd).findall("cpu/numa/cell")] == ["0-1"]
    await backend.reconfigure(
        UUID, stored=replace(now, numa_cells=(), memory=replace(now.memory, numa_nodes=(), numa_mode=None))
    )
    assert told(libvirtd).find("cpu/numa") is None
    assert told(libvirtd).find("numatune") is None


async def test_memory_that_its_nodes_do_not_hold_is_refused(
    guest: tuple[LibvirtBackend, Inventory],
) -> None:
    backend, inventory = guest
    now = inventory.view.all(VirtualMachine)[UUID].current
    more = replace(now, memory=replace(now.memory, maximum_kib=131072))
    with pytest.raises(BackendError, match="virtual NUMA nodes hold another sum") as caught:
        await backend.reconfigure(UUID, stored=more)
    assert caught.value.kind == "invalid"


async def test_what_the_host_has_not_is_told_and_refused_by_name(
    guest: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd
) -> None:
    backend, inventory = guest
    host = inventory.view.host
    [platform] = [g.platform for g in host.guests if (g.os_type, g.arch) == ("hvm", host.arch)]
    assert platform is not None
    xml = ET.fromstring(libvirtd.virsh("domcapabilities", "--machine", "q35"))  # noqa: S314 - libvirt's own
    modes = [mode.get("name") for mode in xml.findall("cpu/mode[@supported='yes']")]
    assert list(platform.cpu_modes or ()) == modes
    assert bool(platform.tpm_versions) == (shutil.which("swtpm") is not None)
    now = inventory.view.all(VirtualMachine)[UUID].current
    for name, has in (
        ("efi", "efi" in (platform.firmwares or ())),
        ("secure_boot", platform.secure_boot),
        ("tpm_version", bool(platform.tpm_versions)),
    ):
        secure = name == "secure_boot" or None
        wanted = replace(now, tpm_version="2.0") if name == "tpm_version" else replace(now, firmware="efi")
        wanted = replace(wanted, secure_boot=secure)
        if has:
            await backend.reconfigure(UUID, stored=wanted)
            await backend.reconfigure(UUID, stored=now)
        else:
            with pytest.raises(BackendError, match="QEMU on this host has") as caught:
                await backend.reconfigure(UUID, stored=wanted)
            assert caught.value.kind == "unsupported"
            assert caught.value.hint is not None
    assert told(libvirtd).find("devices/tpm") is None


async def test_a_machine_as_a_whole_and_its_processors_are_kept(
    guest: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd
) -> None:
    backend, inventory = guest
    now = inventory.view.all(VirtualMachine)[UUID].current
    cpu = replace(
        now.cpu,
        mode="custom",
        model="qemu64",
        features_required=("sse4.1",),
        features_hidden=("svm",),
        weight=512,
        cap_percent=150,
    )
    wanted = replace(now, cpu=cpu, description="a note", boot_devices=("network", "hd"))
    await backend.reconfigure(UUID, stored=replace(wanted, on_crash="restart", clock_offset="localtime"))
    await backend.set_autostart(UUID, True)
    xml = told(libvirtd)
    assert (xml.findtext("description"), xml.findtext("on_crash")) == ("a note", "restart")
    assert [boot.get("dev") for boot in xml.findall("os/boot")] == ["network", "hd"]
    assert (xml.findtext("cpu/model"), xml.findtext("cputune/shares")) == ("qemu64", "512")
    assert {f.get("name"): f.get("policy") for f in xml.findall("cpu/feature")} == {
        "sse4.1": "require",
        "svm": "disable",
    }
    assert "Autostart:      enable" in libvirtd.virsh("dominfo", "numa")
    await backend.set_autostart(UUID, False)
    await backend.control(UUID, Action.START, 30)
    machine = inventory.view.all(VirtualMachine)[UUID]
    assert machine.current.cpu.cap_percent == 150
    line = libvirtd.virsh("schedinfo", "numa")
    assert "cpu_shares     : 512" in line
    assert "global_quota   : 150000" in line


async def test_memory_modules_come_to_a_running_machine_and_its_definition(
    guest: tuple[LibvirtBackend, Inventory], libvirtd: Libvirtd
) -> None:
    backend, inventory = guest

    def sized(config: MachineConfig, size_kib: int, **also: object) -> MachineConfig:
        memory: Any = also | {"maximum_kib": size_kib, "current_kib": size_kib}
        return replace(config, memory=replace(config.memory, **memory))

    now = inventory.view.all(VirtualMachine)[UUID].current
    await backend.reconfigure(UUID, stored=replace(now, numa_cells=(), acpi=True))  # which plugging needs
    now = inventory.view.all(VirtualMachine)[UUID].current
    await backend.reconfigure(UUID, stored=sized(now, 131072, hot_plug_limit_kib=524288))
    assert told(libvirtd).findtext("maxMemory") == "524288"
    await backend.control(UUID, Action.START, 30)
    machine = inventory.view.all(VirtualMachine)[UUID]
    assert machine.stored is not None
    await backend.reconfigure(
        UUID, current=sized(machine.current, 262144), stored=sized(machine.stored, 262144)
    )
    for words in ((), ("--inactive",)):
        xml = ET.fromstring(libvirtd.virsh("dumpxml", "numa", *words))  # noqa: S314 - libvirt's own
        assert (xml.findtext("memory"), xml.findtext("currentMemory")) == ("262144", "262144")
        assert [size.text for size in xml.findall("devices/memory/target/size")] == ["131072"]
    machine = inventory.view.all(VirtualMachine)[UUID]
    with pytest.raises(BackendError, match=r"memory goes by whole modules; the machine's, in KiB: 131072"):
        await backend.reconfigure(UUID, current=sized(machine.current, 196608))
    with pytest.raises(BackendError, match="hot_plug_limit_kib is 524288: at least") as caught:
        await backend.reconfigure(UUID, current=sized(machine.current, 1048576))
    assert caught.value.kind == "invalid"
    await backend.control(UUID, Action.DESTROY, 30)
    off = inventory.view.all(VirtualMachine)[UUID].current
    await backend.reconfigure(UUID, stored=sized(off, 131072))
    assert told(libvirtd).findall("devices/memory") == []

"""What real QEMU guests are counted to have done: by one call, and as virsh says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.counters import counters
from xencim.providers.backends.records import Counted, MachineSample, NicCounters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend
    from xencim.providers.backends.records import Sample

libvirt = pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"

GUESTS = 3
NAMES = [f"counted-{number}" for number in range(GUESTS)]
GUEST = """<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>32</memory>
<vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{disk}'/>
<target dev='vda' bus='virtio'/></disk>
<interface type='bridge'><mac address='52:54:00:00:0c:0{number}'/><source bridge='counted0'/>
<model type='virtio'/></interface></devices></domain>"""
NETWORK = "<network><name>counted</name><bridge name='counted0'/></network>"


def uuid(number: int) -> str:
    return f"20000000-0000-4000-8000-0000000000c{number}"


@pytest.fixture
def guests(libvirtd: Libvirtd, tmp_path: Path) -> Iterator[None]:
    """Guests that run their firmware, with a disk and an interface each, and one that is off."""
    (tmp_path / "network.xml").write_text(NETWORK)
    libvirtd.virsh("net-create", str(tmp_path / "network.xml"))
    for number, name in enumerate(NAMES):
        guest, disk = tmp_path / f"{name}.xml", tmp_path / f"{name}.raw"
        disk.touch()
        os.truncate(disk, 2**20)
        guest.write_text(GUEST.format(name=name, uuid=uuid(number), number=number, disk=disk))
        libvirtd.virsh("define", str(guest))
        if number:
            libvirtd.virsh("start", name)
    yield
    for number, name in enumerate(NAMES):
        if number:
            libvirtd.virsh("destroy", name)
        libvirtd.virsh("undefine", name)
    libvirtd.virsh("net-destroy", "counted")


def stats(libvirtd: Libvirtd, name: str) -> dict[str, Any]:
    """Return what ``virsh domstats`` prints, numbers as such."""
    lines = libvirtd.virsh("domstats", name).split()
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key: int(value) if value.isdecimal() else value for key, _, value in pairs}


def numbers(sample: MachineSample) -> list[int | None]:
    """Return all that is counted, in an order of its own."""
    [disk], [nic] = sample.disks, sample.nics
    found: list[int | None] = [sample.processor_time_ns, sample.memory_kib]
    found += [disk.read_bytes, disk.read_requests, disk.written_bytes, disk.write_requests]
    found += [getattr(nic, name) for name in NicCounters.__slots__ if name != "mac"]
    return found


@pytest.mark.libvirtd
async def test_all_guests_are_counted_by_one_call(backends: Start, libvirtd: Libvirtd, guests: None) -> None:
    del guests
    backend, inventory = await backends(libvirtd.uri)
    assert inventory.view.host.counted == (
        Counted.PROCESSORS,
        Counted.MEMORY,
        Counted.DISKS,
        Counted.NICS,
    )
    macs = {f"vnet{number}": f"52:54:00:00:0c:0{number}" for number in range(100)}
    before = {name: stats(libvirtd, name) for name in NAMES[1:]}
    calls = backend.calls.read()
    sample: Sample = await backend.sample()
    asked = {name: count - calls.get(name, 0) for name, count in backend.calls.read().items()}
    assert {name: count for name, count in asked.items() if count} == {"getAllDomainStats": 1}
    assert set(sample.machines) == {uuid(1), uuid(2)}
    for number, name in enumerate(NAMES[1:], start=1):
        told = sample.machines[uuid(number)]
        assert [disk.target for disk in told.disks] == ["vda"]
        assert [nic.mac for nic in told.nics] == [f"52:54:00:00:0c:0{number}"]
        low = counters(uuid(number), before[name], macs)
        high = counters(uuid(number), stats(libvirtd, name), macs)
        for least, found, most in zip(numbers(low), numbers(told), numbers(high), strict=True):
            assert least is not None
            assert found is not None
            assert most is not None
            assert least <= found <= most
        assert told.processor_time_ns
        assert told.memory_kib == 32 * 1024


@pytest.mark.libvirtd
async def test_the_host_s_free_memory(backends: Start, libvirtd: Libvirtd) -> None:
    backend, inventory = await backends(libvirtd.uri)
    told, host = await backend.free_memory(), inventory.view.host
    assert 0 < told.free_kib < host.memory_kib
    assert len(told.node_free_kib) == host.numa_nodes == len(host.node_memory_kib)
    for free, size in zip(told.node_free_kib, host.node_memory_kib, strict=True):
        assert 0 < free < size
    # What is free changes meanwhile, but not by much.
    assert sum(told.node_free_kib) == pytest.approx(told.free_kib, rel=0.2)
    with pytest.raises(BackendError, match="QEMU by libvirt: no log"):
        await backend.read_log()
    with pytest.raises(BackendError, match="QEMU by libvirt: no log"):
        await backend.clear_log()


async def test_a_driver_that_counts_nothing_is_not_asked(backends: Start) -> None:
    backend, inventory = await backends("test:///default")
    calls = backend.calls.read()
    assert (inventory.view.host.counted, inventory.view.host.has_log) == ((), False)
    assert (await backend.sample()).machines == {}
    assert backend.calls.read() == calls

"""What Xen counts of its domains, in one pass over all of them.

The hypervisor is asked for all domains at once, and once for each virtual processor. What goes through disks
and network interfaces is counted by the kernel here, if it has their back-ends: a disk that a program serves
(QEMU's qdisk), or another domain, is not counted. The network interfaces are read as one file.

Source: xen.lowlevel.xc, domain_getinfo and vcpu_getinfo; Linux, drivers/block/xen-blkback/xenbus.c and
/proc/net/dev.
Errors: BackendError of `Hypervisor`.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import DiskCounters, MachineSample, NicCounters, VcpuCounters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xencim.providers.backends.xen.domains import Domain
    from xencim.providers.backends.xen.hypervisor import Hypervisor
    from xencim.providers.backends.xen.live import Live

DISKS = Path("/sys/bus/xen-backend/devices")
INTERFACES = Path("/proc/net/dev")
_SECTOR = 512
_INTERFACE = re.compile(r"^\s*(vif\d+\.\d+):((?:\s+\d+){12})", re.MULTILINE)
_RECEIVED, _SENT = 0, 8
"""Where the host's columns begin: bytes, packets, errors and drops of each direction."""


class Kernel:
    """What the kernel of this domain counts."""

    def __init__(self, disks: Path = DISKS, interfaces: Path = INTERFACES) -> None:
        self._disks = disks
        self._interfaces = interfaces

    def nics(self) -> dict[str, list[int]]:
        """Return the columns of the guests' interfaces by their names."""
        try:
            text = self._interfaces.read_text()
        except OSError:
            return {}
        return {match[1]: [int(word) for word in match[2].split()] for match in _INTERFACE.finditer(text)}

    def disk(self, domain: int, device: int, target: str) -> DiskCounters | None:
        """Return what was read and written of a disk; None where this kernel does not serve it."""
        folder = self._disks / f"vbd-{domain}-{device}" / "statistics"
        told = {}
        try:
            for name in ("rd_req", "rd_sect", "wr_req", "wr_sect"):
                told[name] = int((folder / name).read_text())
        except (OSError, ValueError):
            return None
        return DiskCounters(
            target=target,
            read_bytes=told["rd_sect"] * _SECTOR,
            read_requests=told["rd_req"],
            written_bytes=told["wr_sect"] * _SECTOR,
            write_requests=told["wr_req"],
        )


def count(
    hypervisor: Hypervisor | None,
    domains: Mapping[int, Domain],
    lives: Mapping[int, Live],
    kernel: Kernel,
) -> dict[str, MachineSample]:
    """Return the counters of all domains by their uuids; it blocks."""
    nics = kernel.nics()
    if hypervisor is None:
        bare = (MachineSample(uuid=domain.uuid) for domain in domains.values())
        told = dict(zip(domains, bare, strict=True))
    else:
        told = {
            one["domid"]: _of_hypervisor(hypervisor, one) for one in hypervisor.domains() if not one["dying"]
        }
    return {
        sample.uuid: _with_devices(sample, number, lives[number], kernel, nics) if number in lives else sample
        for number, sample in told.items()
    }


def _of_hypervisor(hypervisor: Hypervisor, one: Mapping[str, Any]) -> MachineSample:
    return MachineSample(
        uuid=str(UUID(bytes=bytes(one["handle"]))),
        processor_time_ns=one["cpu_time"],
        memory_kib=one["mem_kb"],
        vcpus=tuple(_vcpus(hypervisor, one["domid"], one["max_vcpu_id"] + 1)),
    )


def _vcpus(hypervisor: Hypervisor, number: int, count: int) -> Iterator[VcpuCounters]:
    with suppress(BackendError):  # the domain has gone meanwhile
        for index in range(count):
            told = hypervisor.vcpu(number, index)
            yield VcpuCounters(
                index=index,
                time_ns=told["cpu_time"],
                host_processor=told["cpu"] if told["online"] else None,
            )


def _with_devices(
    sample: MachineSample, number: int, live: Live, kernel: Kernel, nics: Mapping[str, list[int]]
) -> MachineSample:
    disks = (kernel.disk(number, device, target) for device, target in live.disk_numbers)
    return MachineSample(
        uuid=sample.uuid,
        processor_time_ns=sample.processor_time_ns,
        memory_kib=sample.memory_kib,
        vcpus=sample.vcpus,
        disks=tuple(disk for disk in disks if disk is not None),
        nics=tuple(
            _nic(nic.mac, nics[nic.target_dev])
            for nic in live.nics
            if nic.target_dev and nic.target_dev in nics
        ),
    )


def _nic(mac: str, columns: list[int]) -> NicCounters:
    """Return an interface as its guest sees it: what the host received there is what the guest sent."""
    sent, received = columns[_RECEIVED : _RECEIVED + 4], columns[_SENT : _SENT + 4]
    return NicCounters(
        mac=mac,
        received_bytes=received[0],
        received_packets=received[1],
        received_errors=received[2],
        received_drops=received[3],
        sent_bytes=sent[0],
        sent_packets=sent[1],
        sent_errors=sent[2],
        sent_drops=sent[3],
    )

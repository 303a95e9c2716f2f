"""What is measured: of machines, their processors, disks and network interfaces.

Source: DSP1053 1.0, section 7; counters as libvirt's virConnectGetAllDomainStats and Xen count them.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

from xencim.providers.backends.records import Counted
from xencim.providers.vm.rows import DISKS, NICS, VCPUS, Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.providers.backends.records import MachineSample, VirtualMachine
    from xencim.providers.core.asking.samples import Samples

Number: TypeAlias = "int | float"

UINT64, REAL64 = 13, 5  # DataType
COUNTER, GAUGE = 3, 4  # ChangeType
POINT, INTERVAL, SINCE_START = 2, 3, 4  # TimeScope

_NS_PER_S = 10**9
_COUNTERS: dict[Parts, tuple[str, str]] = {
    VCPUS: ("vcpus", "index"),
    DISKS: ("disks", "target"),
    NICS: ("nics", "mac"),
}
"""The counters of each kind of part, and what they have in common with the part that they are of."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Metric:
    """Something that is measured. ``parts``: the kind of parts that it is of; None: a machine as a whole."""

    ident: str
    name: str
    counted: Counted
    units: str  # DSP0004, Annex C
    get: Callable[..., Number | None]
    parts: Parts | None = None
    data_type: int = UINT64
    change_type: int = COUNTER
    time_scope: int = SINCE_START
    is_continuous: bool = True

    def value(self, samples: Samples, machine: VirtualMachine, part: object) -> Number | None:
        """Return what it is, or was when it was asked last; None where the hypervisor does not tell."""
        found = None if samples.now is None else samples.now.machines.get(machine.uuid)
        if found is None:
            return None
        if self.time_scope == INTERVAL:
            return self.get(samples, machine)
        if self.parts is None:
            return self.get(found)
        group, key = _COUNTERS[self.parts]
        wanted = getattr(part, key)
        counters = next((one for one in getattr(found, group) if getattr(one, key) == wanted), None)
        return None if counters is None else self.get(counters)


def _utilization(samples: Samples, machine: VirtualMachine) -> float | None:
    """Return how much of its processors' time a machine used between the last two samples, in percent."""
    now, before = _times(samples, machine)
    if now is None or before is None or samples.now is None or samples.before is None:
        return None
    elapsed_s = samples.now.taken_s - samples.before.taken_s
    most_ns = elapsed_s * _NS_PER_S * machine.current.cpu.count
    # A machine that was started anew meanwhile counts from its start.
    return 100 * (now - before) / most_ns if most_ns > 0 and now >= before else None


def _times(samples: Samples, machine: VirtualMachine) -> list[int | None]:
    taken: list[MachineSample | None] = [
        None if sample is None else sample.machines.get(machine.uuid)
        for sample in (samples.now, samples.before)
    ]
    return [None if one is None else one.processor_time_ns for one in taken]


def _of_disks(ident: str, name: str, units: str, field: str) -> Metric:
    return Metric(
        ident=ident, name=name, counted=Counted.DISKS, units=units, parts=DISKS, get=attrgetter(field)
    )


def _of_ports(ident: str, name: str, units: str, field: str) -> Metric:
    return Metric(
        ident=ident, name=name, counted=Counted.NICS, units=units, parts=NICS, get=attrgetter(field)
    )


METRICS: tuple[Metric, ...] = (
    Metric(
        ident="ProcessorTime",
        name="Time that all processors of the machine have run",
        counted=Counted.PROCESSORS,
        units="second * 10^-9",
        get=attrgetter("processor_time_ns"),
    ),
    Metric(
        ident="ProcessorUtilization",
        name="Share of its processors' time that the machine used of late",
        counted=Counted.PROCESSORS,
        units="percent",
        get=_utilization,
        data_type=REAL64,
        change_type=GAUGE,
        time_scope=INTERVAL,
    ),
    Metric(
        ident="MemoryInUse",
        name="Memory that the machine has of its host's",
        counted=Counted.MEMORY,
        units="byte * 2^10",
        get=attrgetter("memory_kib"),
        change_type=GAUGE,
        time_scope=POINT,
    ),
    Metric(
        ident="VirtualProcessorTime",
        name="Time that the virtual processor has run",
        counted=Counted.PROCESSORS,
        units="second * 10^-9",
        parts=VCPUS,
        get=attrgetter("time_ns"),
    ),
    Metric(
        ident="VirtualProcessorPlace",
        name="Number of the host's processor that the virtual one is on, or was last",
        counted=Counted.PLACES,
        units="count",
        parts=VCPUS,
        get=attrgetter("host_processor"),
        change_type=GAUGE,
        time_scope=POINT,
        is_continuous=False,
    ),
    _of_disks("DiskReadBytes", "Bytes read from the disk", "byte", "read_bytes"),
    _of_disks("DiskReadRequests", "Requests to read from the disk", "count", "read_requests"),
    _of_disks("DiskWrittenBytes", "Bytes written to the disk", "byte", "written_bytes"),
    _of_disks("DiskWriteRequests", "Requests to write to the disk", "count", "write_requests"),
    _of_ports("PortReceivedBytes", "Bytes that the guest received", "byte", "received_bytes"),
    _of_ports("PortReceivedPackets", "Packets that the guest received", "count", "received_packets"),
    _of_ports("PortReceivedErrors", "Packets for the guest that were faulty", "count", "received_errors"),
    _of_ports("PortReceivedDrops", "Packets for the guest that were dropped", "count", "received_drops"),
    _of_ports("PortSentBytes", "Bytes that the guest sent", "byte", "sent_bytes"),
    _of_ports("PortSentPackets", "Packets that the guest sent", "count", "sent_packets"),
    _of_ports("PortSentErrors", "Packets of the guest that were faulty", "count", "sent_errors"),
    _of_ports("PortSentDrops", "Packets of the guest that were dropped", "count", "sent_drops"),
)
BY_IDENT = {metric.ident: metric for metric in METRICS}

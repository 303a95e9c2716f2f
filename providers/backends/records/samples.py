"""What a hypervisor is asked when a client asks for it: these records are in no inventory.

Counters count from a machine's start; ``None`` is "the hypervisor does not tell".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Counted(Enum):
    """What a hypervisor can count of machines that run."""

    PROCESSORS = "processors"  # their time
    PLACES = "places"  # the host's processors that virtual ones are on
    MEMORY = "memory"
    DISKS = "disks"
    NICS = "nics"


@dataclass(frozen=True, slots=True, kw_only=True)
class VcpuCounters:
    """One virtual processor."""

    index: int
    time_ns: int | None = None
    host_processor: int | None = None  # where it is, or was last


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskCounters:
    """One disk, by its target."""

    target: str
    read_bytes: int | None = None
    read_requests: int | None = None
    written_bytes: int | None = None
    write_requests: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NicCounters:
    """One network interface, by its address; received is what the guest received."""

    mac: str
    received_bytes: int | None = None
    received_packets: int | None = None
    received_errors: int | None = None
    received_drops: int | None = None
    sent_bytes: int | None = None
    sent_packets: int | None = None
    sent_errors: int | None = None
    sent_drops: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSample:
    """One machine that runs."""

    uuid: str
    processor_time_ns: int | None = None  # of all its processors
    memory_kib: int | None = None  # that it has of its host's
    vcpus: tuple[VcpuCounters, ...] = ()
    disks: tuple[DiskCounters, ...] = ()
    nics: tuple[NicCounters, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """All machines that ran at a time, by uuid; ``taken_s`` is that time on a clock that is never set."""

    taken: datetime
    taken_s: float
    machines: Mapping[str, MachineSample]


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeMemory:
    """What the host has left, in all and by NUMA node."""

    free_kib: int
    node_free_kib: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of the hypervisor's console; numbers grow, and stay a line's own while the server runs."""

    number: int
    text: str

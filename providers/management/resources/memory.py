"""A machine's memory: how much (VirtualQuantity), the most (Limit), and what is its own alone (Reservation).

Clients of libvirt-cim may say what a new machine has by Reservation alone.

Source: DSP1045 1.0 (memory resource allocation).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.core.parameters.ranges import numbers, ranges
from xencim.providers.management.resource import Resource
from xencim.providers.management.units import KIB, in_unit
from xencim.providers.vm.rows import MEMORY
from xencim.providers.vm.settings.memory import LOCKING, SPEC

if TYPE_CHECKING:
    from xencim.providers.backends.records import MemoryAllocation
    from xencim.providers.management.given import Given
    from xencim.providers.management.resource import Scene

_UNITS = {
    "VirtualQuantity": "VirtualQuantityUnits",
    "Reservation": "AllocationUnits",
    "Limit": "AllocationUnits",
}


def _in_kib(asked: Given, is_new: bool) -> Given:  # noqa: FBT001 - a fact
    """Count in KiB; a new machine's settings that name no unit are in bytes, as libvirt-cim takes them."""
    if nodes := asked.text("NUMANodes"):
        try:
            asked = asked.without(set(), NUMANodes=ranges(numbers(nodes)))
        except ValueError as error:
            raise asked.refusal("NUMANodes", str(error)) from error
    asked = in_unit(asked, "Bytes" if is_new else "KiloBytes", _UNITS, KIB)
    reserved = asked.number("Reservation")
    if is_new and reserved and asked.number("VirtualQuantity") is None:
        return asked.without((), VirtualQuantity=reserved)
    return asked


def _current(memory: MemoryAllocation, value: int, scene: Scene) -> MemoryAllocation:
    maximum = memory.maximum_kib if scene.is_live else max(memory.maximum_kib, value)
    return replace(memory, current_kib=value, maximum_kib=maximum)


def _reserved(memory: MemoryAllocation, value: int, scene: Scene) -> MemoryAllocation:
    """Lock memory where the hypervisor can; whether that is what was asked for, the settings tell."""
    can_lock = scene.machine.current.domain_type in LOCKING
    return replace(memory, is_locked=value > 0) if can_lock else memory


def _placed(memory: MemoryAllocation, value: str) -> MemoryAllocation:
    """Take memory from nodes of the host: from them only, where no mode says otherwise."""
    nodes = numbers(value)
    return replace(memory, numa_nodes=nodes, numa_mode=(memory.numa_mode or "strict") if nodes else None)


RESOURCE = Resource(
    spec=SPEC,
    parts=MEMORY,
    field="memory",
    resource_types=(4,),
    normalised=_in_kib,
    setters={
        "Limit": lambda memory, value, _scene: replace(memory, maximum_kib=value),
        "VirtualQuantity": _current,
        "Reservation": _reserved,
        "dumpCore": lambda memory, value, _scene: replace(memory, dump_core=value),
        "HotPlugLimit": lambda memory, value, _scene: replace(memory, hot_plug_limit_kib=value or None),
        "NUMANodes": lambda memory, value, _scene: _placed(memory, value),
        "NUMAMode": lambda memory, value, _scene: replace(memory, numa_mode=value or None),
        "HugePageSize": lambda memory, value, _scene: replace(memory, huge_page_kib=value or None),
    },
)

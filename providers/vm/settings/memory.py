"""Xen_MemResourceAllocationSettingData: a machine's memory; what it has, and the most it can have.

Reservation is all of it or nothing: Xen gives memory to one machine alone; the host may give QEMU's to others
meanwhile, unless it is locked or on huge pages.

Source: DSP1045 (memory resource allocation; its units are programmatic ones).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.parameters.ranges import ranges
from xencim.providers.core.pool_ids import pool_id
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.rows import MEMORY
from xencim.providers.vm.settings.common import NO_DESCRIPTION, VIRTUAL, setting_keys, setting_props

if TYPE_CHECKING:
    from xencim.providers.backends.records import MemoryAllocation, VirtualMachine
    from xencim.providers.vm.rows import Origin

_MEMORY = 4
_KIB = "byte*2^10"
_XEN = "xen"
LOCKING = frozenset({"kvm", "qemu"})
"""Domain types whose memory can be locked: QEMU's."""
RESERVING = LOCKING | {_XEN}


def _reservation(vm: VirtualMachine, memory: MemoryAllocation, _origin: Origin) -> int:
    is_reserved = vm.current.domain_type == _XEN or memory.is_locked or memory.huge_page_kib is not None
    return memory.current_kib if is_reserved else 0


SPEC = ClassSpec(
    cim_class="MemResourceAllocationSettingData",
    rows=MEMORY.setting_rows(),
    profiles=("DSP1045", "DSP1041"),
    keys=setting_keys(MEMORY, "a constant"),
    props=(
        *setting_props(_MEMORY, lambda _memory: "Memory", "constant: what it is"),
        VIRTUAL,
        Prop("Caption", Const("Virtual memory"), source="constant: what it is"),
        Prop("PoolID", Const(pool_id("Memory")), source="constant: there is one pool"),
        Prop("AllocationUnits", Const(_KIB), source="constant: the unit of the records"),
        Prop("VirtualQuantityUnits", Const(_KIB), source="constant: the unit of the records"),
        Prop(
            "VirtualQuantity",
            lambda _vm, memory, _origin: memory.current_kib,
            source="virDomainGetXMLDesc: currentMemory",
        ),
        Prop("Reservation", _reservation, source="virDomainGetXMLDesc: memoryBacking/locked, hugepages"),
        Prop("Limit", lambda _vm, memory, _origin: memory.maximum_kib, source="virDomainGetXMLDesc: memory"),
        Prop(
            "dumpCore",
            lambda _vm, memory, _origin: memory.dump_core,
            source="virDomainGetXMLDesc: memory/@dumpCore",
        ),
        Prop(
            "HotPlugLimit",
            lambda _vm, memory, _origin: memory.hot_plug_limit_kib,
            source="virDomainGetXMLDesc: maxMemory",
        ),
        Prop(
            "HugePageSize",
            lambda _vm, memory, _origin: memory.huge_page_kib,
            source="virDomainGetXMLDesc: memoryBacking/hugepages/page",
        ),
        Prop(
            "NUMANodes",
            lambda _vm, memory, _origin: ranges(memory.numa_nodes) or None,
            source="virDomainGetXMLDesc: numatune/memory/@nodeset",
        ),
        Prop(
            "NUMAMode",
            lambda _vm, memory, _origin: memory.numa_mode if memory.numa_nodes else None,
            source="virDomainGetXMLDesc: numatune/memory/@mode",
        ),
    ),
    unfilled=NO_DESCRIPTION,
)

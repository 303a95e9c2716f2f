"""The host's memory as a pool.

Source: DSP1045 1.0, section 10 (memory resource pools); DSP1041 1.1.
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.pools.kind import HOST_POOL_STATUS, PoolKind

KIND = PoolKind("Memory", resource_type=4, sharing_mode=2)

UNITS = "byte*2^10"
_TOTAL = "virNodeGetInfo: memory"
_USED = "virDomainGetXMLDesc of running machines: currentMemory, summed"

SPEC = ClassSpec(
    cim_class="MemoryPool",
    rows=KIND.rows(),
    profiles=("DSP1041", "DSP1045"),
    keys=KIND.keys(),
    props=(
        *KIND.props(),
        Prop("Caption", Const("Memory of the host"), source="constant: the pool's kind"),
        Prop("AllocationUnits", Const(UNITS), source="constant: libvirt's unit"),
        Prop("Capacity", lambda _source, host, _usage: host.memory_kib or None, source=_TOTAL),
        Prop("Reserved", lambda _source, _host, usage: usage.active_memory_kib, source=_USED),
        Prop("ConsumedResourceUnits", Const(UNITS), source="constant: as AllocationUnits"),
        Prop(
            "CurrentlyConsumedResource", lambda _source, _host, usage: usage.active_memory_kib, source=_USED
        ),
        Prop("MaxConsumableResource", lambda _source, host, _usage: host.memory_kib or None, source=_TOTAL),
        *HOST_POOL_STATUS,
    ),
)

"""The host's processors as a pool.

Source: DSP1044 1.0, section 10 (processor resource pools); DSP1041 1.1.
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.pools.kind import HOST_POOL_STATUS, PoolKind

KIND = PoolKind("Processor", resource_type=3, sharing_mode=3)

_VCPUS = "virDomainGetXMLDesc of running machines: vcpu, summed"

SPEC = ClassSpec(
    cim_class="ProcessorPool",
    rows=KIND.rows(),
    profiles=("DSP1041", "DSP1044"),
    keys=KIND.keys(),
    props=(
        *KIND.props(),
        Prop("Caption", Const("Processors of the host"), source="constant: the pool's kind"),
        Prop("AllocationUnits", Const("count"), source="constant: virtual processors are counted"),
        Prop("Capacity", lambda _source, host, _usage: host.cpu_count or None, source="virNodeGetInfo: cpus"),
        Prop("Reserved", lambda _source, _host, usage: usage.active_vcpus, source=_VCPUS),
        Prop("ConsumedResourceUnits", Const("count"), source="constant: as AllocationUnits"),
        Prop("CurrentlyConsumedResource", lambda _source, _host, usage: usage.active_vcpus, source=_VCPUS),
        *HOST_POOL_STATUS,
    ),
    unfilled={"MaxConsumableResource": "processors are shared: the hypervisor sets no limit"},
)

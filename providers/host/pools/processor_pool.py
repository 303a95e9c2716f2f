"""The host's processors as a pool, and each CPU pool of its hypervisor.

Source: DSP1044 1.0, section 10 (processor resource pools); DSP1041 1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import CpuPool
from xencim.providers.core.parameters.ranges import ranges
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.pools.kind import HOST_POOL_STATUS, PoolKind

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, HostUsage

Source = CpuPool | None

KIND = PoolKind(
    "Processor",
    resource_type=3,
    sharing_mode=3,
    concrete=lambda context: context.view.all(CpuPool).values(),
    find=lambda context, _bridge, name: context.view.get(CpuPool, name),
    source_kinds=(CpuPool,),
)

_VCPUS = "virDomainGetXMLDesc of running machines: vcpu, summed; of a CPU pool, those on it"
_POOL = "xc_cpupool_getinfo"


def _used(source: Source, _host: Host, usage: HostUsage) -> int:
    return usage.active_vcpus if source is None else dict(usage.pool_vcpus).get(source.name, 0)


def _capacity(source: Source, host: Host, _usage: HostUsage) -> int | None:
    return (host.cpu_count or None) if source is None else len(source.cpus)


def _caption(source: Source, *_: object) -> str:
    return "Processors of the host" if source is None else f"Processors of CPU pool {source.name}"


SPEC = ClassSpec(
    cim_class="ProcessorPool",
    rows=KIND.rows(),
    profiles=("DSP1041", "DSP1044"),
    keys=KIND.keys(),
    props=(
        *KIND.props(),
        Prop("Caption", _caption, source="xenstore: the CPU pool's name"),
        Prop("ResourceSubType", lambda source, *_: source.scheduler if source else None, source=_POOL),
        Prop("AllocationUnits", Const("count"), source="constant: virtual processors are counted"),
        Prop("Capacity", _capacity, source=f"virNodeGetInfo: cpus; {_POOL}"),
        Prop("Reserved", _used, source=_VCPUS),
        Prop("ConsumedResourceUnits", Const("count"), source="constant: as AllocationUnits"),
        Prop("CurrentlyConsumedResource", _used, source=_VCPUS),
        Prop("Processors", lambda source, *_: ranges(source.cpus) if source else None, source=_POOL),
        Prop(
            "SchedulerRateLimit",
            lambda source, *_: source.rate_limit_us if source else None,
            source="xl sched-credit2 -s",
        ),
        *HOST_POOL_STATUS,
    ),
    unfilled={"MaxConsumableResource": "processors are shared: the hypervisor sets no limit"},
)

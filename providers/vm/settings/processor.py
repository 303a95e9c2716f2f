"""Xen_ProcResourceAllocationSettingData: a machine's processors as a whole.

Limit is in percent of one of the host's processors: 150 is one and a half of them.

Source: DSP1044 (processor resource allocation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xencim.providers.core.parameters.ranges import ranges
from xencim.providers.core.pool_ids import concrete_pool_id, pool_id
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.rows import CPU_ALLOCATIONS, config_of
from xencim.providers.vm.settings.common import NO_DESCRIPTION, VIRTUAL, setting_keys, setting_props

if TYPE_CHECKING:
    from xencim.providers.backends.records import CpuAllocation, VirtualMachine
    from xencim.providers.vm.rows import Origin

_PROCESSOR = 3
_HARD_AFFINITY = 5


def _affinity(vm: VirtualMachine, cpu: CpuAllocation, origin: Origin) -> tuple[str, ...] | None:
    config = config_of(vm, origin)
    pins = {vcpu.index: vcpu.pinned_to for vcpu in config.vcpus} if config else {}
    if not any(pins.values()):
        return None
    return tuple(ranges(pins.get(number) or ()) for number in range(cpu.count))


def _pool(_vm: VirtualMachine, cpu: CpuAllocation, _origin: Origin) -> str:
    return concrete_pool_id("Processor", cpu.pool) if cpu.pool else pool_id("Processor")


def _xml(name: str, field: str, element: str) -> Prop:
    return Prop(
        name,
        lambda _vm, cpu, _origin: getattr(cpu, field) or None,
        source=f"virDomainGetXMLDesc: cpu{element}",
    )


def _mapping(vm: VirtualMachine, _cpu: Any, origin: Origin) -> int | None:  # noqa: ANN401 - not looked at
    config = config_of(vm, origin)
    pinned = config is not None and any(vcpu.pinned_to is not None for vcpu in config.vcpus)
    return _HARD_AFFINITY if pinned else None


SPEC = ClassSpec(
    cim_class="ProcResourceAllocationSettingData",
    rows=CPU_ALLOCATIONS.setting_rows(),
    profiles=("DSP1044", "DSP1041"),
    keys=setting_keys(CPU_ALLOCATIONS, "a constant"),
    props=(
        *setting_props(_PROCESSOR, lambda _cpu: "Processors", "constant: what it is"),
        VIRTUAL,
        Prop("Caption", Const("Virtual processors"), source="constant: what it is"),
        Prop("PoolID", _pool, source="xc_domain_getinfo: cpupool; else the host's processors"),
        Prop("VirtualQuantity", lambda _vm, cpu, _origin: cpu.count, source="virDomainGetXMLDesc: vcpu"),
        Prop("VirtualQuantityUnits", Const("count"), source="constant: processors are counted"),
        Prop("AllocationUnits", Const("percent"), source="constant: the unit of the schedulers' caps"),
        Prop(
            "Limit",
            lambda _vm, cpu, _origin: cpu.cap_percent or None,
            source="virDomainGetSchedulerParameters: cap, or vcpu_quota of vcpu_period",
        ),
        Prop(
            "Weight",
            lambda _vm, cpu, _origin: cpu.weight,
            source="virDomainGetSchedulerParameters: weight, or cpu_shares",
        ),
        Prop("MappingBehavior", _mapping, source="virDomainGetXMLDesc: cputune/vcpupin"),
        Prop("Affinity", _affinity, source="virDomainGetXMLDesc: cputune/vcpupin"),
        _xml("CPUMode", "mode", "/@mode"),
        _xml("CPUModel", "model", "/model"),
        _xml("FeaturesRequired", "features_required", "/feature[@policy='require' or @policy='force']"),
        _xml("FeaturesHidden", "features_hidden", "/feature[@policy='disable' or @policy='forbid']"),
    ),
    unfilled=NO_DESCRIPTION,
)

"""A machine's processors as a whole: how many, their weight, cap and model, and where they run.

Source: DSP1044 1.0 (processor resource allocation).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.records import Vcpu
from xencim.providers.core.parameters.ranges import numbers, ranges
from xencim.providers.management.resource import Resource
from xencim.providers.vm.rows import CPU_ALLOCATIONS
from xencim.providers.vm.settings.processor import SPEC

if TYPE_CHECKING:
    from xencim.providers.backends.records import CpuAllocation, MachineConfig
    from xencim.providers.management.given import Given
    from xencim.providers.management.resource import Scene


def _normalised(asked: Given, _is_new: bool) -> Given:  # noqa: FBT001 - a fact
    """Write sets of processors as they are told."""
    affinity = asked.values.get("Affinity")
    if not isinstance(affinity, tuple):
        return asked
    try:
        texts = tuple(ranges(numbers(str(text or ""))) for text in affinity)
    except ValueError as error:
        raise asked.refusal("Affinity", str(error)) from error
    return asked.without(set(), Affinity=texts if any(texts) else ())


def _count(cpu: CpuAllocation, value: int, scene: Scene) -> CpuAllocation:
    """Set how many there are; only a machine that runs is bound by the most that it was started with."""
    return replace(cpu, count=value, maximum=cpu.maximum if scene.is_live else max(cpu.maximum, value))


def _pinned(config: MachineConfig, value: tuple[str, ...]) -> MachineConfig:
    """Pin processors, one for each text; those without one may run anywhere."""
    pins = dict(enumerate(value))
    vcpus = (
        Vcpu(index=number, pinned_to=numbers(pins.get(number, "")) or None)
        for number in range(config.cpu.count)
    )
    return replace(config, vcpus=tuple(vcpus))


RESOURCE = Resource(
    spec=SPEC,
    parts=CPU_ALLOCATIONS,
    field="cpu",
    resource_types=(3,),
    normalised=_normalised,
    setters={
        "VirtualQuantity": _count,
        "Limit": lambda cpu, value, _scene: replace(cpu, cap_percent=value or None),
        "Weight": lambda cpu, value, _scene: replace(cpu, weight=value),
        "CPUMode": lambda cpu, value, _scene: replace(cpu, mode=value or None),
        "CPUModel": lambda cpu, value, _scene: replace(cpu, model=value or None),
        "FeaturesRequired": lambda cpu, value, _scene: replace(cpu, features_required=tuple(value)),
        "FeaturesHidden": lambda cpu, value, _scene: replace(cpu, features_hidden=tuple(value)),
    },
    beyond={"Affinity": _pinned},
    impossible={"Reservation": "keeps no processor time for one machine: Weight gives it more than others"},
)

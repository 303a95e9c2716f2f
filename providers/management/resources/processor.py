"""A machine's processors as a whole: how many, their weight and their cap.

Source: DSP1044 1.0 (processor resource allocation).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.management.resource import Resource
from xencim.providers.vm.rows import CPU_ALLOCATIONS
from xencim.providers.vm.settings.processor import SPEC

if TYPE_CHECKING:
    from xencim.providers.backends.records import CpuAllocation
    from xencim.providers.management.resource import Scene


def _count(cpu: CpuAllocation, value: int, scene: Scene) -> CpuAllocation:
    """Set how many there are; only a machine that runs is bound by the most that it was started with."""
    return replace(cpu, count=value, maximum=cpu.maximum if scene.is_live else max(cpu.maximum, value))


RESOURCE = Resource(
    spec=SPEC,
    parts=CPU_ALLOCATIONS,
    field="cpu",
    resource_types=(3,),
    setters={
        "VirtualQuantity": _count,
        "Limit": lambda cpu, value, _scene: replace(cpu, cap_percent=value or None),
        "Weight": lambda cpu, value, _scene: replace(cpu, weight=value),
    },
)

"""What the made-up host has of Xen alone: CPU pools."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.records import CpuPool

if TYPE_CHECKING:
    from xencim.providers.backends.records import VirtualMachine

CPU_POOLS = (
    CpuPool(name="Pool-0", number=0, scheduler="credit2", cpus=tuple(range(48)), rate_limit_us=1000),
    CpuPool(name="batch", number=1, scheduler="credit", cpus=tuple(range(48, 64)), rate_limit_us=1000),
)
_BATCH = {4, 12}
"""Those of every sixteen numbers whose machines, where they run, are on the second pool."""


def on_cpu_pool(machine: VirtualMachine) -> VirtualMachine:
    """Return a machine on a CPU pool, if it runs."""
    if machine.id is None:
        return machine
    pool = CPU_POOLS[machine.id % 16 in _BATCH].name
    config = replace(machine.current, cpu=replace(machine.current.cpu, pool=pool))
    return replace(machine, current=config)

"""What the made-up host has of Xen alone: CPU pools, and a machine that serves the disk of another."""

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
_SERVED = 2
"""The number of the machine that has a driver domain."""


def as_on_xen(machine: VirtualMachine, driver: str) -> VirtualMachine:
    """Return a machine on a CPU pool, if it runs; ``driver`` is the uuid of the driver domain."""
    if machine.id is None:
        return machine
    pool = CPU_POOLS[machine.id % 16 in _BATCH].name
    config = replace(machine.current, cpu=replace(machine.current.cpu, pool=pool))
    needs = (driver,) if machine.id == _SERVED else ()
    return replace(machine, current=config, needs=needs)

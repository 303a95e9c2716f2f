"""Which devices and settings of machines come from which pool.

From a concrete pool the inventory's facets lead to its machines, so the cost grows with the answer.
A disk outside every storage pool and an interface outside every network come from the primordial
pool, for which all machines are looked at. A running machine's interface reports its network and that
network's bridge: it comes from the network alone.

Source: DSP1041 1.1, section 7 (CIM_ElementAllocatedFromPool, CIM_ResourceAllocationFromPool).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.records import (
    Bridge,
    CpuAllocation,
    CpuPool,
    Network,
    StoragePool,
    VirtualMachine,
)
from xencim.providers.core.spec import Link
from xencim.providers.host.pools import (
    controller_pool,
    graphics_pool,
    input_pool,
    memory_pool,
    processor_pool,
)
from xencim.providers.network import network_pool
from xencim.providers.network.switches.rows import machines_on
from xencim.providers.pools.kind import pool_row
from xencim.providers.storage import disk_pool
from xencim.providers.vm import devices, settings
from xencim.providers.vm import rows as vm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.providers.core.pool_ids import PoolSource
    from xencim.providers.core.spec import ClassSpec, Context, Row

    FindOfPart = Callable[[Context], Callable[[Any], PoolSource]]
    Find = Callable[[Context], Callable[[Row], PoolSource]]
    Machines = Callable[[Context, PoolSource], Iterable[VirtualMachine]]


def _primordial(_context: Context) -> Callable[[Row], PoolSource]:
    return lambda _row: None


def _of_part(find_of_part: FindOfPart) -> Find:
    """Tell the pool of a row by its part alone."""

    def find(context: Context) -> Callable[[Row], PoolSource]:
        of = find_of_part(context)
        return lambda row: of(row[1])

    return find


def _cpu_pool_of(context: Context) -> Callable[[Row], PoolSource]:
    """Tell the CPU pool of a machine's processors, which it has in common, or of their settings."""
    pools = context.view.all(CpuPool)

    def find(row: Row) -> PoolSource:
        machine, part, *_ = row
        cpu = part if isinstance(part, CpuAllocation) else machine.current.cpu
        return pools.get(cpu.pool) if cpu.pool else None

    return find


def _all_machines(context: Context, _source: PoolSource) -> Iterable[VirtualMachine]:
    return context.view.all(VirtualMachine).values()


def _by_facets(context: Context, *facets: tuple[str, str | None]) -> Iterable[VirtualMachine]:
    found = {
        machine.uuid: machine
        for facet, value in facets
        if value is not None
        for machine in context.view.machines_by(facet, value)
    }
    return found.values()


def _cpu_machines(context: Context, source: PoolSource) -> Iterable[VirtualMachine]:
    return _by_facets(context, ("cpu pool", source.name)) if source else _all_machines(context, source)


def _storage_machines(context: Context, source: PoolSource) -> Iterable[VirtualMachine]:
    if not isinstance(source, StoragePool):
        return _all_machines(context, source)
    folder = source.target_path.rstrip("/") if source.target_path else None
    return _by_facets(context, ("pool", source.name), ("folder", folder))


def _network_machines(context: Context, source: PoolSource) -> Iterable[VirtualMachine]:
    if isinstance(source, Network | Bridge):
        return machines_on(context, source)
    return _all_machines(context, source)


@dataclass(frozen=True, slots=True, eq=False)
class Allocation:
    """A class of pools and one of devices or settings that come from them.

    ``find`` tells the pool's source of a row, ``machines`` those that may have parts of a pool.
    """

    pool: ClassSpec
    parts: vm.Parts
    find: Find = _primordial
    machines: Machines = _all_machines

    def devices_of(self, context: Context, row: Row) -> Iterator[Row]:
        """Yield the devices that come from a pool."""
        source, *_ = row
        find = self.find(context)
        for machine in self.machines(context, source):
            for device in self.parts.devices(context, machine):
                if find(device) is source:
                    yield device

    def settings_of(self, context: Context, row: Row) -> Iterator[Row]:
        """Yield the settings, current and stored, of what comes from a pool."""
        source, *_ = row
        find = self.find(context)
        for machine in self.machines(context, source):
            for origin in vm.origins(machine):
                for setting in self.parts.settings(context, machine, origin):
                    if find(setting) is source:
                        yield setting

    def pool_of(self, context: Context, row: Row) -> Iterator[Row]:
        """Yield the pool that a device or setting comes from."""
        yield pool_row(context, self.find(context)(row))

    def device_link(self, device: ClassSpec) -> Link:
        """Join the pools with a class of devices."""
        return Link(left=self.pool, right=device, rights_of=self.devices_of, lefts_of=self.pool_of)

    def setting_link(self, setting: ClassSpec) -> Link:
        """Join the pools with a class of settings."""
        return Link(left=self.pool, right=setting, rights_of=self.settings_of, lefts_of=self.pool_of)


def _on_disk(parts: vm.Parts) -> Allocation:
    return Allocation(disk_pool.SPEC, parts, _of_part(vm.storage_pool_of), _storage_machines)


def _on_network(parts: vm.Parts) -> Allocation:
    return Allocation(network_pool.SPEC, parts, _of_part(vm.network_of), _network_machines)


def _on_processors(parts: vm.Parts) -> Allocation:
    return Allocation(processor_pool.SPEC, parts, _cpu_pool_of, _cpu_machines)


DEVICE_LINKS: tuple[Link, ...] = (
    _on_processors(vm.VCPUS).device_link(devices.processor.SPEC),
    Allocation(memory_pool.SPEC, vm.MEMORY).device_link(devices.memory.SPEC),
    _on_disk(vm.DISKS).device_link(devices.logical_disk.SPEC),
    _on_network(vm.NICS).device_link(devices.network_port.SPEC),
    Allocation(graphics_pool.SPEC, vm.GRAPHICS).device_link(devices.display_controller.SPEC),
    Allocation(input_pool.SPEC, vm.POINTERS).device_link(devices.pointing_device.SPEC),
    Allocation(input_pool.SPEC, vm.KEYBOARDS).device_link(devices.keyboard.SPEC),
    Allocation(controller_pool.SPEC, vm.CONTROLLERS).device_link(devices.controller.SPEC),
)
"""The links of ElementAllocatedFromPool between pools and devices."""

SETTING_LINKS: tuple[Link, ...] = (
    _on_processors(vm.CPU_ALLOCATIONS).setting_link(settings.processor.SPEC),
    Allocation(memory_pool.SPEC, vm.MEMORY).setting_link(settings.memory.SPEC),
    _on_disk(vm.DISKS).setting_link(settings.disk.SPEC),
    _on_network(vm.NICS).setting_link(settings.network.SPEC),
    Allocation(graphics_pool.SPEC, vm.GRAPHICS).setting_link(settings.graphics.SPEC),
    Allocation(input_pool.SPEC, vm.INPUTS).setting_link(settings.input.SPEC),
    Allocation(controller_pool.SPEC, vm.CONTROLLERS).setting_link(settings.controller.SPEC),
)
"""The links of ResourceAllocationFromPool."""


def _within(pool: ClassSpec, all_rows: Callable[[Context], Iterator[Row]]) -> Link:
    """Join the primordial pool of a kind with its concrete ones."""

    def rights_of(context: Context, row: Row) -> Iterable[Row]:
        return () if row[0] is not None else (other for other in all_rows(context) if other[0] is not None)

    def lefts_of(context: Context, row: Row) -> Iterable[Row]:
        return () if row[0] is None else (pool_row(context, None),)

    return Link(left=pool, right=pool, rights_of=rights_of, lefts_of=lefts_of)


POOL_LINKS: tuple[Link, ...] = (
    _within(processor_pool.SPEC, processor_pool.KIND.all),
    _within(disk_pool.SPEC, disk_pool.KIND.all),
    _within(network_pool.SPEC, network_pool.KIND.all),
)
"""The links of ElementAllocatedFromPool between a primordial pool and its concrete ones."""

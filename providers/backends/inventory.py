"""The live mirror of one host: records by kind and key, and a generation number.

Only the event loop touches it. A `View` is what readers see. `Inventory.view` is live and right
for answers made in one go; `Inventory.snapshot` stays as it was for answers sent in pieces. A
snapshot costs nothing to take: the tables it saw are copied when they next change (copy on write).
"""

from __future__ import annotations

import logging
import posixpath
from collections import Counter
from typing import TYPE_CHECKING, TypeVar, cast

from xencim.providers.backends.records import (
    Host,
    HostUsage,
    Job,
    MachineConfig,
    MachineOperation,
    NetworkFilter,
    Record,
    VirtualMachine,
    Volume,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

log = logging.getLogger(__name__)

R = TypeVar("R", bound=Record)
_EMPTY: Mapping[str, Record] = {}


def machine_facets(machine: VirtualMachine) -> frozenset[tuple[str, str]]:
    """Name what a machine can be found by: what it is called, has and needs."""
    facets = {("name", machine.name), *(("needs", uuid) for uuid in machine.needs)}
    for config in (machine.current, machine.stored):
        if config is None:
            continue
        if config.cpu.pool:
            facets.add(("cpu pool", config.cpu.pool))
        for disk in config.disks:
            if disk.pool:
                facets.update({("pool", disk.pool), ("volume", f"{disk.pool}/{disk.volume}")})
            elif disk.source:
                facets.update({("folder", posixpath.dirname(disk.source)), ("medium", disk.source)})
        for nic in config.nics:
            links = (("network", nic.network), ("bridge", nic.bridge), ("filter", nic.filter_ref))
            facets.update((facet, name) for facet, name in links if name)
    return frozenset(facets)


def job_facets(job: Job) -> frozenset[tuple[str, str]]:
    """Name what a job can be found by: what it was asked of, and what it changes."""
    return frozenset(
        {("job of", job.owner.identity), *(("job on", element.identity) for element in job.affected)}
    )


def volume_facets(volume: Volume) -> frozenset[tuple[str, str]]:
    """Name what a volume can be found by: its pool, its path, and that of the image under it."""
    facets = {("in", volume.pool), ("path", volume.path), ("backed by", volume.backing_path)}
    return frozenset((facet, value) for facet, value in facets if value)


def filter_facets(network_filter: NetworkFilter) -> frozenset[tuple[str, str]]:
    """Name what a network filter can be found by: the filters that it refers to."""
    return frozenset(("refers to", name) for name in network_filter.references)


class View:
    """Records as a reader sees them."""

    __slots__ = ("_facets", "_tables", "generation")

    def __init__(
        self,
        generation: int,
        tables: Mapping[type, Mapping[str, Record]],
        facets: Mapping[tuple[str, str], Mapping[str, None]],
    ) -> None:
        self.generation = generation
        self._tables = tables
        self._facets = facets

    def all(self, kind: type[R]) -> Mapping[str, R]:
        """Return the records of a kind by key, in the order they came."""
        return cast("Mapping[str, R]", self._tables.get(kind, _EMPTY))

    def get(self, kind: type[R], key: str) -> R | None:
        """Return the record of that kind and key, None when there is none."""
        return cast("R | None", self._tables.get(kind, _EMPTY).get(key))

    @property
    def host(self) -> Host:
        """The host's record; LookupError before the backend told it."""
        host = self.get(Host, "host")
        if host is None:
            raise LookupError("the hypervisor has not been reached yet")
        return host

    def machines_by(self, facet: str, value: str) -> Iterator[VirtualMachine]:
        """Yield the machines that `machine_facets` gives this facet, at a cost that grows with them."""
        machines = self.all(VirtualMachine)
        return (machines[uuid] for uuid in self._facets.get((facet, value), ()))

    def machines_with(self, volume: Volume) -> Iterator[VirtualMachine]:
        """Yield the machines that have a volume in any of their definitions, each once."""
        found = {machine.uuid: machine for machine in self.machines_by("volume", volume.key)}
        if volume.path:
            found |= {machine.uuid: machine for machine in self.machines_by("medium", volume.path)}
        return iter(found.values())

    def jobs_by(self, facet: str, value: str) -> Iterator[Job]:
        """Yield the jobs that `job_facets` gives this facet, at a cost that grows with them."""
        jobs = self.all(Job)
        return (jobs[job_id] for job_id in self._facets.get((facet, value), ()))

    def volumes_by(self, facet: str, value: str) -> Iterator[Volume]:
        """Yield the volumes that `volume_facets` gives this facet, at a cost that grows with them."""
        volumes = self.all(Volume)
        return (volumes[key] for key in self._facets.get((facet, value), ()))

    def filters_by(self, facet: str, value: str) -> Iterator[NetworkFilter]:
        """Yield the filters that `filter_facets` gives this facet, at a cost that grows with them."""
        filters = self.all(NetworkFilter)
        return (filters[name] for name in self._facets.get((facet, value), ()))

    def machine_named(self, name: str) -> VirtualMachine | None:
        """Return the machine of that name, None when there is none."""
        for uuid in self._facets.get(("name", name), ()):
            return self.all(VirtualMachine)[uuid]
        return None


class Inventory:
    """The tables, and the only place that changes them."""

    def __init__(self) -> None:
        self.generation = 0
        self._tables: dict[type, dict[str, Record]] = {}
        self._facets: dict[tuple[str, str], dict[str, None]] = {}
        # What no snapshot can see, and may be changed in place.
        self._own_tables: set[type] = set()
        self._own_facets: set[tuple[str, str]] = set()
        self._tables_shared = False
        self._facets_shared = False
        self._totals = dict.fromkeys(_USAGE, 0)
        self._pool_vcpus: Counter[str] = Counter()
        self._listeners: list[Callable[[Record | None, Record | None], None]] = []
        self._view = View(0, self._tables, self._facets)
        self._put(HostUsage())

    @property
    def view(self) -> View:
        """The live view; do not keep it across an await."""
        return self._view

    def snapshot(self) -> View:
        """Return a view that later changes do not touch."""
        self._tables_shared = self._facets_shared = True
        self._own_tables.clear()
        self._own_facets.clear()
        return self._view

    def subscribe(self, listener: Callable[[Record | None, Record | None], None]) -> Callable[[], None]:
        """Call ``listener(old, new)`` after each change; the function returned ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def put(self, record: Record) -> None:
        """Add or replace a record; one equal to what is there changes nothing."""
        old = self._tables.get(type(record), _EMPTY).get(record.key)
        if old == record:
            return
        self._put(record)
        if isinstance(record, VirtualMachine):
            self._machine_changed(cast("VirtualMachine | None", old), record)
        elif isinstance(record, Job):
            self._find_by(record.id, job_facets(old) if isinstance(old, Job) else (), job_facets(record))
        elif isinstance(record, Volume):
            before = volume_facets(old) if isinstance(old, Volume) else ()
            self._find_by(record.key, before, volume_facets(record))
        elif isinstance(record, NetworkFilter):
            before = filter_facets(old) if isinstance(old, NetworkFilter) else ()
            self._find_by(record.key, before, filter_facets(record))
        self._changed(old, record)

    def remove(self, kind: type[R], key: str) -> None:
        """Take a record away; nothing happens when it is not there."""
        old = self._tables.get(kind, _EMPTY).get(key)
        if old is None:
            return
        del self._table(kind)[key]
        if isinstance(old, VirtualMachine):
            self._machine_changed(old, None)
            self.remove(MachineOperation, key)
        elif isinstance(old, Job):
            self._find_by(key, job_facets(old), ())
        elif isinstance(old, Volume):
            self._find_by(key, volume_facets(old), ())
        elif isinstance(old, NetworkFilter):
            self._find_by(key, filter_facets(old), ())
        self._changed(old, None)

    def replace_all(self, kind: type[R], records: Iterable[R]) -> None:
        """Make ``records`` all that there is of a kind (a resync)."""
        fresh = {record.key: record for record in records}
        for key in [k for k in self._tables.get(kind, _EMPTY) if k not in fresh]:
            self.remove(kind, key)
        for record in fresh.values():
            self.put(record)

    def _put(self, record: Record) -> None:
        self._table(type(record))[record.key] = record

    def _table(self, kind: type) -> dict[str, Record]:
        if self._tables_shared:
            self._tables = dict(self._tables)
            self._tables_shared = False
        if kind not in self._own_tables:
            self._tables[kind] = dict(self._tables.get(kind, _EMPTY))
            self._own_tables.add(kind)
        return self._tables[kind]

    def _changed(self, old: Record | None, new: Record | None) -> None:
        self.generation += 1
        self._view = View(self.generation, self._tables, self._facets)
        for listener in tuple(self._listeners):
            try:
                listener(old, new)
            except Exception:
                log.exception("a listener of the inventory failed on %r", new or old)

    def _machine_changed(self, old: VirtualMachine | None, new: VirtualMachine | None) -> None:
        uuid = (new or cast("VirtualMachine", old)).uuid
        self._find_by(uuid, machine_facets(old) if old else (), machine_facets(new) if new else ())
        self._count(old, -1)
        self._count(new, +1)
        usage = HostUsage(**self._totals, pool_vcpus=tuple(sorted((+self._pool_vcpus).items())))
        if usage != self._tables[HostUsage]["usage"]:
            self._put(usage)

    def _find_by(
        self, key: str, before: Collection[tuple[str, str]], after: Collection[tuple[str, str]]
    ) -> None:
        """Make a record be found by its new facets and no longer by its old ones."""
        for facet in before:
            if facet not in after:
                members = self._facet(facet)
                del members[key]
                if not members:
                    del self._facets[facet]
                    self._own_facets.discard(facet)
        for facet in after:
            if facet not in before:
                self._facet(facet)[key] = None

    def _facet(self, facet: tuple[str, str]) -> dict[str, None]:
        if self._facets_shared:
            self._facets = dict(self._facets)
            self._facets_shared = False
        if facet not in self._own_facets:
            self._facets[facet] = dict(self._facets.get(facet, {}))
            self._own_facets.add(facet)
        return self._facets[facet]

    def _count(self, machine: VirtualMachine | None, sign: int) -> None:
        if machine is not None:
            for name, count in _USAGE.items():
                self._totals[name] += sign * count(machine, machine.current)
            cpu = machine.current.cpu
            if cpu.pool is not None and machine.state.is_active:
                self._pool_vcpus[cpu.pool] += sign * cpu.count


_USAGE: dict[str, Callable[[VirtualMachine, MachineConfig], int]] = {
    "active_vcpus": lambda vm, config: config.cpu.count if vm.state.is_active else 0,
    "active_memory_kib": lambda vm, config: config.memory.current_kib if vm.state.is_active else 0,
    "graphics": lambda _vm, config: len(config.graphics),
    "inputs": lambda _vm, config: len(config.inputs),
    "controllers": lambda _vm, config: len(config.controllers),
    "nics": lambda _vm, config: len(config.nics),
}

"""Whether a machine of another host can come here: its name, room for it, networks and storage.

Volumes announce nothing, so pools are to be read before. A disk that lies outside of all pools is left to the
hypervisor, which finds it or not.

Source: DSP1081 1.0, 8.2 (what makes a virtual system migratable).
Errors: BackendError: exists, unsupported, failed, naming what is missing.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import (
    Bridge,
    Network,
    PoolState,
    StoragePool,
    VirtualMachine,
    Volume,
)
from xencim.providers.core.kept_room import KIB_PER_MIB, awaited, free_memory_kib

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import Disk, Host, IncomingMachine
    from xencim.providers.core.reservations import Reservation


def demand_room(
    view: View,
    promised: Iterable[Reservation],
    machine: IncomingMachine,
    *,
    is_active: bool,
    with_storage: bool,
) -> None:
    """Refuse a machine that does not fit; ``promised`` is what is kept for others."""
    promised = tuple(promised)
    same = view.get(VirtualMachine, machine.uuid) or view.machine_named(machine.name)
    if same is not None:
        raise BackendError("exists", f"there is a machine {same.name!r} with uuid {same.uuid} already")
    for one in promised:
        if machine.uuid == one.machine or machine.name == one.name:
            raise BackendError(
                "exists", f"room for a machine {one.name!r} is kept for {one.principal} already"
            )
    missing = [
        *_kind(view.host, machine),
        *_networks(view, machine),
        *_disks(view, machine, with_storage=with_storage),
    ]
    if is_active:
        missing += _memory(view, promised, machine)
    _demand_nothing(view, machine, missing)


def demand_place(view: View, promised: Iterable[Reservation], machine: IncomingMachine) -> None:
    """Refuse a machine of this host that could not be started on it now."""
    missing = [
        *_kind(view.host, machine),
        *_networks(view, machine),
        *_disks(view, machine, with_storage=False),
    ]
    _demand_nothing(view, machine, [*missing, *_memory(view, promised, machine)])


def _demand_nothing(view: View, machine: IncomingMachine, missing: list[str]) -> None:
    if missing:
        raise BackendError("failed", f"{machine.name} cannot run on {view.host.name}: {'; '.join(missing)}")


def _kind(host: Host, machine: IncomingMachine) -> Iterator[str]:
    config = machine.config
    fitting = [
        guest
        for guest in host.guests
        if config.domain_type in guest.domain_types
        and config.os_type == guest.os_type
        and config.arch in {None, guest.arch}
    ]
    if not fitting:
        yield f"{host.hypervisor} runs no {config.domain_type} {config.os_type} machines of {config.arch}"
    most = min((guest.max_vcpus or config.cpu.maximum for guest in fitting), default=config.cpu.maximum)
    if config.cpu.maximum > most:
        yield f"it has {config.cpu.maximum} processors, and {most} are the most here"


def _memory(view: View, promised: Iterable[Reservation], machine: IncomingMachine) -> Iterator[str]:
    kept = awaited(view, promised)
    kept_kib = sum(one.memory_kib for one in kept)
    free_kib = free_memory_kib(view, kept)
    wanted_kib = machine.config.memory.maximum_kib
    if wanted_kib > free_kib:
        yield (
            f"it needs {wanted_kib // KIB_PER_MIB} MiB of memory, and {free_kib // KIB_PER_MIB} of"
            f" {view.host.memory_kib // KIB_PER_MIB} are free"
            f" ({kept_kib // KIB_PER_MIB} are kept for machines that are to come)"
        )


def _networks(view: View, machine: IncomingMachine) -> Iterator[str]:
    for nic in machine.config.nics:
        if nic.source_type == "network" and nic.network is not None:
            network = view.get(Network, nic.network)
            if network is None:
                yield f"there is no network {nic.network!r}"
            elif not network.active:
                yield f"network {nic.network!r} is not active"
        elif nic.source_type == "bridge" and nic.bridge is not None and not _has_bridge(view, nic.bridge):
            yield f"there is no bridge {nic.bridge!r} that a network or another machine uses"


def _has_bridge(view: View, name: str) -> bool:
    return view.get(Bridge, name) is not None or any(
        network.bridge == name for network in view.all(Network).values()
    )


def _disks(view: View, machine: IncomingMachine, *, with_storage: bool) -> Iterator[str]:
    to_copy: list[tuple[StoragePool, Disk]] = []
    for disk in machine.config.disks:
        is_copied = with_storage and not disk.readonly
        pool = _pool(view, disk)
        if pool is None:
            yield from _without_pool(disk, is_copied=is_copied)
        elif pool.state not in {PoolState.RUNNING, PoolState.DEGRADED}:
            yield f"storage pool {pool.name!r}, which disk {disk.target} is in, is {pool.state.value}"
        elif _volume(view, pool, disk) is None:
            if is_copied:
                to_copy.append((pool, disk))
            else:
                medium = disk.source or disk.volume
                yield f"{medium} of disk {disk.target} is not in storage pool {pool.name!r}"
    for pool in {pool.name: pool for pool, _disk in to_copy}.values():
        wanted = sum(disk.capacity_bytes or 0 for other, disk in to_copy if other is pool)
        if pool.available_bytes is not None and wanted > pool.available_bytes:
            yield (
                f"its disks take up to {wanted} bytes of storage pool {pool.name!r}, and"
                f" {pool.available_bytes} are free"
            )


def _without_pool(disk: Disk, *, is_copied: bool) -> Iterator[str]:
    if disk.pool:
        yield f"there is no storage pool {disk.pool!r}, which disk {disk.target} is in"
    elif is_copied and disk.source:
        yield f"disk {disk.target} is to be copied to {disk.source}, where no storage pool is"


def _pool(view: View, disk: Disk) -> StoragePool | None:
    """Return the pool that a disk's medium belongs in."""
    if disk.pool:
        return view.get(StoragePool, disk.pool)
    if not disk.source or not disk.source.startswith("/"):
        return None
    folder = posixpath.dirname(disk.source)
    return next((pool for pool in view.all(StoragePool).values() if pool.target_path == folder), None)


def _volume(view: View, pool: StoragePool, disk: Disk) -> Volume | None:
    name = disk.volume or posixpath.basename(disk.source or "")
    return view.get(Volume, f"{pool.name}/{name}")

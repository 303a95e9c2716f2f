"""Who uses a storage pool or a volume, by name: what is in use is not taken away.

Who asks looks at the hypervisor anew first (`Backend.resync`): what others defined a moment ago counts.

Source: DSP1041 1.1 (return value 6, In Use, of which the text says by whom).
Errors: CimError FAILED, naming the user.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from xencim.providers.backends.records import StoragePool
from xencim.providers.core.errors import CimError, Status
from xencim.providers.storage.rows import is_medium
from xencim.providers.storage.work import volume_queue
from xencim.providers.vm.rows import config_of, origins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import Disk, VirtualMachine, Volume


def demand_pool_idle(view: View, pool: StoragePool, *, running: bool) -> None:
    """Refuse while a machine (``running``: one that runs) has a disk in a pool."""
    folder = pool.target_path.rstrip("/") if pool.target_path else None

    def counts(disk: Disk) -> bool:
        if disk.pool:
            return disk.pool == pool.name
        return bool(folder and disk.source) and posixpath.dirname(disk.source or "") == folder

    machines = [*view.machines_by("pool", pool.name)]
    if folder:
        machines += view.machines_by("folder", folder)
    user = next(_disks(machines, counts, running=running), None)
    if user is not None:
        raise CimError(Status.FAILED, f"storage pool {pool.name!r} is in use: it has {_text(*user)}")


def demand_volume_idle(view: View, volume: Volume, *, running: bool, readers: bool = True) -> None:
    """Refuse while a machine (``running``: one that runs) has a volume as its disk.

    Without ``readers`` only a disk that the machine may write to counts.
    """

    def counts(disk: Disk) -> bool:
        return is_medium(disk, volume) and (readers or not disk.readonly)

    user = next(_disks(view.machines_with(volume), counts, running=running), None)
    if user is not None:
        raise CimError(Status.FAILED, f"volume {volume.key!r} is in use: it is {_text(*user)}")


def demand_no_overlay(view: View, volume: Volume) -> None:
    """Refuse while another volume holds the differences to a volume."""
    overlay = next(view.volumes_by("backed by", volume.path), None) if volume.path else None
    if overlay is not None:
        raise CimError(
            Status.FAILED, f"volume {volume.key!r} is in use: volume {overlay.key!r} is based on it"
        )


def demand_content_idle(view: View, pool: StoragePool, busy: Callable[[str], bool]) -> None:
    """Refuse while a volume of another pool is based on one of a pool's, or a job works on one."""
    for volume in view.volumes_by("in", pool.name):
        if busy(volume_queue(volume)):
            raise CimError(Status.FAILED, f"volume {volume.key!r} is in use: a job works on it")
        for overlay in view.volumes_by("backed by", volume.path) if volume.path else ():
            if overlay.pool != pool.name:
                raise CimError(
                    Status.FAILED, f"volume {volume.key!r} is in use: volume {overlay.key!r} is based on it"
                )


def demand_devices_idle(view: View, wanted: StoragePool) -> None:
    """Refuse while another pool or a machine's disk is on a device of a pool that is to be built."""
    devices = frozenset(wanted.source_devices)
    for pool in view.all(StoragePool).values():
        for device in devices.intersection(pool.source_devices):
            raise CimError(Status.FAILED, f"device {device} is in use: storage pool {pool.name!r} is on it")
    machines = (machine for device in devices for machine in view.machines_by("medium", device))
    for machine, disk in _disks(machines, lambda disk: disk.source in devices, running=False):
        raise CimError(Status.FAILED, f"device {disk.source} is in use: it is {_text(machine, disk)}")


def _disks(
    machines: Iterable[VirtualMachine], counts: Callable[[Disk], bool], *, running: bool
) -> Iterator[tuple[VirtualMachine, Disk]]:
    for machine in machines:
        if running and not machine.state.is_active:
            continue
        for origin in origins(machine):
            config = config_of(machine, origin)
            for disk in config.disks if config else ():
                if counts(disk):
                    yield machine, disk


def _text(machine: VirtualMachine, disk: Disk) -> str:
    return f"disk {disk.target} of machine {machine.name!r} ({machine.state.value})"

"""Volumes for disks that are new: made before the disks are, and taken away again if they come to nothing.

Source: DSP1042 1.0, 8.2.1 (virtual resources are allocated from their pools when they are defined).
Errors: CimError, as `working.refusals` tells what the back-end refuses.
"""

from __future__ import annotations

import posixpath
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import VirtualMachine, Volume
from xencim.providers.core.errors import Status
from xencim.providers.management.working import present, refusals
from xencim.providers.vm.rows import config_of, origins, storage_pool_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from xencim.providers.backends.records import Disk
    from xencim.providers.core.spec import MethodCall


@asynccontextmanager
async def volumes_made(
    call: MethodCall, before: VirtualMachine | None, wanted: VirtualMachine
) -> AsyncIterator[None]:
    """Make the volumes of the disks that a machine is to have more."""
    made: list[Volume] = []
    try:
        for volume in wanted_volumes(call, before, wanted):
            with refusals(f"volume {volume.key}", unsupported=Status.NOT_SUPPORTED):
                await call.backend.create_volume(volume)
            made.append(volume)
        yield
    except BaseException:
        now = call.inventory.view.get(VirtualMachine, wanted.uuid)
        used = {posixpath.basename(disk.source or "") for disk in _disks(now)}
        for volume in made:
            if volume.name not in used:
                with suppress(BackendError):
                    await call.backend.delete_volume(volume)
        raise


def wanted_volumes(
    call: MethodCall, before: VirtualMachine | None, wanted: VirtualMachine
) -> Iterator[Volume]:
    """Yield what is to be made: a new disk has a size only where its medium is new too."""
    find_pool = storage_pool_of(present(call))
    known = {disk.source for disk in _disks(before)}
    for disk in dict.fromkeys(_disks(wanted)):
        pool = find_pool(disk)
        if disk.source in known or not disk.source or disk.capacity_bytes is None or pool is None:
            continue
        yield Volume(
            pool=pool.name,
            name=posixpath.basename(disk.source),
            type=disk.source_type or "file",
            capacity_bytes=disk.capacity_bytes,
            format=disk.driver_type,
        )


def _disks(machine: VirtualMachine | None) -> Iterator[Disk]:
    if machine is not None:
        for origin in origins(machine):
            config = config_of(machine, origin)
            yield from config.disks if config else ()

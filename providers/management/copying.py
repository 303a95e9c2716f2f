"""Disks of a new machine that begin as copies of another's: whole ones, or overlays of a template's.

Whoever writes to what an overlay lies on destroys it. So only a template, which is not started, is
the ground of overlays; a whole copy can be made of any machine while nobody writes to its disks.

Source: xs-cim's CopySystem, and its DefineSystem from templates.
Errors: CimError INVALID_PARAMETER, naming the disk; FAILED for one that is in use.
"""

from __future__ import annotations

import posixpath
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import StoragePool, VirtualMachine, Volume
from xencim.providers.core.errors import CimError, Status
from xencim.providers.management.working import present, refusals
from xencim.providers.storage.moving import Moving
from xencim.providers.storage.rows import volumes_of
from xencim.providers.storage.usage import demand_no_overlay, demand_volume_idle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from xencim.providers.backends.base import Told
    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import Disk, MachineConfig
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import MethodCall

_SHARED_DEVICES = frozenset({"cdrom", "floppy"})
_OVERLAY = "qcow2"


@dataclass(frozen=True, slots=True)
class Copy:
    """A volume that is to begin as another's copy."""

    source: Volume
    wanted: Volume

    @property
    def is_overlay(self) -> bool:
        """Whether it holds only what differs from the other."""
        return self.wanted.backing_path is not None


def is_own(disk: Disk) -> bool:
    """Tell whether each machine needs a disk of its own in the place of this one."""
    return not (disk.readonly or disk.shareable or disk.device in _SHARED_DEVICES)


def copied(
    view: View,
    config: MachineConfig,
    name: str,
    *,
    pool: StoragePool | None = None,
    linked: bool,
) -> tuple[MachineConfig, list[Copy]]:
    """Return a definition with disks of its own for a machine of that name, and what is to be copied.

    ``pool`` is where all new volumes go; without it each goes where the one is that it is like.
    """
    disks, copies = [], []
    for disk in config.disks:
        if not is_own(disk) or (disk.source is None and disk.volume is None):
            disks.append(disk)
            continue
        source = next(volumes_of(view, disk), None)
        if source is None or source.path is None:
            raise _refusal(
                disk, f"{disk.source or disk.volume} is in no storage pool", "make a pool of its folder"
            )
        place = pool or view.get(StoragePool, source.pool)
        if place is None:
            raise _refusal(disk, f"its pool {source.pool} is not there any more", "give StoragePool")
        one = Copy(source, _volume(disk, source, place, name, linked=linked))
        copies.append(one)
        disks.append(_disk(disk, one, place))
    return replace(config, disks=tuple(disks)), copies


def can_link(view: View, config: MachineConfig) -> bool:
    """Tell whether overlays can lie on all disks of a definition."""
    sources = [next(volumes_of(view, disk), None) for disk in config.disks if is_own(disk)]
    pools = [view.get(StoragePool, source.pool) for source in sources if source is not None]
    return all(pool is not None and pool.is_folder for pool in pools)


def _volume(disk: Disk, source: Volume, pool: StoragePool, name: str, *, linked: bool) -> Volume:
    is_folder = pool.is_folder
    if linked and not is_folder:
        raise _refusal(
            disk, f"pool {pool.name} is of type {pool.type}: it holds no overlays", "copy it whole"
        )
    own_format = _OVERLAY if linked else source.format if is_folder else None
    suffix = f".{own_format or 'img'}" if is_folder else ""
    wanted = Volume(
        pool=pool.name,
        name=f"{name}-{disk.target}".replace("/", "-") + suffix,
        type="file" if is_folder else "block",
        capacity_bytes=source.capacity_bytes,
        allocation_bytes=0 if is_folder else None,
        format=own_format,
    )
    return (
        replace(wanted, backing_path=source.path, backing_format=source.format or "raw") if linked else wanted
    )


def _disk(disk: Disk, one: Copy, pool: StoragePool) -> Disk:
    wanted = one.wanted
    driver_type = wanted.format or "raw"
    disk = replace(disk, driver_type=driver_type, capacity_bytes=wanted.capacity_bytes)
    if disk.pool or pool.target_path is None:
        return replace(disk, source_type="volume", source=None, pool=pool.name, volume=wanted.name)
    return replace(disk, source_type=wanted.type, source=posixpath.join(pool.target_path, wanted.name))


def _refusal(disk: Disk, reason: str, hint: str) -> CimError:
    return CimError(Status.INVALID_PARAMETER, f"disk {disk.target} cannot be copied: {reason}", hint=hint)


def demand_no_ground(view: View, before: VirtualMachine, wanted: VirtualMachine) -> None:
    """Refuse that a template becomes a machine again while overlays lie on its disks."""
    if before.current.is_template and not wanted.current.is_template:
        for disk in filter(is_own, before.current.disks):
            for volume in volumes_of(view, disk):
                demand_no_overlay(view, volume)


def to_move(copies: Sequence[Copy]) -> Moving:
    """Return what follows the making of copies; overlays hold nothing yet."""
    return Moving(sum(one.source.content_bytes for one in copies if not one.is_overlay))


@asynccontextmanager
async def copies_made(
    call: MethodCall, uuid: str, copies: Sequence[Copy], moving: Moving, progress: Progress
) -> AsyncIterator[None]:
    """Make the volumes of a new machine; if it comes to nothing or is given up, they go again."""
    begun: list[Volume] = []
    try:
        if copies:
            await call.backend.resync()
            await moving.followed(progress, _make_all(call, copies, begun, moving))
        yield
    except BaseException:
        if call.inventory.view.get(VirtualMachine, uuid) is None:
            for volume in begun:
                with suppress(BackendError):
                    await call.backend.delete_volume(volume)
        raise


async def _make_all(call: MethodCall, copies: Sequence[Copy], begun: list[Volume], moving: Moving) -> None:
    done_bytes = 0
    for one in copies:
        demand_volume_idle(present(call).view, one.source, running=True, readers=False)
        with refusals(f"volume {one.wanted.key}", unsupported=Status.NOT_SUPPORTED):
            await _make(call, one, begun, partial(_told, moving, done_bytes))
        done_bytes += 0 if one.is_overlay else one.source.content_bytes


def _told(moving: Moving, before_bytes: int, done_bytes: int) -> None:
    moving.told(before_bytes + done_bytes)


async def _make(call: MethodCall, one: Copy, begun: list[Volume], told: Told) -> None:
    """Make a volume, also known as begun when it fails half way; one that is another's is not."""
    begun.append(one.wanted)
    try:
        if one.is_overlay:
            await call.backend.create_volume(one.wanted)
        else:
            await call.backend.clone_volume(one.source, one.wanted, told)
    except BackendError as error:
        if error.kind == "exists":
            begun.remove(one.wanted)
        raise

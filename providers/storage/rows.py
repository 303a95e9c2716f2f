"""Where volumes have their instances, and how they are found from pools, disks and each other.

A volume's row is ``(volume, host)``. A disk's medium is a volume where it is named by pool and volume, or
by a path that a volume has.

Source: DSP1047 1.0 (storage resource pools).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Host, StoragePool, Volume
from xencim.providers.core.spec import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import Disk
    from xencim.providers.core.spec import Context, Keys, Row


def volume_row(context: Context, volume: Volume) -> Row:
    """Return a volume's row."""
    return (volume, context.view.host)


def all_volumes(context: Context) -> Iterator[Row]:
    """Yield the rows of all volumes."""
    return (volume_row(context, volume) for volume in context.view.all(Volume).values())


def volumes_in(context: Context, pool: StoragePool) -> Iterator[Row]:
    """Yield the rows of a pool's volumes."""
    return (volume_row(context, volume) for volume in context.view.volumes_by("in", pool.name))


def _find(context: Context, keys: Keys) -> Row | None:
    volume = context.view.get(Volume, str(keys.get("deviceid")))
    return volume_row(context, volume) if volume else None


VOLUMES = Rows(kinds=(Volume, Host), all=all_volumes, find=_find)


def volumes_of(view: View, disk: Disk) -> Iterator[Volume]:
    """Yield the volumes that are a disk's medium: several where pools show the same folder."""
    if disk.pool:
        named = view.get(Volume, f"{disk.pool}/{disk.volume}")
        if named is not None:
            yield named
    elif disk.source:
        yield from view.volumes_by("path", disk.source)


def is_medium(disk: Disk, volume: Volume) -> bool:
    """Tell whether a volume is a disk's medium."""
    if disk.pool:
        return (disk.pool, disk.volume) == (volume.pool, volume.name)
    return disk.source is not None and disk.source == volume.path

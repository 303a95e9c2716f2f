"""What a disk is, whatever path leads to it.

A file is told by its file system's device and its inode, a block device by its number; the path is what it
is called. A file that is replaced keeps the label of its path, one that is moved or linked that of its inode.

Source: stat(2), path_resolution(7).
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from xencim.providers.backends.records import StoragePool, Volume

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import Disk

_MAX_IMAGES = 64
"""How long a chain of images is followed: longer ones are loops or attacks."""


class Thing(NamedTuple):
    """A disk: what it is called, and what it is; None: it is not there, or has no such identity."""

    object: str
    identity: str | None = None


def at_path(path: str) -> Thing:
    """Tell what is at a path. It asks the file system: not for the event loop."""
    real = os.path.realpath(path)
    try:
        status = os.stat(real)  # noqa: PTH116 - beside realpath, which pathlib cannot do without raising
    except (OSError, ValueError):
        return Thing(f"file:{real}")
    if stat.S_ISBLK(status.st_mode):
        return Thing(f"phy:{real}", f"device:{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}")
    return Thing(f"file:{real}", f"inode:{status.st_dev}:{status.st_ino}")


def named(name: str) -> Thing:
    """Tell what an object's name (``file:/path`` and so on) names. It may ask the file system."""
    kind, _, rest = name.partition(":")
    return at_path(rest) if kind in {"file", "phy"} else Thing(name)


def is_renumbered(old: str | None, new: str | None) -> bool:
    """Tell whether an identity differs only in the device's number, which a boot may give anew."""
    if old is None or new is None or old == new:
        return False
    (old_kind, *_, old_last), (new_kind, *_, new_last) = old.split(":"), new.split(":")
    return old_kind == new_kind and (old_kind == "device" or old_last == new_last)


def volume_name(pool: str, name: str, view: View) -> str:
    """Return what labels call a volume that is, or is to be: its path, where it has one on this host."""
    volume, folder = view.get(Volume, f"{pool}/{name}"), view.get(StoragePool, pool)
    path = volume.path if volume else None
    if path is None and folder is not None and folder.is_folder and folder.target_path:
        path = f"{folder.target_path.rstrip('/')}/{name}"
    return f"file:{path}" if path and path.startswith("/") else f"volume:{pool}/{name}"


def names_of(disk: Disk, view: View) -> tuple[str, ...]:
    """Return the names of a disk's medium and of the images under it, as far as the inventory knows them.

    They are not resolved yet (`named`); none: there is no medium.
    """
    if disk.pool and disk.volume:
        name = volume_name(disk.pool, disk.volume, view)
        kind, _, path = name.partition(":")
        return tuple(f"file:{one}" for one in _chain(path, view)) if kind == "file" else (name,)
    if not disk.source:
        return ()
    if disk.source_type == "network" or not disk.source.startswith("/"):
        return (f"network:{disk.source}",)
    return tuple(f"file:{path}" for path in _chain(disk.source, view))


def _chain(path: str, view: View) -> Iterable[str]:
    """Yield a path and those of the images that the one there is made of."""
    seen: dict[str, None] = {}
    following: str | None = path
    while following and following not in seen and len(seen) < _MAX_IMAGES:
        seen[following] = None
        following = next((v.backing_path for v in view.volumes_by("path", following)), None)
    return seen

"""The paths of what work on storage changes, and what became of it is found out after a restart.

Source: DSP1103 (jobs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Path
from xencim.providers.backends.records import PoolState, StoragePool, Volume
from xencim.providers.pools.work import class_name
from xencim.providers.pools.work import pool_path as path_of_pool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.backends.inventory import View
    from xencim.providers.core.jobs.recovery import Reconciler
    from xencim.providers.core.spec import MethodCall


def pool_path(call: MethodCall, name: str) -> Path:
    """Return the path of a storage pool."""
    return path_of_pool(call, "Disk", name)


def volume_path(call: MethodCall, volume: Volume) -> Path:
    """Return the path of a volume."""
    keys = (
        ("SystemCreationClassName", class_name(call, "HostSystem")),
        ("SystemName", call.inventory.view.host.name),
        ("CreationClassName", class_name(call, "StorageVolume")),
        ("DeviceID", volume.key),
    )
    return Path(class_name(call, "StorageVolume"), keys, call.path.namespace, call.path.host)


def volume_queue(volume: Volume) -> str:
    """Return the queue of work on a volume."""
    return f"StorageVolume/{volume.key}"


# After a restart -------------------------------------------------------------------------------

POOL_MADE, POOL_GONE, POOL_EMPTIED = "pool made", "pool gone", "pool emptied"
POOL_STATE, POOL_AUTOSTART, POOL_READ = "pool state", "pool autostart", "pool read"
POOL_SOURCES = "pool sources"
VOLUME_MADE, VOLUME_COPIED, VOLUME_GONE = "volume made", "volume copied", "volume gone"
VOLUME_SIZE, VOLUME_WIPED, VOLUME_WRITTEN = "volume size", "volume wiped", "volume written"


def _pool_made(view: View, facts: Mapping[str, str]) -> str | None:
    pool = view.get(StoragePool, facts["pool"])
    lost = "; what was on its devices may be lost" if "build" in facts else ""
    if pool is None:
        return f"there is no storage pool {facts['pool']!r}{lost}"
    if pool.state is PoolState.INACTIVE:
        return f"storage pool {pool.name!r} is there, but was not started{lost}"
    return None


def _pool_gone(view: View, facts: Mapping[str, str]) -> str | None:
    is_there = view.get(StoragePool, facts["pool"])
    return f"storage pool {facts['pool']!r} is still there" if is_there else None


def _pool_emptied(view: View, facts: Mapping[str, str]) -> str | None:
    left = _pool_gone(view, facts)
    return f"{left}; some of its content may be deleted" if left else None


def _pool_state(view: View, facts: Mapping[str, str]) -> str | None:
    pool = view.get(StoragePool, facts["pool"])
    if pool is None:
        return f"there is no storage pool {facts['pool']!r}"
    is_active = pool.state is not PoolState.INACTIVE
    return None if str(is_active) == facts["active"] else f"storage pool {pool.name!r} is {pool.state.value}"


def _pool_autostart(view: View, facts: Mapping[str, str]) -> str | None:
    pool = view.get(StoragePool, facts["pool"])
    if pool is not None and str(pool.autostart) == facts["autostart"]:
        return None
    return f"storage pool {facts['pool']!r} was not changed"


def _volume_made(view: View, facts: Mapping[str, str]) -> str | None:
    return None if view.get(Volume, facts["volume"]) else f"there is no volume {facts['volume']!r}"


def _volume_copied(view: View, facts: Mapping[str, str]) -> str | None:
    if view.get(Volume, facts["volume"]) is None:
        return f"there is no volume {facts['volume']!r}"
    return f"volume {facts['volume']!r} is there; whether its content is whole cannot be told"


def _volume_gone(view: View, facts: Mapping[str, str]) -> str | None:
    return f"volume {facts['volume']!r} is still there" if view.get(Volume, facts["volume"]) else None


def _volume_size(view: View, facts: Mapping[str, str]) -> str | None:
    volume = view.get(Volume, facts["volume"])
    if volume is not None and str(volume.capacity_bytes) == facts["capacity"]:
        return None
    return f"volume {facts['volume']!r} was not made larger"


def _volume_wiped(_view: View, facts: Mapping[str, str]) -> str | None:
    return f"how far volume {facts['volume']!r} was overwritten cannot be told"


def _volume_written(_view: View, facts: Mapping[str, str]) -> str | None:
    return f"how much of the content of volume {facts['volume']!r} was written cannot be told; send it again"


def _pool_read(_view: View, facts: Mapping[str, str]) -> str | None:
    return f"whether storage pool {facts['pool']!r} was looked at anew cannot be told"


def _pool_sources(_view: View, _facts: Mapping[str, str]) -> str | None:
    return "nothing was changed; ask again"


RECONCILERS: Mapping[str, Reconciler] = {
    POOL_MADE: _pool_made,
    POOL_GONE: _pool_gone,
    POOL_EMPTIED: _pool_emptied,
    POOL_STATE: _pool_state,
    POOL_AUTOSTART: _pool_autostart,
    POOL_READ: _pool_read,
    POOL_SOURCES: _pool_sources,
    VOLUME_MADE: _volume_made,
    VOLUME_COPIED: _volume_copied,
    VOLUME_GONE: _volume_gone,
    VOLUME_SIZE: _volume_size,
    VOLUME_WIPED: _volume_wiped,
    VOLUME_WRITTEN: _volume_written,
}

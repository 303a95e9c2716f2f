"""What storage pools and volumes can be told to do, as libvirt calls.

Functions here run on worker threads. What is on a pool's devices stays as it is, unless `create_pool` is
told to build or `delete_pool_with_content` is called.

Source: libvirt's API reference, virStoragePoolDefineXML, virStorageVolCreateXML and their kin.
Errors: BackendError: exists, not_found, invalid_state, unsupported, and what the call gives.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml.parse import document
from xencim.providers.backends.libvirt.xml.storage_xml import (
    pool_sources,
    pool_xml,
    source_xml,
    volume_xml,
)
from xencim.providers.backends.records import PoolBuild

if TYPE_CHECKING:
    from libvirt import virStoragePool, virStorageVol

    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.records import StoragePool, Volume

_IN_FOLDERS = frozenset({"dir", "fs", "netfs"})
"""Pools whose folder is made when it is not there; building others would write to their devices."""


_WITH_FLAGS = frozenset({"fs", "disk", "logical"})
"""Pools whose building tells an empty device from one with something on it."""
_DELETABLE = frozenset({"dir", "fs", "netfs", "logical", "zfs", "vstorage"})
"""Pools of which libvirt deletes what is in them."""


def create_pool(session: Session, wanted: StoragePool, build: PoolBuild | None) -> None:
    """Define a pool, build and start it; one that cannot be started is not kept."""
    connection = session.connection
    if any(pool.name() == wanted.name for pool in session.call(connection.listAllStoragePools, 0)):
        raise BackendError("exists", f"there is a storage pool {wanted.name!r} already")
    pool = session.call(connection.storagePoolDefineXML, pool_xml(wanted), 0)
    try:
        if build or wanted.type in _IN_FOLDERS:
            session.call(pool.build, _build_flags(session, wanted, build))
        session.call(pool.create, 0)
        if wanted.autostart is not None:
            session.call(pool.setAutostart, int(wanted.autostart))
    except BackendError:
        with suppress(BackendError):
            _forget(session, pool)
        raise


def _build_flags(session: Session, wanted: StoragePool, build: PoolBuild | None) -> int:
    if build is None or wanted.type not in _WITH_FLAGS:
        return 0
    is_new = build is PoolBuild.NEW
    libvirt = session.libvirt
    return int(
        libvirt.VIR_STORAGE_POOL_BUILD_NO_OVERWRITE if is_new else libvirt.VIR_STORAGE_POOL_BUILD_OVERWRITE
    )


def find_pool_sources(session: Session, pool_type: str, host: str | None) -> list[StoragePool]:
    """Return what pools of a type could be made from, on a server or on the host itself."""
    find = session.connection.findStoragePoolSources
    return pool_sources(session.call(find, pool_type, source_xml(host), 0), pool_type)


def delete_pool(session: Session, name: str) -> None:
    """Stop a pool and forget it; what is in it stays where it is."""
    _forget(session, _pool(session, name))


def delete_pool_with_content(session: Session, name: str) -> None:
    """Delete a pool's volumes, then what held them, and forget it.

    virStoragePoolDelete alone takes away an empty folder, but a volume group with all that is in it.
    """
    pool = _pool(session, name)
    kind = document(session.call(pool.XMLDesc, 0), "pool").get("type")
    if kind not in _DELETABLE:
        raise BackendError("unsupported", f"libvirt deletes no content of pools of type {kind}")
    if not session.call(pool.isActive):
        raise BackendError(
            "invalid_state", f"storage pool {name!r} is stopped", hint="start it, so that its content is seen"
        )
    session.call(pool.refresh, 0)
    for volume in session.call(pool.listAllVolumes, 0):
        session.call(volume.delete, 0)
    persistent = session.call(pool.isPersistent)
    session.call(pool.destroy)
    try:
        session.call(pool.delete, 0)
    except BackendError:
        with suppress(BackendError):
            session.call(pool.create, 0)
        raise
    if persistent:
        session.call(pool.undefine)


def _forget(session: Session, pool: virStoragePool) -> None:
    persistent = session.call(pool.isPersistent)
    if session.call(pool.isActive):
        session.call(pool.destroy)
    if persistent:
        session.call(pool.undefine)


def set_pool_active(session: Session, name: str, *, active: bool) -> None:
    """Start or stop a pool."""
    pool = _pool(session, name)
    if bool(session.call(pool.isActive)) == active:
        return
    if active:
        session.call(pool.create, 0)
    else:
        session.call(pool.destroy)


def set_pool_autostart(session: Session, name: str, *, autostart: bool) -> None:
    """Have a pool started with its host, or not."""
    session.call(_pool(session, name).setAutostart, int(autostart))


def refresh_pool(session: Session, name: str) -> None:
    """Have the daemon look at a pool's content anew."""
    session.call(_pool(session, name).refresh, 0)


def create_volume(session: Session, wanted: Volume) -> None:
    """Make a volume."""
    pool = _pool(session, wanted.pool)
    _demand_free(session, pool, wanted)
    session.call(pool.createXML, volume_xml(wanted), 0)


def clone_volume(session: Session, source: Volume, wanted: Volume) -> None:
    """Make a volume with the content of another."""
    pool = _pool(session, wanted.pool)
    _demand_free(session, pool, wanted)
    original = find_volume(session, source.pool, source.name)
    session.call(pool.createXMLFrom, volume_xml(wanted), original, 0)


def _demand_free(session: Session, pool: virStoragePool, wanted: Volume) -> None:
    if wanted.name in session.call(pool.listVolumes):
        raise BackendError("exists", f"there is a volume {wanted.name!r} in pool {wanted.pool!r} already")


def delete_volume(session: Session, pool: str, name: str) -> None:
    """Delete a volume and its content."""
    session.call(find_volume(session, pool, name).delete, 0)


def resize_volume(session: Session, pool: str, name: str, capacity_bytes: int) -> None:
    """Give a volume another capacity; libvirt makes none smaller unless told so."""
    session.call(find_volume(session, pool, name).resize, capacity_bytes, 0)


def wipe_volume(session: Session, pool: str, name: str) -> None:
    """Overwrite a volume with zeros."""
    session.call(find_volume(session, pool, name).wipe, 0)


def _pool(session: Session, name: str) -> virStoragePool:
    return session.call(session.connection.storagePoolLookupByName, name)


def find_volume(session: Session, pool: str, name: str) -> virStorageVol:
    """Return a volume."""
    return session.call(_pool(session, pool).storageVolLookupByName, name)

"""What storage pools and volumes can be told to do, as libvirt calls.

Functions here run on worker threads. Nothing here makes a file system, a partition table or a volume
group: what is on a pool's devices stays as it is.

Source: libvirt's API reference, virStoragePoolDefineXML, virStorageVolCreateXML and their kin.
Errors: BackendError: exists, not_found, invalid_state, unsupported, and what the call gives.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml.storage_xml import (
    pool_sources,
    pool_xml,
    source_xml,
    volume_xml,
)

if TYPE_CHECKING:
    from libvirt import virStoragePool, virStorageVol

    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.records import StoragePool, Volume

_IN_FOLDERS = frozenset({"dir", "fs", "netfs"})
"""Pools whose folder is made when it is not there; building others would write to their devices."""


def create_pool(session: Session, wanted: StoragePool) -> None:
    """Define a pool and start it; one that cannot be started is not kept."""
    connection = session.connection
    if any(pool.name() == wanted.name for pool in session.call(connection.listAllStoragePools, 0)):
        raise BackendError("exists", f"there is a storage pool {wanted.name!r} already")
    pool = session.call(connection.storagePoolDefineXML, pool_xml(wanted), 0)
    try:
        if wanted.type in _IN_FOLDERS:
            session.call(pool.build, 0)
        session.call(pool.create, 0)
        if wanted.autostart is not None:
            session.call(pool.setAutostart, int(wanted.autostart))
    except BackendError:
        with suppress(BackendError):
            _forget(session, pool)
        raise


def find_pool_sources(session: Session, pool_type: str, host: str | None) -> list[StoragePool]:
    """Return what pools of a type could be made from, on a server or on the host itself."""
    find = session.connection.findStoragePoolSources
    return pool_sources(session.call(find, pool_type, source_xml(host), 0), pool_type)


def delete_pool(session: Session, name: str) -> None:
    """Stop a pool and forget it; what is in it stays where it is."""
    _forget(session, _pool(session, name))


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

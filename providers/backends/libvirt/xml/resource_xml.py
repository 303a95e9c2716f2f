"""libvirt's storage pool and host interface XML as records.

Source: libvirt's documentation, "Storage pool and volume XML format".
Errors: BackendError (failed) for what is none of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.libvirt.xml.parse import attribute, document, scaled, text
from xencim.providers.backends.records import PoolState, StoragePool

if TYPE_CHECKING:
    from lxml.etree import _Element


def pool_types(xml: str) -> tuple[str, ...]:
    """Return the types of storage pools that a daemon has a backend of."""
    pools = document(xml, "storagepoolCapabilities").iterfind("pool[@supported='yes']")
    return tuple(pool.get("type") or "" for pool in pools)


def storage_pool(
    xml: str, *, state: PoolState, autostart: bool | None = None, persistent: bool = True
) -> StoragePool:
    """Return a storage pool by its XML and what the XML does not tell."""
    pool = document(xml, "pool")
    devices = (device.get("path") for device in pool.iterfind("source/device"))
    return StoragePool(
        name=text(pool, "name") or "",
        uuid=text(pool, "uuid") or "",
        type=pool.get("type") or "",
        state=state,
        autostart=autostart,
        persistent=persistent,
        capacity_bytes=_bytes(pool, "capacity"),
        allocation_bytes=_bytes(pool, "allocation"),
        available_bytes=_bytes(pool, "available"),
        target_path=text(pool, "target/path"),
        source_host=",".join(host.get("name") or "" for host in pool.iterfind("source/host")) or None,
        source_host_port=_number(attribute(pool, "source/host", "port")),
        source_path=attribute(pool, "source/dir", "path"),
        source_devices=tuple(path for path in devices if path),
        source_name=text(pool, "source/name"),
        source_format=_known_format(attribute(pool, "source/format", "type")),
        source_initiator=attribute(pool, "source/initiator/iqn", "name"),
        source_adapter=attribute(pool, "source/adapter", "name")
        or attribute(pool, "source/adapter", "parent"),
        source_port=attribute(pool, "source/adapter", "wwpn"),
        source_node=attribute(pool, "source/adapter", "wwnn"),
        auth_user=attribute(pool, "source/auth", "username"),
        secret_uuid=attribute(pool, "source/auth/secret", "uuid"),
        secret_usage=attribute(pool, "source/auth/secret", "usage"),
    )


def _number(told: str | None) -> int | None:
    return int(told) if told and told.isdecimal() else None


def _known_format(told: str | None) -> str | None:
    """Return a source's format; libvirt writes these where nobody gave one."""
    return None if told in {"auto", "unknown"} else told


def _bytes(pool: _Element, name: str) -> int | None:
    element = pool.find(name)
    return None if element is None else scaled(element.text, element.get("unit", "bytes"))


def bridge_name(xml: str) -> str | None:
    """Return the name of a host interface that is a bridge, None for any other."""
    interface = document(xml, "interface")
    return interface.get("name") if interface.get("type") == "bridge" else None

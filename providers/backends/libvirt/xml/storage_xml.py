"""libvirt's XML of storage volumes as records, and wanted pools and volumes as libvirt's XML.

Source: libvirt's documentation, "Storage pool and volume XML format".
Errors: BackendError (failed) for what is no volume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.libvirt.xml.parse import attribute, document, scaled, text
from xencim.providers.backends.records import PoolState, StoragePool, Volume

if TYPE_CHECKING:
    from lxml.etree import _Element


def volume(xml: str, pool: str) -> Volume:
    """Return a volume of a pool by its XML."""
    told = document(xml, "volume")
    return Volume(
        pool=pool,
        name=text(told, "name") or "",
        type=told.get("type") or "file",
        path=text(told, "target/path"),
        capacity_bytes=_bytes(told, "capacity"),
        allocation_bytes=_bytes(told, "allocation"),
        physical_bytes=_bytes(told, "physical"),
        format=attribute(told, "target/format", "type"),
        backing_path=text(told, "backingStore/path"),
        backing_format=attribute(told, "backingStore/format", "type"),
    )


def _bytes(told: _Element, name: str) -> int | None:
    element = told.find(name)
    return None if element is None else scaled(element.text, element.get("unit", "bytes"))


def source_xml(host: str | None) -> str | None:
    """Return where to look for sources: a server, or the host itself."""
    if not host:
        return None
    source = etree.Element("source")
    etree.SubElement(source, "host", name=host)
    return etree.tostring(source, encoding="unicode")


def pool_sources(xml: str, pool_type: str) -> list[StoragePool]:
    """Return the sources that were found as pools without a name."""
    return [
        StoragePool(
            name="",
            uuid="",
            type=pool_type,
            state=PoolState.INACTIVE,
            source_host=attribute(source, "host", "name"),
            source_path=attribute(source, "dir", "path"),
            source_devices=tuple(path for one in source.iterfind("device") if (path := one.get("path"))),
            source_name=text(source, "name"),
        )
        for source in document(xml, "sources").iterfind("source")
    ]


def pool_xml(wanted: StoragePool) -> str:
    """Return the definition of a pool."""
    pool = etree.Element("pool", type=wanted.type)
    _add(pool, "name", wanted.name)
    source = etree.SubElement(pool, "source")
    for name in wanted.source_host.split(",") if wanted.source_host else ():
        server = etree.SubElement(source, "host", name=name)
        if wanted.source_host_port:
            server.set("port", str(wanted.source_host_port))
    for path in wanted.source_devices:
        etree.SubElement(source, "device", path=path)
    if wanted.source_path:
        etree.SubElement(source, "dir", path=wanted.source_path)
    _add_adapter(source, wanted)
    _add(source, "name", wanted.source_name)
    if wanted.source_initiator:
        etree.SubElement(etree.SubElement(source, "initiator"), "iqn", name=wanted.source_initiator)
    if wanted.source_format:
        etree.SubElement(source, "format", type=wanted.source_format)
    if wanted.auth_user:
        _add_login(source, wanted, wanted.auth_user)
    if wanted.target_path:
        _add(etree.SubElement(pool, "target"), "path", wanted.target_path)
    return etree.tostring(pool, encoding="unicode")


def _add_adapter(source: _Element, wanted: StoragePool) -> None:
    if wanted.source_port and wanted.source_node:
        adapter = etree.SubElement(
            source, "adapter", type="fc_host", wwnn=wanted.source_node, wwpn=wanted.source_port
        )
        if wanted.source_adapter:
            adapter.set("parent", wanted.source_adapter)
    elif wanted.source_adapter:
        etree.SubElement(source, "adapter", type="scsi_host", name=wanted.source_adapter)


def _add_login(source: _Element, wanted: StoragePool, user: str) -> None:
    kind = "ceph" if wanted.type == "rbd" else "chap"
    secret = etree.SubElement(etree.SubElement(source, "auth", type=kind, username=user), "secret")
    if wanted.secret_uuid:
        secret.set("uuid", wanted.secret_uuid)
    if wanted.secret_usage:
        secret.set("usage", wanted.secret_usage)


def volume_xml(wanted: Volume) -> str:
    """Return the definition of a volume."""
    told = etree.Element("volume")
    _add(told, "name", wanted.name)
    _size(told, "capacity", wanted.capacity_bytes)
    _size(told, "allocation", wanted.allocation_bytes)
    target = etree.SubElement(told, "target")
    if wanted.format:
        etree.SubElement(target, "format", type=wanted.format)
    if wanted.backing_path:
        backing = etree.SubElement(told, "backingStore")
        _add(backing, "path", wanted.backing_path)
        if wanted.backing_format:
            etree.SubElement(backing, "format", type=wanted.backing_format)
    return etree.tostring(told, encoding="unicode")


def _add(parent: _Element, name: str, value: str | None) -> None:
    if value:
        etree.SubElement(parent, name).text = value


def _size(parent: _Element, name: str, size_bytes: int | None) -> None:
    if size_bytes is not None:
        etree.SubElement(parent, name, unit="bytes").text = str(size_bytes)

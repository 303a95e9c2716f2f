"""A disk written into its element of libvirt's domain XML.

Source: libvirt's documentation, "Domain XML format", hard drives, floppy disks, CDROMs.
Errors: BackendError (unsupported, invalid).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml import device_xml, edit
from xencim.providers.backends.libvirt.xml.parse import attribute

if TYPE_CHECKING:
    from lxml.etree import _Element

    from xencim.providers.backends.records import Disk

_ATTRIBUTES = (
    ("device", "", "device"),
    ("target", "target", "dev"),
    ("bus", "target", "bus"),
    ("driver_name", "driver", "name"),
    ("driver_type", "driver", "type"),
    ("cache", "driver", "cache"),
    ("boot_order", "boot", "order"),
)
_TEXTS = (
    ("serial", "serial"),
    *((field, f"iotune/{name}") for field, name in device_xml.DISK_LIMITS.items()),
)


def write_disk(element: _Element, disk: Disk) -> None:
    """Make the element say what the record says; its size is the medium's own."""
    now = device_xml.disk(element)
    _write_source(element, disk, now)
    if disk.bus != now.bus:
        edit.drop(element, "address")  # it is a place on the other bus
    for field, path, name in _ATTRIBUTES:
        if getattr(disk, field) != getattr(now, field):
            edit.set_attribute(element, path, name, getattr(disk, field))
    for flag in ("readonly", "shareable"):
        if getattr(disk, flag) != getattr(now, flag):
            edit.set_flag(element, flag, on=getattr(disk, flag))
    for field, path in _TEXTS:
        if getattr(disk, field) != getattr(now, field):
            edit.set_text(element, path, getattr(disk, field))


def _write_source(element: _Element, disk: Disk, now: Disk) -> None:
    """Write where the medium is, and what it is there."""
    medium = disk.source, disk.pool, disk.volume
    kind = _source_type(disk)
    if medium != (now.source, now.pool, now.volume) or (any(medium) and kind != now.source_type):
        _write_medium(element, disk, kind)
    elif disk.source_type and disk.source_type != now.source_type:
        edit.set_attribute(element, "", "type", disk.source_type)
    elif element.get("type") is None:
        edit.set_attribute(element, "", "type", kind)


def _source_type(disk: Disk) -> str:
    if disk.volume:
        return "volume"
    if disk.source_type and disk.source_type != "volume":
        return disk.source_type
    return "block" if disk.source and disk.source.startswith("/dev/") else "file"


def _write_medium(element: _Element, disk: Disk, kind: str) -> None:
    """Exchange the medium; what belonged to the old one goes with it."""
    policy = attribute(element, "source", "startupPolicy")
    for path in ("source", "backingStore", "mirror"):
        edit.drop(element, path)
    edit.set_attribute(element, "", "type", kind)
    if disk.volume:
        edit.set_attribute(element, "source", "pool", disk.pool)
        edit.set_attribute(element, "source", "volume", disk.volume)
    elif disk.source:
        if kind not in {"file", "block", "dir"}:
            raise BackendError(
                "unsupported",
                f"disks[{disk.target}].source: a medium of type {kind!r} needs more than a name",
            )
        edit.set_attribute(element, "source", device_xml.DISK_SOURCES[kind], disk.source)
    if policy and any((disk.source, disk.volume)):
        edit.set_attribute(element, "source", "startupPolicy", policy)

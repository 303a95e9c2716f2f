"""libvirt's capabilities and sysinfo XML: what the host is and which guests it can run.

Source: libvirt's documentation, "Driver capabilities XML format"; SMBIOS as libvirt tells it.
Errors: BackendError (failed) for what is neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from xencim.providers.backends.libvirt.xml.parse import document, number, text
from xencim.providers.backends.records import GuestSupport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

# What firmware puts where a vendor left a field empty.
_PLACEHOLDERS = {"not specified", "not settable", "to be filled by o.e.m.", "default string", "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the capabilities say of the host."""

    uuid: str | None
    arch: str | None
    cpu_model: str | None
    cpu_vendor: str | None
    migration_uris: tuple[str, ...]
    guests: tuple[GuestSupport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemInfo:
    """What the firmware says of the host."""

    vendor: str | None = None
    product: str | None = None
    serial: str | None = None
    uuid: str | None = None


def capabilities(xml: str) -> Capabilities:
    """Return what a capabilities document says."""
    root = document(xml, "capabilities")
    transports = root.iterfind("host/migration_features/uri_transports/uri_transport")
    return Capabilities(
        uuid=_uuid(text(root, "host/uuid")),
        arch=text(root, "host/cpu/arch"),
        cpu_model=text(root, "host/cpu/model"),
        cpu_vendor=text(root, "host/cpu/vendor"),
        migration_uris=tuple(t.text.strip() for t in transports if t.text and t.text.strip()),
        guests=tuple(_guests(root)),
    )


def _guests(root: _Element) -> Iterator[GuestSupport]:
    for guest in root.iterfind("guest"):
        arch = guest.find("arch")
        if arch is None:
            continue
        machines = list(arch.iter("machine"))
        limits = [limit for m in machines if (limit := number(m.get("maxCpus")))]
        yield GuestSupport(
            os_type=text(guest, "os_type") or "hvm",
            arch=arch.get("name") or "",
            domain_types=tuple(d.get("type") or "" for d in arch.iterfind("domain")),
            machines=tuple(dict.fromkeys(m.text for m in machines if m.text)),
            max_vcpus=max(limits, default=None),
        )


def system_info(xml: str) -> SystemInfo:
    """Return what a sysinfo document says, without what vendors forgot to fill in."""
    root = document(xml, "sysinfo")
    entries = {entry.get("name"): (entry.text or "").strip() for entry in root.iterfind("system/entry")}
    told = {name: value for name, value in entries.items() if value and value.lower() not in _PLACEHOLDERS}
    return SystemInfo(
        vendor=told.get("manufacturer"),
        product=told.get("product"),
        serial=told.get("serial"),
        uuid=_uuid(told.get("uuid")),
    )


def _uuid(value: str | None) -> str | None:
    try:
        return None if value is None else str(UUID(value))
    except ValueError:
        return None

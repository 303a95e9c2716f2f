"""libvirt's capabilities and sysinfo XML: what the host is, which guests it can run and what those can have.

Source: libvirt's documentation, "Driver capabilities XML format" and "Domain
capabilities XML format"; SMBIOS as libvirt tells it.
Errors: BackendError (failed) for what is none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from xencim.providers.backends.libvirt.xml.parse import document, number, text, yes
from xencim.providers.backends.records import GuestSupport, Platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

# What firmware puts where a vendor left a field empty.
_PLACEHOLDERS = {"not specified", "not settable", "to be filled by o.e.m.", "default string", "none"}

# Of an emulated TPM, where a libvirt before 8.6 tells none.
_TPM_VERSIONS = ("1.2", "2.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the capabilities say of the host."""

    uuid: str | None
    arch: str | None
    cpu_model: str | None
    cpu_vendor: str | None
    migration_uris: tuple[str, ...]
    node_memory_kib: tuple[int, ...]
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
        node_memory_kib=tuple(
            number(text(cell, "memory")) or 0 for cell in root.iterfind("host/topology/cells/cell")
        ),
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


def platform(xml: str) -> Platform:
    """Return what a domain capabilities document says."""
    root = document(xml, "domainCapabilities")
    loader_types = _values(root, "os/loader/enum[@name='type']")
    # The firmware that a machine has when nothing is said is in no list of images. libxl lists none, and no
    # modes either, whatever it can.
    usual = ("bios",) if "rom" in loader_types else ()
    images = _values(root, "os/enum[@name='firmware']")
    is_listed = root.find("os/enum[@name='firmware']") is not None
    is_emulated = "emulator" in _values(root, "devices/tpm/enum[@name='backendModel']")
    versions = _values(root, "devices/tpm/enum[@name='backendVersion']") or _TPM_VERSIONS
    return Platform(
        firmwares=tuple(dict.fromkeys((*usual, *images))) if is_listed else None,
        secure_boot="yes" in _values(root, "os/loader/enum[@name='secure']"),
        tpm_versions=versions if is_emulated else (),
        cpu_modes=tuple(
            mode.get("name", "") for mode in root.iterfind("cpu/mode") if yes(mode.get("supported"))
        )
        or None,
    )


def _values(root: _Element, path: str) -> tuple[str, ...]:
    return tuple(value.text for value in root.iterfind(f"{path}/value") if value.text)


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

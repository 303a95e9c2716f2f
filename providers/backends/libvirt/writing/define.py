"""Machines defined, redefined and taken away, as libvirt calls; these run on worker threads.

Source: libvirt's API reference, virDomainDefineXML, virDomainUndefineFlags, virDomainSetAutostart,
virStorageVolResize.
Errors: BackendError: exists, and what the calls give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.changes import rebased
from xencim.providers.backends.libvirt.calls.uris import driver
from xencim.providers.backends.libvirt.xml.machine_writer import domain_text, write_config
from xencim.providers.backends.libvirt.xml.machine_xml import config_of
from xencim.providers.backends.libvirt.xml.parse import document

if TYPE_CHECKING:
    from libvirt import virDomain

    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.records import Disk, MachineConfig

# What goes with a machine, as far as its driver keeps it.
_UNDEFINED_WITH = {
    "qemu": ("MANAGED_SAVE", "SNAPSHOTS_METADATA", "CHECKPOINTS_METADATA", "NVRAM"),
    "test": ("MANAGED_SAVE", "SNAPSHOTS_METADATA"),
    "xen": ("MANAGED_SAVE",),
}


def define(session: Session, name: str, uuid: str, xml: str, *, autostart: bool) -> None:
    """Define a machine that is new: libvirt itself would take it for a change of one that is there."""
    connection = session.connection
    for look_up, key in ((connection.lookupByName, name), (connection.lookupByUUIDString, uuid)):
        try:
            same = session.call(look_up, key)
        except BackendError as error:
            if error.kind != "not_found":
                raise
        else:
            raise BackendError(
                "exists", f"there is a machine {same.name()!r} with uuid {same.UUIDString()} already"
            )
    domain = session.call(connection.defineXML, xml)
    if autostart:
        try:
            session.call(domain.setAutostart, 1)
        except BackendError:
            session.call(domain.undefine)
            raise


def undefine(session: Session, uuid: str) -> None:
    """Take a machine away; one that runs is destroyed first."""
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    persistent = session.call(domain.isPersistent)
    if session.call(domain.isActive):
        session.call(domain.destroy)
    if not persistent:
        return
    flags = 0
    for name in _UNDEFINED_WITH.get(driver(session.uri), ()):
        flags |= getattr(session.libvirt, f"VIR_DOMAIN_UNDEFINE_{name}")
    session.call(domain.undefineFlags, flags)


def redefine(session: Session, domain: virDomain, old: MachineConfig, wanted: MachineConfig) -> str:
    """Make the wanted differences in a machine's stored definition and return what it was.

    Read anew, for libxl does not tell when others change it, and with its secrets: a definition
    without them would lose them.
    """
    libvirt = session.libvirt
    flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
    before: str = session.call(domain.XMLDesc, flags)
    root = document(before, "domain")
    write_config(root, rebased(old, wanted, config_of(root)))
    session.call(session.connection.defineXML, domain_text(root))
    return before


def grow_volume(disk: Disk, session: Session, _domain: virDomain) -> None:
    """Make the volume behind a disk of a machine that is off as large as the disk is to be."""
    connection = session.connection
    try:
        if disk.volume:
            pool = session.call(connection.storagePoolLookupByName, disk.pool)
            volume = session.call(pool.storageVolLookupByName, disk.volume)
        else:
            volume = session.call(connection.storageVolLookupByPath, disk.source)
    except BackendError as error:
        if error.kind != "not_found":
            raise
        medium = disk.volume or disk.source
        raise BackendError("unsupported", f"{medium} is in no storage pool: it cannot be resized") from error
    session.call(volume.resize, disk.capacity_bytes)


def set_autostart(session: Session, uuid: str, *, autostart: bool) -> None:
    """Have a machine started with its host, or not."""
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    session.call(domain.setAutostart, int(autostart))

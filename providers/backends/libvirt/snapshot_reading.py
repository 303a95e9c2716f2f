"""Snapshots of machines read from libvirt, and which kinds its driver can take.

Functions here run on worker threads. A snapshot's XML is parsed only when its text changed. Snapshots
announce nothing: they are read whenever their machine is.

Source: libvirt's API reference, virDomainListAllSnapshots and virDomainSnapshotGetXMLDesc.
Errors: BackendError, of `Session.call` and of the XML.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls.unsupported import is_unknown
from xencim.providers.backends.libvirt.xml.machine_xml import config_of
from xencim.providers.backends.libvirt.xml.parse import attribute, document, number, text
from xencim.providers.backends.records import Snapshot, SnapshotKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from libvirt import virDomain, virDomainSnapshot
    from lxml.etree import _Element

    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.records import VirtualMachine

log = logging.getLogger(__name__)

_NO_SNAPSHOT = "<none/>"
"""No driver takes a snapshot that is described so: it refuses the flags, or else this."""


class SnapshotCache:
    """Each machine's snapshots by the digest of their text, and which one it was returned to."""

    def __init__(self) -> None:
        self._parsed: dict[str, Mapping[bytes, Snapshot]] = {}
        self._applied: dict[str, str] = {}

    def parsed(self, uuid: str, texts: Iterable[str]) -> tuple[Snapshot, ...]:
        """Return what the texts say, and remember it in the place of earlier ones."""
        known = self._parsed.get(uuid, {})
        found: dict[bytes, Snapshot] = {}
        for xml in texts:
            digest = blake2b(xml.encode("utf-8", "replace"), digest_size=16).digest()
            found[digest] = known.get(digest) or snapshot_of(xml)
        self._parsed[uuid] = found
        return tuple(found.values())

    def known(self, uuid: str) -> tuple[Snapshot, ...]:
        """Return what was parsed last."""
        return tuple(self._parsed.get(uuid, {}).values())

    def applied(self, uuid: str, name: str) -> None:
        """Remember that a machine was returned to a snapshot."""
        self._applied[uuid] = name

    def last_applied(self, uuid: str, snapshots: Iterable[Snapshot], current: str | None) -> str | None:
        """Return the snapshot that a machine was last returned to, as far as that is known.

        libvirt does not tell; but a machine whose state follows from a snapshot that has children was
        returned to it after they were taken.
        """
        if any(one.parent == current for one in snapshots if current):
            return current
        name = self._applied.get(uuid)
        return name if any(one.name == name for one in snapshots) else None

    def forget(self, uuid: str) -> None:
        """Drop what is known of a machine without snapshots, or of one that is gone."""
        self._parsed.pop(uuid, None)
        self._applied.pop(uuid, None)


def snapshot_of(xml: str) -> Snapshot:
    """Return what a snapshot's XML says."""
    root = document(xml, "domainsnapshot")
    seconds = number(text(root, "creationTime"))
    domain = root.find("domain")
    return Snapshot(
        name=text(root, "name") or "",
        kind=SnapshotKind.FULL if _has_memory(root) else SnapshotKind.DISK,
        config=config_of(etree.Element("domain") if domain is None else domain),
        created=None if seconds is None else datetime.fromtimestamp(seconds, UTC),
        description=text(root, "description"),
        parent=text(root, "parent/name"),
    )


def _has_memory(root: _Element) -> bool:
    return attribute(root, "memory", "snapshot") not in {None, "no"}


def with_snapshots(
    session: Session, cache: SnapshotCache, domain: virDomain, machine: VirtualMachine
) -> VirtualMachine:
    """Return a machine's record with its snapshots; a driver without any has none."""
    flags = session.libvirt.VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL
    try:
        listed = session.offered(domain.listAllSnapshots, flags)
        if not listed:
            cache.forget(machine.uuid)
            return machine
        texts = [xml for xml in (_xml(session, one) for one in listed) if xml]
        current = _current(session, domain)
    except BackendError as error:
        if error.kind in {"lost", "timeout", "not_found"}:
            raise
        # libvirt 9.0 stumbles over a snapshot that it is taking: the machine is there all the same.
        log.info("the snapshots of %s are those of its last reading: %s", machine.name, error)
        return replace(machine, snapshots=cache.known(machine.uuid))
    snapshots = cache.parsed(machine.uuid, texts)
    return replace(
        machine,
        snapshots=snapshots,
        current_snapshot=current,
        applied_snapshot=cache.last_applied(machine.uuid, snapshots, current),
    )


def _xml(session: Session, snapshot: virDomainSnapshot) -> str | None:
    try:
        xml: str = session.call(snapshot.getXMLDesc, 0)
    except BackendError as error:
        if error.kind != "not_found":
            raise
        return None  # it was deleted meanwhile
    return xml


def _current(session: Session, domain: virDomain) -> str | None:
    try:
        name: str = session.call(domain.snapshotCurrent, 0).getName()
    except BackendError as error:
        if error.kind != "not_found":
            raise
        return None
    return name


def kinds(session: Session, uuid: str) -> tuple[SnapshotKind, ...]:
    """Return what the driver can take of machines that run, by asking one for what it cannot mean."""
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    flags = {
        SnapshotKind.FULL: 0,
        SnapshotKind.DISK: session.libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY,
    }
    return tuple(kind for kind, flag in flags.items() if _is_known(session, domain, flag))


def _is_known(session: Session, domain: virDomain, flag: int) -> bool:
    try:
        session.offered(domain.snapshotCreateXML, _NO_SNAPSHOT, flag)
    except BackendError as error:
        if error.kind in {"lost", "timeout"}:
            raise
        return not is_unknown(session, error)
    return False

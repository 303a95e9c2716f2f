"""The libvirt backend's snapshots taken, applied and deleted.

A running machine's snapshot is internal to its disks' images when it keeps memory, and external when it
keeps the disks only (libvirt then puts an overlay on each); that of a machine that is off is internal.

Source: libvirt's API reference, virDomainSnapshotCreateXML, virDomainRevertToSnapshot,
virDomainSnapshotDelete.
Errors: BackendError of every kind.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls.unsupported import hypervisor_named
from xencim.providers.backends.libvirt.states import power_state
from xencim.providers.backends.records import SnapshotKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from libvirt import virDomain, virDomainSnapshot

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers
    from xencim.providers.backends.libvirt.machines import ConfigCache
    from xencim.providers.backends.libvirt.mirror import Mirror
    from xencim.providers.backends.records import SnapshotWish, VirtualMachine


class SnapshotManagement:
    """What a connected backend can do with snapshots."""

    _actions: Workers
    _inventory: Inventory
    _configs: ConfigCache

    def _connected(self) -> tuple[Session, Mirror]:
        raise NotImplementedError

    def _known(self, uuid: str) -> VirtualMachine:
        raise NotImplementedError

    async def create_snapshot(self, machine_uuid: str, wanted: SnapshotWish) -> None:
        """Take a snapshot."""
        await self._change(machine_uuid, f"snapshot {wanted.name} taken", _create, wanted)

    async def apply_snapshot(self, machine_uuid: str, name: str) -> None:
        """Return a machine to a snapshot."""

        def apply(session: Session, uuid: str) -> None:
            domain = session.call(session.connection.lookupByUUIDString, uuid)
            session.call(domain.revertToSnapshot, _find(session, domain, name), 0)
            self._configs.snapshots.applied(uuid, name)

        await self._change(machine_uuid, f"snapshot {name} applied", apply)

    async def delete_snapshot(self, machine_uuid: str, name: str, *, with_descendants: bool = False) -> None:
        """Forget a snapshot, alone or with all that follow from it."""
        delete = partial(_delete, with_descendants=with_descendants)
        await self._change(machine_uuid, f"snapshot {name} deleted", delete, name)

    async def _change(self, uuid: str, what: str, function: Callable[..., None], *arguments: object) -> None:
        """Call a function on a worker; the machine is read anew whatever became of it."""
        session, mirror = self._connected()
        machine = self._known(uuid)
        try:
            with hypervisor_named(session, self._inventory.view.host.hypervisor):
                await self._actions.run(
                    f"{machine.name}: {what}", partial(function, session, uuid, *arguments)
                )
        finally:
            await mirror.read(uuid)


def _create(session: Session, uuid: str, wanted: SnapshotWish) -> None:
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    is_active = power_state(session.call(domain.state)[0], saved=False).is_active
    if not is_active and (wanted.quiesced or wanted.then_off):
        raise BackendError("invalid_state", f"{domain.name()} is off: there is nothing to quiesce or to end")
    if wanted.name in session.call(domain.snapshotListNames, 0):
        raise BackendError("exists", f"{domain.name()} has a snapshot {wanted.name!r} already")
    session.call(domain.snapshotCreateXML, _xml(wanted), _flags(session, wanted, is_active=is_active))


def _flags(session: Session, wanted: SnapshotWish, *, is_active: bool) -> int:
    libvirt, flags = session.libvirt, 0
    if is_active and wanted.kind is SnapshotKind.DISK:
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
    if wanted.quiesced:
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE
    if wanted.then_off:
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_HALT
    return flags


def _xml(wanted: SnapshotWish) -> str:
    root = etree.Element("domainsnapshot")
    etree.SubElement(root, "name").text = wanted.name
    if wanted.description:
        etree.SubElement(root, "description").text = wanted.description
    return etree.tostring(root, encoding="unicode")


def _delete(session: Session, uuid: str, name: str, *, with_descendants: bool) -> None:
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    children = session.libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN
    session.call(_find(session, domain, name).delete, children if with_descendants else 0)


def _find(session: Session, domain: virDomain, name: str) -> virDomainSnapshot:
    return session.call(domain.snapshotLookupByName, name, 0)

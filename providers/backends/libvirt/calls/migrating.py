"""A machine described for another host, judged there, and moved, as libvirt calls; these run on workers.

The two hypervisors speak with each other (peer to peer): a server that dies meanwhile ends nothing.

Source: libvirt's API reference, virDomainMigrateToURI3, virConnectCompareHypervisorCPU,
virDomainMigrateStartPostCopy; libvirt's documentation, "Guest migration".
Errors: BackendError: invalid, unsupported, and what the calls give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.changes import rebased
from xencim.providers.backends.libvirt.calls.uris import driver
from xencim.providers.backends.libvirt.xml.machine_writer import domain_text, write_config
from xencim.providers.backends.libvirt.xml.machine_xml import config_of
from xencim.providers.backends.libvirt.xml.parse import document, text
from xencim.providers.backends.records import IncomingMachine

if TYPE_CHECKING:
    from lxml.etree import _Element

    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.records import MachineConfig, MigrationWish, Transport

_FULL_PASSES = 2
"""Memory was sent once when QEMU begins its second pass."""


def peer_uri(uri: str, transport: Transport) -> str:
    """Return the URI of the hypervisor at the other end, of the same driver as this one's."""
    scheme = f"{driver(uri)}+{transport.kind}"
    if transport.kind == "unix":
        return f"{scheme}:///system?socket={transport.socket}"
    return f"{scheme}://{transport.host}/system"


def describe(
    session: Session,
    uuid: str,
    change: tuple[MachineConfig, MachineConfig] | None = None,
    *,
    stored: bool = False,
) -> str:
    """Return a machine's definition as libvirt sends it to another host; a change is from one to another.

    The one that is stored is told whole: libvirt leaves out of the other what a new machine has by itself.
    """
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    libvirt = session.libvirt
    xml: str | None = None if stored else session.offered(domain.XMLDesc, libvirt.VIR_DOMAIN_XML_MIGRATABLE)
    if xml is None:
        xml = session.call(domain.XMLDesc, libvirt.VIR_DOMAIN_XML_INACTIVE if stored else 0)
    if change is None:
        return xml
    root = document(xml, "domain")
    write_config(root, rebased(*change, config_of(root)))
    return domain_text(root)


def admit(session: Session, description: str) -> IncomingMachine:
    """Return the machine that is described, if the host's processors can run it."""
    try:
        domain = document(description, "domain")
    except BackendError as error:
        raise BackendError("invalid", f"the description of the machine: {error.message}") from error
    name, uuid = text(domain, "name"), text(domain, "uuid")
    if name is None or uuid is None:
        raise BackendError("invalid", "the description of the machine has no name or no uuid")
    machine = IncomingMachine(uuid=uuid, name=name, config=config_of(domain))
    cpu = domain.find("cpu")
    if cpu is not None and cpu.find("model") is not None:
        _compare(session, machine, cpu)
    return machine


def _compare(session: Session, machine: IncomingMachine, cpu: _Element) -> None:
    libvirt, connection, config = session.libvirt, session.connection, machine.config
    xml = etree.tostring(cpu, encoding="unicode")
    # What the hypervisor can run, which is more than the host's own processor where it emulates one.
    hypervisor = None, config.arch, None, config.domain_type or None
    answer = session.offered(connection.compareHypervisorCPU, *hypervisor, xml, 0)
    if answer is None:
        answer = session.offered(connection.compareCPU, xml, 0)
    if answer == libvirt.VIR_CPU_COMPARE_INCOMPATIBLE:
        model = text(cpu, "model")
        raise BackendError(
            "unsupported",
            f"{machine.name}: the processors of this host do not have all of model {model} that it was"
            " started with",
            hint="define it with a processor model that both hosts have",
        )


def migrate(session: Session, uuid: str, wish: MigrationWish, config: MachineConfig) -> None:
    """Move a machine; returns when it has gone."""
    libvirt = session.libvirt
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    flags = libvirt.VIR_MIGRATE_PEER2PEER
    if session.call(domain.isPersistent):
        flags |= libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
    parameters: dict[str, object] = {}
    if not session.call(domain.isActive):
        flags |= libvirt.VIR_MIGRATE_OFFLINE
    else:
        # libvirt keeps a limit with the machine: without one, that of an earlier migration would hold.
        if wish.max_downtime_ms is not None:
            session.call(domain.migrateSetMaxDowntime, wish.max_downtime_ms, 0)
        flags |= _flags(session, wish)
        parameters |= _parameters(session, wish, config)
        if wish.definition is not None:
            parameters[libvirt.VIR_MIGRATE_PARAM_DEST_XML] = wish.definition
    session.call(domain.migrateToURI3, peer_uri(session.uri, wish.transport), parameters, flags)


def _flags(session: Session, wish: MigrationWish) -> int:
    libvirt = session.libvirt
    chosen = {
        libvirt.VIR_MIGRATE_LIVE: wish.live,
        libvirt.VIR_MIGRATE_NON_SHARED_DISK: wish.with_storage,
        libvirt.VIR_MIGRATE_POSTCOPY: wish.post_copy,
        libvirt.VIR_MIGRATE_TLS: wish.transport.data == "tls",
        libvirt.VIR_MIGRATE_TUNNELLED: wish.transport.data == "tunnelled",
    }
    return sum(flag for flag, is_chosen in chosen.items() if is_chosen)


def _parameters(session: Session, wish: MigrationWish, config: MachineConfig) -> dict[str, object]:
    libvirt, transport = session.libvirt, wish.transport
    parameters: dict[str, object] = {}
    if transport.data == "unix":
        parameters[libvirt.VIR_MIGRATE_PARAM_URI] = f"unix://{transport.data_socket}"
        if wish.with_storage:
            parameters[libvirt.VIR_MIGRATE_PARAM_DISKS_URI] = f"unix://{transport.data_socket}.disks"
    elif transport.data in {"tls", "tcp"} and driver(session.uri) == "qemu":
        # Where QEMU itself listens; by default libvirt asks the other host for its name.
        parameters[libvirt.VIR_MIGRATE_PARAM_URI] = f"tcp://{transport.host}"
    if wish.bandwidth_mib_s is not None:
        parameters[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH] = wish.bandwidth_mib_s
    if wish.with_storage:
        # A writable medium that is in the drive is copied too; what is read only is not.
        disks = [disk.target for disk in config.disks if disk.source or disk.volume]
        writable = {disk.target for disk in config.disks if not (disk.readonly or disk.shareable)}
        parameters[libvirt.VIR_MIGRATE_PARAM_MIGRATE_DISKS] = [disk for disk in disks if disk in writable]
    return parameters


def start_post_copy(session: Session, uuid: str) -> bool:
    """Have the machine go on at its destination, if its memory was sent once; tell whether it was done."""
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    told = session.call(domain.jobStats, 0)
    if told.get(session.libvirt.VIR_DOMAIN_JOB_MEMORY_ITERATION, 0) < _FULL_PASSES:
        return False
    session.call(domain.migrateStartPostCopy, 0)
    return True

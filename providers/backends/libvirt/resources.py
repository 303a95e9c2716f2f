"""The host, its storage pools, networks and bridges, read from libvirt.

Functions here run on worker threads. A daemon without a storage, network or interface driver has
none of these.

Errors: BackendError, of `Session.call` and of the XML.
"""

from __future__ import annotations

import logging
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls import uris
from xencim.providers.backends.libvirt.counters import COUNTED
from xencim.providers.backends.libvirt.states import pool_state
from xencim.providers.backends.libvirt.xml import host_xml, network_xml, resource_xml
from xencim.providers.backends.records import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from libvirt import virNetwork, virStoragePool

    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.records import GuestSupport, Network, StoragePool

log = logging.getLogger(__name__)

T = TypeVar("T")

Reader: TypeAlias = "tuple[str, Callable[[], T]]"
"""A thing's name and how to read it."""

_HYPERVISORS = {"TEST": "Test"}
_Q35 = "q35"


def host(session: Session, *, name: str | None) -> Host:
    """Return the host's record; ``name`` overrides what the hypervisor calls its host."""
    connection = session.connection
    told = host_xml.capabilities(session.call(connection.getCapabilities))
    system = _system_info(session)
    _arch, memory_mib, cpus, mhz, nodes, sockets, cores, threads = session.call(connection.getInfo)
    kind = session.call(connection.getType)
    uuid = told.uuid or system.uuid
    return Host(
        name=name or _host_name(session, uuid),
        prefix=uris.prefix(session.uri),
        hypervisor=_HYPERVISORS.get(kind, kind),
        uuid=uuid,
        hypervisor_version=_hypervisor_version(session),
        library="libvirt",
        library_version=_version(session.offered(connection.getLibVersion)),
        uri=uris.without_password(session.uri),
        arch=told.arch,
        cpu_model=told.cpu_model,
        cpu_vendor=told.cpu_vendor,
        cpu_mhz=mhz or None,
        cpu_count=cpus,
        sockets=sockets * nodes or None,
        cores_per_socket=cores or None,
        threads_per_core=threads or None,
        numa_nodes=nodes or None,
        memory_kib=memory_mib * 1024,
        max_vcpus=session.offered(connection.getMaxVcpus, None),
        vendor=system.vendor,
        product=system.product,
        serial=system.serial,
        guests=tuple(_with_platform(session, guest, told.arch) for guest in told.guests),
        migration_uris=told.migration_uris,
        node_memory_kib=told.node_memory_kib,
        pool_types=_pool_types(session),
        counted=COUNTED.get(uris.driver(session.uri), ()),
    )


def _with_platform(session: Session, guest: GuestSupport, arch: str | None) -> GuestSupport:
    """Return a kind of machine with what it can be given; asked for the host's own architecture only.

    The daemon starts an emulator to find out, once, and a host may have dozens of them.
    """
    if guest.arch != arch or not guest.domain_types:
        return guest
    kind = "kvm" if "kvm" in guest.domain_types else guest.domain_types[0]
    # Of PCs' kinds, only this one can have all of it.
    machine = _Q35 if _Q35 in guest.machines else next(iter(guest.machines), None)
    try:
        told = session.offered(session.connection.getDomainCapabilities, None, guest.arch, machine, kind)
    except BackendError as error:
        if error.kind in {"lost", "timeout"}:
            raise
        log.info("what %s machines can have was not told: %s", guest.os_type, error)
        told = None
    return replace(guest, platform=host_xml.platform(told)) if told else guest


def _pool_types(session: Session) -> tuple[str, ...] | None:
    told = session.offered(session.connection.getStoragePoolCapabilities, 0)
    return resource_xml.pool_types(told) if told else None


def _system_info(session: Session) -> host_xml.SystemInfo:
    try:
        xml = session.offered(session.connection.getSysinfo, 0)
    except BackendError as error:
        if error.kind in {"lost", "timeout"}:
            raise
        xml = None  # the daemon could not read the firmware's tables
    return host_xml.system_info(xml) if xml else host_xml.SystemInfo()


def _hypervisor_version(session: Session) -> str | None:
    """Return the hypervisor's version; libxl leaves out the third number, and the 0 there says nothing."""
    told = _version(session.offered(session.connection.getVersion))
    return told.rpartition(".")[0] if told and uris.driver(session.uri) == "xen" else told


def _version(number: int | None) -> str | None:
    """Return 4017005 as 4.17.5."""
    if not number:
        return None
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


def _host_name(session: Session, uuid: str | None) -> str:
    """Return the host's full name; one that means every host (localhost) is none."""
    told: str = session.call(session.connection.getHostname)
    if uris.is_local(session.uri) and not _is_full(told):
        full = socket.getfqdn(told if _is_name(told) else socket.gethostname())
        told = full if _is_full(full) or not _is_name(told) else told
    if _is_name(told):
        return told
    log.warning("%s calls its host %r: give its name by host.name", uris.without_password(session.uri), told)
    return uuid or "unnamed"


def _is_name(name: str) -> bool:
    return bool(name) and name.partition(".")[0].lower() not in {"localhost", "localhost4", "localhost6"}


def _is_full(name: str) -> bool:
    return "." in name and _is_name(name)


def storage_pools(session: Session) -> list[Reader[StoragePool]]:
    """Return all storage pools, each to be read."""
    libvirt, listed = session.libvirt, session.connection.listAllStoragePools
    persistent = _names(session, listed, libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_PERSISTENT)
    autostart = _names(session, listed, libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART)

    def reader(pool: virStoragePool) -> Reader[StoragePool]:
        name = pool.name()
        return name, lambda: _storage_pool(
            session, pool, autostart=name in autostart, persistent=name in persistent
        )

    return [reader(pool) for pool in session.offered(listed, 0) or ()]


def storage_pool(session: Session, name: str) -> StoragePool:
    """Return one storage pool."""
    pool = session.call(session.connection.storagePoolLookupByName, name)
    persistent = bool(session.call(pool.isPersistent))
    autostart = bool(session.call(pool.autostart)) if persistent else False
    return _storage_pool(session, pool, autostart=autostart, persistent=persistent)


def _storage_pool(
    session: Session, pool: virStoragePool, *, autostart: bool, persistent: bool
) -> StoragePool:
    return resource_xml.storage_pool(
        session.call(pool.XMLDesc, 0),
        state=pool_state(session.call(pool.info)[0]),
        autostart=autostart,
        persistent=persistent,
    )


def pool_usage(session: Session, record: StoragePool) -> StoragePool:
    """Return a pool with its usage as the daemon knows it now."""
    pool = session.call(session.connection.storagePoolLookupByName, record.name)
    state, capacity, allocation, available = session.call(pool.info)
    return replace(
        record,
        state=pool_state(state),
        capacity_bytes=capacity,
        allocation_bytes=allocation,
        available_bytes=available,
    )


def networks(session: Session) -> list[Reader[Network]]:
    """Return all networks, each to be read."""
    libvirt, listed = session.libvirt, session.connection.listAllNetworks
    persistent = _names(session, listed, libvirt.VIR_CONNECT_LIST_NETWORKS_PERSISTENT)
    autostart = _names(session, listed, libvirt.VIR_CONNECT_LIST_NETWORKS_AUTOSTART)
    active = _names(session, listed, libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE)

    def reader(net: virNetwork) -> Reader[Network]:
        name = net.name()
        return name, lambda: _network(
            session,
            net,
            active=name in active,
            autostart=name in autostart,
            persistent=name in persistent,
        )

    return [reader(net) for net in session.offered(listed, 0) or ()]


def network(session: Session, name: str) -> Network:
    """Return one network."""
    net = session.call(session.connection.networkLookupByName, name)
    persistent = bool(session.call(net.isPersistent))
    return _network(
        session,
        net,
        active=bool(session.call(net.isActive)),
        autostart=bool(session.call(net.autostart)) if persistent else False,
        persistent=persistent,
    )


def _network(
    session: Session, net: virNetwork, *, active: bool, autostart: bool, persistent: bool
) -> Network:
    """Read a network; of one that is active and persistent, the definition that is stored as well."""
    is_told = active and persistent and uris.driver(session.uri) != "test"  # it tells one definition only
    stored = session.call(net.XMLDesc, session.libvirt.VIR_NETWORK_XML_INACTIVE) if is_told else None
    return network_xml.network(
        session.call(net.XMLDesc, 0),
        active=active,
        autostart=autostart,
        persistent=persistent,
        stored_xml=stored,
    )


def bridges(session: Session) -> frozenset[str]:
    """Return the names of the host's bridges, where the daemon tells its interfaces."""
    names = set()
    for interface in session.offered(session.connection.listAllInterfaces, 0) or ():
        try:
            names.add(resource_xml.bridge_name(session.call(interface.XMLDesc, 0)))
        except BackendError as error:
            if error.kind in {"lost", "timeout"}:
                raise
            log.info("a host interface was left out: %s", error)
    return frozenset(name for name in names if name)


def _names(session: Session, listed: Callable[[int], Iterable[virStoragePool]], flag: int) -> set[str]:
    return {item.name() for item in session.offered(listed, flag) or ()}

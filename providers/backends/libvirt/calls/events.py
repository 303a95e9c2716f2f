"""libvirt's events as "this record may have changed".

Which events a driver sends is its own affair: libxl and the test driver send only a machine's
lifecycle and metadata changes, though every kind can be registered.

Source: libvirt's API reference, virConnectDomainEventRegisterAny and its kin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from xencim.providers.backends.records import Network, StoragePool, VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Callable

    from libvirt import virDomain, virNetwork, virStoragePool

    from xencim.providers.backends.libvirt.calls.session import Session

Kind: TypeAlias = type[VirtualMachine] | type[StoragePool] | type[Network]

# Those that change what a record says. What is left out: clocks, consoles, jobs' progress, and
# what comes with a lifecycle event anyway.
_DOMAIN_EVENTS = (
    "LIFECYCLE",
    "REBOOT",
    "CONTROL_ERROR",
    "BLOCK_JOB_2",
    "DISK_CHANGE",
    "TRAY_CHANGE",
    "BALLOON_CHANGE",
    "DEVICE_ADDED",
    "DEVICE_REMOVED",
    "TUNABLE",
    "METADATA_CHANGE",
    "MEMORY_DEVICE_SIZE_CHANGE",
)
REBOOT = "REBOOT"


def follow(session: Session, changed: Callable[[Kind, str, str], None]) -> None:
    """Have ``changed(kind, key, event)`` called, on libvirt's event thread, for what may have changed."""
    _follow_machines(session, changed)
    _follow_pools(session, changed)
    _follow_networks(session, changed)


def _follow_machines(session: Session, changed: Callable[[Kind, str, str], None]) -> None:
    connection, libvirt = session.connection, session.libvirt

    def told(_connection: object, domain: virDomain, *rest: object) -> None:
        changed(VirtualMachine, domain.UUIDString(), str(rest[-1]))

    for name in _DOMAIN_EVENTS:
        event_id = getattr(libvirt, f"VIR_DOMAIN_EVENT_ID_{name}", None)
        if event_id is not None:
            number = session.offered(connection.domainEventRegisterAny, None, event_id, told, name)
            if number is not None:
                session.at_close(connection.domainEventDeregisterAny, number)


def _follow_pools(session: Session, changed: Callable[[Kind, str, str], None]) -> None:
    connection, libvirt = session.connection, session.libvirt

    def told(_connection: object, pool: virStoragePool, *rest: object) -> None:
        changed(StoragePool, pool.name(), str(rest[-1]))

    for name in ("LIFECYCLE", "REFRESH"):
        event_id = getattr(libvirt, f"VIR_STORAGE_POOL_EVENT_ID_{name}")
        number = session.offered(connection.storagePoolEventRegisterAny, None, event_id, told, name)
        if number is not None:
            session.at_close(connection.storagePoolEventDeregisterAny, number)


def _follow_networks(session: Session, changed: Callable[[Kind, str, str], None]) -> None:
    connection, libvirt = session.connection, session.libvirt

    def told(_connection: object, network: virNetwork, *rest: object) -> None:
        changed(Network, network.name(), str(rest[-1]))

    event_id = libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE
    number = session.offered(connection.networkEventRegisterAny, None, event_id, told, "LIFECYCLE")
    if number is not None:
        session.at_close(connection.networkEventDeregisterAny, number)

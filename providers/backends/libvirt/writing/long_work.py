"""What libvirt works on; how far it has come with a machine (a save, a dump, a migration), and its end.

Functions here run on worker threads.

Source: libvirt's API reference, virDomainGetControlInfo, virDomainGetJobInfo and virDomainAbortJob.
Errors: BackendError: not_found, invalid_state (nothing goes on), unsupported, and what the call gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Network, StoragePool, VirtualMachine, Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xencim.providers.backends.base import WorkedOn
    from xencim.providers.backends.libvirt.calls.session import Session

# Fields of virDomainJobInfo, in libvirt's order: type, two times, then the totals of all data.
_DATA_TOTAL, _DATA_PROCESSED = 3, 4


def abort(session: Session, uuid: str) -> None:
    """Have libvirt give up what goes on; it has when this returns, or does so at once."""
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    session.call(domain.abortJob)


def percent_done(session: Session, uuid: str) -> int | None:
    """Return how much of the data has been moved; None where nothing goes on or nothing is told."""
    try:
        domain = session.call(session.connection.lookupByUUIDString, uuid)
        info = session.offered(domain.jobInfo)
    except BackendError:
        return None
    if info is None or not info[_DATA_TOTAL]:
        return None
    return min(100, int(info[_DATA_PROCESSED]) * 100 // int(info[_DATA_TOTAL]))


def is_busy(session: Session, kind: WorkedOn, key: str) -> bool:
    """Tell whether libvirt works on a thing; what it keeps locked meanwhile does not answer at all."""
    try:
        return _LOOKS[kind](session, key)
    except BackendError as error:
        if error.kind in {"invalid_state", "not_found"}:
            return False  # it is off, or not there
        raise


def _works_on_machine(session: Session, uuid: str) -> bool:
    libvirt = session.libvirt
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    # It answers while the guest's process does not: only where nothing is told here it is asked further.
    control = session.offered(domain.controlInfo, 0)
    if control is not None and control[0] in {
        libvirt.VIR_DOMAIN_CONTROL_JOB,
        libvirt.VIR_DOMAIN_CONTROL_OCCUPIED,
    }:
        return True
    info = session.offered(domain.jobInfo)
    return info is not None and info[0] in {libvirt.VIR_DOMAIN_JOB_BOUNDED, libvirt.VIR_DOMAIN_JOB_UNBOUNDED}


def _works_on_volume(session: Session, key: str) -> bool:
    """Tell whether a volume is still being made: then libvirt gives nothing of it away."""
    pool, _, name = key.partition("/")
    found = session.call(session.connection.storagePoolLookupByName, pool)
    volume = session.call(found.storageVolLookupByName, name)
    stream = session.call(session.connection.newStream, 0)
    try:
        session.call(volume.download, stream, 0, 1)
    except BackendError as error:
        if error.kind == "lost":
            raise
        return error.kind == "invalid_state"
    session.call(stream.abort)
    return False


def _works_on_pool(session: Session, name: str) -> bool:
    session.call(session.connection.storagePoolLookupByName, name)
    return False


def _works_on_network(session: Session, name: str) -> bool:
    session.call(session.connection.networkLookupByName, name)
    return False


_LOOKS: Mapping[WorkedOn, Callable[[Session, str], bool]] = {
    VirtualMachine: _works_on_machine,
    Volume: _works_on_volume,
    StoragePool: _works_on_pool,
    Network: _works_on_network,
}

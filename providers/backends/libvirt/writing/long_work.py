"""How far libvirt has come with long work on a machine (a save, a dump, a migration), and its end.

Functions here run on worker threads.

Source: libvirt's API reference, virDomainGetJobInfo and virDomainAbortJob.
Errors: BackendError: not_found, invalid_state (nothing goes on), unsupported, and what the call gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
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

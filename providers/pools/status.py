"""How the status of a part of the host is told: it is well as long as the hypervisor answers.

Source: DSP1052 1.0, section 7 (CIM_ManagedSystemElement's status properties).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import Prop

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host

STARTING = 8
STOPPED = 10
DEGRADED = 3
ERROR = 6
OK = 2
LOST_COMMUNICATION = 13

HEALTH_OK = 5
HEALTH_DEGRADED = 10
HEALTH_CRITICAL = 25
HEALTH_UNKNOWN = 0

CONTACT = "whether the hypervisor answers"
"""The source of these properties."""


def lost_contact_text(host: Host) -> str | None:
    """Say since when the hypervisor has not answered."""
    if host.no_contact_since is None:
        return None
    return f"No contact with {host.hypervisor} since {host.no_contact_since.isoformat(timespec='seconds')}"


def operational_status(host: Host, own: int = OK) -> tuple[int, ...]:
    """Return OperationalStatus: the part's own while the hypervisor answers."""
    return (LOST_COMMUNICATION,) if host.no_contact_since else (own,)


def status_descriptions(host: Host, own: str = "The hypervisor answers") -> tuple[str, ...]:
    """Return StatusDescriptions: the part's own text while the hypervisor answers."""
    return (lost_contact_text(host) or own,)


def health_state(host: Host, own: int = HEALTH_OK) -> int:
    """Return HealthState: the part's own while the hypervisor answers."""
    return HEALTH_UNKNOWN if host.no_contact_since else own


def primary_status(host: Host, own: int = OK) -> int:
    """Return PrimaryStatus: 1 OK, 2 degraded or 3 error by the part's own OperationalStatus."""
    if host.no_contact_since:
        return 0
    return {OK: 1, STARTING: 1, DEGRADED: 2, ERROR: 3}.get(own, 0)


def communication_status(host: Host) -> int:
    """Return CommunicationStatus: whether the hypervisor answers."""
    return 3 if host.no_contact_since else 2


def host_status(at: int) -> tuple[Prop, ...]:
    """Return the status of what is nothing but a part of the host, whose record is the row's at ``at``."""
    return tuple(
        Prop(name, lambda *row, get=get: get(row[at]), source=CONTACT)
        for name, get in (
            ("OperationalStatus", operational_status),
            ("StatusDescriptions", status_descriptions),
            ("HealthState", health_state),
            ("PrimaryStatus", primary_status),
            ("CommunicationStatus", communication_status),
        )
    )

"""What a machine's state means in CIM, for the machine and for each of its devices.

The functions take the first and last record of a row, whatever stands between: ``(machine, x, host)``.
A state that the profile does not know is told by the nearest one: a guest that put itself to sleep
is quiescent.

Source: DSP1057 (virtual system states); CIM_ManagedSystemElement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from xencim.providers.backends.records import PowerState
from xencim.providers.core.spec import Prop

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from xencim.providers.backends.records import Host, VirtualMachine

_COMMUNICATION_OK = 2
_LOST_COMMUNICATION = 3
_OPERATIONAL_LOST_COMMUNICATION = 13


class _Status(NamedTuple):
    enabled: int
    operational: tuple[int, ...]
    operating: int
    health: int = 5  # OK
    primary: int = 1  # OK
    detailed: int = 1  # no additional information


_UNKNOWN = _Status(enabled=0, operational=(0,), operating=0, health=0, primary=0, detailed=0)

_STATUS: Mapping[PowerState, _Status] = {
    PowerState.RUNNING: _Status(enabled=2, operational=(2,), operating=16),
    PowerState.PAUSED: _Status(enabled=9, operational=(15,), operating=7),
    PowerState.GUEST_SUSPENDED: _Status(enabled=9, operational=(15,), operating=7),
    PowerState.SHUTTING_DOWN: _Status(enabled=4, operational=(9,), operating=13),
    PowerState.SHUT_OFF: _Status(enabled=3, operational=(10,), operating=5),
    PowerState.SAVED: _Status(enabled=6, operational=(15,), operating=7),
    # An error, and what came of it: aborted.
    PowerState.CRASHED: _Status(
        enabled=3, operational=(6, 14), operating=6, health=20, primary=3, detailed=0
    ),
    PowerState.UNKNOWN: _UNKNOWN,
}


def lost_since(machine: VirtualMachine, host: Host) -> datetime | None:
    """Return since when nothing is heard of a machine, None while all is well."""
    return machine.no_contact_since or host.no_contact_since


def enabled_state(machine: VirtualMachine) -> int:
    """Return EnabledState; it stays the last one known when contact is lost."""
    return _STATUS[machine.state].enabled


def _status(machine: VirtualMachine, host: Host) -> _Status:
    return _UNKNOWN if lost_since(machine, host) else _STATUS[machine.state]


def _operational(machine: VirtualMachine, _: Any, host: Host) -> tuple[int, ...]:  # noqa: ANN401 - any record
    if lost_since(machine, host):
        return (_OPERATIONAL_LOST_COMMUNICATION,)
    return _STATUS[machine.state].operational


def _descriptions(machine: VirtualMachine, _: Any, host: Host) -> tuple[str, ...]:  # noqa: ANN401 - any record
    reason = f" ({machine.state_reason})" if machine.state_reason else ""
    text = f"{machine.state.value}{reason}"
    if since := lost_since(machine, host):
        return (f"no answer since {since.isoformat(timespec='seconds')}; before that: {text}",)
    return (text,) * len(_STATUS[machine.state].operational)


STATUS_PROPS = (
    Prop("OperationalStatus", _operational, source="virDomainGetState; 13 when calls do not come back"),
    Prop("StatusDescriptions", _descriptions, source="virDomainGetState, its reason"),
    Prop("HealthState", lambda vm, _, host: _status(vm, host).health, source="virDomainGetState"),
    Prop("PrimaryStatus", lambda vm, _, host: _status(vm, host).primary, source="virDomainGetState"),
    Prop("DetailedStatus", lambda vm, _, host: _status(vm, host).detailed, source="virDomainGetState"),
    Prop("OperatingStatus", lambda vm, _, host: _status(vm, host).operating, source="virDomainGetState"),
    Prop(
        "CommunicationStatus",
        lambda vm, _, host: _LOST_COMMUNICATION if lost_since(vm, host) else _COMMUNICATION_OK,
        source="whether the last call about the machine came back",
    ),
)

"""What a machine can be told to do, as libvirt calls.

Functions here run on worker threads.

Source: libvirt's API reference, virDomainCreate and its kin.
Errors: BackendError: not_found, invalid_state, unsupported, and what the call gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.states import power_state
from xencim.providers.backends.records import Action, PowerState

if TYPE_CHECKING:
    from libvirt import virDomain

    from xencim.providers.backends.libvirt.calls.session import Session

_OFF = {PowerState.SHUT_OFF, PowerState.CRASHED}
_ON = set(PowerState) - _OFF
_POSSIBLE = {
    Action.START: {*_OFF, PowerState.PAUSED, PowerState.GUEST_SUSPENDED, PowerState.UNKNOWN},
    Action.PAUSE: {PowerState.RUNNING, PowerState.UNKNOWN},
}
"""In which states an action makes sense; those not named do in every state but off.

Drivers differ in what they say to a senseless one: from an error without a code to silence.
"""


def carry_out(session: Session, uuid: str, action: Action) -> None:
    """Tell a machine; returns when the hypervisor has done it, or has asked the guest."""
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    state = power_state(session.call(domain.state)[0], saved=False)
    possible = _POSSIBLE.get(action, _ON)
    if state is PowerState.CRASHED and session.call(domain.isActive):
        possible = {PowerState.CRASHED} if action is Action.DESTROY else set()  # kept for inspection
    if state not in possible:
        raise BackendError("invalid_state", f"{domain.name()} is {state.value}: it cannot {action.value}")
    match action:
        case Action.START:
            _start(session, domain, state)
        case Action.SHUT_DOWN:
            session.call(domain.shutdown)
        case Action.DESTROY:
            session.call(domain.destroy)
        case Action.PAUSE:
            session.call(domain.suspend)
        case Action.SAVE:
            session.call(domain.managedSave, 0)
        case Action.REBOOT:
            session.call(domain.reboot, 0)
        case Action.RESET:
            session.call(domain.reset, 0)


def _start(session: Session, domain: virDomain, state: PowerState) -> None:
    """Start a machine, also from its managed save, or let a paused or sleeping one go on."""
    if state is PowerState.PAUSED:
        session.call(domain.resume)
    elif state is PowerState.GUEST_SUSPENDED:
        session.call(domain.pMWakeup, 0)
    else:
        session.call(domain.create)

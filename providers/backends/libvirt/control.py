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

    from xencim.providers.backends.libvirt.session import Session


def carry_out(session: Session, uuid: str, action: Action) -> None:
    """Tell a machine; returns when the hypervisor has done it, or has asked the guest."""
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    match action:
        case Action.START:
            _start(session, domain)
        case Action.SHUT_DOWN:
            session.call(domain.shutdown)
        case Action.DESTROY:
            session.call(domain.destroy)
        case Action.PAUSE:
            _pause(session, domain)
        case Action.SAVE:
            session.call(domain.managedSave, 0)
        case Action.REBOOT:
            session.call(domain.reboot, 0)
        case Action.RESET:
            session.call(domain.reset, 0)


def _start(session: Session, domain: virDomain) -> None:
    """Start a machine, also from its managed save, or let a paused or sleeping one go on."""
    state = _state(session, domain)
    if state is PowerState.PAUSED:
        session.call(domain.resume)
    elif state is PowerState.GUEST_SUSPENDED:
        session.call(domain.pMWakeup, 0)
    elif state.is_active:
        raise BackendError("invalid_state", f"{domain.name()} is {state.value} already")
    else:
        session.call(domain.create)


def _pause(session: Session, domain: virDomain) -> None:
    """Pause a running machine; libvirt itself would accept a paused one in silence."""
    state = _state(session, domain)
    if state is not PowerState.RUNNING:
        raise BackendError(
            "invalid_state", f"{domain.name()} is {state.value}: only a running machine can be paused"
        )
    session.call(domain.suspend)


def _state(session: Session, domain: virDomain) -> PowerState:
    return power_state(session.call(domain.state)[0], saved=False)

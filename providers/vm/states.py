"""Which states a machine can be asked for, now and ever.

Source: DSP1057 (virtual system state transitions); CIM_EnabledLogicalElement.RequestedState;
libvirt's driver support tables.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from xencim.providers.backends.records import Action, PowerState
from xencim.providers.vm.status import lost_since

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.backends.records import Host, VirtualMachine


class Requested(IntEnum):
    """CIM_EnabledLogicalElement.RequestedState, as far as it means something for machines."""

    UNKNOWN = 0
    ENABLED = 2
    DISABLED = 3
    SHUT_DOWN = 4
    NO_CHANGE = 5
    OFFLINE = 6
    QUIESCE = 9
    REBOOT = 10
    RESET = 11
    NOT_APPLICABLE = 12


ACTIONS: Mapping[int, Action] = {
    Requested.ENABLED: Action.START,
    Requested.DISABLED: Action.DESTROY,
    Requested.SHUT_DOWN: Action.SHUT_DOWN,
    Requested.OFFLINE: Action.SAVE,
    Requested.QUIESCE: Action.PAUSE,
    Requested.REBOOT: Action.REBOOT,
    Requested.RESET: Action.RESET,
}

# Of each state: what can be asked. A paused guest does not hear a wish to shut down or reboot.
_FROM: Mapping[PowerState, tuple[int, ...]] = {
    PowerState.RUNNING: (3, 4, 6, 9, 10, 11),
    PowerState.PAUSED: (2, 3, 6, 11),
    PowerState.GUEST_SUSPENDED: (2, 3),
    PowerState.SHUTTING_DOWN: (3,),
    PowerState.SHUT_OFF: (2,),
    PowerState.SAVED: (2,),
    PowerState.CRASHED: (2,),
}

# libvirt's libxl and LXC drivers cannot reset a machine, its LXC driver cannot save one.
_IMPOSSIBLE: Mapping[str, frozenset[int]] = {
    "xen": frozenset({Requested.RESET}),
    "lxc": frozenset({Requested.RESET, Requested.OFFLINE}),
}


def supported_states(machine: VirtualMachine, host: Host) -> tuple[int, ...]:
    """Return RequestedStatesSupported: none for Xen's Domain-0, whose end is the host's."""
    if machine.is_management_domain:
        return ()
    impossible = _IMPOSSIBLE.get(host.hypervisor.lower(), frozenset())
    # What is saved has to be found again: a machine without a definition cannot.
    transient = frozenset() if machine.persistent else frozenset({Requested.OFFLINE})
    return tuple(int(state) for state in ACTIONS if state not in impossible | transient)


def available_states(machine: VirtualMachine, host: Host) -> tuple[int, ...] | None:
    """Return AvailableRequestedStates, None where the state and so the answer is not known."""
    supported = supported_states(machine, host)
    if machine.is_management_domain:
        return supported
    if machine.state is PowerState.UNKNOWN or lost_since(machine, host):
        return None
    possible = _FROM[machine.state]
    if machine.current.is_template and not machine.state.is_active:
        return ()  # it is copied, not started
    if machine.state is PowerState.CRASHED and machine.id is not None:
        # Kept for inspection (on_crash preserve): it has to be cleared away first.
        possible = (Requested.DISABLED,)
    return tuple(int(state) for state in possible if state in supported)

"""libvirt's numbers for states and their reasons.

Source: libvirt-domain.h (virDomainState and its reasons), libvirt-storage.h (virStoragePoolState).
"""

from __future__ import annotations

from xencim.providers.backends.records import PoolState, PowerState

_SHUT_OFF = 5

_STATES = {
    1: PowerState.RUNNING,
    2: PowerState.RUNNING,  # blocked on a resource: how old Xen calls an idle machine
    3: PowerState.PAUSED,
    4: PowerState.SHUTTING_DOWN,
    _SHUT_OFF: PowerState.SHUT_OFF,
    6: PowerState.CRASHED,
    7: PowerState.GUEST_SUSPENDED,
}

# By state, then by number; 0 is unknown everywhere.
_REASONS: dict[int, tuple[str, ...]] = {
    1: (
        "booted",
        "migrated",
        "restored",
        "from snapshot",
        "unpaused",
        "migration canceled",
        "save canceled",
        "wakeup",
        "crashed",
        "post-copy",
        "post-copy failed",
    ),
    3: (
        "user",
        "migrating",
        "saving",
        "dumping",
        "I/O error",
        "watchdog",
        "from snapshot",
        "shutting down",
        "snapshotting",
        "crashed",
        "starting up",
        "post-copy",
        "post-copy failed",
        "API error",
    ),
    4: ("user",),
    _SHUT_OFF: (
        "shut down",
        "destroyed",
        "crashed",
        "migrated",
        "saved",
        "failed",
        "from snapshot",
        "daemon",
    ),
    6: ("panicked",),
}

_POOL_STATES = (
    PoolState.INACTIVE,
    PoolState.BUILDING,
    PoolState.RUNNING,
    PoolState.DEGRADED,
    PoolState.INACCESSIBLE,
)


def power_state(state: int, *, saved: bool) -> PowerState:
    """Return a machine's state; off with a managed save image is saved."""
    if state == _SHUT_OFF and saved:
        return PowerState.SAVED
    return _STATES.get(state, PowerState.UNKNOWN)


def reason(state: int, number: int) -> str | None:
    """Return why a machine is in its state."""
    names = _REASONS.get(state, ())
    return names[number - 1] if 0 < number <= len(names) else None


def pool_state(state: int) -> PoolState:
    """Return a storage pool's state."""
    return _POOL_STATES[state] if 0 <= state < len(_POOL_STATES) else PoolState.INACCESSIBLE

"""What a driver can do with guests that run, found out without doing it.

Each call is made with a flag that no driver knows: one that has the function refuses the flag, one that
has not says so. Whether memory alone can be dumped is asked by a folder that is not there.

Functions here run on worker threads.

Source: libvirt's API reference, virDomainScreenshot, virDomainSendKey, virDomainCoreDump.
Errors: BackendError: lost, timeout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls.unsupported import is_unknown
from xencim.providers.backends.records import GuestAccess

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.providers.backends.libvirt.calls.session import Session

_NO_FLAG = 1 << 30
_NOWHERE = "/nonexistent/xencim/dump"
_ESCAPE_KEY = 1  # in Linux's codes; never pressed


def guest_access(session: Session, uuid: str) -> tuple[GuestAccess, ...]:
    """Return what can be done, by asking about one machine."""
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    stream = session.call(session.connection.newStream, 0)
    linux = session.libvirt.VIR_KEYCODE_SET_LINUX
    found = []
    if _has(session, domain.screenshot, stream, 0, _NO_FLAG):
        found.append(GuestAccess.SCREENSHOT)
    if _has(session, domain.sendKey, linux, 0, [_ESCAPE_KEY], 1, _NO_FLAG):
        found.append(GuestAccess.KEYS)
    if _has(session, domain.coreDump, _NOWHERE, _NO_FLAG):
        found.append(GuestAccess.DUMP)
        # Live: a machine that runs is not stopped for it.
        flags = session.libvirt.VIR_DUMP_MEMORY_ONLY | session.libvirt.VIR_DUMP_LIVE
        if _knows(session, domain.coreDump, _NOWHERE, flags):
            found.append(GuestAccess.MEMORY_DUMP)
    return tuple(found)


def _has(session: Session, function: Callable[..., object], *arguments: object) -> bool:
    """Tell whether the driver has a function, which refuses what it is called with."""
    try:
        session.call(function, *arguments)
    except BackendError as error:
        if error.kind in {"lost", "timeout"}:
            raise
        return error.kind != "unsupported"
    return True


def _knows(session: Session, function: Callable[..., object], *arguments: object) -> bool:
    """Tell whether the driver knows the flags that a function is called with."""
    try:
        session.call(function, *arguments)
    except BackendError as error:
        if error.kind in {"lost", "timeout"}:
            raise
        return error.kind != "unsupported" and not is_unknown(session, error)
    return True

"""Who may speak on the socket, and for whom: the kernel names the peer, the peer names a principal.

Source: unix(7), SO_PEERCRED; docs/architecture.md, "Who may do what".
Errors: CimError (ACCESS_DENIED).
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from xencim.cimom_glue.server.auth.accounts import system_groups, system_user
from xencim.providers.core.access import Principal
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import Callable

_KEPT_SECONDS = 60.0
_MOST_KEPT = 1024


class Principals:
    """Tells which peers are believed, and the groups of those they speak for.

    Root and the server's own user are believed: whoever is one of them can do all the server can.
    """

    def __init__(self, users: frozenset[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._users = users
        self._clock = clock
        self._kept: dict[str, tuple[Principal, float]] = {}

    async def believes(self, uid: int) -> bool:
        """Tell whether a peer may assert principals."""
        if uid in {0, os.geteuid()}:
            return True
        return await asyncio.to_thread(system_user, uid) in self._users

    async def find(self, name: str | None) -> Principal:
        """Return the principal of a name that a believed peer asserts."""
        if not name:
            raise CimError(
                Status.ACCESS_DENIED,
                "the CIMOM names no user for this request",
                hint="log in to the CIMOM: who is unknown has no access",
            )
        now = self._clock()
        kept = self._kept.get(name)
        if kept is not None and now < kept[1]:
            return kept[0]
        principal = Principal(name, await asyncio.to_thread(system_groups, name))
        self._kept.pop(name, None)
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = (principal, now + _KEPT_SECONDS)
        return principal

"""What the authenticator asks of a keeper of accounts, and the machine's own users and groups.

Source: getpwuid(3), getgrouplist(3).
"""

from __future__ import annotations

import grp
import os
import pwd
from typing import Protocol


class Accounts(Protocol):
    """A keeper of names, passwords and groups. Its methods may block: they run on a worker thread."""

    def verify(self, name: str, password: str) -> frozenset[str] | None:
        """Return the user's groups; None when there is no such user or the password is wrong."""

    def groups(self, name: str) -> frozenset[str]:
        """Return the groups of a user who is known by other means; none when the user is not listed."""

    def version(self) -> object:
        """Return something that differs once accounts have changed; this one must not block."""


def system_user(uid: int) -> str | None:
    """Return the machine's name for a user id."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "root" if uid == 0 else None


def system_groups(name: str) -> frozenset[str]:
    """Return the machine's groups of a user."""
    try:
        gids = os.getgrouplist(name, pwd.getpwnam(name).pw_gid)
    except KeyError:
        return frozenset()
    return frozenset(group for gid in gids if (group := _group_name(gid)))


def _group_name(gid: int) -> str | None:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return None

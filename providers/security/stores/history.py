"""What was done about a host's policy, and what was refused by it: who, when, what.

Source: Xen_PolicyHistoryEntry and GetHistory in our MOF.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

KEPT_DENIALS = 10_000
"""How many refusals of a site are kept; the oldest go first."""
MOST = 100
"""How many entries are told unless somebody asks for more."""


class Topic(IntEnum):
    """What an entry is about, as Xen_PolicyHistoryEntry numbers it."""

    POLICY = 1
    SETTING = 2
    LABEL = 3
    REFUSAL = 4


_ACTIONS: Mapping[Topic, tuple[str, ...]] = {
    Topic.POLICY: ("applied", "rolled back", "reset", "failed"),
    Topic.SETTING: ("mode", "reaction", "boolean", "hypervisor"),
    Topic.LABEL: ("labelled",),
    Topic.REFUSAL: ("refused", "permitted", "alert", "paused", "destroyed"),
}
_TOPICS = {action: topic for topic, actions in _ACTIONS.items() for action in actions}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change or refusal: who did what when, from which policy to which (digests)."""

    number: int
    at: datetime
    principal: str
    action: str  # one of `_ACTIONS`
    from_digest: str | None
    to_digest: str | None
    detail: str

    @property
    def topic(self) -> Topic:
        """What it is about."""
        return _TOPICS[self.action]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries: the latest ``most`` of those that fit; times included, None and no topics: any."""

    most: int = MOST
    since: datetime | None = None
    until: datetime | None = None
    principal: str | None = None
    topics: Collection[Topic] = ()


def remember(
    connection: sqlite3.Connection,
    site: str,
    at: datetime,
    who_what: tuple[str, str],
    *,
    change: tuple[str | None, str | None],
    detail: str,
) -> None:
    """Add an entry; ``who_what`` are principal and action, ``change`` the digests before and after."""
    connection.execute(
        "INSERT INTO security_history (site, at, principal, action, from_digest, to_digest, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (site, _text(at), *who_what, *change, detail),
    )


def forget_old_denials(connection: sqlite3.Connection, site: str) -> None:
    """Take away the refusals that are too many; what was done about policies stays."""
    denials = "FROM security_history WHERE site = :site AND action IN (SELECT value FROM json_each(:actions))"
    connection.execute(
        f"DELETE {denials} AND number <= (SELECT number {denials} ORDER BY number DESC LIMIT 1 OFFSET :kept)",
        {"site": site, "actions": json.dumps(_ACTIONS[Topic.REFUSAL]), "kept": KEPT_DENIALS},
    )


def entries(connection: sqlite3.Connection, site: str, wanted: Wanted) -> list[HistoryEntry]:
    """Return what is wanted, the newest first."""
    actions = [action for topic in wanted.topics or Topic for action in _ACTIONS[topic]]
    rows = connection.execute(
        "SELECT number, at, principal, action, from_digest, to_digest, detail FROM security_history"
        " WHERE site = :site AND (:since IS NULL OR at >= :since) AND (:until IS NULL OR at <= :until)"
        " AND (:principal IS NULL OR principal = :principal)"
        " AND action IN (SELECT value FROM json_each(:actions)) ORDER BY number DESC LIMIT :most",
        {
            "site": site,
            "since": wanted.since and _text(wanted.since),
            "until": wanted.until and _text(wanted.until),
            "principal": wanted.principal,
            "actions": json.dumps(actions),
            "most": wanted.most,
        },
    )
    return [HistoryEntry(row[0], datetime.fromisoformat(row[1]), *row[2:]) for row in rows]


def _text(at: datetime) -> str:
    """Return a time so that texts have the order of times."""
    return at.astimezone(UTC).isoformat()

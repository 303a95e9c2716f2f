"""The policy in force, its history and the labels of objects, on disk.

Every change is one transaction: a server that is killed in it has made it wholly or not at all. What has
to be done beside it (loading a hypervisor's policy) is noted before it begins, so that the next start can
undo it.

Errors: PolicyError where the policy in force is not the one that the caller believes in force; StateError.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from xencim.acm.model import Finding, FindingKind, PolicyError, XsErr
from xencim.providers.backends.records import AssignedLabel, Labelled, Mode, Reaction
from xencim.providers.security.stores.history import Wanted, entries, forget_old_denials, remember

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from xencim.providers.backends.records import Denial
    from xencim.providers.core.state import State
    from xencim.providers.security.stores.history import HistoryEntry

MIGRATIONS = (
    """
    CREATE TABLE security_documents (digest TEXT PRIMARY KEY, xml BLOB NOT NULL) STRICT;
    CREATE TABLE security_sites (
        site TEXT PRIMARY KEY,
        digest TEXT REFERENCES security_documents,
        activated TEXT,
        principal TEXT,
        mode TEXT NOT NULL,
        reaction TEXT NOT NULL,
        pending TEXT
    ) STRICT;
    CREATE TABLE security_history (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        site TEXT NOT NULL,
        at TEXT NOT NULL,
        principal TEXT NOT NULL,
        action TEXT NOT NULL,
        from_digest TEXT,
        to_digest TEXT,
        detail TEXT NOT NULL
    ) STRICT;
    CREATE INDEX security_history_of ON security_history (site, number);
    CREATE TABLE security_labels (
        site TEXT NOT NULL,
        kind TEXT NOT NULL,
        object TEXT NOT NULL,
        label TEXT NOT NULL,
        policy TEXT NOT NULL,
        is_valid INTEGER NOT NULL,
        identity TEXT,
        principal TEXT NOT NULL,
        assigned TEXT NOT NULL,
        PRIMARY KEY (site, kind, object)
    ) STRICT
    """,
    "ALTER TABLE security_documents ADD COLUMN signer TEXT",
    """
    CREATE TABLE security_drifts (
        site TEXT NOT NULL, drift TEXT NOT NULL, PRIMARY KEY (site, drift)
    ) STRICT, WITHOUT ROWID
    """,
)
_DENIALS_BETWEEN = 100
"""After how many refusals those that are too many go."""
NO_POLICY = ""
"""The digest of no policy: expected where none is believed in force."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a site's policy; digest and document are None where no policy is in force."""

    digest: str | None
    xml: bytes | None
    activated: datetime | None
    principal: str | None
    mode: Mode
    reaction: Reaction
    pending: str | None  # what an earlier server had begun and not ended, in words
    signer: str | None  # who signed the document; None: it came without a signature


class Document(NamedTuple):
    """A policy's document, and who signed it (None: nobody)."""

    xml: bytes
    signer: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A policy (None: none) to be put in force with the labels that change with it."""

    document: Document | None
    labels: tuple[AssignedLabel, ...]
    principal: str
    action: str
    detail: str
    expected: str | None = None  # digest; None: whatever is in force
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


def digest_of(xml: bytes) -> str:
    """Return what a policy is known by: the SHA-256 of its document."""
    return hashlib.sha256(xml).hexdigest()


class SecurityStore:
    """What is kept for one site; ``site`` is what it is called in the file."""

    def __init__(self, state: State, site: str) -> None:
        self._state = state
        self._site = site
        self._denials = 0

    async def load(self) -> tuple[Kept, list[AssignedLabel]]:
        """Return what is kept, for a new site what it begins with."""
        await self._state.migrate("security", MIGRATIONS)
        beginning = (self._site, Mode.ENFORCING.value, Reaction.ALERT.value)

        def read(connection: sqlite3.Connection) -> tuple[Kept, list[AssignedLabel]]:
            connection.execute(
                "INSERT OR IGNORE INTO security_sites (site, mode, reaction) VALUES (?, ?, ?)", beginning
            )
            rows = connection.execute(
                "SELECT kind, object, label, policy, is_valid, identity, principal, assigned"
                " FROM security_labels WHERE site = ?",
                (self._site,),
            ).fetchall()
            return self._kept(connection), [_label(row) for row in rows]

        return await self._state.run(read)

    async def kept(self) -> Kept:
        """Return what is kept of the policy."""
        return await self._state.run(self._kept)

    def _kept(self, connection: sqlite3.Connection) -> Kept:
        digest, xml, activated, principal, mode, reaction, pending, signer = connection.execute(
            "SELECT digest, xml, activated, principal, mode, reaction, pending, signer"
            " FROM security_sites LEFT JOIN security_documents USING (digest) WHERE site = ?",
            (self._site,),
        ).fetchone()
        at = datetime.fromisoformat(activated) if activated else None
        return Kept(digest, xml, at, principal, Mode(mode), Reaction(reaction), pending, signer)

    async def begin(self, what: str) -> None:
        """Note that something beside this file is about to change; `apply` and `give_up` clear the note."""
        await self._set("pending", what)

    async def apply(self, change: Change) -> str | None:
        """Put a policy in force and return the digest of the one before, all or nothing.

        PolicyError: another policy is in force than the caller expects.
        """
        document = change.document
        digest = document and digest_of(document.xml)

        def write(connection: sqlite3.Connection) -> str | None:
            before = self._digest(connection)
            check_expected(before, change.expected)
            if document is not None:
                connection.execute(
                    "INSERT INTO security_documents VALUES (?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET signer = coalesce(excluded.signer, signer)",
                    (digest, *document),
                )
            connection.execute(
                "UPDATE security_sites SET digest = ?, activated = ?, principal = ?, pending = NULL"
                " WHERE site = ?",
                (digest, change.at.isoformat(), change.principal, self._site),
            )
            self._put(connection, change.labels)
            who_what = change.principal, change.action
            remember(
                connection, self._site, change.at, who_what, change=(before, digest), detail=change.detail
            )
            return before

        return await self._state.run(write)

    async def give_up(self, principal: str, detail: str, wanted: Document | None) -> None:
        """Note that a policy was not put in force after all."""
        digest = wanted and digest_of(wanted.xml)

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE security_sites SET pending = NULL WHERE site = ?", (self._site,))
            change = self._digest(connection), digest
            who_what = principal, "failed"
            remember(connection, self._site, datetime.now(UTC), who_what, change=change, detail=detail)

        await self._state.run(write)

    async def set_mode(self, mode: Mode, principal: str, reason: str) -> None:
        """Keep a mode, and who wanted it why."""
        await self._set("mode", mode.value, principal, reason)

    async def set_reaction(self, reaction: Reaction, principal: str, reason: str) -> None:
        """Keep a reaction, and who wanted it why."""
        await self._set("reaction", reaction.value, principal, reason)

    async def put_labels(self, labels: Iterable[AssignedLabel], principal: str | None) -> None:
        """Keep labels of objects in place of those that they had.

        Principal None: only what tells the objects has changed, which is no news.
        """
        wanted = tuple(labels)

        def write(connection: sqlite3.Connection) -> None:
            self._put(connection, wanted)
            if principal is None:
                return
            for label in wanted:
                self._remember(connection, principal, "labelled", f"{label.key}: {label}")

        await self._state.run(write)

    async def remove_label(self, label: AssignedLabel, principal: str) -> None:
        """Forget an object's label."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM security_labels WHERE site = ? AND kind = ? AND object = ?",
                (self._site, label.kind.value, label.object),
            )
            self._remember(connection, principal, "labelled", f"{label.key}: no label, was {label}")

        await self._state.run(write)

    async def remember_denial(self, denial: Denial, reason: str) -> None:
        """Keep who was refused what and why; the oldest refusals go, what was done about policies stays."""
        self._denials += 1
        too_many = self._denials % _DENIALS_BETWEEN == 0

        def write(connection: sqlite3.Connection) -> None:
            digest = self._digest(connection)
            remember(
                connection,
                self._site,
                denial.at,
                (denial.principal, denial.outcome),
                change=(digest, digest),
                detail=f"{denial.action}: {reason}",
            )
            if too_many:
                forget_old_denials(connection, self._site)

        await self._state.run(write)

    async def remember(self, principal: str, action: str, detail: str) -> None:
        """Keep what was done beside this file: an action of the history's settings."""
        await self._state.run(lambda connection: self._remember(connection, principal, action, detail))

    async def drifts(self) -> frozenset[str]:
        """Return the keys of what is known not to be as the policy has it."""

        def read(connection: sqlite3.Connection) -> frozenset[str]:
            rows = connection.execute("SELECT drift FROM security_drifts WHERE site = ?", (self._site,))
            return frozenset(drift for (drift,) in rows)

        return await self._state.run(read)

    async def put_drifts(self, keys: Iterable[str]) -> None:
        """Keep what is not as the policy has it now."""
        rows = [(self._site, key) for key in keys]

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM security_drifts WHERE site = ?", (self._site,))
            connection.executemany("INSERT INTO security_drifts VALUES (?, ?)", rows)

        await self._state.run(write)

    async def history(self, wanted: Wanted | None = None) -> list[HistoryEntry]:
        """Return what was done and refused, the newest first."""
        return await self._state.run(lambda connection: entries(connection, self._site, wanted or Wanted()))

    async def document(self, digest: str) -> Document | None:
        """Return a policy that was in force once, None when none of that digest was."""

        def read(connection: sqlite3.Connection) -> Document | None:
            row = connection.execute(
                "SELECT xml, signer FROM security_documents WHERE digest = ?", (digest,)
            ).fetchone()
            return Document(*row) if row else None

        return await self._state.run(read)

    async def _set(self, field: str, value: str, principal: str | None = None, reason: str = "") -> None:

        def write(connection: sqlite3.Connection) -> None:
            statement = f"UPDATE security_sites SET {field} = ? WHERE site = ?"  # noqa: S608 - a column of ours
            connection.execute(statement, (value, self._site))
            if principal is not None:
                self._remember(connection, principal, field, f"{value}: {reason}" if reason else value)

        await self._state.run(write)

    def _digest(self, connection: sqlite3.Connection) -> str | None:
        row = connection.execute("SELECT digest FROM security_sites WHERE site = ?", (self._site,)).fetchone()
        return str(row[0]) if row and row[0] else None

    def _put(self, connection: sqlite3.Connection, labels: Iterable[AssignedLabel]) -> None:
        connection.executemany(
            "INSERT OR REPLACE INTO security_labels VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(self._site, *_row(label)) for label in labels],
        )

    def _remember(self, connection: sqlite3.Connection, principal: str, action: str, detail: str) -> None:
        """Add an entry of now, of what leaves the policy in force as it is."""
        digest = self._digest(connection)
        who_what = principal, action
        change = digest, digest
        remember(connection, self._site, datetime.now(UTC), who_what, change=change, detail=detail)


def check_expected(digest: str | None, expected: str | None) -> None:
    """Refuse a change by somebody who believes another policy in force; expected None: whatever is."""
    if expected is None or (digest or NO_POLICY) == expected.lower():
        return
    found = f"the policy in force has digest {digest}" if digest else "no policy is in force"
    wanted = f"not {expected}" if expected else "and none was expected"
    raise PolicyError(
        (
            Finding(
                FindingKind.ERROR,
                f"{found}, {wanted}: somebody else has changed it; look at it and try again",
                XsErr.VERSION_PREVENTS_UPDATE,
            ),
        )
    )


def _row(label: AssignedLabel) -> tuple[str | int | None, ...]:
    assigned = label.assigned.isoformat() if label.assigned else ""
    fields = (label.kind.value, label.object, label.label, label.policy, int(label.is_valid))
    return (*fields, label.identity, label.principal, assigned)


def _label(row: tuple[str, str, str, str, int, str | None, str, str]) -> AssignedLabel:
    kind, name, label, policy, is_valid, identity, principal, assigned = row
    return AssignedLabel(
        kind=Labelled(kind),
        object=name,
        label=label,
        policy=policy,
        is_valid=bool(is_valid),
        identity=identity,
        principal=principal,
        assigned=datetime.fromisoformat(assigned) if assigned else None,
    )

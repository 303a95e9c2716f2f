"""What a host keeps free for machines that are on their way: promised for a while, against a token.

A token is told once and kept as its digest only; it is good for one arrival and for who was given it.
What became of each is kept for a day, so that a token that is used up can be told from one that never was.

Source: DSP1081 1.0, 8.2 (what is checked before a virtual system is moved); SQLite.
Errors: CimError, which says what is wrong with a token; StateError.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from xencim.providers.core.state import State

PREPARED_FOR = timedelta(seconds=120)
"""How long a promise waits for its machine to set out: from one call to the next."""
COMMITTED_FOR = timedelta(days=7)
"""How long a machine may be on its way: as long as a migration may take."""
REMEMBERED_FOR = timedelta(days=1)
_TOKEN_BYTES = 32

MIGRATIONS = (
    """
    CREATE TABLE reservations (
        site TEXT NOT NULL,
        digest TEXT NOT NULL,
        machine TEXT NOT NULL,
        name TEXT NOT NULL,
        memory_kib INTEGER NOT NULL,
        principal TEXT NOT NULL,
        stage TEXT NOT NULL,
        expires REAL NOT NULL,
        PRIMARY KEY (site, digest)
    ) STRICT
    """,
)


class Stage(Enum):
    """How far a reservation has come."""

    PREPARED = "prepared"
    COMMITTED = "committed"  # its machine is on its way
    FINISHED = "finished"
    CANCELLED = "cancelled"


_OPEN = frozenset({Stage.PREPARED, Stage.COMMITTED})
_UNUSABLE = {
    Stage.PREPARED: "was not committed yet",
    Stage.COMMITTED: "has been used already",
    Stage.FINISHED: "has been used already, and its machine has arrived",
    Stage.CANCELLED: "was cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A promise to one machine."""

    digest: str
    machine: str  # uuid
    name: str
    memory_kib: int  # 0 for one that arrives switched off
    principal: str
    stage: Stage
    expires: datetime

    @property
    def arrives_running(self) -> bool:
        """Whether its machine runs when it arrives."""
        return self.memory_kib > 0


class Reservations:
    """The promises of one site. Without a store (tests) nothing outlives the process."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._state: State | None = None
        self._site = ""
        self._all: dict[str, Reservation] = {}

    async def start(self, state: State, site: str) -> None:
        """Bring back what an earlier server promised."""
        self._state, self._site = state, site
        await state.migrate("reservations", MIGRATIONS)

        def read(connection: sqlite3.Connection) -> list[tuple[str, str, str, int, str, str, float]]:
            return connection.execute(
                "SELECT digest, machine, name, memory_kib, principal, stage, expires"
                " FROM reservations WHERE site = ?",
                (site,),
            ).fetchall()

        for digest, machine, name, memory_kib, principal, stage, expires in await state.run(read):
            self._all[digest] = Reservation(
                digest=digest,
                machine=machine,
                name=name,
                memory_kib=memory_kib,
                principal=principal,
                stage=Stage(stage),
                expires=datetime.fromtimestamp(expires, UTC),
            )

    def open(self) -> Iterator[Reservation]:
        """Yield the promises that bind the host now."""
        now = self._now()
        return (one for one in self._all.values() if one.stage in _OPEN and one.expires > now)

    def arriving(self, machine: str) -> Reservation | None:
        """Return the promise to a machine that is on its way, if there is one."""
        return next((o for o in self.open() if o.machine == machine and o.stage is Stage.COMMITTED), None)

    async def make(self, machine: str, name: str, memory_kib: int, principal: str) -> str:
        """Promise, and return the token; whether there is room is the caller's to look at, at once before.

        It takes the place of what was promised to the same principal for the same machine.
        """
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        one = Reservation(
            digest=_digest(token),
            machine=machine,
            name=name,
            memory_kib=memory_kib,
            principal=principal,
            stage=Stage.PREPARED,
            expires=self._now() + PREPARED_FOR,
        )
        replaced = [
            replace(other, stage=Stage.CANCELLED)
            for other in self.open()
            if (other.machine, other.principal, other.stage) == (machine, principal, Stage.PREPARED)
        ]
        await self._keep(one, *replaced)
        return token

    def find(self, token: str, principal: str, *stages: Stage) -> Reservation:
        """Return what a token stands for; CimError when it is not in one of these stages (any more)."""
        one = self._all.get(_digest(token))
        if one is None or one.principal != principal:
            raise CimError(
                Status.NOT_FOUND,
                f"the token is not known here to be {principal!r}'s",
                hint="PrepareIncomingMigration gives one",
            )
        if one.stage in _OPEN and one.expires <= self._now():
            raise CimError(
                Status.FAILED,
                f"the token for {one.name} has expired at {one.expires:%Y-%m-%d %H:%M:%S} UTC",
                hint="prepare the migration anew",
            )
        if one.stage not in stages:
            raise CimError(Status.FAILED, f"the token for {one.name} {_UNUSABLE[one.stage]}")
        return one

    async def advance(self, one: Reservation, stage: Stage) -> None:
        """Take a promise to its next stage."""
        expires = self._now() + COMMITTED_FOR if stage is Stage.COMMITTED else one.expires
        await self._keep(replace(one, stage=stage, expires=expires))

    async def _keep(self, *changed: Reservation) -> None:
        """Take note of promises, here at once and on disk before this returns; forget what is long over."""
        oldest = self._now() - REMEMBERED_FOR
        self._all = {digest: one for digest, one in self._all.items() if one.expires > oldest}
        self._all.update((one.digest, one) for one in changed)
        if self._state is None:
            return
        rows = [
            (
                self._site,
                one.digest,
                one.machine,
                one.name,
                one.memory_kib,
                one.principal,
                one.stage.value,
                one.expires.timestamp(),
            )
            for one in changed
        ]

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM reservations WHERE site = ? AND expires <= ?", (self._site, oldest.timestamp())
            )
            connection.executemany(
                "INSERT OR REPLACE INTO reservations VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows
            )

        await self._state.run(write)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

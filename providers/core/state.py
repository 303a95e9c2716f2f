"""What outlives the server: one SQLite file that every part keeps its own tables in.

Each part brings its tables as a list of migrations, numbered from 1; its version is kept beside those
of the others, so that parts grow independently. All statements run on one worker thread, in the order
in which they were asked for. Each `run` is done whole or not at all; what waits is written together, for
it is the disk's word that takes the time.

Source: SQLite, "Write-Ahead Logging" and "PRAGMA synchronous".
Errors: StateError, which names the file and what is wrong with it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

T = TypeVar("T")

FILE_NAME = "state.sqlite"
_BUSY_TIMEOUT_S = 5.0
_VERSIONS = "CREATE TABLE IF NOT EXISTS versions (part TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT"


class StateError(Exception):
    """The state file cannot be read or written."""


class State:
    """The open file. Made by `open`; `close` ends its thread."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._waiting: deque[tuple[Callable[[sqlite3.Connection], Any], Callable[..., object]]] = deque()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")

    @classmethod
    def open(cls, path: Path | None) -> State:
        """Open or make the file; None: in memory, gone with the server."""
        name = "the state in memory" if path is None else str(path)
        try:
            if path is not None:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = sqlite3.connect(
                ":memory:" if path is None else path,
                timeout=_BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                if path is not None:
                    path.chmod(0o600)
                # FULL: what a client was told of survives a power cut, not just the server's death.
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute(_VERSIONS)
            except BaseException:
                connection.close()
                raise
        except (sqlite3.Error, OSError) as error:
            cause = error.strerror if isinstance(error, OSError) else error
            raise StateError(f"{name}: {cause}") from error
        return cls(connection, name)

    async def migrate(self, part: str, migrations: Sequence[str]) -> None:
        """Bring a part's tables to the version of its last migration.

        A migration is SQL, statements ended by semicolons; those that were carried out are never
        changed, only followed by others.
        """
        loop = asyncio.get_running_loop()
        await asyncio.shield(loop.run_in_executor(self._worker, self._migrate, part, migrations))

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what ``work`` returns of the connection; it must not end the transaction it is in."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def tell(value: T | None, error: BaseException | None) -> None:
            if error is None:
                answer.set_result(cast("T", value))
            else:
                answer.set_exception(error)

        self._waiting.append((work, lambda *told: loop.call_soon_threadsafe(tell, *told)))
        self._worker.submit(self._write)
        # Shielded: work whose caller gave up is carried out all the same, in its turn.
        return await asyncio.shield(answer)

    def close(self) -> None:
        """Finish what was asked for and close the file."""
        self._worker.shutdown(wait=True)
        self._connection.close()

    def _write(self) -> None:
        """Carry out all that waits in one transaction, and tell of each when the disk has it."""
        batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not batch:
            return  # it was written together with what was asked for before
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            answers = [self._carry_out(work) for work, _ in batch]
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            answers = [(None, self._failed(error)) for _ in batch]
        for (_, tell), (value, failure) in zip(batch, answers, strict=True):
            with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
                tell(value, failure)

    def _carry_out(self, work: Callable[[sqlite3.Connection], Any]) -> tuple[Any, BaseException | None]:
        """Do one piece of work, or nothing of it."""
        connection = self._connection
        connection.execute("SAVEPOINT work")
        try:
            value = work(connection)
        except Exception as error:  # noqa: BLE001 - handed to who asked
            connection.execute("ROLLBACK TO work")
            return None, self._failed(error) if isinstance(error, sqlite3.Error) else error
        finally:
            connection.execute("RELEASE work")
        return value, None

    def _failed(self, error: sqlite3.Error) -> StateError:
        failure = StateError(f"{self._name}: {error}")
        failure.__cause__ = error
        return failure

    def _migrate(self, part: str, migrations: Sequence[str]) -> None:
        connection = self._connection
        try:
            row = connection.execute("SELECT version FROM versions WHERE part = ?", (part,)).fetchone()
            version = row[0] if row else 0
            if version > len(migrations):
                raise StateError(
                    f"{self._name}: its {part} are of version {version}, written by a newer xencim; "
                    f"this one knows version {len(migrations)}"
                )
            for number, migration in enumerate(migrations[version:], version + 1):
                # A script commits what it finds open, so it brings its own transaction.
                connection.executescript(
                    f"BEGIN IMMEDIATE; {migration}; "  # noqa: S608 - the part's own words
                    f"INSERT OR REPLACE INTO versions VALUES ('{part}', {number}); COMMIT"
                )
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise StateError(f"{self._name}: {part}: {error}") from error

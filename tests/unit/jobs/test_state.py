"""The state file: transactions in turn, migrations forward, errors that name the file."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from xencim.providers.core.state import State, StateError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

FIRST = "CREATE TABLE notes (text TEXT NOT NULL UNIQUE) STRICT"
SECOND = "ALTER TABLE notes ADD COLUMN author TEXT; UPDATE notes SET author = 'unknown'"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "state.sqlite"


@pytest.fixture
def state(path: Path) -> Iterator[State]:
    opened = State.open(path)
    yield opened
    opened.close()


def put(text: str) -> Callable[[sqlite3.Connection], None]:
    def insert(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes (text) VALUES (?)", (text,))

    return insert


def notes(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY rowid")]


async def test_what_was_written_is_there_after_a_restart(path: Path) -> None:
    state = State.open(path)
    await state.migrate("notes", [FIRST])
    await state.run(put("one"))
    state.close()
    state = State.open(path)
    await state.migrate("notes", [FIRST])
    assert await state.run(notes) == ["one"]
    state.close()


def test_nobody_else_may_read_the_file(path: Path) -> None:
    State.open(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


async def test_in_memory_nothing_stays() -> None:
    for _ in range(2):
        state = State.open(None)
        await state.migrate("notes", [FIRST])
        assert await state.run(notes) == []
        await state.run(put("one"))
        state.close()


async def test_work_is_done_in_the_order_in_which_it_was_asked_for(state: State) -> None:
    await state.migrate("notes", [FIRST])
    texts = [str(number) for number in range(50)]
    await asyncio.gather(*(state.run(put(text)) for text in texts))
    assert await state.run(notes) == texts


async def test_work_that_fails_leaves_nothing(state: State) -> None:
    await state.migrate("notes", [FIRST])

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes VALUES ('half')")
        raise LookupError("in the middle")

    with pytest.raises(LookupError, match="in the middle"):
        await state.run(half)
    assert await state.run(notes) == []


async def test_work_that_fails_costs_its_neighbours_nothing(state: State) -> None:
    await state.migrate("notes", [FIRST])
    gate = threading.Event()
    held = asyncio.ensure_future(state.run(lambda _connection: gate.wait()))
    await asyncio.sleep(0)
    asked = [asyncio.ensure_future(state.run(put(text))) for text in ("one", "two", "one", "three")]
    await asyncio.sleep(0)
    gate.set()
    await held
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None), type(None), StateError, type(None)]
    assert await state.run(notes) == ["one", "two", "three"]


async def test_what_nobody_waits_for_any_more_is_done_all_the_same(state: State) -> None:
    await state.migrate("notes", [FIRST])
    gate = threading.Event()
    held = asyncio.ensure_future(state.run(lambda _connection: gate.wait()))
    await asyncio.sleep(0)
    given_up = asyncio.ensure_future(state.run(put("one")))
    await asyncio.sleep(0)
    given_up.cancel()
    gate.set()
    await held
    assert await state.run(notes) == ["one"]


async def test_tables_grow_by_migrations(path: Path) -> None:
    state = State.open(path)
    await state.migrate("notes", [FIRST])
    await state.run(put("old"))
    await state.migrate("others", ["CREATE TABLE others (x INTEGER) STRICT"])
    await state.migrate("notes", [FIRST, SECOND])
    await state.migrate("notes", [FIRST, SECOND])

    def authors(connection: sqlite3.Connection) -> list[tuple[str, str]]:
        return connection.execute("SELECT text, author FROM notes").fetchall()

    assert await state.run(authors) == [("old", "unknown")]
    state.close()


async def test_a_migration_that_fails_changes_nothing(state: State, path: Path) -> None:
    await state.migrate("notes", [FIRST])
    bad = "ALTER TABLE notes ADD COLUMN author TEXT; INSERT INTO nowhere VALUES (1)"
    with pytest.raises(StateError) as caught:
        await state.migrate("notes", [FIRST, bad])
    assert str(caught.value) == f"{path}: notes: no such table: nowhere"
    await state.migrate("notes", [FIRST, SECOND])


async def test_tables_of_a_newer_server_are_refused(state: State, path: Path) -> None:
    await state.migrate("notes", [FIRST, SECOND])
    with pytest.raises(StateError) as caught:
        await state.migrate("notes", [FIRST])
    assert str(caught.value) == (
        f"{path}: its notes are of version 2, written by a newer xencim; this one knows version 1"
    )


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"no database at all, though long enough to be taken for the head of one" * 20)
    with pytest.raises(StateError, match="file is not a database") as caught:
        State.open(path)
    assert str(path) in str(caught.value)


async def test_an_error_of_sqlite_names_the_file(state: State, path: Path) -> None:
    with pytest.raises(StateError) as caught:
        await state.run(notes)
    assert str(caught.value) == f"{path}: no such table: notes"

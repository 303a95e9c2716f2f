"""The log on disk: events, who has seen how many of them, and machines as they were last told about.

An event and the machine it left behind are written together, so that after a death at any moment what
was told and what is compared with agree.

Errors: those of sqlite3, which `State` turns into StateError.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

PART = "cimom_events"
MIGRATIONS = (
    """
    CREATE TABLE cimom_log (context TEXT NOT NULL, last INTEGER NOT NULL) STRICT;
    INSERT INTO cimom_log VALUES (lower(hex(randomblob(16))), 0);
    CREATE TABLE cimom_feeds (id TEXT PRIMARY KEY, seen INTEGER NOT NULL) STRICT;
    CREATE TABLE cimom_events (
        number INTEGER PRIMARY KEY,
        namespace TEXT NOT NULL,
        class TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE cimom_machines (
        place TEXT NOT NULL,
        uuid TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (place, uuid)
    ) STRICT;
    """,
)
_COMPRESSION = 1
_STEP = 256

Machine = tuple[str, str]
"""A machine's place and UUID."""


class Event(NamedTuple):
    """An event; ``body`` is what its frame holds."""

    number: int
    namespace: str
    class_name: str
    body: bytes


class Size(NamedTuple):
    """So many events, and their bytes on disk."""

    events: int = 0
    bytes: int = 0

    def plus(self, other: Size) -> Size:
        """Return the size of both."""
        return Size(self.events + other.events, self.bytes + other.bytes)

    def minus(self, other: Size) -> Size:
        """Return the size of what is left."""
        return Size(self.events - other.events, self.bytes - other.bytes)


class Loaded(NamedTuple):
    """What an earlier server left."""

    context: str
    last: int
    feeds: dict[str, int]
    machines: dict[Machine, bytes]
    size: Size


def load(connection: sqlite3.Connection) -> Loaded:
    """Return all but the events."""
    context, last = connection.execute("SELECT context, last FROM cimom_log").fetchone()
    feeds = dict(connection.execute("SELECT id, seen FROM cimom_feeds").fetchall())
    machines = {(p, u): body for p, u, body in connection.execute("SELECT * FROM cimom_machines")}
    size = connection.execute("SELECT count(*), coalesce(sum(length(body)), 0) FROM cimom_events").fetchone()
    return Loaded(context, last, feeds, machines, Size(*size))


def begin(
    connection: sqlite3.Connection, feed: str, seen: int, machines: Mapping[Machine, bytes] | None
) -> None:
    """Keep a new feed; of the first one, also what all that follows is compared with."""
    connection.execute("INSERT OR REPLACE INTO cimom_feeds VALUES (?, ?)", (feed, seen))
    if machines is not None:
        connection.execute("DELETE FROM cimom_machines")
        keep(connection, machines)


def keep(connection: sqlite3.Connection, machines: Mapping[Machine, bytes | None]) -> None:
    """Keep machines; those without a body are gone."""
    connection.executemany(
        "DELETE FROM cimom_machines WHERE place = ? AND uuid = ?",
        [key for key, body in machines.items() if body is None],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO cimom_machines VALUES (?, ?, ?)",
        [(*key, body) for key, body in machines.items() if body is not None],
    )


def add(connection: sqlite3.Connection, events: Iterable[Event], last: int) -> Size:
    """Append events; return their size."""
    rows = [one._replace(body=zlib.compress(one.body, _COMPRESSION)) for one in events]
    connection.executemany("INSERT INTO cimom_events VALUES (?, ?, ?, ?)", rows)
    connection.execute("UPDATE cimom_log SET last = ?", (last,))
    return _size(len(one.body) for one in rows)


def after(connection: sqlite3.Connection, number: int, most: int) -> list[Event]:
    """Return the next events after one."""
    rows = connection.execute(
        "SELECT * FROM cimom_events WHERE number > ? ORDER BY number LIMIT ?", (number, most)
    )
    return [Event(*row) for row in rows.fetchall()]


def unpacked(event: Event) -> bytes:
    """Return what the frame of an event holds."""
    return zlib.decompress(event.body)


def note(connection: sqlite3.Connection, feeds: Mapping[str, int]) -> Size:
    """Keep how far feeds have come and forget what all have seen; return its size."""
    connection.executemany("UPDATE cimom_feeds SET seen = ? WHERE id = ?", [(n, f) for f, n in feeds.items()])
    freed = connection.execute(
        "DELETE FROM cimom_events WHERE number <= ? RETURNING length(body)", (min(feeds.values()),)
    )
    return _size(size for (size,) in freed.fetchall())


def drop_oldest(connection: sqlite3.Connection) -> Size:
    """Forget the oldest events, seen or not; return their size."""
    freed = connection.execute(
        "DELETE FROM cimom_events WHERE number IN (SELECT number FROM cimom_events ORDER BY number LIMIT ?)"
        " RETURNING length(body)",
        (_STEP,),
    )
    return _size(size for (size,) in freed.fetchall())


def forget(connection: sqlite3.Connection, feed: str, last: int) -> None:
    """Forget a feed; with the last one everything but the number of the last event."""
    connection.execute("DELETE FROM cimom_feeds WHERE id = ?", (feed,))
    if connection.execute("SELECT 1 FROM cimom_feeds").fetchone() is None:
        connection.execute("DELETE FROM cimom_events")
        connection.execute("DELETE FROM cimom_machines")
        connection.execute("UPDATE cimom_log SET last = ?", (last,))


def _size(sizes: Iterable[int]) -> Size:
    listed = tuple(sizes)
    return Size(len(listed), sum(listed))

"""The queue on disk: indications that no listener has answered for yet, and each destination's sequence.

Bodies are kept as they will be sent, compressed: they repeat themselves, and a listener that is away for
long makes many wait.

Source: DSP1054 1.1, section 7 (SequenceContext and SequenceNumber).
Errors: those of sqlite3, which `State` turns into StateError.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

PART = "indications"
MIGRATIONS = (
    """
    CREATE TABLE indication_sequences (
        destination TEXT PRIMARY KEY,
        context TEXT NOT NULL,
        next_number INTEGER NOT NULL,
        delivered INTEGER NOT NULL,
        dropped INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE indication_queue (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        destination TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX indication_queue_order ON indication_queue (destination, id);
    """,
)
_COMPRESSION = 1  # a fifth of the size for a tenth of a millisecond


class Progress(NamedTuple):
    """Where a destination's sequence is, and what became of its indications."""

    destination: str
    context: str
    next_number: int = 0
    delivered: int = 0
    dropped: int = 0


class Waiting(NamedTuple):
    """An indication that waits."""

    id: int
    body: bytes


def load(connection: sqlite3.Connection) -> list[tuple[Progress, int, int]]:
    """Return every sequence, with how many indications wait and their bytes."""
    counts = {
        destination: (count, size)
        for destination, count, size in connection.execute(
            "SELECT destination, count(*), sum(length(body)) FROM indication_queue GROUP BY destination"
        )
    }
    rows = connection.execute("SELECT * FROM indication_sequences")
    return [(Progress(*row), *counts.get(row[0], (0, 0))) for row in rows.fetchall()]


def add(
    connection: sqlite3.Connection, bodies: Iterable[tuple[str, bytes]], sequences: Iterable[Progress]
) -> list[int]:
    """Let bodies wait, each for its destination, in this order; return their bytes on disk."""
    packed = [(destination, zlib.compress(body, _COMPRESSION)) for destination, body in bodies]
    connection.executemany("INSERT INTO indication_queue (destination, body) VALUES (?, ?)", packed)
    save(connection, sequences)
    return [len(body) for _, body in packed]


def save(connection: sqlite3.Connection, sequences: Iterable[Progress]) -> None:
    """Keep where sequences are."""
    connection.executemany("INSERT OR REPLACE INTO indication_sequences VALUES (?, ?, ?, ?, ?)", sequences)


def first(connection: sqlite3.Connection, destination: str, most: int) -> list[Waiting]:
    """Return those that have waited longest."""
    rows = connection.execute(
        "SELECT id, body FROM indication_queue WHERE destination = ? ORDER BY id LIMIT ?", (destination, most)
    )
    return [Waiting(*row) for row in rows.fetchall()]


def unpacked(waiting: Waiting) -> bytes:
    """Return the message of an indication that waits."""
    return zlib.decompress(waiting.body)


def done(connection: sqlite3.Connection, waited: Sequence[Waiting], sequence: Progress) -> None:
    """Forget indications that were delivered or given up."""
    connection.executemany("DELETE FROM indication_queue WHERE id = ?", [(one.id,) for one in waited])
    save(connection, [sequence])


def clear(connection: sqlite3.Connection, destination: str) -> int:
    """Forget all that waits for a destination; return how many that were."""
    found = connection.execute("DELETE FROM indication_queue WHERE destination = ?", (destination,))
    return found.rowcount


def forget(connection: sqlite3.Connection, destination: str) -> None:
    """Forget a destination."""
    clear(connection, destination)
    connection.execute("DELETE FROM indication_sequences WHERE destination = ?", (destination,))

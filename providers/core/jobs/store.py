"""Jobs on disk: each as one JSON document, written before its work starts and at each change of state.

Source: RFC 8259 (JSON); times as RFC 3339 writes them.
Errors: StateError.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.records import Element, Job, JobError, JobState, Reason

if TYPE_CHECKING:
    import sqlite3

    from xencim.providers.core.state import State

MIGRATIONS = (
    """
    CREATE TABLE jobs (
        site TEXT NOT NULL,
        id TEXT NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (site, id)
    ) STRICT
    """,
)
_TIMES = ("submitted", "changed", "started", "finished")


class JobStore:
    """The jobs of one site; ``site`` is what it is called in the file."""

    def __init__(self, state: State, site: str) -> None:
        self._state = state
        self._site = site

    async def load(self) -> list[Job]:
        """Return all jobs, the oldest first."""
        await self._state.migrate("jobs", MIGRATIONS)

        def read(connection: sqlite3.Connection) -> list[tuple[str]]:
            return connection.execute("SELECT document FROM jobs WHERE site = ?", (self._site,)).fetchall()

        return sorted(
            (decode(document) for (document,) in await self._state.run(read)), key=lambda job: job.submitted
        )

    async def save(self, job: Job) -> None:
        """Write a job as it is now."""
        row = (self._site, job.id, encode(job))

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?)", row)

        await self._state.run(write)

    async def remove(self, job_id: str) -> None:
        """Forget a job."""

        def delete(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM jobs WHERE site = ? AND id = ?", (self._site, job_id))

        await self._state.run(delete)


def encode(job: Job) -> str:
    """Return a job as JSON."""
    fields = asdict(job)
    fields["state"] = job.state.value
    for name in _TIMES:
        fields[name] = fields[name] and fields[name].isoformat()
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def decode(document: str) -> Job:
    """Return the job that JSON tells of; fields that later versions added may be missing."""
    fields: dict[str, Any] = json.loads(document)
    fields["state"] = JobState(fields["state"])
    for name in _TIMES:
        fields[name] = datetime.fromisoformat(fields[name]) if fields.get(name) else None
    fields["owner"] = _element(fields["owner"])
    fields["affected"] = tuple(map(_element, fields["affected"]))
    fields["error"] = _error(fields["error"]) if fields.get("error") else None
    fields["facts"] = tuple((name, value) for name, value in fields["facts"])
    return Job(**fields)


def _error(fields: dict[str, Any]) -> JobError:
    reasons = tuple(map(_reason, fields.pop("reasons", ())))
    return JobError(**fields, reasons=reasons)


def _reason(fields: dict[str, Any]) -> Reason:
    tuples: dict[str, Any] = {name: tuple(fields[name]) for name in ("labels", "types", "machines")}
    return Reason(**(fields | tuples))


def _element(fields: dict[str, Any]) -> Element:
    return Element(fields["class_name"], tuple((name, value) for name, value in fields["keys"]))

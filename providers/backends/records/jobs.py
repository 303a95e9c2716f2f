"""Work that goes on after the call that asked for it, and what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from xencim.providers.backends.records.security import Reason


RESULT = "result"
"""The fact that tells in words what came of a job's work."""


class JobState(Enum):
    """How far a job has come; those from COMPLETED on are final."""

    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    TERMINATED = "terminated"
    KILLED = "killed"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens."""
        return self not in {JobState.WAITING, JobState.RUNNING, JobState.CANCELLING}


@dataclass(frozen=True, slots=True)
class Element:
    """What a job belongs to or changes: a class without prefix, and the instance's keys."""

    class_name: str
    keys: tuple[tuple[str, str | int | float | bool], ...]

    @property
    def identity(self) -> str:
        """Tell elements apart whatever the order of their keys; classes among the keys add nothing."""
        own = sorted(
            (name.lower(), str(value))
            for name, value in self.keys
            if not name.lower().endswith("creationclassname")
        )
        return f"{self.class_name.lower()} {own}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed."""

    code: int  # what the method would have returned
    status: int  # the CIM status code nearest to it
    message: str
    hint: str | None = None
    reasons: tuple[Reason, ...] = ()  # of a refusal by the security policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work."""

    id: str
    name: str
    kind: str  # tells who knows, after a restart, what became of it
    owner: Element
    affected: tuple[Element, ...]
    principal: str
    queue: str | None
    state: JobState
    submitted: datetime
    changed: datetime
    started: datetime | None = None
    finished: datetime | None = None
    percent: int = 0
    status: str | None = None  # what it is doing, in words
    error: JobError | None = None
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.id

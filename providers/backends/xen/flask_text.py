"""What Xen's tools print about FLASK, as values. Source: xl and the flask tools of Xen 4.17."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_MACHINE = re.compile(
    r"(?P<name>.+?)\s+(?P<number>\d+)\s+\d+\s+\d+\s+(?P<state>[a-z-]{6})\s+[\d.]+\s+(?P<label>\S+)\s*"
)
_BOOLEAN = re.compile(r"(?P<name>\S+): (?P<value>[01])(?: \(pending (?P<pending>[01])\))?")
_DYING = 5
"""The place of ``d`` in a machine's state: what remains of it is being taken down."""


class Mode(Enum):
    """What the hypervisor does with its policy."""

    ENFORCING = "Enforcing"
    PERMISSIVE = "Permissive"
    ABSENT = "Flask XSM Disabled"
    """Not built with XSM, or another module than FLASK is in force."""


@dataclass(frozen=True, slots=True)
class MachineContext:
    """A running machine and its context; None: the hypervisor has none."""

    name: str
    number: int
    context: str | None
    is_dying: bool = False


@dataclass(frozen=True, slots=True)
class Boolean:
    """A policy's boolean; ``pending`` is what a commit would make of it."""

    name: str
    value: bool
    pending: bool


def mode(out: str) -> Mode | None:
    """Read what ``xl getenforce`` prints; None: it is none of the words known."""
    try:
        return Mode(out.strip())
    except ValueError:
        return None


def machines(out: str) -> tuple[MachineContext, ...]:
    """Read what ``xl list -Z`` prints."""
    found = []
    for line in out.splitlines():
        match = _MACHINE.fullmatch(line)
        if match:
            context = None if match["label"] == "-" else match["label"]
            dying = match["state"][_DYING] == "d"
            found.append(MachineContext(match["name"], int(match["number"]), context, dying))
    return tuple(found)


def booleans(out: str) -> tuple[Boolean, ...]:
    """Read what ``flask-get-bool`` prints."""
    return tuple(
        Boolean(match["name"], match["value"] == "1", (match["pending"] or match["value"]) == "1")
        for match in map(_BOOLEAN.fullmatch, out.splitlines())
        if match
    )

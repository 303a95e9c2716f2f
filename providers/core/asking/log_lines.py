"""Numbers for the lines of a log that is read as one text, again and again.

The hypervisor keeps its console in a ring: the oldest lines fall out, new ones are added, and no line has
a number. A line that is still there keeps the one that it was given first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import LogLine

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LINES = 10_000
"""The newest; a ring is 16 KiB large unless its host was started with a larger one."""
MOST_CHARACTERS = 4096
"""Of a line: Xen's own are cut far before."""


def numbered(known: Sequence[LogLine], text: str, following: int) -> tuple[LogLine, ...]:
    """Return the lines of a text: those that were known with their numbers, others numbered from one on."""
    texts = [line[:MOST_CHARACTERS] for line in text.splitlines() if line.strip()]
    lost = _lost([line.text for line in known], texts)
    kept = known[lost:]
    fresh = enumerate(texts[len(kept) :], start=following)
    lines = (*kept, *(LogLine(number=number, text=line) for number, line in fresh))
    return lines[-MOST_LINES:]


def _lost(known: list[str], texts: list[str]) -> int:
    """Return how many of the known lines have fallen out: what is left of them is how the texts begin."""
    for lost in range(len(known)):
        left = len(known) - lost
        if left <= len(texts) and known[lost] == texts[0] and known[lost:] == texts[:left]:
            return lost
    return len(known)

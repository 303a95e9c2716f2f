"""Sets of numbers as text: 0-3,6.

Errors: ValueError for text that is none.
"""

from __future__ import annotations

import re
from itertools import count, groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# More than any host has processors, and longer than what names them: a text must not take all the time.
MAX_NUMBER = 16_383
_MAX_LENGTH = 1024
_PART = re.compile(r"\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*\Z", re.ASCII)


def ranges(numbers: Iterable[int]) -> str:
    """Return numbers as text, those that follow each other as a range."""
    counter = count()
    groups = [list(group) for _, group in groupby(sorted(set(numbers)), lambda n: n - next(counter))]
    return ",".join(f"{g[0]}" if len(g) == 1 else f"{g[0]}-{g[-1]}" for g in groups)


def numbers(text: str) -> tuple[int, ...]:
    """Return the numbers that a text names, in order."""
    found: set[int] = set()
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"{text[:80]!r}… is too long")
    for part in text.split(",") if text.strip() else ():
        match = _PART.match(part)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not low <= high <= MAX_NUMBER:
            raise ValueError(f"{text[:80]!r} names no numbers, as 0-3,6 does")
        found.update(range(low, high + 1))
    return tuple(sorted(found))

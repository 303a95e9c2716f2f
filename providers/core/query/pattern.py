"""LIKE patterns, matched in time linear in the text.

A pattern becomes a position automaton whose sets of positions are the bits of an integer, so no
pattern and no text make it backtrack. The whole text must match, as SQL's LIKE has it.

Source: WQL's LIKE (% _ [a-f] [^a-f]); the regular expressions of DSP1001 1.1, annex B, that CQL and FQL name.
Errors: PatternError, with the position in the pattern, counted from 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

# A position is a character of the pattern after its repeats are written out; building is quadratic in them.
MAX_POSITIONS = 256
# Steps that are remembered per pattern; more texts than that start anew.
MAX_REMEMBERED = 4096
MAX_GROUP_DEPTH = 20


class PatternError(ValueError):
    """The pattern is not well formed, or too large."""

    def __init__(self, position: int, text: str) -> None:
        super().__init__(text)
        self.position = position


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of ranges, or out of all others."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool = False

    def accepts(self, char: str) -> bool:
        """Tell whether the character is one of them."""
        return any(low <= char <= high for low, high in self.ranges) is not self.negated


ANY_CHAR = Chars((), negated=True)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A node ``low`` to ``high`` times; None is without end."""

    node: Node
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """One node after the other."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the nodes."""

    nodes: tuple[Node, ...]


Node: TypeAlias = Chars | Repeat | Sequence | Choice


@dataclass(frozen=True, slots=True)
class _Part:
    """What a built node shows its neighbours: may it be empty, where it starts, where it ends."""

    nullable: bool
    first: int
    last: int


_EMPTY = _Part(nullable=True, first=0, last=0)


@dataclass(slots=True)
class _Builder:
    chars: list[Chars] = field(default_factory=list)
    follow: list[int] = field(default_factory=list)

    def build(self, node: Node) -> _Part:
        if isinstance(node, Chars):
            return self._leaf(node)
        if isinstance(node, Repeat):
            return self._repeat(node)
        if isinstance(node, Choice):
            parts = [self.build(child) for child in node.nodes]
            first = last = 0
            for part in parts:
                first, last = first | part.first, last | part.last
            return _Part(any(part.nullable for part in parts), first, last)
        whole = _EMPTY
        for child in node.nodes:
            whole = self._join(whole, self.build(child))
        return whole

    def _leaf(self, chars: Chars) -> _Part:
        if len(self.chars) >= MAX_POSITIONS:
            raise PatternError(
                0, f"the pattern is too large, at most {MAX_POSITIONS} characters are supported"
            )
        bit = 1 << len(self.chars)
        self.chars.append(chars)
        self.follow.append(0)
        return _Part(nullable=False, first=bit, last=bit)

    def _join(self, left: _Part, right: _Part) -> _Part:
        self._lead(left.last, right.first)
        return _Part(
            left.nullable and right.nullable,
            left.first | (right.first if left.nullable else 0),
            right.last | (left.last if right.nullable else 0),
        )

    def _repeat(self, repeat: Repeat) -> _Part:
        whole = _EMPTY
        for count in range(repeat.low if repeat.high is None else repeat.high):
            part = self.build(repeat.node)
            if count >= repeat.low:
                part = _Part(nullable=True, first=part.first, last=part.last)
            whole = self._join(whole, part)
        if repeat.high is None:
            part = self.build(repeat.node)
            self._lead(part.last, part.first)
            whole = self._join(whole, _Part(nullable=True, first=part.first, last=part.last))
        return whole

    def _lead(self, last: int, first: int) -> None:
        for position in _bits(last):
            self.follow[position] |= first


def _bits(mask: int) -> list[int]:
    positions = []
    while mask:
        low = mask & -mask
        positions.append(low.bit_length() - 1)
        mask ^= low
    return positions


class Pattern:
    """A compiled pattern."""

    __slots__ = ("_after", "_chars", "_follow", "_masks", "_whole")

    def __init__(self, node: Node) -> None:
        builder = _Builder()
        self._whole = builder.build(node)
        self._chars = builder.chars
        self._follow = builder.follow
        self._masks: dict[str, int] = {}
        self._after: dict[int, int] = {}

    @property
    def size(self) -> int:
        """The number of positions, to which the cost of building it is bound."""
        return len(self._chars)

    def matches(self, text: str) -> bool:
        """Tell whether the whole text is of the pattern."""
        if not text:
            return self._whole.nullable
        expected = self._whole.first
        reached = 0
        for char in text:
            mask = self._masks.get(char)
            reached = expected & (self._mask(char) if mask is None else mask)
            if not reached:
                return False
            after = self._after.get(reached)
            expected = self._next(reached) if after is None else after
        return bool(reached & self._whole.last)

    def _mask(self, char: str) -> int:
        mask = 0
        for position, chars in enumerate(self._chars):
            if chars.accepts(char):
                mask |= 1 << position
        if len(self._masks) >= MAX_REMEMBERED:
            self._masks.clear()
        self._masks[char] = mask
        return mask

    def _next(self, reached: int) -> int:
        expected = 0
        for position in _bits(reached):
            expected |= self._follow[position]
        if len(self._after) >= MAX_REMEMBERED:
            self._after.clear()
        self._after[reached] = expected
        return expected

"""Reads the text of LIKE patterns: WQL's wildcards and DMTF's regular expressions.

Source: WQL's LIKE operator; DSP1001 1.1, annex B (the set is negated by ``^`` after it, there are no ranges).
Errors: PatternError.
"""

from __future__ import annotations

import re

from xencim.providers.core.query.pattern import (
    ANY_CHAR,
    MAX_GROUP_DEPTH,
    MAX_POSITIONS,
    Chars,
    Choice,
    Node,
    Pattern,
    PatternError,
    Repeat,
    Sequence,
)


def read_wildcards(text: str) -> Pattern:
    """Read WQL's form: % any text, _ any character, [abc] [a-f] [a=f] a set, [^abc] all others."""
    nodes: list[Node] = []
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "%":
            # Two of them in a row are one, and cost one.
            if not (nodes and isinstance(nodes[-1], Repeat)):
                nodes.append(Repeat(ANY_CHAR, 0, None))
        elif char == "_":
            nodes.append(ANY_CHAR)
        elif char == "[":
            end = text.find("]", at)
            if end < 0:
                raise PatternError(at - 1, "[ without ]")
            nodes.append(_wildcard_set(text[at:end], at))
            at = end + 1
        else:
            nodes.append(Chars(((char, char),)))
    return Pattern(Sequence(tuple(nodes)))


def _wildcard_set(inside: str, position: int) -> Chars:
    negated = inside.startswith("^")
    rest = inside[negated:]
    if not rest:
        raise PatternError(position, "a set without characters")
    ranges = []
    at = 0
    while at < len(rest):
        low = high = rest[at]
        if rest[at + 1 : at + 2] in {"-", "="} and at + 2 < len(rest):
            high = rest[at + 2]
            at += 2
        if low > high:
            raise PatternError(position, f"the range {low}-{high} runs backwards")
        ranges.append((low, high))
        at += 1
    return Chars(tuple(ranges), negated)


def read_expression(text: str) -> Pattern:
    """Read DMTF's form: . any character, [abc] a set, [abc]^ all others, * + ? {m,n} repeats, (…), |."""
    reader = _Expression(text)
    node = reader.choice(0)
    if not reader.done:
        raise PatternError(reader.at, ") without (")
    return Pattern(node)


_BOUNDS = re.compile(r"\{([0-9]{1,9})(,([0-9]{1,9})?)?\}", re.ASCII)


class _Expression:
    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    @property
    def done(self) -> bool:
        return self.at >= len(self._text)

    def _peek(self) -> str:
        return self._text[self.at : self.at + 1]

    def choice(self, depth: int) -> Node:
        nodes = [self._sequence(depth)]
        while self._peek() == "|":
            self.at += 1
            nodes.append(self._sequence(depth))
        return nodes[0] if len(nodes) == 1 else Choice(tuple(nodes))

    def _sequence(self, depth: int) -> Node:
        # The whole text has to match, so that the anchors say nothing more; only their places are checked.
        if depth == 0 and self._peek() == "^":
            self.at += 1
        nodes: list[Node] = []
        while not self.done and self._peek() not in "|)":
            if depth == 0 and self._peek() == "$" and self._text[self.at + 1 : self.at + 2] in {"", "|"}:
                self.at += 1
                break
            nodes.append(self._repeats(self._atom(depth)))
        if depth and not nodes:
            raise PatternError(self.at, "nothing in the group")
        return Sequence(tuple(nodes))

    def _atom(self, depth: int) -> Node:
        char = self._peek()
        self.at += 1
        if char == ".":
            return ANY_CHAR
        if char == "[":
            return self._set()
        if char == "(":
            return self._group(depth + 1)
        if char in "*+?{}]^$":
            raise PatternError(self.at - 1, f"{char} has no meaning here, \\{char} is the character")
        if char == "\\":
            char = self._escaped()
        return Chars(((char, char),))

    def _escaped(self) -> str:
        char = self._peek()
        if not char or char.isalnum():
            raise PatternError(self.at - 1, "\\ stands before no special character")
        self.at += 1
        return char

    def _set(self) -> Chars:
        start = self.at
        if self._peek() == "^":
            raise PatternError(start, "a set is negated by ^ after it, as in [ab]^")
        found = []
        while self._peek() != "]":
            if self.done:
                raise PatternError(start - 1, "[ without ]")
            char = self._peek()
            self.at += 1
            found.append(self._escaped() if char == "\\" else char)
        self.at += 1
        if not found:
            raise PatternError(start, "a set without characters")
        negated = self._peek() == "^"
        self.at += negated
        return Chars(tuple((char, char) for char in found), negated)

    def _group(self, depth: int) -> Node:
        start = self.at - 1
        if depth > MAX_GROUP_DEPTH:
            raise PatternError(start, f"groups are nested deeper than {MAX_GROUP_DEPTH}")
        node = self.choice(depth)
        if self._peek() != ")":
            raise PatternError(start, "( without )")
        self.at += 1
        return node

    def _repeats(self, node: Node) -> Node:
        char = self._peek()
        if char and char in "*+?":
            self.at += 1
            return Repeat(node, int(char == "+"), 1 if char == "?" else None)
        if char != "{":
            return node
        bounds = _BOUNDS.match(self._text, self.at)
        if bounds is None:
            raise PatternError(self.at, "a repeat is {3}, {3,} or {3,5}")
        low = int(bounds[1])
        high = (int(bounds[3]) if bounds[3] else None) if bounds[2] else low
        if low > MAX_POSITIONS or (high is not None and not max(low, 1) <= high <= MAX_POSITIONS):
            raise PatternError(
                self.at, f"a repeat counts up, from 0 or more to 1 or more, to {MAX_POSITIONS} at most"
            )
        self.at = bounds.end()
        return Repeat(node, low, high)

"""Cuts the text of a query into tokens.

The three languages share names, numbers and strings: quoted by ' or ", with the escapes of DSP0004.

Source: DSP0202 1.0, annex on the grammar; DSP0212 1.0.1, section 6; DSP0004 3.0, annex A (string escapes).
Errors: CimError, see syntax.py.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from xencim.providers.core.query.syntax import Language

# Long enough for a query by hundreds of names; everything after it is linear in this.
MAX_QUERY_LENGTH = 16_384

# No possessive quantifiers: those of groups are wrong in Debian 12's Python 3.11.2. The alternatives begin
# differently, so that a failure costs no more than the text is long.
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<number>(?:0[xX][0-9A-Fa-f]+
        |(?:[0-9]+\.[0-9]+|\.[0-9]+|[0-9]+\.(?!\.)|[0-9]+(?=[eE]))(?:[eE][+-]?[0-9]+)?
        |[01]+[bB]
        |[0-9]+)(?!\w))
    |(?P<name>[^\W\d]\w*)
    |(?P<sign><=|>=|<>|!=|\.\.|::|\|\||[=<>(){}\[\],.*+\-/\#:])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:[xX]([0-9A-Fa-f]{1,4})|u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "'": "'", "\\": "\\"}
_SHOWN_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Token:
    """A name, a string, a number, a sign or the end; ``value`` is what a string or number means."""

    kind: Literal["name", "string", "number", "sign", "end"]
    text: str
    position: int
    value: str | int | float = ""

    @property
    def word(self) -> str:
        """The name in upper case or the sign, to compare with keywords; empty for constants."""
        return self.text.upper() if self.kind in {"name", "sign"} else ""

    def __str__(self) -> str:
        if self.kind == "end":
            return "the end"
        shown = self.text if len(self.text) <= _SHOWN_LENGTH else f"{self.text[:_SHOWN_LENGTH]}…"
        return repr(shown)


def tokenize(language: Language, text: str) -> list[Token]:
    """Return the tokens, the end as the last one."""
    if len(text) > MAX_QUERY_LENGTH:
        raise language.too_large(f"{len(text)} characters, at most {MAX_QUERY_LENGTH} are read")
    tokens = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _unreadable(language, text, at)
        kind = found.lastgroup
        piece = found.group()
        position = at + 1
        at = found.end()
        if kind == "string":
            tokens.append(Token("string", piece, position, _unescape(language, piece, position)))
        elif kind == "number":
            tokens.append(Token("number", piece, position, _number(language, piece, position)))
        elif kind == "name":
            tokens.append(Token("name", piece, position))
        elif kind == "sign":
            tokens.append(Token("sign", "<>" if piece == "!=" and language.is_wql else piece, position))
    tokens.append(Token("end", "", len(text) + 1))
    return tokens


def _unreadable(language: Language, text: str, at: int) -> Exception:
    char = text[at]
    if char in "'\"":
        return language.invalid(at + 1, f"the string has no closing {char}")
    if char.isdigit():
        return language.invalid(at + 1, "a number runs into a name")
    return language.invalid(at + 1, f"{char!r} has no meaning")


def _unescape(language: Language, quoted: str, position: int) -> str:
    def replace(found: re.Match[str]) -> str:
        if code := found[1] or found[2]:
            return chr(int(code, 16))
        try:
            return _ESCAPED[found[3]]
        except KeyError:
            raise language.invalid(
                position + 1 + found.start(),
                f"unknown escape {found[0]!r}",
                hint="a backslash itself is \\\\",
            ) from None

    inside = quoted[1:-1]
    return _ESCAPE.sub(replace, inside) if "\\" in inside else inside


# No CIM type holds a number of more digits, and Python's own limit must not be met.
_MAX_DIGITS = 400


def _number(language: Language, text: str, position: int) -> int | float:
    lowered = text.lower()
    if len(text) > _MAX_DIGITS:
        raise language.invalid(position, "the number is too long")
    if lowered.startswith("0x"):
        return int(text, 0)
    if lowered.endswith("b"):
        return int(lowered[:-1], 2)
    if not any(char in lowered for char in ".e"):
        return int(text)
    number = float(text)
    if math.isinf(number):
        raise language.invalid(position, "the number is too large")
    return number

"""Reads one instance as MOF text, the form in which older clients embed instances in parameters.

Nothing but ``instance of Class { Name = value; … };`` is read: no pragmas (they can name files), no other
statements, no qualifiers, no aliases. Values carry no type yet: the property's declaration decides.

Source: DSP0004 3.0, annex A (the grammar of MOF): instanceDeclaration.
Errors: CimError INVALID_PARAMETER with line and cause; SERVER_LIMITS_EXCEEDED for a text beyond the limit.
"""

from __future__ import annotations

import math
import re

from xencim.mof.values import Instance, Scalar, TypedValue, Value
from xencim.providers.core.errors import CimError, Status

# One instance takes a few KB; reading is linear in this, 0.2 s at the limit.
MAX_MOF_LENGTH = 262_144
# No CIM type holds a number of more digits, and Python's own limit must not be met.
_MAX_DIGITS = 400

# No possessive quantifiers: those of groups are wrong in Debian 12's Python 3.11.2. The alternatives begin
# differently, so that a failure costs no more than the text is long.
_TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)+)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<char>'(?:[^'\\\n]|\\[xX][0-9A-Fa-f]{1,4}|\\.)')
    |(?P<number>[+-]?(?:0[xX][0-9A-Fa-f]+|[01]+[bB]|[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+)(?![\w.]))
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>[{}=;,\[\]\#$])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:[xX]([0-9A-Fa-f]{1,4})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "'": "'", "\\": "\\"}
_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None}
_REFUSED = {
    "#": "#pragma",
    "CLASS": "class",
    "QUALIFIER": "qualifier type",
    "[": "qualifiers",
    "$": "alias",
    "AS": "alias",
    "INSTANCE": "second instance",
}
_SHOWN_LENGTH = 40


def parse_instance_mof(text: str) -> Instance:
    """Return the one instance that the text declares."""
    if len(text) > MAX_MOF_LENGTH:
        raise CimError(
            Status.SERVER_LIMITS_EXCEEDED,
            f"MOF text of {len(text)} characters, at most {MAX_MOF_LENGTH} are read",
        )
    return _Reader(text).instance()


class _Reader:
    """One token ahead: ``kind`` and ``piece`` are what is read next."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._start = self._end = 0
        self.kind = self.piece = ""
        self._step()

    def _step(self) -> None:
        while True:
            self._start = self._end
            if self._start >= len(self._text):
                self.kind, self.piece = "end", ""
                return
            found = _TOKEN.match(self._text, self._start)
            if found is None:
                raise self._error(f"{self._text[self._start : self._start + _SHOWN_LENGTH]!r} has no meaning")
            self._end = found.end()
            if found.lastgroup != "space":
                self.kind, self.piece = str(found.lastgroup), found.group()
                return

    def _error(self, text: str) -> CimError:
        line = self._text.count("\n", 0, self._start) + 1
        return CimError(Status.INVALID_PARAMETER, f"MOF text, line {line}: {text}")

    def _expected(self, what: str) -> CimError:
        if refused := self._refused():
            return self._error(f"an embedded instance takes no {refused}")
        piece = self.piece[:_SHOWN_LENGTH]
        return self._error(f"expected {what}, found {repr(piece) if piece else 'the end'}")

    def _refused(self) -> str | None:
        return _REFUSED.get(self.piece.upper()) if self.kind in {"name", "sign"} else None

    def _is(self, word: str) -> bool:
        return self.kind in {"name", "sign"} and self.piece.upper() == word

    def _need(self, word: str) -> None:
        if not self._is(word):
            raise self._expected(word.lower())
        self._step()

    def _name(self, what: str) -> str:
        if self.kind != "name":
            raise self._expected(what)
        name = self.piece
        self._step()
        return name

    def instance(self) -> Instance:
        self._need("INSTANCE")
        self._need("OF")
        class_name = self._name("a class")
        self._need("{")
        properties: dict[str, TypedValue] = {}
        seen: set[str] = set()
        while not self._is("}"):
            name = self._name("a property or }")
            if name.lower() in seen:
                raise self._error(f"{name[:_SHOWN_LENGTH]} is there twice")
            seen.add(name.lower())
            self._need("=")
            properties[name] = TypedValue(None, self._value())
            self._need(";")
        self._step()
        # The grammar has the semicolon; clients were seen to leave it out.
        if self._is(";"):
            self._step()
        if self.kind != "end":
            raise self._expected("the end")
        return Instance(class_name, properties)

    def _value(self) -> Value:
        if not self._is("{"):
            return self._scalar()
        self._step()
        values: list[Scalar | None] = []
        while not self._is("}"):
            if values:
                self._need(",")
            values.append(self._scalar())
        self._step()
        return tuple(values)

    def _scalar(self) -> Scalar | None:
        if self.kind == "string":
            parts = []
            while self.kind == "string":
                parts.append(self._unescape())
                self._step()
            return "".join(parts)
        value: Scalar | None
        if self.kind == "char":
            value = self._unescape()
        elif self.kind == "number":
            value = self._number()
        elif self.kind == "name" and self.piece.upper() in _CONSTANTS:
            value = _CONSTANTS[self.piece.upper()]
        else:
            raise self._expected("a value")
        self._step()
        return value

    def _unescape(self) -> str:
        def replace(found: re.Match[str]) -> str:
            if found[1]:
                return chr(int(found[1], 16))
            if found[2] not in _ESCAPED:
                raise self._error(f"unknown escape {found[0]!r}")
            return _ESCAPED[found[2]]

        inside = self.piece[1:-1]
        return _ESCAPE.sub(replace, inside) if "\\" in inside else inside

    def _number(self) -> int | float:
        text = self.piece.lower()
        if len(text) > _MAX_DIGITS:
            raise self._error("the number is too long")
        if "x" in text:
            return int(text, 16)
        if text.endswith("b"):
            return int(text[:-1], 2)
        if "." in text:
            number = float(text)
            if math.isinf(number):
                raise self._error("the number is too large")
            return number
        # MOF's octal numbers begin with a zero.
        digits = text.lstrip("+-")
        if digits.startswith("0") and len(digits) > 1:
            if not digits.strip("01234567"):
                return int(text, 8)
            raise self._error(f"{text[:_SHOWN_LENGTH]} begins with 0 and is no octal number")
        return int(text)

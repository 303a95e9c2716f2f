"""CIM's types and values as Python sees them.

CIM type        Python value
string, char16  str
boolean         bool
uint8 … sint64  int
real32, real64  float
datetime        datetime (aware: a point in time), timedelta (an interval), or WildcardDateTime
reference       Path
embedded        Instance
array           tuple, elements None where NULL

Source: DSP0004 3.0, sections 5.2 and 5.4.
Errors: ValueError, with a text that names the type and the value.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeAlias

INTEGER_RANGES: dict[str, tuple[int, int]] = {
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    **{f"sint{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
}
REAL_TYPES = frozenset({"real32", "real64"})
TYPES = frozenset({*INTEGER_RANGES, *REAL_TYPES, "string", "char16", "boolean", "datetime", "reference"})


class WildcardDateTime(str):
    """A CIM datetime with asterisks, kept as its 25 characters: it is no point in time."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Path:
    """The path of an instance; ``keys`` in the order given, names and classes compared without case."""

    class_name: str
    keys: tuple[tuple[str, KeyValue], ...] = ()
    namespace: str | None = None
    host: str | None = None

    def key(self, name: str) -> KeyValue | None:
        """Return the value of the key called ``name`` (any case), None when it is not there."""
        wanted = name.lower()
        return next((value for key, value in self.keys if key.lower() == wanted), None)

    def __str__(self) -> str:
        keys = ",".join(f"{name}={_key_text(value)}" for name, value in self.keys)
        prefix = f"//{self.host}/" if self.host and self.namespace else ""
        space = f"{self.namespace}:" if self.namespace else ""
        return f"{prefix}{space}{self.class_name}.{keys}"


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance that travels as a value: embedded in a property or parameter, or sent by a client.

    ``properties`` maps a name to its CIM type (None when the sender did not say) and value.
    """

    class_name: str
    properties: dict[str, TypedValue] = field(default_factory=dict)

    def get(self, name: str) -> Value:
        """Return the value of the property called ``name`` (any case), None when it is not there."""
        wanted = name.lower()
        return next((p.value for key, p in self.properties.items() if key.lower() == wanted), None)


KeyValue: TypeAlias = str | int | float | bool | Path
Scalar: TypeAlias = str | int | float | bool | datetime | timedelta | Path | Instance
Value: TypeAlias = Scalar | tuple[Scalar | None, ...] | None


@dataclass(frozen=True, slots=True)
class TypedValue:
    """A value from a client. ``type`` is the CIM type it came with; text is not yet converted where None."""

    type: str | None
    value: Value


def _key_text(value: KeyValue) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def parse_scalar(cim_type: str, text: str) -> Scalar:
    """Convert the text of one value of an intrinsic type; ValueError where it is not one."""
    if cim_type == "string":
        return text
    stripped = text.strip()
    if cim_type in INTEGER_RANGES:
        return _parse_integer(cim_type, stripped)
    if cim_type == "boolean":
        lowered = stripped.lower()
        if lowered in {"true", "false"}:
            return lowered == "true"
    elif cim_type in REAL_TYPES:
        return _parse_real(cim_type, stripped)
    elif cim_type == "datetime":
        return parse_datetime(stripped)
    elif cim_type == "char16" and len(text) == 1 and ord(text) <= 0xFFFF:  # noqa: PLR2004 - UCS-2
        return text
    raise _not_a(cim_type, text)


def _not_a(cim_type: str, text: str) -> ValueError:
    return ValueError(f"{text[:80]!r} is not a {cim_type}")


# DSP0201 5.2.4.6: decimal without leading zeros, or hexadecimal.
_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,20})\Z", re.ASCII)


def _parse_integer(cim_type: str, text: str) -> int:
    if not _INTEGER.match(text):
        raise _not_a(cim_type, text)
    number = int(text, 16 if "x" in text.lower() else 10)
    low, high = INTEGER_RANGES[cim_type]
    if not low <= number <= high:
        raise ValueError(f"{text} is outside {cim_type} ({low} to {high})")
    return number


_REAL = re.compile(r"[+-]?(?:[0-9]{0,400}\.[0-9]{1,400}|[0-9]{1,400}\.?)(?:[eE][+-]?[0-9]{1,4})?\Z", re.ASCII)
_REAL_NAMES = {"nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf}


def _parse_real(cim_type: str, text: str) -> float:
    if text.lower() in _REAL_NAMES:
        return _REAL_NAMES[text.lower()]
    if not _REAL.match(text):
        raise _not_a(cim_type, text)
    return float(text)


_POINT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\.(\d{6})([+-])(\d{3})\Z", re.ASCII)
_INTERVAL = re.compile(r"(\d{8})(\d\d)(\d\d)(\d\d)\.(\d{6}):000\Z", re.ASCII)
_WILDCARD = re.compile(r"[\d*]{14}\.[\d*]{6}(?:[+-]\d{3}|:000)\Z", re.ASCII)


def parse_datetime(text: str) -> datetime | timedelta | WildcardDateTime:
    """Convert the 25 characters of a CIM datetime (DSP0004 5.2.4); ValueError where they are not one."""
    try:
        if point := _POINT.match(text):
            *numbers, sign, offset = point.groups()
            minutes = int(offset) * (1 if sign == "+" else -1)
            zone = timezone(timedelta(minutes=minutes)) if minutes else UTC
            return datetime(*map(int, numbers), tzinfo=zone)  # type: ignore[arg-type,misc]
        if interval := _INTERVAL.match(text):
            days, hours, minutes, seconds, micros = map(int, interval.groups())
            return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=micros)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a datetime: {error}") from error
    if "*" in text and _WILDCARD.match(text):
        return WildcardDateTime(text)
    raise _not_a("datetime", text)


def format_scalar(cim_type: str, value: Scalar) -> str:
    """Render one value of an intrinsic type as CIM-XML and MOF write it (without quotes or escapes)."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _format_real(cim_type, value)
    if isinstance(value, datetime | timedelta):
        return format_datetime(value)
    return str(value)


def _format_real(cim_type: str, value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    # DSP0201 5.2.4.4: significant digits that bring back the same number.
    text = format(value, ".9g" if cim_type == "real32" else ".17g")
    mantissa, e, exponent = text.partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}{e}{exponent}"


def format_datetime(value: datetime | timedelta) -> str:
    """Render a datetime as the 25 characters of DSP0004 5.2.4; a naive one is taken as UTC."""
    if isinstance(value, timedelta):
        hours, rest = divmod(value.seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        return f"{value.days:08d}{hours:02d}{minutes:02d}{seconds:02d}.{value.microseconds:06d}:000"
    offset = value.utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    # strftime("%Y") does not pad years below 1000 on every platform.
    day = f"{value.year:04d}{value.month:02d}{value.day:02d}"
    return f"{day}{value:%H%M%S}.{value.microsecond:06d}{sign}{abs(minutes):03d}"

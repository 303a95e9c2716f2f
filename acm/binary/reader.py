"""What a binary policy says, in slots and columns.

A file of Xen's compiler is read, and what a hypervisor dumps as the policy in force: there the words
for the formats are not set, so the header's length tells the format. A policy of Simple Type
Enforcement only as Xen's compiler wrote it is read too.

Errors: PolicyError for what is truncated, inconsistent or too large.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from xencim.acm.binary.layout import (
    CHINESE_WALL,
    CODE_NONE,
    CODE_UNDEFINED,
    FLAG_BYTES,
    HEADER,
    HEADER_BYTES,
    MAGIC,
    MAX_BYTES,
    REFERENCE,
    SHA1_BYTES,
    STE,
    VERSION,
    padded,
)
from xencim.acm.model import Component, Finding, FindingKind, PolicyError, XsErr

if TYPE_CHECKING:
    from collections.abc import Callable

_WALL, _STE = Component.CHINESE_WALL.value, Component.SIMPLE_TYPE_ENFORCEMENT.value


@dataclass(frozen=True, slots=True)
class Section:
    """A component: its number of types, and the columns that are set of each slot and conflict set."""

    types: int
    rows: tuple[frozenset[int], ...]
    conflict_sets: tuple[frozenset[int], ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    """What a binary says; ``xml_sha1`` None: it says nothing of its document."""

    format: int
    name: str
    version: tuple[int, int] | None
    xml_sha1: bytes | None
    chinese_wall: Section | None
    ste: Section | None


def read_binary(untrusted: bytes) -> Binary:
    """Return what a binary policy says."""
    try:
        return _read(untrusted)
    except struct.error:
        _refuse("it ends too early")


def _read(data: bytes) -> Binary:
    if len(data) > MAX_BYTES:
        _refuse(f"it is larger than {MAX_BYTES >> 20} MB")
    magic, format_, length, reference, *components = HEADER.unpack_from(data)
    if magic != MAGIC:
        _refuse(f"it starts with {magic:08x}, not with {MAGIC:08x}")
    if length != len(data):
        _refuse(f"it says that it has {length} bytes, and has {len(data)}")
    formats = {size: number for number, size in HEADER_BYTES.items()}
    told = formats.get(reference)
    if told is None or (format_ in HEADER_BYTES and format_ != told):
        _refuse(f"its name begins at {reference}, which no format has (its own is {format_})")
    has_version, has_sha1 = told != min(HEADER_BYTES), told == max(HEADER_BYTES)
    version = VERSION.unpack_from(data, HEADER.size) if has_version else None
    sha1 = data[reference - SHA1_BYTES : reference] if has_sha1 else None
    found = _components(data, *components)
    wall, ste = found.get(_WALL), found.get(_STE)
    if wall and ste and len(ste.rows) < len(wall.rows):
        _refuse(f"it has {len(wall.rows)} slots for Chinese Wall and only {len(ste.rows)} for types")
    name = _name(data, reference)
    return Binary(told, name, version, sha1 if sha1 and any(sha1) else None, wall, ste)


def _name(data: bytes, offset: int) -> str:
    (length,) = REFERENCE.unpack_from(data, offset)
    start = offset + REFERENCE.size
    raw = data[start : start + length]
    if length < 1 or len(raw) != length or raw[-1] or 0 in raw[:-1]:
        _refuse("its name is not what ends with one NUL")
    try:
        return raw[:-1].decode()
    except UnicodeDecodeError:
        _refuse("its name is not UTF-8")


def _components(data: bytes, primary: int, first: int, secondary: int, second: int) -> dict[int, Section]:
    found = {}
    for code, offset in ((primary, first), (secondary, second)):
        if code in {CODE_NONE, CODE_UNDEFINED}:
            continue
        reader = _READERS.get(code)
        if reader is None or code in found:
            _refuse(f"component {code} is not known, or is there twice")
        section = reader(data, _after_empty_wall(data, code, offset))
        if not section.rows:
            _refuse("it has no slot, not even that of what has no label")
        found[code] = section
    if not found:
        _refuse("it has no component")
    return found


def _after_empty_wall(data: bytes, code: int, offset: int) -> int:
    """Return where the types begin: Xen's compiler put an empty Chinese Wall before a lone component."""
    if code == _STE and STE.unpack_from(data, offset)[1:3] == (_WALL, 0):
        return offset + padded(CHINESE_WALL.size)
    return offset


def _chinese_wall(data: bytes, offset: int) -> Section:
    _, code, types, slots, conflicts, rows_at, conflicts_at, _, _ = CHINESE_WALL.unpack_from(data, offset)
    if code != _WALL:
        _refuse(f"component {code} stands where Chinese Wall should")
    rows = _rows(data, offset + rows_at, slots, types)
    return Section(types, rows, _rows(data, offset + conflicts_at, conflicts, types))


def _ste(data: bytes, offset: int) -> Section:
    _, code, types, slots, rows_at = STE.unpack_from(data, offset)
    if code != _STE:
        _refuse(f"component {code} stands where Simple Type Enforcement should")
    return Section(types, _rows(data, offset + rows_at, slots, types))


_READERS: dict[int, Callable[[bytes, int], Section]] = {_WALL: _chinese_wall, _STE: _ste}
# The rows of no types have no bytes, so their number needs a bound of its own; an ssidref has 16 bits.
_MAX_ROWS = 1 << 16


def _rows(data: bytes, offset: int, count: int, types: int) -> tuple[frozenset[int], ...]:
    """Return the columns that are set in each of ``count`` rows of flags."""
    width = FLAG_BYTES * types
    if count > _MAX_ROWS or offset + count * width > len(data):
        _refuse(f"{count} rows of {types} types at {offset} go beyond its end")
    rows = []
    for start in range(offset, offset + count * width, width) if width else ():
        row = data[start : start + width]
        if any(row[::FLAG_BYTES]) or max(row) > 1:
            _refuse(f"the flags at {start} are neither 0 nor 1")
        rows.append(frozenset(column for column, flag in enumerate(row[1::FLAG_BYTES]) if flag))
    return tuple(rows) if width else (frozenset(),) * count


def _refuse(message: str) -> NoReturn:
    finding = Finding(FindingKind.ERROR, f"this is no binary policy: {message}", XsErr.FILE_ERROR)
    raise PolicyError((finding,)) from None

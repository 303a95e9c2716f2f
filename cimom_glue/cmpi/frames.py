"""The frames between a CIMOM's provider library and the daemon: parts of them written and read.

Numbers are little-endian; text is UTF-8 with its length before and a NUL after it, so that the
library can use it where it lies.

Source: docs/reference/cmpi-protocol.md; library/frame.h holds the same numbers.
Errors: FrameError where what is read is cut off or malformed.
"""

from __future__ import annotations

import re
import struct
from enum import IntEnum
from typing import NamedTuple

PROTOCOL_VERSION = 2
FRAME_MAX_BYTES = 8 * 2**20
HEADER = struct.Struct("<IBBH")  # length of the content, version, kind, zero
NESTING_MAX = 8  # references in keys, instances in instances
NULL = 0x40
ARRAY = 0x80

_NO_TEXT = 0xFFFFFFFF
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_FEED = re.compile("[0-9a-f]{32}")
# C ends a text at NUL, and lone surrogates are no UTF-8.
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


class Kind(IntEnum):
    """Kinds of frames."""

    REQUEST = 1
    ITEMS = 2
    DONE = 3
    ERROR = 4
    SUBSCRIBE = 5
    POSITION = 6
    EVENT = 7
    ALIVE = 8
    SEEN = 9
    END = 10


class Item(IntEnum):
    """Kinds of what an answer consists of."""

    INSTANCE = 1
    PATH = 2
    VALUE = 3
    OUT = 4


# A value's tag: these, with NULL and ARRAY. An embedded instance's is none of CIM's own types.
EMBEDDED = "instance"
TYPES = (
    "boolean",
    "char16",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "sint8",
    "sint16",
    "sint32",
    "sint64",
    "real32",
    "real64",
    "string",
    "datetime",
    "reference",
    EMBEDDED,
)
TAGS = {cim_type: tag for tag, cim_type in enumerate(TYPES, 1)}

# The types that have a fixed size; char16 and boolean are read and written as their numbers.
NUMBERS = {
    "boolean": struct.Struct("<B"),
    "char16": struct.Struct("<H"),
    "uint8": struct.Struct("<B"),
    "uint16": struct.Struct("<H"),
    "uint32": struct.Struct("<I"),
    "uint64": struct.Struct("<Q"),
    "sint8": struct.Struct("<b"),
    "sint16": struct.Struct("<h"),
    "sint32": struct.Struct("<i"),
    "sint64": struct.Struct("<q"),
    "real32": struct.Struct("<f"),
    "real64": struct.Struct("<d"),
}


class FrameError(Exception):
    """What came is no frame of this protocol."""


class Header(NamedTuple):
    """What stands before a frame's content."""

    length: int
    version: int
    kind: int


def read_header(raw: bytes) -> Header:
    """Read a header, checked to be one that can be answered in this version."""
    length, version, kind, zero = HEADER.unpack(raw)
    if length > FRAME_MAX_BYTES:
        raise FrameError(f"a frame of {length} bytes is too large")
    if zero:
        raise FrameError("the header is not one of a frame")
    return Header(length, version, kind)


def frame(kind: Kind, content: bytes = b"") -> bytes:
    """Return a whole frame."""
    return HEADER.pack(len(content), PROTOCOL_VERSION, kind, 0) + content


def u16(number: int) -> bytes:
    """Return a number of two bytes."""
    return _U16.pack(number)


def u32(number: int) -> bytes:
    """Return a number of four bytes."""
    return _U32.pack(number)


def u64(number: int) -> bytes:
    """Return a number of eight bytes."""
    return NUMBERS["uint64"].pack(number)


def text(value: str | None) -> bytes:
    """Return a text, or that there is none."""
    if value is None:
        return b"\xff\xff\xff\xff"
    raw = (value if value.isprintable() else _UNWRITABLE.sub("\ufffd", value)).encode()
    return _U32.pack(len(raw)) + raw + b"\0"


class Reader:
    """Reads a frame's content from its beginning to its end."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes there are still."""
        return len(self._content) - self._at

    def number(self, form: struct.Struct) -> int | float:
        """Read one number."""
        at = self._at
        if len(self._content) - at < form.size:
            raise FrameError("the frame is cut off")
        self._at = at + form.size
        value: int | float = form.unpack_from(self._content, at)[0]
        return value

    def u8(self) -> int:
        """Read a number of one byte."""
        return int(self.number(NUMBERS["uint8"]))

    def u16(self) -> int:
        """Read a number of two bytes."""
        return int(self.number(_U16))

    def u32(self) -> int:
        """Read a number of four bytes."""
        return int(self.number(_U32))

    def u64(self) -> int:
        """Read a number of eight bytes."""
        return int(self.number(NUMBERS["uint64"]))

    def optional_text(self) -> str | None:
        """Read a text, None where there is none."""
        length = self.u32()
        if length == _NO_TEXT:
            return None
        end = self._at + length
        raw = self._content[self._at : end]
        if self._content[end : end + 1] != b"\0" or b"\0" in raw:
            raise FrameError("a text is cut off")
        self._at = end + 1
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise FrameError("a text is not UTF-8") from error

    def text(self) -> str:
        """Read a text that must be there."""
        value = self.optional_text()
        if value is None:
            raise FrameError("a text is missing")
        return value

    def feed(self) -> str | None:
        """Read the name that a library has given its feed of events, None where it has none."""
        name = self.optional_text()
        if name is not None and _FEED.fullmatch(name) is None:
            raise FrameError("a feed's name is not one")
        return name

    def end(self) -> None:
        """Make sure that all has been read."""
        if self.left:
            raise FrameError(f"{self.left} bytes follow the end")

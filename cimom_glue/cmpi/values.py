"""Values of CIM types as the bytes of a frame.

Source: docs/reference/cmpi-protocol.md, "Values".
Errors: TypeError and ValueError where a value is not one of its type.
"""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from xencim.cimom_glue.cmpi.frames import ARRAY, EMBEDDED, NULL, NUMBERS, TAGS, TYPES, text, u16, u32
from xencim.cimom_glue.wire.render import instance as instance_xml
from xencim.mof.values import Instance, Path, WildcardDateTime, format_scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xencim.mof.values import TypedValue

NULL_TAGS = {
    (cim_type, is_array): bytes((TAGS[cim_type] | NULL | (ARRAY if is_array else 0),))
    for cim_type in TYPES
    for is_array in (False, True)
}
_VALUE_TAGS = {
    (cim_type, is_array): bytes((TAGS[cim_type] | (ARRAY if is_array else 0),))
    for cim_type in TYPES
    for is_array in (False, True)
}


def data(cim_type: str, value: object, *, is_array: bool) -> bytes:
    """Return a value with its tag, NULL included."""
    return NULL_TAGS[cim_type, is_array] if value is None else tagged(cim_type, value, is_array=is_array)


def tagged(cim_type: str, value: object, *, is_array: bool) -> bytes:
    """Return a value that is not NULL with its tag; an instance in a string is an embedded one."""
    if not is_array:
        if value.__class__ is Instance and cim_type == "string":
            cim_type = EMBEDDED
        return _VALUE_TAGS[cim_type, False] + _SCALARS[cim_type](value)
    if not isinstance(value, tuple):
        raise _wrong(f"array of {cim_type}", value)
    if cim_type == "string" and any(isinstance(item, Instance) for item in value):
        cim_type = EMBEDDED
    scalar = _SCALARS[cim_type]
    members = [b"\0" if item is None else b"\1" + scalar(item) for item in value]
    return _VALUE_TAGS[cim_type, True] + u32(len(value)) + b"".join(members)


def path(value: object) -> bytes:
    """Return a path; its host is the CIMOM's own."""
    if not isinstance(value, Path):
        raise _wrong("reference", value)
    keys = [text(name) + data(_type_of(key), key, is_array=False) for name, key in value.keys]
    return b"".join((text(value.namespace), text(value.class_name), u16(len(keys)), *keys))


def instance(value: object) -> bytes:
    """Return an embedded instance: as CIM-XML, for CIMOMs whose property is a string, and in parts."""
    if not isinstance(value, Instance):
        raise _wrong(EMBEDDED, value)
    return text(instance_xml(value)) + path(Path(value.class_name)) + properties(value.properties)


def properties(values: Mapping[str, TypedValue]) -> bytes:
    """Return an instance's properties."""
    return b"".join((u16(len(values)), *(text(name) + _property(one) for name, one in values.items())))


def _property(typed: TypedValue) -> bytes:
    value = typed.value
    is_array = isinstance(value, tuple)
    first = next((item for item in value if item is not None), None) if isinstance(value, tuple) else value
    return data(typed.type or _type_of(first), value, is_array=is_array)


def _type_of(value: object) -> str:
    """Tell the type of a value that came without; these hold every value there is."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "uint64" if value >= 0 else "sint64"
    if isinstance(value, float):
        return "real64"
    if isinstance(value, Path):
        return "reference"
    return "datetime" if isinstance(value, datetime | timedelta) else "string"


def _wrong(cim_type: str, value: object) -> TypeError:
    return TypeError(f"{value!r} is no value of type {cim_type}")


def _string(value: object) -> bytes:
    if not isinstance(value, str):
        raise _wrong("string", value)
    return text(value)


def _char16(value: object) -> bytes:
    if not isinstance(value, str) or len(value) != 1 or ord(value) > 0xFFFF:  # noqa: PLR2004 - UCS-2
        raise _wrong("char16", value)
    return u16(ord(value))


def _boolean(value: object) -> bytes:
    if not isinstance(value, bool):
        raise _wrong("boolean", value)
    return b"\1" if value else b"\0"


def _datetime(value: object) -> bytes:
    if not isinstance(value, datetime | timedelta | WildcardDateTime):
        raise _wrong("datetime", value)
    return text(format_scalar("datetime", value))


def _integer(pack: Callable[[int], bytes], cim_type: str, value: object) -> bytes:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(cim_type, value)
    try:
        return pack(value)
    except struct.error as error:
        raise ValueError(f"{value} is outside {cim_type}") from error


def _real(pack: Callable[[float], bytes], cim_type: str, value: object) -> bytes:
    if not isinstance(value, float):
        raise _wrong(cim_type, value)
    try:
        return pack(value)
    except OverflowError as error:
        raise ValueError(f"{value} is outside {cim_type}") from error


_SCALARS: dict[str, Callable[[object], bytes]] = {
    **{
        cim_type: partial(_real if cim_type.startswith("real") else _integer, form.pack, cim_type)
        for cim_type, form in NUMBERS.items()
    },
    "boolean": _boolean,
    "char16": _char16,
    "string": _string,
    "datetime": _datetime,
    "reference": path,
    EMBEDDED: instance,
}

"""From a request frame's content to the operation of the engine it stands for.

Source: docs/reference/cmpi-protocol.md, "Requests".
Errors: FrameError where the content is malformed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from xencim.cimom_glue.cmpi.frames import (
    ARRAY,
    EMBEDDED,
    NESTING_MAX,
    NULL,
    NUMBERS,
    TYPES,
    FrameError,
    Reader,
)
from xencim.mof.values import Instance, Path, TypedValue, parse_datetime
from xencim.providers.core import operations as op

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.mof.values import KeyValue, Scalar, Value

_DEEP_INHERITANCE = 2  # of CMPI's invocation flags
_SURROGATES = range(0xD800, 0xE000)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEvents(op.Operation):
    """Not one of the engine's: check that a feed may be about a class, and begin it if there is one."""

    class_name: str
    feed: str | None


@dataclass(frozen=True, slots=True)
class Request:
    """One call: ``principal`` is whom the CIMOM says it has authenticated."""

    timeout_ms: int
    principal: str | None
    languages: str | None
    operation: op.Operation


@dataclass(frozen=True, slots=True)
class _Target:
    """What all operations have: the object, the class that the provider is for, CMPI's flags."""

    path: Path
    only_class: str | None
    flags: int

    @property
    def namespace(self) -> str:
        return self.path.namespace or ""

    @property
    def extent(self) -> str:
        return self.only_class or self.path.class_name


def read_request(content: bytes) -> Request:
    """Read a request."""
    reader = Reader(content)
    timeout_ms = reader.u32()
    principal = reader.optional_text()
    languages = reader.optional_text()
    code = reader.u8()
    read = _OPERATIONS.get(code)
    if read is None:
        raise FrameError(f"operation {code} is unknown")
    flags = reader.u32()
    only_class = reader.optional_text()
    operation = read(_Target(read_path(reader), only_class, flags), reader)
    reader.end()
    return Request(timeout_ms, principal, languages, operation)


# Operations ------------------------------------------------------------------------------------


def _enumerate_names(to: _Target, _reader: Reader) -> op.Operation:
    return op.EnumerateInstanceNames(namespace=to.namespace, class_name=to.extent)


def _enumerate(to: _Target, reader: Reader) -> op.Operation:
    return op.EnumerateInstances(
        namespace=to.namespace,
        class_name=to.extent,
        deep_inheritance=bool(to.flags & _DEEP_INHERITANCE) or to.only_class is not None,
        property_list=_names(reader),
    )


def _get(to: _Target, reader: Reader) -> op.Operation:
    return op.GetInstance(namespace=to.namespace, instance_name=to.path, property_list=_names(reader))


def _create(to: _Target, reader: Reader) -> op.Operation:
    return op.CreateInstance(namespace=to.namespace, new_instance=_read_instance(reader, 0))


def _modify(to: _Target, reader: Reader) -> op.Operation:
    instance = _read_instance(reader, 0)
    return op.ModifyInstance(
        namespace=to.namespace,
        instance_name=to.path,
        modified_instance=instance,
        property_list=_names(reader),
    )


def _delete(to: _Target, _reader: Reader) -> op.Operation:
    return op.DeleteInstance(namespace=to.namespace, instance_name=to.path)


def _query(to: _Target, reader: Reader) -> op.Operation:
    query = reader.optional_text() or ""
    return op.ExecQuery(namespace=to.namespace, query=query, query_language=reader.optional_text() or "")


def _associators(to: _Target, reader: Reader) -> op.Operation:
    assoc_class, result_class, role, result_role = (reader.optional_text() for _ in range(4))
    return op.Associators(
        namespace=to.namespace,
        object_name=to.path,
        assoc_class=to.only_class or assoc_class or None,
        result_class=result_class or None,
        role=role or None,
        result_role=result_role or None,
        property_list=_names(reader),
    )


def _associator_names(to: _Target, reader: Reader) -> op.Operation:
    assoc_class, result_class, role, result_role = (reader.optional_text() for _ in range(4))
    return op.AssociatorNames(
        namespace=to.namespace,
        object_name=to.path,
        assoc_class=to.only_class or assoc_class or None,
        result_class=result_class or None,
        role=role or None,
        result_role=result_role or None,
    )


def _references(to: _Target, reader: Reader) -> op.Operation:
    result_class, role = (reader.optional_text() for _ in range(2))
    return op.References(
        namespace=to.namespace,
        object_name=to.path,
        result_class=to.only_class or result_class or None,
        role=role or None,
        property_list=_names(reader),
    )


def _reference_names(to: _Target, reader: Reader) -> op.Operation:
    result_class, role = (reader.optional_text() for _ in range(2))
    return op.ReferenceNames(
        namespace=to.namespace,
        object_name=to.path,
        result_class=to.only_class or result_class or None,
        role=role or None,
    )


def _invoke(to: _Target, reader: Reader) -> op.Operation:
    method = reader.text()
    parameters = {reader.text(): _read_data(reader, 0) for _ in range(reader.u16())}
    return op.InvokeMethod(
        namespace=to.namespace,
        object_name=to.path if to.path.keys else to.path.class_name,
        method_name=method,
        parameters=parameters,
    )


def _watch(to: _Target, reader: Reader) -> op.Operation:
    return WatchEvents(namespace=to.namespace, class_name=to.extent, feed=reader.feed())


_OPERATIONS: dict[int, Callable[[_Target, Reader], op.Operation]] = {
    1: _enumerate_names,
    2: _enumerate,
    3: _get,
    4: _create,
    5: _modify,
    6: _delete,
    7: _query,
    8: _associators,
    9: _associator_names,
    10: _references,
    11: _reference_names,
    12: _invoke,
    13: _watch,
}


# Parts -----------------------------------------------------------------------------------------


def _names(reader: Reader) -> tuple[str, ...] | None:
    if not reader.u8():
        return None
    return tuple(reader.text() for _ in range(reader.u16()))


def read_path(reader: Reader, depth: int = 0) -> Path:
    """Read an object's path; one without keys is a class's."""
    namespace = reader.optional_text()
    class_name = reader.text()
    keys = tuple((reader.text(), _read_key(reader, depth)) for _ in range(reader.u16()))
    return Path(class_name, keys, namespace or None)


def _read_key(reader: Reader, depth: int) -> KeyValue:
    value = _read_data(reader, depth + 1).value
    if not isinstance(value, str | int | float | bool | Path):
        raise FrameError("a key is NULL or an array")
    return value


def _read_instance(reader: Reader, depth: int) -> Instance:
    path = read_path(reader, depth)
    return Instance(path.class_name, {reader.text(): _read_data(reader, depth) for _ in range(reader.u16())})


def _read_data(reader: Reader, depth: int) -> TypedValue:
    if depth > NESTING_MAX:
        raise FrameError("values are nested too deeply")
    tag = reader.u8()
    number = tag & ~(NULL | ARRAY)
    if not 0 < number <= len(TYPES):
        raise FrameError(f"a value's tag is {tag:#x}")
    cim_type = TYPES[number - 1]
    value: Value = None
    if not tag & NULL:
        value = _read_array(reader, cim_type, depth) if tag & ARRAY else _read_scalar(reader, cim_type, depth)
    # CIM has no type of its own for embedded instances: they are strings that hold one.
    return TypedValue("string" if cim_type == EMBEDDED else cim_type, value)


def _read_array(reader: Reader, cim_type: str, depth: int) -> tuple[Scalar | None, ...]:
    count = reader.u32()
    if count > reader.left:
        raise FrameError("an array is cut off")
    return tuple(_read_scalar(reader, cim_type, depth) if reader.u8() else None for _ in range(count))


def _read_scalar(reader: Reader, cim_type: str, depth: int) -> Scalar:
    form = NUMBERS.get(cim_type)
    if form is not None:
        number = reader.number(form)
        if cim_type == "boolean":
            return bool(number)
        return _character(cast("int", number)) if cim_type == "char16" else number
    if cim_type == "string":
        return reader.text()
    if cim_type == "reference":
        return read_path(reader, depth + 1)
    if cim_type == EMBEDDED:
        reader.optional_text()  # the same as CIM-XML, for those who cannot read the rest
        return _read_instance(reader, depth + 1)
    try:
        return parse_datetime(reader.text())
    except ValueError as error:
        raise FrameError(str(error)) from error


def _character(number: int) -> str:
    if number in _SURROGATES:
        raise FrameError("half of a surrogate pair is no character")
    return chr(number)

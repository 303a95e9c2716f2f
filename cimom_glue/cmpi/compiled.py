"""A served class compiled into functions from rows to the parts of an answer's items.

A *name* is what follows the namespace in an instance's path; an *instance* is what follows the path.
A property that is NULL is left out, as CIMOMs make instances with all their class's properties, unless
the class declares a default that would stand in its place.

Source: docs/reference/cmpi-protocol.md, "Values".
Errors: TypeError and ValueError where a value is not one of its type; whatever a property's ``get``
raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.cmpi.frames import TAGS, text, u16
from xencim.cimom_glue.cmpi.values import NULL_TAGS, data, tagged
from xencim.providers.core.served import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xencim.cimom_glue.wire.compiled import Encode, Refer
    from xencim.mof.model import PropertyDecl
    from xencim.providers.core.results import Shape
    from xencim.providers.core.served import Served, ServedProperty
    from xencim.providers.core.spec import Row

_REFERENCE = bytes((TAGS["reference"],))


class Compiler:
    """This form of answers; ``names`` are the CIMOM's of our namespaces, where they differ."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def namespace(self, name: str | None) -> bytes:
        """Return a namespace as paths name it."""
        return text(self._names.get(name, name) if name else name)

    def located(self, served: Served, name: bytes) -> bytes:
        """Return the path that a reference to an instance says, the rest of which is given."""
        return self.namespace(served.namespace) + name

    def compile_name(self, served: Served, refer: Refer) -> Encode:
        """Return the function that encodes the rest of a row's path."""
        keys = [p for p in served.properties if p.decl.is_key and p.get is not None]
        head = text(served.name) + u16(len(keys))
        getters = [_key(p, refer) for p in keys]

        def encode(row: Row) -> bytes:
            return head + b"".join([get(row) for get in getters])

        return encode

    def compile_instance(self, served: Served, shape: Shape, refer: Refer) -> Encode:
        """Return the function that encodes a row's properties."""
        wanted = shape.properties
        constant: list[bytes] = []
        getters = []
        for p in served.properties:
            if wanted is not None and p.decl.name.lower() not in wanted:
                continue
            if p.get is None or p.constant:
                value = _encoded(p.decl, None if p.get is None else p.get(()))
                constant += [value] if value else []
            else:
                getters.append(_property(p, refer))

        def encode(row: Row) -> bytes:
            parts = [part for get in getters if (part := get(row))]
            return b"".join((u16(len(constant) + len(parts)), *constant, *parts))

        return encode


def _key(served: ServedProperty, refer: Refer) -> Callable[[Any], bytes]:
    encode = _property(served, refer)

    def key(row: Row) -> bytes:
        encoded = encode(row)
        if not encoded:
            raise ValueError(f"key {served.decl.name} is NULL")
        return encoded

    return key


def _property(served: ServedProperty, refer: Refer) -> Callable[[Any], bytes]:
    decl, get = served.decl, served.get
    assert get is not None  # noqa: S101 - for the type checker
    head = text(decl.name)
    if decl.type == "reference":
        return _reference(get, head, refer)
    null = _encoded(decl, None)
    cim_type, is_array = decl.type, decl.is_array

    def encode(row: Row) -> bytes:
        value = get(row)
        return null if value is None else head + tagged(cim_type, value, is_array=is_array)

    return encode


def _reference(get: Callable[[Any], Any], head: bytes, refer: Refer) -> Callable[[Any], bytes]:
    def encode(row: Row) -> bytes:
        value = get(row)
        if value is None:
            return b""
        if isinstance(value, Ref):
            return b"".join((head, _REFERENCE, refer(value)))
        return head + tagged("reference", value, is_array=False)

    return encode


def _encoded(decl: PropertyDecl, value: Any) -> bytes:  # noqa: ANN401 - a Value
    if value is not None:
        return text(decl.name) + data(decl.type, value, is_array=decl.is_array)
    return b"" if decl.value is None else text(decl.name) + NULL_TAGS[decl.type, decl.is_array]

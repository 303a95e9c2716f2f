"""Values, names and embedded instances as text of CIM-XML.

Elements are never written self-closed, and no attribute is written that has its default: what
Debian's wbemcli cannot read is not needed anywhere but in arrays with NULL elements (VALUE.NULL).

Source: DSP0201 2.4, sections 5.2.3 to 5.2.5.
Errors: TypeError and ValueError where a value is not one of its type.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from xencim.cimom_glue.wire.text import attribute, escape
from xencim.mof.values import (
    INTEGER_RANGES,
    REAL_TYPES,
    Instance,
    Path,
    WildcardDateTime,
    format_scalar,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.mof.values import KeyValue, Scalar, TypedValue


# Scalars ---------------------------------------------------------------------------------------


def _wrong(cim_type: str, value: object) -> TypeError:
    return TypeError(f"{value!r} is no value of type {cim_type}")


def _string(value: object) -> str:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Instance):
        return escape(instance(value))
    raise _wrong("string", value)


def _char16(value: object) -> str:
    if not isinstance(value, str) or len(value) != 1 or ord(value) > 0xFFFF:  # noqa: PLR2004 - UCS-2
        raise _wrong("char16", value)
    return escape(value)


def _boolean(value: object) -> str:
    if value is True:
        return "TRUE"
    if value is False:
        return "FALSE"
    raise _wrong("boolean", value)


def _datetime(value: object) -> str:
    if not isinstance(value, datetime | timedelta | WildcardDateTime):
        raise _wrong("datetime", value)
    return format_scalar("datetime", value)


def _integer_text(cim_type: str) -> Callable[[object], str]:
    low, high = INTEGER_RANGES[cim_type]

    def text(value: object) -> str:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(cim_type, value)
        if not low <= value <= high:
            raise ValueError(f"{value} is outside {cim_type} ({low} to {high})")
        return str(int(value))  # an IntEnum's own text is another

    return text


def _real_text(cim_type: str) -> Callable[[object], str]:
    def text(value: object) -> str:
        if not isinstance(value, float):
            raise _wrong(cim_type, value)
        return format_scalar(cim_type, value)

    return text


_SCALARS: dict[str, Callable[[object], str]] = {
    "string": _string,
    "char16": _char16,
    "boolean": _boolean,
    "datetime": _datetime,
    **{cim_type: _integer_text(cim_type) for cim_type in INTEGER_RANGES},
    **{cim_type: _real_text(cim_type) for cim_type in REAL_TYPES},
}


def scalar_text(cim_type: str) -> Callable[[object], str]:
    """Return the function that renders and checks one value of an intrinsic type."""
    return _SCALARS[cim_type]


def array(value: object, member: Callable[[object], str]) -> str:
    """Render the members of an array of an intrinsic type."""
    if not isinstance(value, tuple):
        raise TypeError(f"{value!r} is no tuple")
    return "".join(
        "<VALUE.NULL></VALUE.NULL>" if item is None else f"<VALUE>{member(item)}</VALUE>" for item in value
    )


def value_element(cim_type: str, value: object, *, is_array: bool) -> str:
    """Render a value with its element, nothing for NULL."""
    if value is None:
        return ""
    if cim_type == "reference":
        if is_array:
            return f"<VALUE.REFARRAY>{_references(value)}</VALUE.REFARRAY>"
        return reference(value)
    member = scalar_text(cim_type)
    if is_array:
        return f"<VALUE.ARRAY>{array(value, member)}</VALUE.ARRAY>"
    return f"<VALUE>{member(value)}</VALUE>"


def _references(value: object) -> str:
    if not isinstance(value, tuple):
        raise TypeError(f"{value!r} is no tuple")
    return "".join("<VALUE.NULL></VALUE.NULL>" if item is None else reference(item) for item in value)


def embedded_attribute(embedded: str | None) -> str:
    """Return the attribute that says a string holds an object (of a class, or of any: "")."""
    if embedded is None:
        return ""
    return ' EmbeddedObject="instance"' if embedded else ' EmbeddedObject="object"'


# Names -----------------------------------------------------------------------------------------


@lru_cache(maxsize=64)  # there are few namespaces and hosts
def local_namespace_path(namespace: str) -> str:
    """Render LOCALNAMESPACEPATH."""
    steps = "".join(f"<NAMESPACE NAME={attribute(step)}></NAMESPACE>" for step in namespace.split("/"))
    return f"<LOCALNAMESPACEPATH>{steps}</LOCALNAMESPACEPATH>"


@lru_cache(maxsize=64)  # the same
def namespace_path(host: str, namespace: str) -> str:
    """Render NAMESPACEPATH."""
    local = local_namespace_path(namespace)
    return f"<NAMESPACEPATH><HOST>{escape(host)}</HOST>{local}</NAMESPACEPATH>"


def key_binding_head(name: str, cim_type: str) -> str:
    """Render what stands before a key's text."""
    value_type = "string"
    if cim_type == "boolean":
        value_type = "boolean"
    elif cim_type in INTEGER_RANGES or cim_type in REAL_TYPES:
        value_type = "numeric"
    return f'<KEYBINDING NAME={attribute(name)}><KEYVALUE VALUETYPE="{value_type}" TYPE="{cim_type}">'


KEY_BINDING_TAIL = "</KEYVALUE></KEYBINDING>"


def _key_binding(name: str, value: KeyValue) -> str:
    if isinstance(value, Path):
        return f"<KEYBINDING NAME={attribute(name)}>{reference(value)}</KEYBINDING>"
    cim_type = "string"
    if isinstance(value, bool):
        cim_type = "boolean"
    elif isinstance(value, int):
        # A path does not know its keys' types; these hold every key there is.
        cim_type = "uint64" if value >= 0 else "sint64"
    elif isinstance(value, float):
        cim_type = "real64"
    return f"{key_binding_head(name, cim_type)}{scalar_text(cim_type)(value)}{KEY_BINDING_TAIL}"


def instance_name(path: Path) -> str:
    """Render INSTANCENAME."""
    keys = "".join(_key_binding(name, value) for name, value in path.keys)
    return f"<INSTANCENAME CLASSNAME={attribute(path.class_name)}>{keys}</INSTANCENAME>"


def reference(value: object) -> str:
    """Render VALUE.REFERENCE, with as much of the path as there is."""
    if not isinstance(value, Path):
        raise _wrong("reference", value)
    name = instance_name(value)
    if value.namespace and value.host:
        name = f"<INSTANCEPATH>{namespace_path(value.host, value.namespace)}{name}</INSTANCEPATH>"
    elif value.namespace:
        name = f"<LOCALINSTANCEPATH>{local_namespace_path(value.namespace)}{name}</LOCALINSTANCEPATH>"
    return f"<VALUE.REFERENCE>{name}</VALUE.REFERENCE>"


# Embedded instances ----------------------------------------------------------------------------


def instance(value: Instance, *, holds_objects: bool = False) -> str:
    """Render an INSTANCE; what is embedded in it is of a class that MOF names, or of any."""
    properties = "".join(
        _property(name, typed, holds_objects=holds_objects) for name, typed in value.properties.items()
    )
    return f"<INSTANCE CLASSNAME={attribute(value.class_name)}>{properties}</INSTANCE>"


def _property(name: str, typed: TypedValue, *, holds_objects: bool) -> str:
    value = typed.value
    cim_type = typed.type or "string"
    is_array = isinstance(value, tuple)
    content = value_element(cim_type, value, is_array=is_array)
    if cim_type == "reference":
        if is_array:
            raise TypeError(f"property {name}: an array of references is no property")
        return f"<PROPERTY.REFERENCE NAME={attribute(name)}>{content}</PROPERTY.REFERENCE>"
    first = (
        next((item for item in cast("tuple[Scalar, ...]", value) if item is not None), None)
        if is_array
        else value
    )
    kind = "" if holds_objects else "instance"
    embedded = embedded_attribute(kind if isinstance(first, Instance) else None)
    tag = "PROPERTY.ARRAY" if is_array else "PROPERTY"
    return f'<{tag} NAME={attribute(name)} TYPE="{cim_type}"{embedded}>{content}</{tag}>'

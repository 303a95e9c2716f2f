"""Names, values and instances out of their elements.

Text becomes a value where its type is told and stays text, with type None, where it is not.
An embedded object becomes an `Instance` where its text is CIM-XML; other text (MOF) is left to
those who know the parameter.

Source: DSP0201 2.4, sections 5.2.3 (value elements), 5.2.4 and 5.2.5 (names, definitions).
Errors: ValueError, for whoever knows the parameter's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from xencim.cimom_glue.wire.document import parse_text
from xencim.mof.values import TYPES, Instance, Path, TypedValue, parse_scalar

if TYPE_CHECKING:
    from xencim.cimom_glue.wire.document import Element
    from xencim.mof.values import KeyValue, Scalar, Value

# Embedded objects in embedded objects; the profiles know of two levels. Each is a document of its own.
MAX_EMBEDDED_LEVELS = 4
# DSP0201 2.4 also lets embedded objects be typed like this; in MOF they are strings.
_OBJECT_TYPES = frozenset({"object", "instance"})


def unexpected(element: Element, parent: str) -> ValueError:
    """Return the error for an element where it has no place."""
    return ValueError(f"unexpected element {element.tag[:80]} in {parent}")


# Names -----------------------------------------------------------------------------------------


def read_namespace(element: Element) -> str:
    """Return what a LOCALNAMESPACEPATH names."""
    if element.tag != "LOCALNAMESPACEPATH" or not element.children:
        raise ValueError("no LOCALNAMESPACEPATH with a NAMESPACE")
    for child in element.children:
        if child.tag != "NAMESPACE":
            raise unexpected(child, element.tag)
    return "/".join(child.required("NAME") for child in element.children)


def read_instance_name(element: Element) -> Path:
    """Return what an INSTANCENAME names; a key that came without its name is called ""."""
    if element.tag != "INSTANCENAME":
        raise unexpected(element, "an instance's name")
    class_name = element.required("CLASSNAME")
    keys: dict[str, tuple[str, KeyValue]] = {}
    for child in element.children:
        bound = child.tag == "KEYBINDING"
        name = child.required("NAME") if bound else ""
        if name.lower() in keys:
            raise ValueError(f"key {name!r} stands twice")
        keys[name.lower()] = (name, _read_key(child.the_child() if bound else child))
    return Path(class_name, tuple(keys.values()))


def _read_key(element: Element) -> KeyValue:
    if element.tag == "VALUE.REFERENCE":
        return read_reference(element)
    if element.tag != "KEYVALUE":
        raise unexpected(element, "a key")
    text = element.text
    cim_type = element.attributes.get("TYPE")
    if cim_type == "datetime":
        return text.strip()
    if cim_type is not None:
        return cast("KeyValue", _scalar(cim_type, text))
    value_type = element.attributes.get("VALUETYPE", "string")
    if value_type == "numeric":
        return _read_number(text)
    if value_type not in {"string", "boolean"}:
        raise ValueError(f"unknown VALUETYPE {value_type[:80]!r}")
    return cast("KeyValue", parse_scalar(value_type, text))


def _read_number(text: str) -> int | float:
    for cim_type in ("uint64", "sint64", "real64"):
        try:
            return cast("int | float", parse_scalar(cim_type, text))
        except ValueError:
            continue
    raise ValueError(f"{text[:80]!r} is not a number")


def read_reference(element: Element) -> Path:
    """Return what a VALUE.REFERENCE refers to."""
    target = element.the_child()
    if target.tag in {"INSTANCEPATH", "LOCALINSTANCEPATH", "CLASSPATH", "LOCALCLASSPATH"}:
        return _read_located(target)
    return read_name(target)


def read_name(element: Element) -> Path:
    """Return what a CLASSNAME (a path without keys) or an INSTANCENAME names."""
    if element.tag == "CLASSNAME":
        return Path(element.required("NAME"))
    return read_instance_name(element)


def _read_located(element: Element) -> Path:
    if len(element.children) != 2:  # noqa: PLR2004 - where it is, and its name
        raise ValueError(f"{element.tag} is not a place and a name")
    place, name = element.children
    host = None
    if place.tag == "NAMESPACEPATH":
        if [child.tag for child in place.children] != ["HOST", "LOCALNAMESPACEPATH"]:
            raise ValueError("NAMESPACEPATH is not HOST and LOCALNAMESPACEPATH")
        host_element, place = place.children
        host = host_element.text.strip()
    path = read_name(name)
    return Path(path.class_name, path.keys, read_namespace(place), host)


# Values ----------------------------------------------------------------------------------------


def _scalar(cim_type: str, text: str) -> Scalar:
    if cim_type not in TYPES or cim_type == "reference":
        raise ValueError(f"unknown type {cim_type[:80]!r}")
    return parse_scalar(cim_type, text)


def read_text(element: Element) -> str:
    """Return the text of a VALUE."""
    if element.tag != "VALUE" or element.children:
        raise ValueError(f"expected a VALUE with text, not {element.tag[:80]}")
    return element.text


def read_texts(element: Element) -> tuple[str | None, ...]:
    """Return the texts of a VALUE.ARRAY, None where an element is NULL."""
    if element.tag != "VALUE.ARRAY":
        raise ValueError(f"expected a VALUE.ARRAY, not {element.tag[:80]}")
    return tuple(None if child.tag == "VALUE.NULL" else read_text(child) for child in element.children)


def read_parameter(element: Element, level: int = 0) -> TypedValue:
    """Return the value of a PARAMVALUE, or of a PROPERTY of any kind."""
    attributes = element.attributes
    cim_type = attributes.get("PARAMTYPE", attributes.get("TYPE"))
    embedded = "EmbeddedObject" in attributes or "EMBEDDEDOBJECT" in attributes
    if cim_type in _OBJECT_TYPES or (embedded and cim_type is None):
        cim_type, embedded = "string", True
    if cim_type is not None and cim_type not in TYPES:
        raise ValueError(f"unknown type {cim_type[:80]!r}")
    child = element.only_child()
    if child is None:
        return TypedValue(cim_type, None)
    if child.tag == "VALUE":
        return TypedValue(cim_type, _convert(cim_type, embedded, read_text(child), level))
    if child.tag == "VALUE.ARRAY":
        texts = read_texts(child)
        return TypedValue(
            cim_type, tuple(t if t is None else _convert(cim_type, embedded, t, level) for t in texts)
        )
    return _read_object(child, level)


def _convert(cim_type: str | None, embedded: bool, text: str, level: int) -> Scalar:  # noqa: FBT001 - a fact
    if embedded and cim_type == "string" and text.lstrip().startswith("<"):
        return parse_embedded_instance(text, level + 1)
    return text if cim_type is None else _scalar(cim_type, text)


def _read_object(element: Element, level: int) -> TypedValue:
    """Return a value whose element tells its type."""
    if element.tag == "VALUE.REFERENCE":
        return TypedValue("reference", read_reference(element))
    if element.tag == "VALUE.REFARRAY":
        return TypedValue("reference", tuple(_read_member(child) for child in element.children))
    if element.tag in {"CLASSNAME", "INSTANCENAME"}:
        return TypedValue("reference", read_name(element))
    if element.tag in {"INSTANCE", "VALUE.NAMEDINSTANCE"}:
        return TypedValue("string", read_instance(element, level))
    raise unexpected(element, "a value")


def _read_member(element: Element) -> Path | None:
    if element.tag == "VALUE.NULL":
        return None
    if element.tag != "VALUE.REFERENCE":
        raise unexpected(element, "VALUE.REFARRAY")
    return read_reference(element)


def read_value(element: Element) -> Value:
    """Return a value that came without any type: text, or a reference."""
    if element.tag == "VALUE":
        return read_text(element)
    if element.tag == "VALUE.ARRAY":
        return read_texts(element)
    return _read_object(element, 0).value


# Instances -------------------------------------------------------------------------------------

_PROPERTY_TAGS = frozenset({"PROPERTY", "PROPERTY.ARRAY", "PROPERTY.REFERENCE"})


def read_instance(element: Element, level: int = 0) -> Instance:
    """Return what an INSTANCE or VALUE.NAMEDINSTANCE says, without qualifiers."""
    if element.tag == "VALUE.NAMEDINSTANCE":
        return read_named_instance(element, level)[1]
    if element.tag != "INSTANCE":
        raise unexpected(element, "an instance's place")
    properties: dict[str, TypedValue] = {}
    seen: set[str] = set()
    for child in element.children:
        if child.tag == "QUALIFIER":
            continue
        if child.tag not in _PROPERTY_TAGS:
            raise unexpected(child, "INSTANCE")
        name = child.required("NAME")
        if name.lower() in seen:
            raise ValueError(f"property {name[:80]!r} stands twice")
        seen.add(name.lower())
        properties[name] = _read_property(name, child, level)
    return Instance(element.required("CLASSNAME"), properties)


def _read_property(name: str, element: Element, level: int) -> TypedValue:
    element.children = [child for child in element.children if child.tag != "QUALIFIER"]
    if element.tag == "PROPERTY.REFERENCE":
        element.attributes["TYPE"] = "reference"
    try:
        return read_parameter(element, level)
    except ValueError as error:
        raise ValueError(f"property {name[:80]}: {error}") from error


def read_named_instance(element: Element, level: int = 0) -> tuple[Path, Instance]:
    """Return the name and the instance in a VALUE.NAMEDINSTANCE."""
    if element.tag != "VALUE.NAMEDINSTANCE" or len(element.children) != 2:  # noqa: PLR2004 - as above
        raise ValueError("expected VALUE.NAMEDINSTANCE with a name and an instance")
    name, instance = element.children
    return read_instance_name(name), read_instance(instance, level)


def parse_embedded_instance(text: str, level: int = 1) -> Instance:
    """Return the instance that text holds as CIM-XML; ValueError where it holds something else."""
    if level > MAX_EMBEDDED_LEVELS:
        raise ValueError(f"objects embedded deeper than {MAX_EMBEDDED_LEVELS} levels")
    return read_instance(parse_text(text), level)

"""A served class compiled into functions from rows to bytes.

What is the same for every instance is rendered once; each remaining property is one closure whose
text begins with all that stands between it and the property before.

Source: DSP0201 2.4, section 5.2.5 (INSTANCE) and 5.2.4 (INSTANCENAME).
Errors: whatever a property's ``get`` raises; TypeError and ValueError where a value is not one of
its type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.wire.render import (
    KEY_BINDING_TAIL,
    array,
    embedded_attribute,
    key_binding_head,
    namespace_path,
    reference,
    scalar_text,
    value_element,
)
from xencim.cimom_glue.wire.text import attribute
from xencim.mof.values import INTEGER_RANGES
from xencim.providers.core.served import Ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.mof.model import PropertyDecl
    from xencim.providers.core.results import Shape
    from xencim.providers.core.served import Served, ServedProperty
    from xencim.providers.core.spec import Row

    Renderer = Callable[[Any], str]  # from a row
    Encode = Callable[[Row], bytes]
    Refer = Callable[[Ref], Any]  # to what `located` returns


def compile_instance(served: Served, shape: Shape, refer: Refer) -> Encode:
    """Return the function that encodes a row's INSTANCE."""
    constant = f"<INSTANCE CLASSNAME={attribute(served.name)}>"
    renderers = []
    for served_property in served.properties:
        decl = served_property.decl
        if shape.properties is not None and decl.name.lower() not in shape.properties:
            continue
        head, tail, null = _property_frame(decl, class_origin=shape.include_class_origin)
        if served_property.get is None:
            constant += null
        elif served_property.constant:
            constant += head + _constant(served_property) + tail
        else:
            renderers.append(_property(served_property, constant + head, tail, constant + null, refer))
            constant = ""
    return _join(renderers, constant + "</INSTANCE>")


def compile_name(served: Served, refer: Refer) -> Encode:
    """Return the function that encodes a row's INSTANCENAME."""
    constant = f"<INSTANCENAME CLASSNAME={attribute(served.name)}>"
    renderers = []
    for served_property in served.properties:
        decl = served_property.decl
        if not decl.is_key or served_property.get is None:
            continue
        if decl.type == "reference":
            head, tail = f"{constant}<KEYBINDING NAME={attribute(decl.name)}>", "</KEYBINDING>"
            renderers.append(_reference(served_property.get, head, None, tail, refer))
        else:
            head = constant + key_binding_head(decl.name, decl.type)
            renderers.append(_scalar(served_property.get, decl.type, head, None, KEY_BINDING_TAIL))
        constant = ""
    return _join(renderers, constant + "</INSTANCENAME>")


def located(served: Served, name: bytes) -> str:
    """Render VALUE.REFERENCE to an instance, whose INSTANCENAME is given."""
    place = namespace_path(served.host, served.namespace)
    return f"<VALUE.REFERENCE><INSTANCEPATH>{place}{name.decode()}</INSTANCEPATH></VALUE.REFERENCE>"


def _join(renderers: list[Renderer], tail: str) -> Encode:
    def encode(row: Row) -> bytes:
        return ("".join([render(row) for render in renderers]) + tail).encode()

    return encode


def _property_frame(decl: PropertyDecl, *, class_origin: bool) -> tuple[str, str, str]:
    """Return what stands before and after a property's value, and the property when it is NULL."""
    origin = f" CLASSORIGIN={attribute(decl.class_origin)}" if class_origin and decl.class_origin else ""
    if decl.type == "reference":
        of = f" REFERENCECLASS={attribute(decl.reference_class)}" if decl.reference_class else ""
        head, tail = f"<PROPERTY.REFERENCE NAME={attribute(decl.name)}{of}{origin}>", "</PROPERTY.REFERENCE>"
        return head, tail, head + tail
    tag = "PROPERTY.ARRAY" if decl.is_array else "PROPERTY"
    start = f'<{tag} NAME={attribute(decl.name)} TYPE="{decl.type}"{origin}'
    embedded = embedded_attribute(decl.embedded)
    # wbemcli cannot read the attribute on an array; of one without a value it says nothing.
    on_null = "" if decl.is_array else embedded
    return f"{start}{embedded}>", f"</{tag}>", f"{start}{on_null}></{tag}>"


def _constant(served_property: ServedProperty) -> str:
    assert served_property.get is not None  # noqa: S101 - for the type checker
    decl = served_property.decl
    return value_element(decl.type, served_property.get(()), is_array=decl.is_array)


def _property(served_property: ServedProperty, head: str, tail: str, null: str, refer: Refer) -> Renderer:
    decl, get = served_property.decl, served_property.get
    assert get is not None  # noqa: S101 - for the type checker
    if decl.type == "reference":
        return _reference(get, head, null, tail, refer)
    if decl.is_array:
        return _array(get, decl.type, head, null, tail)
    return _scalar(get, decl.type, f"{head}<VALUE>", null, f"</VALUE>{tail}")


def _null(null: str | None) -> str:
    if null is None:
        raise ValueError("a key is NULL")
    return null


def _scalar(get: Callable[[Any], Any], cim_type: str, head: str, null: str | None, tail: str) -> Renderer:
    text = scalar_text(cim_type)
    if cim_type == "string":
        return _string(get, text, head, null, tail)
    if cim_type in INTEGER_RANGES:
        return _integer(get, cim_type, head, null, tail)

    def render(row: Any) -> str:  # noqa: ANN401 - as the class's rows are
        value = get(row)
        return _null(null) if value is None else f"{head}{text(value)}{tail}"

    return render


# Most properties are strings and integers: their common case is spelled out, at a third of the time.


def _string(
    get: Callable[[Any], Any], text: Callable[[object], str], head: str, null: str | None, tail: str
) -> Renderer:
    def render(row: Any) -> str:  # noqa: ANN401 - as above
        value = get(row)
        if value is None:
            return _null(null)
        if (
            value.__class__ is not str
            or not value.isprintable()
            or "&" in value
            or "<" in value
            or ">" in value
        ):
            value = text(value)
        return f"{head}{value}{tail}"

    return render


def _integer(get: Callable[[Any], Any], cim_type: str, head: str, null: str | None, tail: str) -> Renderer:
    low, high = INTEGER_RANGES[cim_type]
    text = scalar_text(cim_type)

    def render(row: Any) -> str:  # noqa: ANN401 - as above
        value = get(row)
        if value is None:
            return _null(null)
        if value.__class__ is not int or not low <= value <= high:
            value = text(value)
        return f"{head}{value}{tail}"

    return render


def _array(get: Callable[[Any], Any], cim_type: str, head: str, null: str, tail: str) -> Renderer:
    member = scalar_text(cim_type)

    def render(row: Any) -> str:  # noqa: ANN401 - as above
        value = get(row)
        return null if value is None else f"{head}<VALUE.ARRAY>{array(value, member)}</VALUE.ARRAY>{tail}"

    return render


def _reference(get: Callable[[Any], Any], head: str, null: str | None, tail: str, refer: Refer) -> Renderer:
    def render(row: Any) -> str:  # noqa: ANN401 - as above
        value = get(row)
        if value is None:
            return _null(null)
        text = refer(value) if isinstance(value, Ref) else reference(value)
        return f"{head}{text}{tail}"

    return render

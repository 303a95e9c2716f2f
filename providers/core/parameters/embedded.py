"""Instances embedded in parameters: whatever form a client gave them, typed by MOF.

A client sends an instance itself, or its text in CIM-XML or MOF. A property that the class does not
have is refused, not passed over.

Source: DSP0004 3.0, 5.6.3 (EmbeddedInstance, EmbeddedObject); DSP0201 2.4, 5.2.3 (their values).
Errors: CimError INVALID_PARAMETER and TYPE_MISMATCH, naming parameter, class and property.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Instance, TypedValue
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.parameters.conversion import convert
from xencim.providers.core.parameters.embedded_mof import parse_instance_mof

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.mof.model import ClassRepository
    from xencim.mof.values import Scalar, Value

    ParseXml = Callable[[str], Instance]


def read_embedded(
    what: str, required: str, value: Value, repository: ClassRepository, parse_xml: ParseXml | None
) -> Value:
    """Return a parameter's embedded values as instances of the required class ("": of any)."""
    if value is None:
        return None
    if isinstance(value, tuple):
        return tuple(
            None if item is None else _read(what, required, item, repository, parse_xml) for item in value
        )
    return _read(what, required, value, repository, parse_xml)


def _read(
    what: str, required: str, value: Scalar, repository: ClassRepository, parse_xml: ParseXml | None
) -> Instance:
    instance = value if isinstance(value, Instance) else _parse(what, str(value), parse_xml)
    decl = repository.find(instance.class_name)
    if decl is None or (required and not repository.is_a(decl.name, required)):
        wanted = f"an instance of {required}" if required else "of a class that is served here"
        raise CimError(Status.INVALID_PARAMETER, f"{what}: {instance.class_name} is not {wanted}")
    properties = {}
    for name, typed in instance.properties.items():
        declared = decl.find_property(name)
        if declared is None:
            raise CimError(Status.INVALID_PARAMETER, f"{what}: class {decl.name} has no property {name!r}")
        converted = convert(f"{what}: property {declared.name} of {decl.name}", declared, typed.value)
        properties[declared.name] = TypedValue(declared.type, converted)
    return Instance(decl.name, properties)


def _parse(what: str, text: str, parse_xml: ParseXml | None) -> Instance:
    if not text.lstrip().startswith("<"):
        try:
            return parse_instance_mof(text)
        except CimError as error:
            raise CimError(error.status, f"{what}: {error.message}", hint=error.hint) from error
    if parse_xml is None:
        raise CimError(Status.INVALID_PARAMETER, f"{what}: CIM-XML text is not read here, MOF is")
    try:
        return parse_xml(text)
    except ValueError as error:
        raise CimError(Status.INVALID_PARAMETER, f"{what}: {error}") from error

"""Classes and qualifier types as elements.

Source: DSP0201 2.4, section 5.2.5 (CLASS, METHOD, QUALIFIER) and 5.2.2 (QUALIFIER.DECLARATION).
Errors: TypeError and ValueError where a value is not one of its type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.cimom_glue.wire.render import embedded_attribute, value_element
from xencim.cimom_glue.wire.text import attribute

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.mof.model import ClassDecl, MethodDecl, ParameterDecl, PropertyDecl, Qualifier, QualifierDecl
    from xencim.providers.core.results import Classes

_SCOPES = ("class", "association", "reference", "property", "method", "parameter", "indication")


def class_element(decl: ClassDecl, wanted: Classes) -> str:
    """Render CLASS with as much of it as is wanted."""
    names = None if wanted.property_list is None else {name.lower() for name in wanted.property_list}
    properties = "".join(
        _property(p, wanted)
        for p in decl.properties
        if not (wanted.local_only and p.propagated) and (names is None or p.name.lower() in names)
    )
    methods = "".join(_method(m, wanted) for m in decl.methods if not (wanted.local_only and m.propagated))
    superclass = f" SUPERCLASS={attribute(decl.superclass)}" if decl.superclass else ""
    qualifiers = _qualifiers(decl.qualifiers, wanted)
    return f"<CLASS NAME={attribute(decl.name)}{superclass}>{qualifiers}{properties}{methods}</CLASS>"


def _qualifiers(qualifiers: Iterable[Qualifier], wanted: Classes) -> str:
    if not wanted.include_qualifiers:
        return ""
    return "".join(_qualifier(q) for q in qualifiers if not (wanted.local_only and q.propagated))


def _qualifier(qualifier: Qualifier) -> str:
    content = value_element(qualifier.type, qualifier.value, is_array=qualifier.is_array)
    return (
        f'<QUALIFIER NAME={attribute(qualifier.name)} TYPE="{qualifier.type}"'
        f"{_propagated(qualifier.propagated)}{_flavors(qualifier)}>{content}</QUALIFIER>"
    )


def _flavors(qualifier: Qualifier | QualifierDecl) -> str:
    """Render the flavours that are not as usual."""
    return (
        ("" if qualifier.overridable else ' OVERRIDABLE="false"')
        + ("" if qualifier.tosubclass else ' TOSUBCLASS="false"')
        + (' TOINSTANCE="true"' if qualifier.toinstance else "")
        + (' TRANSLATABLE="true"' if qualifier.translatable else "")
    )


def _propagated(propagated: bool) -> str:  # noqa: FBT001 - the fact itself
    return ' PROPAGATED="true"' if propagated else ""


def _origin(decl: PropertyDecl | MethodDecl, wanted: Classes) -> str:
    if wanted.include_class_origin and decl.class_origin:
        return f" CLASSORIGIN={attribute(decl.class_origin)}"
    return ""


def _array_size(decl: PropertyDecl | ParameterDecl) -> str:
    return "" if decl.array_size is None else f' ARRAYSIZE="{decl.array_size}"'


def _reference_class(decl: PropertyDecl | ParameterDecl) -> str:
    return f" REFERENCECLASS={attribute(decl.reference_class)}" if decl.reference_class else ""


def _property(decl: PropertyDecl, wanted: Classes) -> str:
    tag, details = "PROPERTY", f' TYPE="{decl.type}"'
    if decl.type == "reference":
        tag, details = "PROPERTY.REFERENCE", _reference_class(decl)
    elif decl.is_array:
        tag, details = "PROPERTY.ARRAY", details + _array_size(decl)
    # wbemcli cannot read the attribute on an array; where qualifiers are shown they say the same.
    if decl.type != "reference" and not (decl.is_array and wanted.include_qualifiers):
        details += embedded_attribute(decl.embedded)
    details += _origin(decl, wanted) + _propagated(decl.propagated)
    content = _qualifiers(decl.qualifiers, wanted)
    content += value_element(decl.type, decl.value, is_array=decl.is_array)
    return f"<{tag} NAME={attribute(decl.name)}{details}>{content}</{tag}>"


def _method(decl: MethodDecl, wanted: Classes) -> str:
    parameters = "".join(_parameter(p, wanted) for p in decl.parameters)
    details = f' TYPE="{decl.return_type}"{_origin(decl, wanted)}{_propagated(decl.propagated)}'
    qualifiers = _qualifiers(decl.qualifiers, wanted)
    return f"<METHOD NAME={attribute(decl.name)}{details}>{qualifiers}{parameters}</METHOD>"


def _parameter(decl: ParameterDecl, wanted: Classes) -> str:
    tag = "PARAMETER"
    if decl.type == "reference":
        tag = "PARAMETER.REFARRAY" if decl.is_array else "PARAMETER.REFERENCE"
        details = _reference_class(decl)
    else:
        tag = "PARAMETER.ARRAY" if decl.is_array else "PARAMETER"
        details = f' TYPE="{decl.type}"'
    if decl.is_array:
        details += _array_size(decl)
    return f"<{tag} NAME={attribute(decl.name)}{details}>{_qualifiers(decl.qualifiers, wanted)}</{tag}>"


def qualifier_declaration(decl: QualifierDecl) -> str:
    """Render QUALIFIER.DECLARATION."""
    every = "any" in decl.scopes
    scopes = "".join(f' {scope.upper()}="true"' for scope in _SCOPES if every or scope in decl.scopes)
    is_array = "true" if decl.is_array else "false"
    size = "" if decl.array_size is None else f' ARRAYSIZE="{decl.array_size}"'
    content = value_element(decl.type, decl.value, is_array=decl.is_array)
    return (
        f'<QUALIFIER.DECLARATION NAME={attribute(decl.name)} TYPE="{decl.type}" ISARRAY="{is_array}"'
        f"{size}{_flavors(decl)}><SCOPE{scopes}></SCOPE>{content}</QUALIFIER.DECLARATION>"
    )

"""Declarations to MOF text, one qualifier list and one element after another.

Source: DSP0004 2.8, annex A (the MOF grammar).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import format_scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xencim.mof.model import (
        ClassDecl,
        MethodDecl,
        ParameterDecl,
        PropertyDecl,
        Qualifier,
        QualifierDecl,
    )
    from xencim.mof.values import Scalar, Value

_WIDTH = 110
# An array of values begins behind its qualifier's name.
_ARRAY_WIDTH = 96
_SCOPES = ("any", "class", "association", "indication", "property", "reference", "method", "parameter")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def class_text(decl: ClassDecl, types: Mapping[str, QualifierDecl]) -> str:
    """Render a class declaration; ``types`` are the qualifier types by their names in lower case."""
    above = f" : {decl.superclass}" if decl.superclass else ""
    lines = [*_qualifier_lines(decl.qualifiers, types, ""), f"class {decl.name}{above} {{"]
    for declared in decl.properties:
        lines += ["", *_qualifier_lines(declared.qualifiers, types, "  "), f"  {_property(declared)};"]
    for method in decl.methods:
        lines += ["", *_qualifier_lines(method.qualifiers, types, "  "), *_method(method, types)]
    return "\n".join([*lines, "};", ""])


def qualifier_decl_text(decl: QualifierDecl) -> str:
    """Render a qualifier type."""
    default = "" if decl.value is None else f" = {_value(decl.type, decl.value)}"
    scopes = ", ".join(scope for scope in _SCOPES if scope in decl.scopes)
    flavors = ", ".join(_flavors(decl).values())
    return (
        f"Qualifier {decl.name} : {decl.type}{_array(decl)}{default},\n"
        f"    Scope({scopes}),\n    Flavor({flavors});\n"
    )


def _flavors(qualifier: Qualifier | QualifierDecl) -> dict[str, str]:
    flavors = {
        "override": "EnableOverride" if qualifier.overridable else "DisableOverride",
        "subclass": "ToSubclass" if qualifier.tosubclass else "Restricted",
    }
    if qualifier.toinstance:
        flavors["instance"] = "ToInstance"
    if qualifier.translatable:
        flavors["translation"] = "Translatable"
    return flavors


def _property(declared: PropertyDecl) -> str:
    default = "" if declared.value is None else f" = {_value(declared.type, declared.value)}"
    return f"{_typed(declared)}{default}"


def _typed(element: PropertyDecl | ParameterDecl) -> str:
    kind = f"{element.reference_class} REF" if element.reference_class else element.type
    return f"{kind} {element.name}{_array(element)}"


def _array(element: PropertyDecl | ParameterDecl | QualifierDecl) -> str:
    if not element.is_array:
        return ""
    return "[]" if element.array_size is None else f"[{element.array_size}]"


def _method(method: MethodDecl, types: Mapping[str, QualifierDecl]) -> list[str]:
    head = f"  {method.return_type} {method.name}("
    if not method.parameters:
        return [f"{head});"]
    lines = [head]
    for parameter in method.parameters:
        end = ");" if parameter is method.parameters[-1] else ","
        lines += [*_qualifier_lines(parameter.qualifiers, types, "    "), f"    {_typed(parameter)}{end}"]
    return lines


def _qualifier_lines(
    qualifiers: Iterable[Qualifier], types: Mapping[str, QualifierDecl], indent: str
) -> list[str]:
    """Render a qualifier list, filled up to the width of a line."""
    words = [_qualifier(q, types[q.name.lower()]) for q in qualifiers]
    if not words:
        return []
    return _fill([f"{word}," for word in words[:-1]] + [f"{words[-1]}]"], f"{indent}[", f"{indent} ")


def _qualifier(qualifier: Qualifier, decl: QualifierDecl) -> str:
    usual = _flavors(decl).items()
    unusual = "".join(f" {word}" for kind, word in _flavors(qualifier).items() if (kind, word) not in usual)
    flavors = f" :{unusual}" if unusual else ""
    if qualifier.value is True:
        return f"{qualifier.name}{flavors}"
    text = _value(qualifier.type, qualifier.value)
    return f"{qualifier.name}{text if text.startswith('{') else f'({text})'}{flavors}"


def _value(cim_type: str, value: Value) -> str:
    if value is None:
        return "null"
    if not isinstance(value, tuple):
        return _scalar(cim_type, value)
    items = ["null" if item is None else _scalar(cim_type, item) for item in value]
    if not items:
        return "{}"
    words = [f"{item}," for item in items[:-1]] + [f"{items[-1]}}}"]
    return "\n".join(_fill(words, "{", "      ", _ARRAY_WIDTH))


def _scalar(cim_type: str, value: Scalar) -> str:
    if cim_type == "char16":
        return f"'{_escaped(str(value))}'"
    text = format_scalar(cim_type, value)
    return f'"{_escaped(text)}"' if cim_type in {"string", "datetime"} else text.lower()


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(c) or (c if c >= " " else f"\\x{ord(c):04X}") for c in text)


def _fill(words: Iterable[str], first: str, following: str, width: int = _WIDTH) -> list[str]:
    """Put words on lines, as many as fit; a word may hold line ends of its own."""
    lines: list[str] = []
    line = first
    bare = True
    for word in words:
        if not bare and len(line) + 1 + len(word.partition("\n")[0]) > width:
            lines.append(line)
            line, bare = following, True
        line += word if bare else f" {word}"
        bare = False
        *done, line = line.split("\n")
        lines += done
    return [*lines, line]

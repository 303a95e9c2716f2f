"""Reads a SELECT statement.

    SELECT ( "*" / property *( "," property ) ) FROM class [ [AS] alias ] [ WHERE condition ]

Source: DSP0202 1.0; Microsoft's WQL.
Errors: CimError, see syntax.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xencim.providers.core.query.conditions import RESERVED, Reader

if TYPE_CHECKING:
    from xencim.providers.core.query.syntax import Condition

# Names for the instance itself that WQL has beside the class.
_WQL_SELF = frozenset({"__class", "__this"})
_OTHER_STATEMENTS = {
    "ASSOCIATORS": "ASSOCIATORS OF",
    "REFERENCES": "REFERENCES OF",
}
_CLAUSES = {
    "ORDER": "ORDER BY (CQL's Result Set Operations)",
    "GROUP": "GROUP BY",
    "HAVING": "HAVING",
    "WITHIN": "WITHIN (event queries)",
    ",": "a second class in FROM (CQL's Simple Join)",
    ":": "another namespace (CQL's Foreign Namespace Support)",
    "::": "another namespace (CQL's Foreign Namespace Support)",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A SELECT statement; ``properties`` is None for all."""

    class_name: str
    properties: tuple[str, ...] | None
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class _Selected:
    """An element of the list: the names between the dots, the last one possibly ``*``."""

    names: tuple[str, ...]
    position: int


def read_statement(reader: Reader) -> Statement:
    """Read the whole text."""
    if reader.token.word in _OTHER_STATEMENTS:
        raise reader.unsupported(_OTHER_STATEMENTS[reader.token.word])
    reader.need("SELECT")
    selected = _read_list(reader)
    reader.need("FROM")
    class_name = _read_from(reader)
    properties = _resolve(reader, selected)
    condition = reader.condition() if reader.skip("WHERE") else None
    _refuse_clauses(reader)
    if reader.token.kind != "end":
        raise reader.expected("the end" if condition else "WHERE")
    return Statement(class_name, properties, condition)


def _read_list(reader: Reader) -> list[_Selected]:
    if reader.token.word in {"DISTINCT", "FIRST"} and reader.peek().word not in {",", "FROM"}:
        raise reader.unsupported(f"{reader.token.word} (CQL's Result Set Operations)")
    selected = [_read_selected(reader)]
    while reader.skip(","):
        selected.append(_read_selected(reader))
    return selected


def _read_selected(reader: Reader) -> _Selected:
    start = reader.token
    if start.kind in {"string", "number"}:
        raise reader.unsupported("a constant in the list (CQL's Extended Select List)")
    if reader.skip("*"):
        return _Selected(("*",), start.position)
    names = [reader.name("a property or *")]
    if reader.token.word == "(":
        raise reader.language.unsupported(start.position, f"the function {names[0][:40]}()")
    while reader.skip("."):
        if reader.skip("*"):
            names.append("*")
            break
        names.append(reader.name("a property or *"))
    if reader.token.word not in {",", "FROM"} and reader.token.kind != "end":
        if reader.token.kind in {"string", "number"} or (
            reader.token.kind == "name" and reader.token.word != "AS"
        ):
            raise reader.expected(", or FROM")
        raise reader.unsupported("more than a property in the list (CQL's Extended Select List)")
    return _Selected(tuple(names), start.position)


def _read_from(reader: Reader) -> str:
    if reader.token.word == "(":
        raise reader.unsupported("a query in FROM (CQL's Subquery)")
    if reader.token.kind == "string":
        raise reader.unsupported("another namespace (CQL's Foreign Namespace Support)")
    class_name = reader.name("a class")
    itself = {class_name.lower()}
    _refuse_clauses(reader)
    if reader.language.is_wql:
        itself |= _WQL_SELF
    elif reader.skip("AS") or (reader.token.kind == "name" and reader.token.word not in RESERVED):
        itself.add(reader.name("an alias").lower())
        _refuse_clauses(reader)
    reader.instance_names = frozenset(itself)
    return class_name


def _refuse_clauses(reader: Reader) -> None:
    if reader.token.word in _CLAUSES:
        raise reader.unsupported(_CLAUSES[reader.token.word])


def _resolve(reader: Reader, selected: list[_Selected]) -> tuple[str, ...] | None:
    found: dict[str, str] = {}
    everything = False
    for element in selected:
        names = element.names
        if len(names) > 1 and names[0].lower() in reader.instance_names:
            names = names[1:]
        if len(names) > 1:
            raise reader.language.unsupported(
                element.position, f"{'.'.join(names)[:80]} in the list (CQL's Embedded Properties)"
            )
        if names[0].startswith("__"):
            raise reader.language.unsupported(element.position, f"the system property {names[0][:40]}")
        everything = everything or names[0] == "*"
        found.setdefault(names[0].lower(), names[0])
    return None if everything else tuple(found.values())

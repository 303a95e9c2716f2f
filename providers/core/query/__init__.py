"""The query languages: WQL and DMTF:CQL for ExecQuery, DMTF:FQL for the filters of the Open operations.

A text is read once and becomes closures; a row is then tested in microseconds. ``docs/reference/queries.md``
tells what is supported.

Source: DSP0200 1.4, sections 5.3.2.15 and 5.4.2; DSP0202 1.0; DSP0212 1.0.1; Microsoft's WQL.
Errors: CimError QUERY_LANGUAGE_NOT_SUPPORTED, INVALID_QUERY (with the position), QUERY_FEATURE_NOT_SUPPORTED
(with the feature's name), SERVER_LIMITS_EXCEEDED (longer or deeper than the limits allow).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.query.checks import Check, properties_of
from xencim.providers.core.query.conditions import Reader
from xencim.providers.core.query.evaluation import Source, Test, compile_condition
from xencim.providers.core.query.lexer import tokenize
from xencim.providers.core.query.pattern_text import read_expression, read_wildcards
from xencim.providers.core.query.statement import read_statement
from xencim.providers.core.query.syntax import Condition, Language

if TYPE_CHECKING:
    from xencim.mof.model import ClassDecl

__all__ = ["Filter", "Query", "Source", "parse_filter", "parse_query"]

_WQL = Language("WQL", read_wildcards, is_wql=True)
_CQL = Language("DMTF:CQL", read_expression)
_FQL = Language("DMTF:FQL", read_expression, is_fql=True)
_QUERY_LANGUAGES = {"wql": _WQL, "dmtf:cql": _CQL, "cim:cql": _CQL}
_FILTER_LANGUAGES = {"dmtf:fql": _FQL}


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition; ``names`` are the properties it mentions, as it wrote them."""

    names: frozenset[str]
    _language: Language
    _condition: Condition | None
    _test: Test

    def matches(self, source: Source) -> bool:
        """Tell whether the condition is true of the instance: neither false nor unknown."""
        return self._test(source) is True

    def check(self, decl: ClassDecl) -> None:
        """Refuse what cannot be asked of the class: unknown properties, other types, arrays as scalars."""
        if self._condition is not None:
            Check(self._language, decl).condition(self._condition)


@dataclass(frozen=True, slots=True)
class Query(Filter):
    """A SELECT statement; ``properties`` is None for all of them."""

    class_name: str
    properties: tuple[str, ...] | None

    def check(self, decl: ClassDecl) -> None:
        """Refuse what cannot be asked of the class, in the list or in the condition."""
        for name in self.properties or ():
            if decl.find_property(name) is None:
                raise CimError(
                    Status.INVALID_QUERY,
                    f"{self._language.name} query: {decl.name} has no property {name[:80]}",
                )
        Filter.check(self, decl)


def parse_query(language: str, text: str) -> Query:
    """Read a query of ExecQuery or OpenQueryInstances."""
    reader = _reader(_QUERY_LANGUAGES, "query", language, text)
    statement = read_statement(reader)
    mentioned, test = _compile(reader.language, statement.condition)
    return Query(
        names=mentioned.union(statement.properties or ()),
        _language=reader.language,
        _condition=statement.condition,
        _test=test,
        class_name=statement.class_name,
        properties=statement.properties,
    )


def parse_filter(language: str, text: str) -> Filter:
    """Read the FilterQuery of an Open operation."""
    reader = _reader(_FILTER_LANGUAGES, "filter query", language, text)
    condition = reader.condition()
    if reader.token.kind != "end":
        raise reader.expected("AND, OR or the end")
    names, test = _compile(reader.language, condition)
    return Filter(names, reader.language, condition, test)


def _reader(languages: dict[str, Language], what: str, name: str, text: str) -> Reader:
    language = languages.get(name.strip().lower())
    if language is None:
        supported = " and ".join(dict.fromkeys(known.name for known in languages.values()))
        raise CimError(
            Status.QUERY_LANGUAGE_NOT_SUPPORTED,
            f"{name[:80]!r} is no {what} language here",
            hint=f"supported: {supported}",
        )
    return Reader(language, tokenize(language, text))


def _compile(language: Language, condition: Condition | None) -> tuple[frozenset[str], Test]:
    if condition is None:
        return frozenset(), lambda _source: True
    names = frozenset(operand.path[0] for operand in properties_of(condition))
    return names, compile_condition(language, condition)

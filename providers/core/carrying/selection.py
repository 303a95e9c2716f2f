"""Which properties and which rows a request wants: shapes, queries and filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.errors import Status
from xencim.providers.core.query import parse_filter, parse_query
from xencim.providers.core.results import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.mof.model import ClassDecl
    from xencim.mof.values import Instance, Value
    from xencim.providers.core.carrying.reading import Found
    from xencim.providers.core.operations import PropertyList
    from xencim.providers.core.query import Filter, Query
    from xencim.providers.core.registry import Namespace


def instance_shape(limit: ClassDecl | None, wanted: PropertyList, *, include_class_origin: bool) -> Shape:
    """Combine a class that limits the properties (DeepInheritance false) with a PropertyList.

    NULL is all, an empty list none; unknown names are ignored (DSP0200 5.3.2.2).
    """
    names = None if wanted is None else frozenset(name.lower() for name in wanted)
    if limit is not None:
        own = frozenset(decl.name.lower() for decl in limit.properties)
        names = own if names is None else own & names
    return Shape(include_class_origin, names)


class _Source:
    """An instance as the query languages see it."""

    __slots__ = ("_found", "_namespace")

    def __init__(self, namespace: Namespace, found: Found) -> None:
        self._namespace = namespace
        self._found = found

    def value(self, name: str) -> Value:
        return self._found.served.value(self._found.row, name)

    def is_a(self, class_name: str, embedded: Instance | None = None) -> bool:
        name = self._found.served.name if embedded is None else embedded.class_name
        return self._namespace.repository.is_a(name, class_name)


def parse_for_class(namespace: Namespace, language: str, text: str) -> Query:
    """Parse a query and check its class and properties."""
    query = parse_query(language, text)
    decl = namespace.demand_class(query.class_name, Status.INVALID_QUERY)
    query.check(decl)
    return query


def parse_filter_for_class(namespace: Namespace, language: str, text: str, class_name: str | None) -> Filter:
    """Parse an Open operation's filter and, where the class is known, check how it uses their properties."""
    parsed = parse_filter(language, text)
    if class_name is not None:
        parsed.check(namespace.demand_class(class_name))
    return parsed


def matching(founds: Iterable[Found], namespace: Namespace, query: Query | Filter) -> Iterator[Found]:
    """Keep the instances that a query or filter wants."""
    return (found for found in founds if query.matches(_Source(namespace, found)))

"""The Open…, Pull… and CloseEnumeration operations, on `pull.Contexts`.

Source: DSP0200 1.4, 5.4.2; filters: DSP0212.
Errors: CONTINUATION_ON_ERROR_NOT_SUPPORTED, FILTERED_ENUMERATION_NOT_SUPPORTED and those of `pull`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from xencim.providers.core import operations as op
from xencim.providers.core.carrying.reading import Found, demand_source, traversal
from xencim.providers.core.carrying.selection import (
    instance_shape,
    matching,
    parse_filter_for_class,
    parse_for_class,
)
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Done, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.core.access import Principal
    from xencim.providers.core.carrying.pull import Contexts
    from xencim.providers.core.carrying.reading import Reader
    from xencim.providers.core.registry import Namespace
    from xencim.providers.core.results import Result

_Open: TypeAlias = (
    op.OpenEnumerateInstances
    | op.OpenEnumerateInstancePaths
    | op.OpenAssociatorInstances
    | op.OpenAssociatorInstancePaths
    | op.OpenReferenceInstances
    | op.OpenReferenceInstancePaths
    | op.OpenQueryInstances
)
_PATHS = op.OpenEnumerateInstancePaths | op.OpenAssociatorInstancePaths | op.OpenReferenceInstancePaths
_PULLS: dict[type, str] = {
    op.PullInstancesWithPath: "instance",
    op.PullInstancePaths: "path",
    op.PullInstances: "query",
}


class PulledOperations:
    """Answers the pulled family; `answer` returns None for an operation that is none of it."""

    def __init__(self, contexts: Contexts) -> None:
        self._contexts = contexts

    def answer(
        self, reader: Reader, namespace: Namespace, request: op.Operation, principal: Principal
    ) -> Result | None:
        """Carry out an operation of the family."""
        match request:
            case op.PullInstancesWithPath() | op.PullInstancePaths() | op.PullInstances():
                kind = _PULLS[type(request)]
                token = request.enumeration_context
                return self._contexts.pull(principal, namespace.name, token, kind, request.max_object_count)
            case op.CloseEnumeration():
                self._contexts.close(principal, namespace.name, request.enumeration_context)
                return Done()
            case (
                op.OpenEnumerateInstances()
                | op.OpenEnumerateInstancePaths()
                | op.OpenAssociatorInstances()
                | op.OpenAssociatorInstancePaths()
                | op.OpenReferenceInstances()
                | op.OpenReferenceInstancePaths()
                | op.OpenQueryInstances()
            ):
                return self._open(reader, namespace, request, principal)
        return None

    def _open(self, reader: Reader, namespace: Namespace, request: _Open, principal: Principal) -> Result:
        if request.continue_on_error:
            raise CimError(
                Status.CONTINUATION_ON_ERROR_NOT_SUPPORTED,
                "ContinueOnError TRUE is not supported",
                hint="leave it out",
            )
        if isinstance(request, op.OpenQueryInstances):
            rows, shape = _query(reader, namespace, request)
            kind = "query"
        else:
            rows, shape = _rows(reader, namespace, request)
            kind = "path" if isinstance(request, _PATHS) else "instance"
        return self._contexts.open(
            principal, namespace.name, rows, kind, shape, request.operation_timeout, request.max_object_count
        )


def _query(
    reader: Reader, namespace: Namespace, request: op.OpenQueryInstances
) -> tuple[Iterable[Found], Shape]:
    if request.return_query_result_class:
        raise CimError(Status.NOT_SUPPORTED, "ReturnQueryResultClass TRUE is not supported")
    if not request.filter_query or not request.filter_query_language:
        raise CimError(
            Status.INVALID_PARAMETER, "OpenQueryInstances needs FilterQueryLanguage and FilterQuery"
        )
    query = parse_for_class(namespace, request.filter_query_language, request.filter_query)
    rows = matching(_extent(reader, namespace, query.class_name), namespace, query)
    return rows, instance_shape(None, query.properties, include_class_origin=False)


def _rows(reader: Reader, namespace: Namespace, request: _Open) -> tuple[Iterable[Found], Shape]:
    shape = Shape()
    class_name = None
    limit = None
    rows: Iterable[Found]
    if isinstance(request, op.OpenEnumerateInstances | op.OpenEnumerateInstancePaths):
        decl = namespace.demand_class(request.class_name)
        class_name = decl.name
        rows = _extent(reader, namespace, class_name)
        if isinstance(request, op.OpenEnumerateInstances) and not request.deep_inheritance:
            limit = decl
    elif isinstance(request, op.OpenQueryInstances):
        raise TypeError(request)
    else:
        wanted = traversal(namespace, request)
        source = demand_source(reader, namespace, request.instance_name)
        is_associators = isinstance(request, op.OpenAssociatorInstances | op.OpenAssociatorInstancePaths)
        follow = reader.associators if is_associators else reader.references
        rows = follow(namespace, source, wanted)
    if not isinstance(request, _PATHS):
        shape = instance_shape(
            limit, request.property_list, include_class_origin=request.include_class_origin
        )
    return _filtered(namespace, request, rows, class_name), shape


def _filtered(
    namespace: Namespace, request: _Open, rows: Iterable[Found], class_name: str | None
) -> Iterable[Found]:
    if request.filter_query is None and request.filter_query_language is None:
        return rows
    if not request.filter_query or not request.filter_query_language:
        raise CimError(
            Status.INVALID_PARAMETER, "FilterQuery and FilterQueryLanguage are given together or not at all"
        )
    parsed = parse_filter_for_class(
        namespace, request.filter_query_language, request.filter_query, class_name
    )
    return matching(rows, namespace, parsed)


def _extent(reader: Reader, namespace: Namespace, class_name: str) -> Iterator[Found]:
    for served in namespace.family(class_name):
        for row in reader.rows(served):
            yield Found(served, row)

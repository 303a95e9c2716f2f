"""What has to be asked before an operation is answered: what announces nothing, and what is kept nowhere."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from xencim.mof.values import Path
from xencim.providers.core import operations as op
from xencim.providers.core.errors import CimError
from xencim.providers.core.query import parse_query
from xencim.providers.core.served import ServedAssoc, ServedClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.core.registry import Namespace
    from xencim.providers.core.served import Served


async def refresh(namespace: Namespace, request: op.Operation) -> None:
    """Have the backends asked for what the answer tells; they, or the sampler, limit how often."""
    await _refresh_storage(namespace, request)
    questions = {
        (served.site, served.spec.asks): None for served in _told(namespace, request) if served.spec.asks
    }
    for site, asked in questions:
        if asked is not None:
            await site.sampler.ask(asked)


async def _refresh_storage(namespace: Namespace, request: op.Operation) -> None:
    """Have pools re-read where their own instances are asked for."""
    match request:
        case op.GetInstance():
            name = request.instance_name.class_name
        case op.EnumerateInstances() | op.OpenEnumerateInstances():
            name = request.class_name
        case op.Associators(object_name=Path()):
            name = request.result_class or ""
        case _:
            return
    sites = {
        served.site
        for served in namespace.family(name)
        if isinstance(served, ServedClass) and served.spec.refreshes_storage
    }
    for site in sites:
        await site.backend.refresh_storage()


def _told(namespace: Namespace, request: op.Operation) -> Iterator[ServedClass]:
    """Yield the classes whose instances the answer may tell of."""
    match request:
        case op.GetInstance() | op.GetProperty():
            yield from _classes(namespace.of_class(request.instance_name.class_name))
        case (
            op.EnumerateInstances()
            | op.EnumerateInstanceNames()
            | op.OpenEnumerateInstances()
            | op.OpenEnumerateInstancePaths()
        ):
            yield from _classes(namespace.family(request.class_name))
        case op.ExecQuery():
            yield from _queried(namespace, request.query_language, request.query)
        case op.OpenQueryInstances():
            yield from _queried(namespace, request.filter_query_language, request.filter_query)
        case op.Associators() | op.AssociatorNames():
            yield from _linked(namespace, request.object_name, request.assoc_class)
        case op.References() | op.ReferenceNames():
            yield from _linked(namespace, request.object_name, request.result_class)
        case op.OpenAssociatorInstances() | op.OpenAssociatorInstancePaths():
            yield from _linked(namespace, request.instance_name, request.assoc_class)
        case op.OpenReferenceInstances() | op.OpenReferenceInstancePaths():
            yield from _linked(namespace, request.instance_name, request.result_class)


def _classes(family: Iterable[Served]) -> Iterator[ServedClass]:
    """Yield the classes of a family; of associations, those that they join."""
    for served in family:
        if isinstance(served, ServedClass):
            yield served
        elif isinstance(served, ServedAssoc):
            for bound in served.links:
                yield bound.left
                yield bound.right


def _queried(namespace: Namespace, language: str | None, query: str | None) -> Iterator[ServedClass]:
    with suppress(CimError):  # whoever answers says what is wrong with it
        yield from _classes(namespace.family(parse_query(language or "", query or "").class_name))


def _linked(namespace: Namespace, source: op.ObjectName, assoc_class: str | None) -> Iterator[ServedClass]:
    """Yield the class of an association operation's source, and those that its answer may lead to."""
    if not isinstance(source, Path):
        return
    is_a = namespace.repository.is_a
    for end in namespace.of_class(source.class_name):
        if not isinstance(end, ServedClass):
            continue
        yield end
        for assoc, bound in namespace.links_of(end):
            if not assoc_class or is_a(assoc.name, assoc_class):
                yield bound.right if bound.left is end else bound.left

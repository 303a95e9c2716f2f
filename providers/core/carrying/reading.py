"""Rows read through one consistent picture: extents, single instances and association traversal.

Source: DSP0200 1.4, 5.3.2.14 to 5.3.2.17 (Role, ResultRole, AssocClass, ResultClass).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

from xencim.mof.values import Path
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Batch
from xencim.providers.core.served import AssocRow, BoundLink, Served, ServedAssoc, ServedClass, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.mof.model import ClassDecl
    from xencim.providers.core.registry import Namespace, Registry
    from xencim.providers.core.spec import Context, Keys, Row


class Found(NamedTuple):
    """An instance: what serves it, and its row."""

    served: Served
    row: Row


@dataclass(frozen=True, slots=True)
class Traversal:
    """The filters of the association operations, as given."""

    assoc_class: str | None = None
    result_class: str | None = None
    role: str | None = None
    result_role: str | None = None


class Extent:
    """All rows of something served, made each time they are asked for."""

    __slots__ = ("_reader", "_served")

    def __init__(self, reader: Reader, served: Served) -> None:
        self._reader = reader
        self._served = served

    def __iter__(self) -> Iterator[Row]:
        return iter(self._reader.rows(self._served))


class Reader:
    """One operation's picture of all hosts: each is looked at through a snapshot, taken once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._contexts: dict[Site, Context] = {}

    def context(self, site: Site) -> Context:
        """Return the site's records as this operation sees them."""
        context = self._contexts.get(site)
        if context is None:
            context = site.context(site.inventory.snapshot())
            self._contexts[site] = context
        return context

    def batch(self, served: Served) -> Batch:
        """Return everything of a served class."""
        context = self.context(served.site)
        generation = context.view.generation + context.server.generation
        return Batch(served, Extent(self, served), isinstance(served, ServedClass), generation)

    def rows(self, served: Served) -> Iterable[Row]:
        """Return all rows of a class or association."""
        if isinstance(served, ServedClass):
            return served.rows(self.context(served.site))
        if isinstance(served, ServedAssoc):
            return self._pairs(served)
        raise TypeError(served)

    def _pairs(self, assoc: ServedAssoc) -> Iterator[AssocRow]:
        for bound in assoc.links:
            context = self.context(bound.site)
            for left in bound.left.rows(context):
                for right in bound.link.rights_of(context, left):
                    yield AssocRow(bound, left, right)

    # One instance ------------------------------------------------------------------------------

    def get(self, namespace: Namespace, path: Path) -> Found | None:
        """Return the instance at a path of the namespace, None when there is none."""
        keys = {name.lower(): value for name, value in path.keys}
        for served in namespace.of_class(path.class_name):
            if isinstance(served, ServedClass):
                row = served.find(self.context(served.site), keys)
                if row is not None:
                    return Found(served, row)
            elif isinstance(served, ServedAssoc):
                pair = self._find_pair(namespace, served, keys)
                if pair is not None:
                    return Found(served, pair)
        return None

    def _find_pair(self, namespace: Namespace, assoc: ServedAssoc, keys: Keys) -> AssocRow | None:
        left = self._end(namespace, keys.get(assoc.spec.left_role.lower()))
        right = self._end(namespace, keys.get(assoc.spec.right_role.lower()))
        if left is None or right is None:
            return None
        wanted = right.served.cache_key(right.row)
        for bound in assoc.links:
            if bound.left is not left.served or bound.right is not right.served:
                continue
            for row in bound.link.rights_of(self.context(bound.site), left.row):
                if right.served.cache_key(row) == wanted:
                    return AssocRow(bound, left.row, row)
        return None

    def _end(self, namespace: Namespace, reference: object) -> Found | None:
        if not isinstance(reference, Path):
            return None
        try:
            home = self._registry.namespace(reference.namespace) if reference.namespace else namespace
        except CimError:
            return None
        return self.get(home, home.complete(reference))

    # Association traversal ---------------------------------------------------------------------

    def references(self, namespace: Namespace, source: Found, wanted: Traversal) -> Iterator[Found]:
        """Yield the association instances that refer to the source."""
        own = source.served.cache_key(source.row)
        for assoc, row, is_left in self._traverse(namespace, source, wanted.result_class, wanted.role):
            # One that refers to the source with both ends comes from the left and from the right.
            twice = row.link.left is row.link.right and row.link.left.cache_key(row.left) == own
            if is_left or not twice or wanted.role:
                yield Found(assoc, row)

    def associators(self, namespace: Namespace, source: Found, wanted: Traversal) -> Iterator[Found]:
        """Yield the instances on the other side of the source's associations, each once."""
        is_result = self._result_filter(wanted.result_class)
        seen: set[tuple[int, ...]] = set()
        for assoc, row, is_left in self._traverse(namespace, source, wanted.assoc_class, wanted.role):
            role = assoc.spec.right_role if is_left else assoc.spec.left_role
            if wanted.result_role and wanted.result_role.lower() != role.lower():
                continue
            served = row.link.right if is_left else row.link.left
            if not is_result(served):
                continue
            other = row.right if is_left else row.left
            key = (id(served), *served.cache_key(other))
            if key not in seen:
                seen.add(key)
                yield Found(served, other)

    def _result_filter(self, result_class: str | None) -> Callable[[ServedClass], bool]:
        if not result_class:
            return lambda _served: True

        def is_result(served: ServedClass) -> bool:
            home = self._registry.namespace(served.namespace)
            return home.repository.is_a(served.name, result_class)

        return is_result

    def _traverse(
        self, namespace: Namespace, source: Found, assoc_class: str | None, role: str | None
    ) -> Iterator[tuple[ServedAssoc, AssocRow, bool]]:
        if not isinstance(source.served, ServedClass):
            return
        for assoc, bound in namespace.links_of(source.served):
            if assoc_class and not namespace.repository.is_a(assoc.name, assoc_class):
                continue
            for row, is_left in self._link_rows(assoc, bound, source, role):
                yield assoc, row, is_left

    def _link_rows(
        self, assoc: ServedAssoc, bound: BoundLink, source: Found, role: str | None
    ) -> Iterator[tuple[AssocRow, bool]]:
        context = self.context(bound.site)
        wanted = role.lower() if role else None
        if bound.left is source.served and wanted in {None, assoc.spec.left_role.lower()}:
            for right in bound.link.rights_of(context, source.row):
                yield AssocRow(bound, source.row, right), True
        if bound.right is source.served and wanted in {None, assoc.spec.right_role.lower()}:
            for left in bound.link.lefts_of(context, source.row):
                yield AssocRow(bound, left, source.row), False


def traversal(namespace: Namespace, request: object) -> Traversal:
    """Return the filters of any association operation, the classes in them checked."""
    wanted = Traversal(*(getattr(request, field.name, None) or None for field in fields(Traversal)))
    for name in (wanted.assoc_class, wanted.result_class):
        if name:
            namespace.demand_class(name, Status.INVALID_PARAMETER)
    return wanted


def demand_instance(reader: Reader, namespace: Namespace, path: Path) -> Found:
    """Return the instance at a path that has all of its class's keys and no others."""
    decl = namespace.demand_class(path.class_name)
    path = namespace.complete(path)
    found = reader.get(namespace, path)
    if found is None or len(path.keys) != len(decl.keys):
        _demand_keys(decl, path)
    if found is None:
        raise not_found(namespace, path)
    return found


def _demand_keys(decl: ClassDecl, path: Path) -> None:
    given = {name.lower() for name, _ in path.keys}
    declared = {key.name.lower(): key.name for key in decl.keys}
    for name in declared.keys() ^ given:
        problem = f"lacks key {declared[name]}" if name in declared else f"has no key {name!r} in its class"
        raise CimError(Status.INVALID_PARAMETER, f"the path of class {decl.name} {problem}")


def demand_source(reader: Reader, namespace: Namespace, path: Path) -> Found:
    """Return the instance that an association operation starts from."""
    namespace.demand_class(path.class_name, Status.INVALID_PARAMETER)
    found = reader.get(namespace, namespace.complete(path))
    if found is None:
        raise not_found(namespace, path)
    return found


def not_found(namespace: Namespace, path: Path) -> CimError:
    """Make the error for a path that no instance has."""
    keys = str(Path(path.class_name, path.keys))
    return CimError(Status.NOT_FOUND, f"namespace {namespace.name} has no instance {keys}")

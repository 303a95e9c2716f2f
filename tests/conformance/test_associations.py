"""Every association is the same from either end, in either namespace, with exact sets."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, cast

import pytest

from xencim.mof.values import Path
from xencim.providers.core import operations as op
from xencim.providers.core.served import AssocRow, ServedAssoc, ServedClass

if TYPE_CHECKING:
    from tests.conformance.conftest import Asker


@pytest.fixture(params=["ask", "ask_three"])
def asker(request: pytest.FixtureRequest) -> Asker:
    return cast("Asker", request.getfixturevalue(request.param))


def _text(path: object) -> str:
    assert isinstance(path, Path)
    return str(path)


class _Pairs:
    """The instances of all associations of a namespace, by the paths of their ends."""

    def __init__(self, asker: Asker, namespace: str) -> None:
        self.references: dict[str, list[str]] = defaultdict(list)
        self.others: dict[str, set[str]] = defaultdict(set)
        self.by_class: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        lineage = asker.registry.namespace(namespace).repository.lineage
        self.ends: dict[str, Path] = {}
        for assoc in asker.registry.namespace(namespace).served:
            if not isinstance(assoc, ServedAssoc):
                continue
            for row in _rows(asker, assoc):
                left = row.link.left.path(row.left)
                right = row.link.right.path(row.right)
                own = str(assoc.path(row))
                for end, other, role in (
                    (left, right, assoc.spec.left_role),
                    (right, left, assoc.spec.right_role),
                ):
                    self.ends[str(end)] = end
                    if own not in self.references[str(end)]:
                        self.references[str(end)].append(own)
                    self.others[str(end)].add(str(other))
                    for name in lineage(assoc.name):
                        self.by_class[str(end), name, role].add(str(other))


def _rows(asker: Asker, assoc: ServedAssoc) -> list[AssocRow]:
    found = asker.found(op.EnumerateInstances(namespace=assoc.namespace, class_name=assoc.name))
    return [one.row for one in found if one.served is assoc]  # type: ignore[misc]


def test_references_and_associators_are_what_the_enumerations_say(asker: Asker) -> None:
    for namespace in asker.registry.namespaces.values():
        pairs = _Pairs(asker, namespace.name)
        for text, end in pairs.ends.items():
            if end.namespace != namespace.name:
                continue
            names = asker.paths(op.ReferenceNames(namespace=namespace.name, object_name=end))
            assert sorted(names) == sorted(pairs.references[text]), text
            instances = asker.paths(op.References(namespace=namespace.name, object_name=end))
            assert sorted(instances) == sorted(names), text
            others = asker.paths(op.AssociatorNames(namespace=namespace.name, object_name=end))
            assert sorted(others) == sorted(pairs.others[text]), text
            objects = asker.paths(op.Associators(namespace=namespace.name, object_name=end))
            assert sorted(objects) == sorted(others), text


def test_instances_without_association_have_none(asker: Asker) -> None:
    for namespace in asker.registry.namespaces.values():
        pairs = _Pairs(asker, namespace.name)
        for served in namespace.served:
            if not isinstance(served, ServedClass):
                continue
            for path in asker.found(op.EnumerateInstances(namespace=namespace.name, class_name=served.name)):
                end = path.served.path(path.row)
                if str(end) not in pairs.ends:
                    assert asker.paths(op.ReferenceNames(namespace=namespace.name, object_name=end)) == []


def test_roles_and_association_classes_filter_exactly(asker: Asker) -> None:
    for namespace in asker.registry.namespaces.values():
        pairs = _Pairs(asker, namespace.name)
        for (text, assoc, role), others in pairs.by_class.items():
            end = pairs.ends[text]
            if end.namespace != namespace.name:
                continue
            ask = op.AssociatorNames(namespace=namespace.name, object_name=end, assoc_class=assoc, role=role)
            assert sorted(asker.paths(ask)) == sorted(others), (text, assoc, role)
            wrong = op.AssociatorNames(
                namespace=namespace.name, object_name=end, assoc_class=assoc, role="NoSuchRole"
            )
            assert asker.paths(wrong) == []
            result_role = op.AssociatorNames(
                namespace=namespace.name, object_name=end, assoc_class=assoc, role=role, result_role=role
            )
            assert asker.paths(result_role) == []


def test_both_ends_of_every_pair_exist(asker: Asker) -> None:
    for namespace in asker.registry.namespaces.values():
        for assoc in namespace.served:
            if isinstance(assoc, ServedAssoc):
                for row in _rows(asker, assoc):
                    for served, end in ((row.link.left, row.left), (row.link.right, row.right)):
                        path = served.path(end)
                        [got] = asker.paths(op.GetInstance(namespace=served.namespace, instance_name=path))
                        assert got == _text(path)


def test_each_reference_is_of_the_class_that_mof_declares(asker: Asker) -> None:
    for namespace in asker.registry.namespaces.values():
        for assoc in namespace.served:
            if not isinstance(assoc, ServedAssoc):
                continue
            for bound in assoc.links:
                for role, end in ((assoc.spec.left_role, bound.left), (assoc.spec.right_role, bound.right)):
                    decl = assoc.decl.find_property(role)
                    assert decl is not None
                    assert decl.reference_class is not None
                    assert namespace.repository.is_a(end.name, decl.reference_class), (assoc.name, role)

"""Every class: names, instances and gets agree; values are of their types; nothing goes unexplained."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from xencim.mof.values import INTEGER_RANGES, REAL_TYPES, Instance, Path
from xencim.providers.core import operations as op
from xencim.providers.core.served import Served, ServedClass
from xencim.providers.core.spec import ClassSpec
from xencim.providers.core.unfilled import explain

if TYPE_CHECKING:
    from tests.conformance.conftest import Asker

    from xencim.mof.model import PropertyDecl
    from xencim.mof.values import Scalar


def _all_served(ask: Asker) -> list[Served]:
    return [served for namespace in ask.registry.namespaces.values() for served in namespace.served]


def _names(ask: Asker) -> list[tuple[str, str]]:
    return sorted({(served.namespace, served.name) for served in _all_served(ask)})


@pytest.fixture(params=["ask", "ask_three"])
def asker(request: pytest.FixtureRequest) -> Asker:
    return cast("Asker", request.getfixturevalue(request.param))


def test_names_instances_and_gets_are_the_same(asker: Asker) -> None:
    for namespace, name in _names(asker):
        names = asker.paths(op.EnumerateInstanceNames(namespace=namespace, class_name=name))
        found = asker.found(op.EnumerateInstances(namespace=namespace, class_name=name))
        assert [str(one.served.path(one.row)) for one in found] == names
        assert len(set(names)) == len(names), name
        for one in found:
            path = one.served.path(one.row)
            [got] = asker.found(op.GetInstance(namespace=namespace, instance_name=path))
            assert got.served is one.served
            for prop in one.served.properties:
                assert got.served.value(got.row, prop.decl.name) == one.served.value(one.row, prop.decl.name)


def test_every_class_has_instances_on_some_host(asker: Asker) -> None:
    empty = {
        (namespace, name)
        for namespace, name in _names(asker)
        if not asker.paths(op.EnumerateInstanceNames(namespace=namespace, class_name=name))
    }
    # The one object manager is hosted by the first host, which is no KVM one.
    assert empty - {("interop", "KVM_HostedAccessPoint"), ("interop", "KVM_HostedService")} == set()


def test_a_superclass_enumerates_all_of_its_subclasses(ask: Asker) -> None:
    for namespace in ask.registry.namespaces.values():
        everything = ask.paths(
            op.EnumerateInstances(namespace=namespace.name, class_name="CIM_ManagedElement")
        )
        by_class = [
            path
            for name in sorted({s.name for s in namespace.served if isinstance(s, ServedClass)})
            for path in ask.paths(op.EnumerateInstanceNames(namespace=namespace.name, class_name=name))
        ]
        assert sorted(everything) == sorted(by_class)


def test_values_are_of_their_types_and_in_their_value_maps(asker: Asker) -> None:
    problems = []
    for namespace, name in _names(asker):
        for one in asker.found(op.EnumerateInstances(namespace=namespace, class_name=name)):
            for prop in one.served.properties:
                value = one.served.value(one.row, prop.decl.name)
                if value is None:
                    if prop.decl.is_key or prop.decl.qualifier("Required"):
                        problems.append(f"{name}.{prop.decl.name} is NULL")
                    continue
                if isinstance(value, tuple) != prop.decl.is_array:
                    problems.append(f"{name}.{prop.decl.name}: {value!r} (array: {prop.decl.is_array})")
                    continue
                items = value if isinstance(value, tuple) else (value,)
                problems += [
                    f"{name}.{prop.decl.name}: {item!r} {reason}"
                    for item in items
                    if item is not None and (reason := _wrong(prop.decl, item))
                ]
    assert sorted(set(problems)) == []


def _wrong(decl: PropertyDecl, value: Scalar) -> str | None:
    if decl.type in INTEGER_RANGES:
        low, high = INTEGER_RANGES[decl.type]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            return f"is no {decl.type}"
    else:
        kinds = {
            "boolean": bool,
            "reference": Path,
            "datetime": (datetime, timedelta),
            "string": (Instance, str) if decl.embedded is not None else str,
            "char16": str,
        }
        expected = float if decl.type in REAL_TYPES else kinds[decl.type]
        if not isinstance(value, expected):  # type: ignore[arg-type]
            return f"is no {decl.type}"
    allowed = decl.qualifier("ValueMap")
    if isinstance(allowed, tuple) and not any(_in_range(str(value), str(one)) for one in allowed):
        return "is not in the ValueMap"
    return None


def _in_range(value: str, allowed: str) -> bool:
    if ".." not in allowed:
        return value == allowed
    if allowed == ".." or not value.lstrip("-").isdigit():
        return allowed == ".."
    low, _, high = allowed.partition("..")
    return (not low or int(value) >= int(low)) and (not high or int(value) <= int(high))


def test_every_property_is_filled_or_explained(ask: Asker) -> None:
    unexplained = sorted(
        {
            f"{served.name}.{prop.decl.name} ({prop.decl.class_origin})"
            for served in _all_served(ask)
            for prop in served.properties
            if prop.get is None and explain(prop.decl, served.spec) is None
        }
    )
    assert unexplained == []


def test_specs_name_only_properties_that_their_classes_have(ask: Asker) -> None:
    wrong = []
    for served in _all_served(ask):
        spec = served.spec
        if isinstance(spec, ClassSpec):
            props = (*spec.keys, *spec.props)
            assert {prop.name for prop in spec.keys} == {decl.name for decl in served.decl.keys}, served.name
        else:
            props = tuple(prop for link in spec.links for prop in link.props)
        names = [prop.name for prop in props]
        wrong += [f"{served.name}.{n}" for n in (*names, *spec.unfilled) if not served.decl.find_property(n)]
    assert wrong == []


def test_no_class_shows_a_password(asker: Asker) -> None:
    for namespace, name in _names(asker):
        for one in asker.found(op.EnumerateInstances(namespace=namespace, class_name=name)):
            for prop in one.served.properties:
                if "password" in prop.decl.name.lower():
                    assert one.served.value(one.row, prop.decl.name) is None

"""Pulled enumerations and pywbem's Iter operations: the same as the whole answers, in pieces."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMError, CIMInstance

from .every_operation import OPENS, PULLS, QUERY, VM, VM_CLASS
from .programs import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import ServerProcess

INVALID_PARAMETER, LANGUAGE_NOT_SUPPORTED, INVALID_CONTEXT, INVALID_TIMEOUT = 4, 14, 21, 22
CONTINUATION_NOT_SUPPORTED = 26
# What the whole of each answer is, for comparison.
WHOLE: dict[str, Callable[[Any], list[Any]]] = {
    "OpenEnumerateInstances": lambda c: c.EnumerateInstances("CIM_ManagedElement"),
    "OpenEnumerateInstancePaths": lambda c: c.EnumerateInstanceNames("CIM_System"),
    "OpenAssociatorInstances": lambda c: c.Associators(VM),
    "OpenAssociatorInstancePaths": lambda c: c.AssociatorNames(VM),
    "OpenReferenceInstances": lambda c: c.References(VM),
    "OpenReferenceInstancePaths": lambda c: c.ReferenceNames(VM),
    "OpenQueryInstances": lambda c: c.ExecQuery("DMTF:CQL", QUERY),
}


@pytest.fixture(scope="module", params=["http", "https"])
def connection(request: pytest.FixtureRequest, fake_server: ServerProcess) -> Iterator[Any]:
    with connect(fake_server, scheme=request.param, account="reader") as made:
        yield made


def contents(page: Any) -> list[Any]:  # noqa: ANN401 - pywbem's tuples
    return list(page[0])


def places(found: list[Any]) -> list[str]:
    """Return what was found: names from queries, else paths, without the host that some answers lack."""
    texts = []
    for one in found:
        if isinstance(one, CIMInstance) and list(one) == ["Name"]:
            texts.append(str(one["Name"]))
        else:
            path = getattr(one, "path", one).copy()
            path.host = None
            texts.append(str(path))
    return texts


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("name", OPENS)
def test_pieces_make_the_whole(connection: Any, name: str, size: int) -> None:  # noqa: ANN401 - as above
    page: Any = OPENS[name](connection)
    found = contents(page)
    assert 0 < len(found) <= 2
    while not page.eos:
        page = getattr(connection, PULLS[name])(page.context, MaxObjectCount=size)
        assert len(contents(page)) <= size
        assert contents(page) or page.eos
        found += contents(page)
    assert page.context is None
    assert places(found) == places(WHOLE[name](connection))


def test_an_open_may_bring_nothing_or_everything(connection: Any) -> None:  # noqa: ANN401 - as above
    opened = connection.OpenEnumerateInstancePaths(VM_CLASS, MaxObjectCount=0)
    assert (opened.paths, opened.eos) == ([], False)
    pulled = connection.PullInstancePaths(opened.context, MaxObjectCount=0)
    assert (pulled.paths, pulled.eos) == ([], False)
    rest = connection.PullInstancePaths(opened.context, MaxObjectCount=100)
    assert (len(rest.paths), rest.eos) == (3, True)
    whole = connection.OpenEnumerateInstancePaths(VM_CLASS, MaxObjectCount=100)
    assert (len(whole.paths), whole.eos, whole.context) == (3, True, None)


def test_what_is_over_cannot_be_pulled(connection: Any) -> None:  # noqa: ANN401 - as above
    context = connection.OpenEnumerateInstancePaths(VM_CLASS, MaxObjectCount=1).context
    connection.CloseEnumeration(context)
    for ask, over in (
        (partial(connection.PullInstancePaths, MaxObjectCount=1), context),
        (connection.CloseEnumeration, context),
        (partial(connection.PullInstancePaths, MaxObjectCount=1), ("made-up", "root/virt")),
    ):
        with pytest.raises(CIMError) as caught:
            ask(over)
        assert caught.value.status_code == INVALID_CONTEXT


def test_an_enumeration_belongs_to_who_opened_it(connection: Any, fake_server: ServerProcess) -> None:  # noqa: ANN401 - as above
    opened = connection.OpenEnumerateInstancePaths(VM_CLASS, MaxObjectCount=1)
    with connect(fake_server, account="admin") as other, pytest.raises(CIMError) as caught:
        other.PullInstancePaths(opened.context, MaxObjectCount=1)
    assert caught.value.status_code == INVALID_CONTEXT
    # The wrong kind of pull spoils nothing.
    with pytest.raises(CIMError):
        connection.PullInstancesWithPath(opened.context, MaxObjectCount=1)
    assert len(connection.PullInstancePaths(opened.context, MaxObjectCount=9).paths) == 2


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("EnabledState = 3", [2]),
        ("ElementName = 'vm-00001' OR EnabledState <> 2", [1, 2]),
        ("NOT EnabledState = 2", [2]),
        ("Name = 'none'", []),
    ],
)
def test_filters_in_the_server(connection: Any, query: str, expected: list[int]) -> None:  # noqa: ANN401 - as above
    how = {"FilterQueryLanguage": "DMTF:FQL", "FilterQuery": query, "MaxObjectCount": 100}
    found = connection.OpenEnumerateInstances(VM_CLASS, **how).instances
    assert [one["Name"] for one in found] == [f"vm-{number:05d}" for number in expected]
    paths = connection.OpenEnumerateInstancePaths(VM_CLASS, **how).paths
    assert [one.keybindings["Name"] for one in paths] == [f"vm-{number:05d}" for number in expected]


def test_filters_on_associations(connection: Any) -> None:  # noqa: ANN401 - as above
    how = {"FilterQueryLanguage": "DMTF:FQL", "FilterQuery": "DeviceID = 'vm-00001/mem'", "MaxObjectCount": 9}
    found = connection.OpenAssociatorInstancePaths(VM, ResultClass="CIM_LogicalDevice", **how).paths
    assert [one.classname for one in found] == ["Xen_Memory"]


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"ContinueOnError": True}, CONTINUATION_NOT_SUPPORTED),
        ({"OperationTimeout": 0}, INVALID_TIMEOUT),
        ({"FilterQueryLanguage": "SQL", "FilterQuery": "x = 1"}, LANGUAGE_NOT_SUPPORTED),
        ({"FilterQuery": "x = 1"}, INVALID_PARAMETER),
    ],
)
def test_what_an_open_refuses(connection: Any, how: dict[str, Any], status: int) -> None:  # noqa: ANN401 - as above
    with pytest.raises(CIMError) as caught:
        connection.OpenEnumerateInstances(VM_CLASS, MaxObjectCount=1, **how)
    assert caught.value.status_code == status


@pytest.mark.parametrize("use_pull", [True, False, None])
def test_iter_operations(fake_server: ServerProcess, use_pull: bool | None) -> None:  # noqa: FBT001 - a parameter
    with connect(fake_server, use_pull=use_pull) as c:
        pairs = [
            (c.IterEnumerateInstances(VM_CLASS, MaxObjectCount=2), c.EnumerateInstances(VM_CLASS)),
            (
                c.IterEnumerateInstancePaths("CIM_System", MaxObjectCount=2),
                c.EnumerateInstanceNames("CIM_System"),
            ),
            (c.IterAssociatorInstances(VM, MaxObjectCount=2), c.Associators(VM)),
            (c.IterAssociatorInstancePaths(VM, MaxObjectCount=2), c.AssociatorNames(VM)),
            (c.IterReferenceInstances(VM, MaxObjectCount=2), c.References(VM)),
            (c.IterReferenceInstancePaths(VM, MaxObjectCount=2), c.ReferenceNames(VM)),
            (
                c.IterQueryInstances("DMTF:CQL", QUERY, MaxObjectCount=1).generator,
                c.ExecQuery("DMTF:CQL", QUERY),
            ),
        ]
        for iterated, whole in pairs:
            found = list(iterated)
            assert places(found) == places(whole)
            assert len(found) > 1

"""Filter lists made, deleted, nested and applied by CreateInstance and DeleteInstance."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

from xencim.mof.repository import load
from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.assembly import Placement, World, assemble
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import FakeBackend, fake_name
from xencim.providers.backends.records import NetworkFilter, VirtualMachine
from xencim.providers.core import operations as op
from xencim.providers.core.access import AccessPolicy, Principal, Rule
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping

    from xencim.mof.model import ClassRepository
    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import View

VIRT = "root/virt"
ROOT = Principal("root")
OPERATOR = Principal("ann")
RUNNING, OFF = 0, 2  # machines' numbers


@cache
def repository() -> ClassRepository:
    return load().repository


@asynccontextmanager
async def running(*backends: FakeBackend) -> AsyncIterator[World]:
    world = await assemble(
        repository(),
        [Placement(backend) for backend in backends or (FakeBackend(3, prefix="KVM"),)],
        AccessPolicy(operate=Rule(users=frozenset({"ann"}))),
        version="0.0.0",
    )
    try:
        yield world
    finally:
        await world.stop()


def list_path(name: str, host: str = "fake.example") -> Path:
    return Path(
        "KVM_FilterList",
        (
            ("SystemCreationClassName", "KVM_HostSystem"),
            ("SystemName", host),
            ("CreationClassName", "KVM_FilterList"),
            ("Name", name),
        ),
    )


def port_path(number: int, host: str | None = None) -> Path:
    return Path(
        "KVM_NetworkPort",
        (
            ("SystemCreationClassName", "KVM_ComputerSystem"),
            ("SystemName", host or fake_name(number)),
            ("CreationClassName", "KVM_NetworkPort"),
            ("DeviceID", f"{fake_name(number)}/00:16:3e:00:00:{number:02x}"),
        ),
    )


def applied_path(number: int) -> Path:
    """Return the path of what joins a machine's port with the list that it has at first."""
    return Path(
        "KVM_AppliedFilterList", (("Antecedent", list_path("clean")), ("Dependent", port_path(number)))
    )


async def create(
    world: World,
    kind: str,
    values: Mapping[str, Value],
    *,
    namespace: str = VIRT,
    principal: Principal = ROOT,
) -> Path:
    properties = {name: TypedValue(None, value) for name, value in values.items()}
    request = op.CreateInstance(namespace=namespace, new_instance=Instance(f"KVM_{kind}", properties))
    result = await world.engine.execute(request, principal)
    assert isinstance(result, Paths)
    [path] = [batch.served.path(row) for batch in result.batches for row in batch.rows]
    return path


async def delete(world: World, path: Path, namespace: str = VIRT) -> None:
    await world.engine.execute(op.DeleteInstance(namespace=namespace, instance_name=path), ROOT)


async def refused(call: Awaitable[object]) -> tuple[Status, str]:
    with pytest.raises(CimError) as caught:
        await call
    return caught.value.status, caught.value.message


def view(world: World, site: int = 0) -> View:
    return world.sites[site].inventory.view


def filters_of(world: World, number: int) -> list[str | None]:
    machine = view(world).machine_named(fake_name(number))
    assert machine is not None
    return [config.nics[0].filter_ref for config in (machine.current, machine.stored) if config]


# Lists -----------------------------------------------------------------------------------------


async def test_a_list_is_made_and_deleted() -> None:
    uuid = "0c9f5b4e-1111-4222-8333-444455556666"
    async with running() as world:
        made = await create(
            world,
            "FilterList",
            {"Name": "mine", "InstanceID": uuid.upper(), "Priority": -100, "Direction": 0},
        )
        assert made.key("Name") == "mine"
        assert view(world).get(NetworkFilter, "mine") == NetworkFilter(name="mine", uuid=uuid, priority=-100)
        await delete(world, list_path("mine"))
        assert view(world).get(NetworkFilter, "mine") is None


@pytest.mark.parametrize(
    ("values", "status", "text"),
    [
        ({}, Status.INVALID_PARAMETER, "a filter list needs a Name"),
        ({"Name": "../x"}, Status.INVALID_PARAMETER, "without a slash"),
        ({"Name": "clean"}, Status.ALREADY_EXISTS, "there is a filter list 'clean' already"),
        ({"Name": "x", "InstanceID": "7"}, Status.INVALID_PARAMETER, "InstanceID is a UUID, not '7'"),
        ({"Name": "x", "Priority": 1001}, Status.INVALID_PARAMETER, "Priority is from -1000 to 1000"),
        ({"Name": "x", "Direction": 1}, Status.INVALID_PARAMETER, "direction of a new filter list"),
        ({"Name": "x", "SystemName": "other"}, Status.INVALID_PARAMETER, "systemname of a new filter list"),
    ],
    ids=str,
)
async def test_lists_that_are_not_made(values: dict[str, Value], status: Status, text: str) -> None:
    async with running() as world:
        told = await refused(create(world, "FilterList", values))
        assert told[0] is status
        assert text in told[1]
        assert list(view(world).all(NetworkFilter)) == ["no-spoofing", "clean"]


async def test_a_list_in_use_is_not_deleted() -> None:
    async with running() as world:
        by_machines = await refused(delete(world, list_path("clean")))
        assert by_machines == (
            Status.FAILED,
            "filter list 'clean' is in use: machine vm-00000, machine vm-00001, machine vm-00002",
        )
        by_list = await refused(delete(world, list_path("no-spoofing")))
        assert by_list == (Status.FAILED, "filter list 'no-spoofing' is in use: filter list clean")


async def test_changes_need_admin_access() -> None:
    async with running() as world:
        told = await refused(create(world, "FilterList", {"Name": "mine"}, principal=OPERATOR))
        assert told[0] is Status.ACCESS_DENIED


async def test_what_the_hypervisor_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_arguments: object, **_options: object) -> None:
        raise BackendError("failed", "no room on disk")

    async with running() as world:
        monkeypatch.setattr(world.sites[0].backend, "create_filter", refuse)
        told = await refused(create(world, "FilterList", {"Name": "mine"}))
        assert told == (Status.FAILED, "making filter list 'mine': no room on disk")


# Nesting ---------------------------------------------------------------------------------------


async def test_a_list_is_nested_and_taken_out() -> None:
    async with running() as world:
        await create(world, "FilterList", {"Name": "mine"})
        ends: dict[str, Value] = {"Antecedent": list_path("clean"), "Dependent": list_path("mine")}
        nested = await create(world, "NestedFilterList", ends)
        assert view(world).all(NetworkFilter)["clean"].references == ("no-spoofing", "mine")
        again = await refused(create(world, "NestedFilterList", ends))
        assert again == (Status.ALREADY_EXISTS, "'mine' is nested in 'clean' already")
        await delete(world, nested)
        assert view(world).all(NetworkFilter)["clean"].references == ("no-spoofing",)
        assert len(view(world).all(NetworkFilter)["clean"].rules) == 3


async def test_no_list_becomes_part_of_itself() -> None:
    async with running() as world:
        for inner in ("clean", "no-spoofing"):
            ends: dict[str, Value] = {"Antecedent": list_path("no-spoofing"), "Dependent": list_path(inner)}
            told = await refused(create(world, "NestedFilterList", ends))
            text = f"'no-spoofing' is part of '{inner}': it cannot be nested"
            assert told == (Status.INVALID_PARAMETER, text)


async def test_both_ends_must_be_there() -> None:
    async with running() as world:
        clean = list_path("clean")
        missing = await refused(create(world, "NestedFilterList", {"Antecedent": clean}))
        assert missing == (Status.INVALID_PARAMETER, "reference Dependent is needed")
        for wrong in (list_path("none"), list_path("no-spoofing", "other.example"), port_path(0)):
            told = await refused(create(world, "NestedFilterList", {"Antecedent": clean, "Dependent": wrong}))
            assert told[0] is Status.NOT_FOUND
            assert told[1].startswith("Dependent refers to ")
        assert view(world).all(NetworkFilter)["clean"].references == ("no-spoofing",)


async def test_of_two_hosts_the_right_one_is_changed() -> None:
    second = FakeBackend(1, prefix="KVM", host_name="second.example")
    async with running(FakeBackend(1, prefix="KVM"), second) as world:
        await create(world, "FilterList", {"Name": "mine"}, namespace="root/virt-2")
        ends: dict[str, Value] = {role: list_path(name, "second.example") for role, name in _NESTED}
        nested = await create(world, "NestedFilterList", ends, namespace="root/virt-2")
        assert view(world, 1).all(NetworkFilter)["clean"].references == ("no-spoofing", "mine")
        assert view(world).all(NetworkFilter)["clean"].references == ("no-spoofing",)
        await delete(world, nested, "root/virt-2")
        assert view(world, 1).all(NetworkFilter)["clean"].references == ("no-spoofing",)


_NESTED = (("Antecedent", "clean"), ("Dependent", "mine"))

# Ports -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [RUNNING, OFF])
async def test_a_list_is_applied_to_a_port_and_removed(number: int) -> None:
    async with running() as world:
        before = filters_of(world, number)
        assert set(before) == {"clean"}
        ends: dict[str, Value] = {"Antecedent": list_path("clean"), "Dependent": port_path(number)}
        await delete(world, applied_path(number))
        assert filters_of(world, number) == [None] * len(before)
        await create(world, "AppliedFilterList", ends)
        assert filters_of(world, number) == before


async def test_a_port_has_one_list_only() -> None:
    async with running() as world:
        port = port_path(RUNNING)
        same = await refused(
            create(world, "AppliedFilterList", {"Antecedent": list_path("clean"), "Dependent": port})
        )
        assert same[0] is Status.ALREADY_EXISTS
        other = await refused(
            create(world, "AppliedFilterList", {"Antecedent": list_path("no-spoofing"), "Dependent": port})
        )
        text = "port 00:16:3e:00:00:00 of vm-00000 has filter list 'clean'"
        assert other == (Status.FAILED, text)


async def test_a_port_that_no_list_can_be_applied_to() -> None:
    async with running() as world:
        [machine, *_] = view(world).all(VirtualMachine).values()
        port = replace(machine.current.nics[0], source_type="user", filter_ref=None)
        current = replace(machine.current, nics=(port,))
        world.sites[0].inventory.put(replace(machine, current=current))
        ends: dict[str, Value] = {"Antecedent": list_path("clean"), "Dependent": port_path(RUNNING)}
        told = await refused(create(world, "AppliedFilterList", ends))
        text = "port 00:16:3e:00:00:00 of vm-00000 is of type 'user': it takes no filter list"
        assert told == (Status.NOT_SUPPORTED, text)


async def test_the_management_domain_is_left_alone() -> None:
    async with running() as world:
        [machine, *_] = view(world).all(VirtualMachine).values()
        world.sites[0].inventory.put(replace(machine, is_management_domain=True))
        ends: dict[str, Value] = {"Antecedent": list_path("clean"), "Dependent": port_path(RUNNING)}
        told = await refused(create(world, "AppliedFilterList", ends))
        assert told[0] is Status.NOT_SUPPORTED
        told = await refused(delete(world, applied_path(RUNNING)))
        assert told[0] is Status.NOT_SUPPORTED
        assert set(filters_of(world, RUNNING)) == {"clean"}


async def test_what_hosts_and_rules_offer_is_reading_only() -> None:
    async with running() as world:
        told = await refused(create(world, "HostedFilterList", {}))
        assert told[0] is Status.NOT_SUPPORTED
        told = await refused(create(world, "FilterEntry", {}))
        assert told[0] is Status.NOT_SUPPORTED

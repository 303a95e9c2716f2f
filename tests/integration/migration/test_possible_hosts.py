"""FindPossibleHostsToRunOn at real servers: this host, and those that the configuration names."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from xencim.providers.core.errors import Status

from .made_up import OFF_VM, RUNNING_VM, Host, destination_tables, machine_path, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

METHOD = "FindPossibleHostsToRunOn"
SERVICE = "Xen_VirtualSystemManagementService"


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[Host, Host]]:
    """Here and there; there is the only destination, but for one that does not answer."""
    async with AsyncExitStack() as running:
        there = await running.enter_async_context(served(tmp_path / "there", "there.example"))
        tables = destination_tables(there, tmp_path).split("\n[[migration.destination]]\n")
        chosen = "".join(f"\n[[migration.destination]]\n{tables[number]}" for number in (1, 6))
        here = await running.enter_async_context(served(tmp_path / "here", "here.example", chosen))
        for name in there.names():
            there.remove(name)
        yield here, there


async def found(host: Host, **machine: Any) -> list[Any]:  # noqa: ANN401 - pywbem's own
    def invoke(connection: Any) -> list[Any]:  # noqa: ANN401 - pywbem's own
        [service] = connection.EnumerateInstanceNames(SERVICE)
        code, out = connection.InvokeMethod(METHOD, service, **machine)
        assert code == 0
        return list(out.get("PossibleHosts", ()))

    paths: list[Any] = await host.ask(invoke)
    return paths


async def names(host: Host, name: str) -> list[str]:
    return [path["Name"] for path in await found(host, System=machine_path(name))]


async def test_the_host_itself_and_a_destination_that_a_machine_can_be_moved_to(
    pair: tuple[Host, Host],
) -> None:
    here, there = pair
    own, other = await found(here, System=machine_path(RUNNING_VM))
    assert (own.classname, own["Name"]) == ("Xen_HostSystem", "here.example")
    assert (other["Name"], f"https://{other.host}") == ("there.example", there.url)
    assert await there.ask(lambda connection: connection.GetInstance(other)["Name"]) == "there.example"

    code, out = await here.call(
        "MigrateVirtualSystemToSystem", ComputerSystem=machine_path(RUNNING_VM), DestinationSystem=other
    )
    assert code in {0, 4096}
    if code:
        await here.ended(out["Job"])
    assert there.names() == [RUNNING_VM]


@pytest.mark.parametrize("name", ["System", "AffectedSystem"])
async def test_xscim_11_the_machine_is_taken_by_either_name(pair: tuple[Host, Host], name: str) -> None:
    here, _there = pair
    assert len(await found(here, **{name: machine_path(OFF_VM)})) == 2


async def test_hosts_without_room_are_left_out(pair: tuple[Host, Host]) -> None:
    here, there = pair
    there.limit_memory(0)
    assert await names(here, OFF_VM) == ["here.example"]
    here.put(replace(here.site.inventory.view.host, memory_kib=1024))
    assert await names(here, OFF_VM) == []
    assert await names(here, RUNNING_VM) == ["here.example"]
    assert list(there.site.reservations.open()) == []


async def test_the_machine_has_to_be_given_once(pair: tuple[Host, Host]) -> None:
    here, _there = pair

    async def refusal(**given: Any) -> tuple[int, str]:  # noqa: ANN401 - pywbem's own
        return await here._refused(
            lambda connection: connection.InvokeMethod(
                METHOD, connection.EnumerateInstanceNames(SERVICE)[0], **given
            )
        )

    assert await refusal() == (Status.INVALID_PARAMETER, f"method {METHOD} requires parameter System")
    one = machine_path(OFF_VM)
    assert await refusal(System=one, AffectedSystem=one) == (
        Status.INVALID_PARAMETER,
        f"{METHOD}: System and AffectedSystem say the same: give one",
    )

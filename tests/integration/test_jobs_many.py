"""A hundred machines, eight clients at once: nothing is lost, nothing interleaves, nobody waits in vain."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from xencim.mof.repository import load
from xencim.mof.values import Path as InstancePath
from xencim.mof.values import TypedValue
from xencim.providers.assembly import Placement, World, assemble
from xencim.providers.backends.fake import FakeBackend, fake_name
from xencim.providers.backends.records import Action, Job, PowerState, VirtualMachine
from xencim.providers.core import operations as op
from xencim.providers.core.access import AccessPolicy, Principal
from xencim.providers.core.results import MethodReturn
from xencim.providers.core.state import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MACHINES, CLIENTS, STUCK = 100, 8, 0
PAUSE, REBOOT, ENABLE = 9, 10, 2


class Watched(FakeBackend):
    """A host that counts what it does to each machine; one of them is stuck until its gate opens."""

    def __init__(self) -> None:
        super().__init__(MACHINES)
        self.gate = asyncio.Event()
        self.inside: Counter[str] = Counter()
        self.most = 0
        self.done: Counter[tuple[str, Action]] = Counter()

    async def control(self, machine_uuid: str, action: Action, timeout_s: float | None) -> None:
        name = self._machine(machine_uuid).name
        self.inside[name] += 1
        assert self.inside[name] == 1
        self.most = max(self.most, sum(self.inside.values()))
        if name == fake_name(STUCK):
            await self.gate.wait()
        await asyncio.sleep(0.001)
        await super().control(machine_uuid, action, timeout_s)
        self.inside[name] -= 1
        self.done[name, action] += 1


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[tuple[World, Watched]]:
    """A hundred machines that run, under an engine whose jobs are on disk."""
    backend = Watched()
    state = State.open(tmp_path / "state.sqlite")
    placed = [Placement(backend)]
    world = await assemble(load().repository, placed, AccessPolicy(), version="0", state=state)
    inventory = world.sites[0].inventory
    for number in range(MACHINES):
        machine = inventory.view.machine_named(fake_name(number))
        assert machine is not None
        if machine.state is not PowerState.RUNNING:
            await FakeBackend.control(backend, machine.uuid, Action.START, None)
    # Slow disks are not what is tested: whoever can be answered is.
    world.sites[0].jobs.grace_s = 60.0
    yield world, backend
    await world.stop()


async def ask(world: World, number: int, state: int) -> object:
    keys = (("CreationClassName", "Xen_ComputerSystem"), ("Name", fake_name(number)))
    request = op.InvokeMethod(
        namespace="root/virt",
        object_name=InstancePath("Xen_ComputerSystem", keys),
        method_name="RequestStateChange",
        parameters={"RequestedState": TypedValue("uint16", state)},
    )
    answer = await world.engine.execute(request, Principal("root"))
    assert isinstance(answer, MethodReturn)
    return answer.return_value


async def test_eight_clients_on_a_hundred_machines(host: tuple[World, Watched]) -> None:
    world, backend = host
    stuck = [asyncio.create_task(ask(world, STUCK, REBOOT)) for _ in range(CLIENTS)]
    others = range(STUCK + 1, MACHINES)

    async def client() -> list[object]:
        return list(await asyncio.gather(*(ask(world, number, REBOOT) for number in others)))

    answers = await asyncio.gather(*(client() for _ in range(CLIENTS)))
    assert {answer for one in answers for answer in one} == {0}
    assert backend.done == {(fake_name(number), Action.REBOOT): CLIENTS for number in others}
    assert backend.most > 1
    # The machine that is stuck has kept nobody but those who asked for it.
    assert [task.done() for task in stuck] == [False] * CLIENTS
    backend.gate.set()
    assert await asyncio.gather(*stuck) == [0] * CLIENTS
    assert world.sites[0].inventory.view.all(Job) == {}


async def test_the_last_to_be_asked_for_is_how_machines_end(host: tuple[World, Watched]) -> None:
    world, backend = host
    backend.gate.set()
    wishes = [PAUSE, ENABLE, PAUSE, ENABLE, PAUSE]
    answers = await asyncio.gather(
        *(ask(world, number, state) for state in wishes for number in range(MACHINES))
    )
    assert set(answers) == {0}
    machines = world.sites[0].inventory.view.all(VirtualMachine).values()
    assert {machine.state for machine in machines} == {PowerState.PAUSED}
    assert set(backend.done.values()) == {2, 3}

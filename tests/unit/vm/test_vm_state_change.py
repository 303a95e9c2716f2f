"""RequestStateChange: what is carried out, what is answered, and what others see meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import (
    Action,
    Element,
    Job,
    JobState,
    MachineOperation,
    PowerState,
    VirtualMachine,
)
from xencim.providers.core.access import Principal
from xencim.providers.core.asking.sampler import Sampler
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.engine import JobEngine
from xencim.providers.core.reservations import Reservations
from xencim.providers.core.spec import Context, MethodCall
from xencim.providers.security.enforcement.keeper import Security
from xencim.providers.vm.rows import MACHINES
from xencim.providers.vm.state_change import request_state_change

if TYPE_CHECKING:
    from xencim.mof.values import Value

RUNNING, OFF, PAUSED, SAVED = "vm-00000", "vm-00002", "vm-00004", "vm-00006"


class Scripted(FakeBackend):
    """A host whose next actions wait or fail as a test says."""

    def __init__(self) -> None:
        super().__init__(8)
        self.asked: list[tuple[Action, float | None]] = []
        self.error: BackendError | None = None
        self.gate: asyncio.Event | None = None
        self.began = asyncio.Event()
        self.aborted: list[str] = []

    async def control(self, machine_uuid: str, action: Action, timeout_s: float | None) -> None:
        self.asked.append((action, timeout_s))
        self.began.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        await super().control(machine_uuid, action, timeout_s)

    async def abort(self, machine_uuid: str) -> None:
        self.aborted.append(machine_uuid)
        self.error = BackendError("failed", "given up")
        assert self.gate is not None
        self.gate.set()


class Bench:
    """One host, and calls on its machines."""

    def __init__(self, backend: Scripted, inventory: Inventory) -> None:
        self.backend = backend
        self.inventory = inventory
        self.jobs = JobEngine(inventory, "root/virt", "Xen")

    @property
    def gate(self) -> asyncio.Event:
        assert self.backend.gate is not None
        return self.backend.gate

    def vm(self, name: str) -> VirtualMachine:
        found = self.inventory.view.machine_named(name)
        assert found is not None
        return found

    def operation(self, name: str) -> tuple[int, bool] | None:
        found = self.inventory.view.get(MachineOperation, self.vm(name).uuid)
        return (found.requested_state, found.in_progress) if found else None

    async def ask(self, name: str, **parameters: Value) -> Value:
        context = Context(self.inventory.view, self.inventory.view)
        row = MACHINES.find(context, {"name": name})
        assert row is not None
        call = MethodCall(
            context=context,
            row=row,
            path=Path("Xen_ComputerSystem", (("Name", name),), "root/virt"),
            parameters=parameters,
            principal=Principal("root"),
            backend=self.backend,
            inventory=self.inventory,
            jobs=self.jobs,
            security=Security(self.inventory, self.backend, Reservations()),
            reservations=Reservations(),
            sampler=Sampler(lambda: self.backend),
        )
        result = await request_state_change(call)
        assert result.out.keys() <= {"Job"}
        assert result.out or result.return_value != 4096
        return result.return_value

    async def all_done(self) -> None:
        """Return when every job has ended."""
        for job_id in list(self.inventory.view.all(Job)):
            await self.jobs.finished(job_id)


@pytest.fixture
async def bench() -> Bench:
    backend, inventory = Scripted(), Inventory()
    await backend.start(inventory)
    return Bench(backend, inventory)


@pytest.mark.parametrize(
    ("name", "requested", "action", "after"),
    [
        (OFF, 2, Action.START, PowerState.RUNNING),
        (SAVED, 2, Action.START, PowerState.RUNNING),
        (PAUSED, 2, Action.START, PowerState.RUNNING),
        (RUNNING, 3, Action.DESTROY, PowerState.SHUT_OFF),
        (RUNNING, 4, Action.SHUT_DOWN, PowerState.SHUT_OFF),
        (RUNNING, 6, Action.SAVE, PowerState.SAVED),
        (RUNNING, 9, Action.PAUSE, PowerState.PAUSED),
        (RUNNING, 10, Action.REBOOT, PowerState.RUNNING),
        (RUNNING, 11, Action.RESET, PowerState.RUNNING),
    ],
)
async def test_each_state(bench: Bench, name: str, requested: int, action: Action, after: PowerState) -> None:
    assert await bench.ask(name, requestedstate=requested) == 0
    assert bench.backend.asked == [(action, None)]
    assert bench.vm(name).state is after
    assert bench.operation(name) == (requested, False)


@pytest.mark.parametrize(
    ("name", "parameters", "answer"),
    [
        (RUNNING, {}, 5),
        (RUNNING, {"requestedstate": None}, 5),
        (RUNNING, {"requestedstate": 5}, 5),
        (RUNNING, {"requestedstate": 33000}, 5),
        (RUNNING, {"requestedstate": 3, "timeoutperiod": datetime(2025, 1, 1, tzinfo=UTC)}, 5),
        (RUNNING, {"requestedstate": 7}, 1),
        (RUNNING, {"requestedstate": 8}, 1),
        (RUNNING, {"requestedstate": 2}, 4097),
        (OFF, {"requestedstate": 3}, 4097),
        (OFF, {"requestedstate": 11}, 4097),
        (PAUSED, {"requestedstate": 4}, 4097),
    ],
)
async def test_refusals_do_not_reach_the_hypervisor(
    bench: Bench, name: str, parameters: dict[str, Value], answer: int
) -> None:
    assert await bench.ask(name, **parameters) == answer
    assert bench.backend.asked == []
    assert bench.operation(name) is None


async def test_the_period_is_the_backends_deadline(bench: Bench) -> None:
    await bench.ask(RUNNING, requestedstate=4, timeoutperiod=timedelta(minutes=2))
    await bench.ask(OFF, requestedstate=2, timeoutperiod=timedelta())
    assert bench.backend.asked == [(Action.SHUT_DOWN, pytest.approx(120.0, abs=1)), (Action.START, None)]


@pytest.mark.parametrize(
    ("kind", "period", "answer"),
    [
        ("unsupported", None, 1),
        ("invalid_state", None, 4097),
        ("timeout", timedelta(seconds=1), 3),
        ("timeout", None, 4),
        ("lost", None, 4),
        ("failed", None, 4),
        ("refused", None, 4),
    ],
)
async def test_failures(
    bench: Bench, caplog: pytest.LogCaptureFixture, kind: str, period: timedelta | None, answer: int
) -> None:
    bench.backend.error = BackendError(kind, "it went wrong")
    assert await bench.ask(RUNNING, requestedstate=9, timeoutperiod=period) == answer
    assert bench.operation(RUNNING) is None
    assert caplog.messages == [
        'RequestStateChange on root/virt:Xen_ComputerSystem.Name="vm-00000": it went wrong'
    ]


async def test_a_failure_leaves_what_was_asked_before(bench: Bench) -> None:
    assert await bench.ask(RUNNING, requestedstate=10) == 0
    bench.backend.error = BackendError("failed", "it went wrong")
    assert await bench.ask(RUNNING, requestedstate=9) == 4
    assert bench.operation(RUNNING) == (10, False)


async def test_a_machine_that_is_gone(bench: Bench) -> None:
    bench.backend.error = BackendError("not_found", "no domain with that uuid")
    with pytest.raises(CimError, match="no domain with that uuid") as caught:
        await bench.ask(RUNNING, requestedstate=9)
    assert caught.value.status is Status.NOT_FOUND
    assert bench.operation(RUNNING) is None


@pytest.mark.parametrize("requested", [2, 3, 4, 6, 9, 10, 11])
async def test_domain_0_is_refused_by_name(bench: Bench, requested: int) -> None:
    bench.inventory.put(replace(bench.vm(RUNNING), name="Domain-0", is_management_domain=True))
    with pytest.raises(
        CimError, match=r'Name="Domain-0": Domain-0 is the host\'s management domain'
    ) as caught:
        await bench.ask("Domain-0", requestedstate=requested)
    assert caught.value.status is Status.NOT_SUPPORTED
    assert bench.backend.asked == []


async def test_a_transient_machine_cannot_be_saved(bench: Bench) -> None:
    bench.inventory.put(replace(bench.vm(RUNNING), persistent=False, stored=None))
    assert await bench.ask(RUNNING, requestedstate=6) == 1


async def begun(bench: Bench, state: int) -> asyncio.Task[Value]:
    """Ask for a state whose action does not end before the gate opens, and return when it has begun."""
    bench.backend.gate = asyncio.Event()
    bench.backend.began.clear()
    task = asyncio.create_task(bench.ask(RUNNING, requestedstate=state))
    await bench.backend.began.wait()
    return task


async def test_what_is_going_on_is_seen_and_others_wait_for_their_turn(bench: Bench) -> None:
    first = await begun(bench, 10)
    assert bench.operation(RUNNING) == (10, True)
    second = asyncio.create_task(bench.ask(RUNNING, requestedstate=9))
    await asyncio.sleep(0)
    assert bench.operation(RUNNING) == (10, True)
    bench.gate.set()
    assert [await first, await second] == [0, 0]
    assert [action for action, _ in bench.backend.asked] == [Action.REBOOT, Action.PAUSE]
    assert bench.operation(RUNNING) == (9, False)


async def test_what_takes_long_goes_on_as_a_job(bench: Bench) -> None:
    bench.jobs.grace_s = 0.0
    assert await (await begun(bench, 10)) == 4096
    [job] = bench.inventory.view.all(Job).values()
    assert (job.state, job.owner) == (JobState.RUNNING, Element("ComputerSystem", (("Name", RUNNING),)))
    bench.gate.set()
    await bench.all_done()
    assert bench.inventory.view.all(Job)[job.id].state is JobState.COMPLETED
    await bench.jobs.stop()


async def test_a_turn_that_comes_too_late_times_out(bench: Bench) -> None:
    first = await begun(bench, 10)
    second = asyncio.create_task(
        bench.ask(RUNNING, requestedstate=9, timeoutperiod=timedelta(milliseconds=1))
    )
    await asyncio.sleep(0.01)
    bench.gate.set()
    assert [await first, await second] == [0, 3]
    assert [action for action, _ in bench.backend.asked] == [Action.REBOOT]


@pytest.mark.parametrize(
    ("by_force", "action", "after"),
    [(3, Action.DESTROY, PowerState.SHUT_OFF), (11, Action.RESET, PowerState.RUNNING)],
)
async def test_the_plug_can_be_pulled_whatever_goes_on(
    bench: Bench, by_force: int, action: Action, after: PowerState
) -> None:
    first = await begun(bench, 6)
    waiting = asyncio.create_task(bench.ask(RUNNING, requestedstate=9))
    await asyncio.sleep(0)
    assert await bench.ask(RUNNING, requestedstate=by_force) == 0
    assert bench.vm(RUNNING).state is after
    assert [await first, await waiting] == [4, 4]
    assert [action for action, _ in bench.backend.asked] == [Action.SAVE, action]
    assert bench.backend.aborted == [bench.vm(RUNNING).uuid]
    assert bench.operation(RUNNING) == (by_force, False)


async def test_the_plug_cannot_be_pulled_twice(bench: Bench) -> None:
    first = await begun(bench, 3)
    assert await bench.ask(RUNNING, requestedstate=3) == 4099
    assert await bench.ask(RUNNING, requestedstate=11) == 4099
    bench.gate.set()
    assert await first == 0


async def test_a_client_that_gives_up_leaves_a_job(bench: Bench) -> None:
    task = await begun(bench, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.operation(RUNNING) == (10, True)
    [job] = bench.inventory.view.all(Job).values()
    bench.gate.set()
    await bench.all_done()
    assert bench.operation(RUNNING) == (10, False)
    assert bench.inventory.view.all(Job)[job.id].state is JobState.COMPLETED
    await bench.jobs.stop()


async def test_a_machine_that_vanishes_meanwhile_leaves_no_operation(bench: Bench) -> None:
    task = await begun(bench, 4)
    bench.backend.error = BackendError("not_found", "gone")
    bench.inventory.remove(VirtualMachine, bench.vm(RUNNING).uuid)
    bench.gate.set()
    with pytest.raises(CimError, match="gone"):
        await task
    assert not bench.inventory.view.all(MachineOperation)

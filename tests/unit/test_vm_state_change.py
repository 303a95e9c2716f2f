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
from xencim.providers.backends.records import Action, MachineOperation, PowerState, VirtualMachine
from xencim.providers.core.access import Principal
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs import JobEngine
from xencim.providers.core.spec import Context, MethodCall
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

    async def control(self, machine_uuid: str, action: Action, timeout_s: float | None) -> None:
        self.asked.append((action, timeout_s))
        if self.gate is not None and action is not Action.DESTROY:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        await super().control(machine_uuid, action, timeout_s)


class Bench:
    """One host, and calls on its machines."""

    def __init__(self, backend: Scripted, inventory: Inventory) -> None:
        self.backend = backend
        self.inventory = inventory

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
            jobs=JobEngine(self.inventory, "root/virt", "Xen"),
        )
        result = await request_state_change(call)
        assert result.out == {}
        return result.return_value


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
    assert bench.backend.asked == [(Action.SHUT_DOWN, 120.0), (Action.START, None)]


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


async def test_what_is_going_on_is_seen_and_keeps_others_waiting(bench: Bench) -> None:
    bench.backend.gate = asyncio.Event()
    first = asyncio.create_task(bench.ask(RUNNING, requestedstate=4))
    await asyncio.sleep(0)
    assert bench.operation(RUNNING) == (4, True)
    assert await bench.ask(RUNNING, requestedstate=9) == 4099
    assert bench.operation(RUNNING) == (4, True)
    bench.backend.gate.set()
    assert await first == 0
    assert bench.operation(RUNNING) == (4, False)


async def test_the_plug_can_be_pulled_whatever_goes_on(bench: Bench) -> None:
    bench.backend.gate = asyncio.Event()
    first = asyncio.create_task(bench.ask(RUNNING, requestedstate=4))
    await asyncio.sleep(0)
    assert await bench.ask(RUNNING, requestedstate=3) == 0
    assert bench.vm(RUNNING).state is PowerState.SHUT_OFF
    bench.backend.gate.set()
    assert await first == 4097
    assert bench.operation(RUNNING) == (3, False)


async def test_a_client_that_gives_up_leaves_nothing_pending(bench: Bench) -> None:
    bench.backend.gate = asyncio.Event()
    task = asyncio.create_task(bench.ask(RUNNING, requestedstate=4))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.operation(RUNNING) is None


async def test_a_machine_that_vanishes_meanwhile_leaves_no_operation(bench: Bench) -> None:
    bench.backend.gate = asyncio.Event()
    task = asyncio.create_task(bench.ask(RUNNING, requestedstate=4))
    await asyncio.sleep(0)
    bench.backend.error = BackendError("not_found", "gone")
    bench.inventory.remove(VirtualMachine, bench.vm(RUNNING).uuid)
    bench.backend.gate.set()
    with pytest.raises(CimError, match="gone"):
        await task
    assert not bench.inventory.view.all(MachineOperation)

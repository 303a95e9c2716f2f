"""Jobs on disk: what is written when, and what the next server makes of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Path as InstancePath
from xencim.providers.backends.fake import fake_host, fake_machine
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import Element, Job, JobError, JobState, PowerState, VirtualMachine
from xencim.providers.core.jobs.engine import JobEngine, JobRequest
from xencim.providers.core.jobs.keeping import TIME_BEFORE_REMOVAL
from xencim.providers.core.jobs.store import JobStore, decode, encode
from xencim.providers.core.state import State
from xencim.providers.vm.state_change import reconcile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import View
    from xencim.providers.core.jobs.engine import Progress

NOW = datetime(2026, 5, 4, 3, 2, 1, 17, tzinfo=UTC)
OWNER = Element("ComputerSystem", (("CreationClassName", "Xen_ComputerSystem"), ("Name", "one")))
JOB = Job(
    id="7",
    name="RequestStateChange",
    kind="test",
    owner=OWNER,
    affected=(OWNER, Element("DiskPool", (("InstanceID", "DiskPool/ü"),))),
    principal="alice",
    queue="one",
    state=JobState.FAILED,
    submitted=NOW,
    changed=NOW,
    started=NOW,
    finished=NOW,
    percent=40,
    status="half way",
    error=JobError(code=4, status=1, message="it went wrong", hint="try again"),
    facts=(("machine", "one"), ("requested", "2")),
)


class Server:
    """One life of an engine over a state file."""

    def __init__(self, path: Path) -> None:
        self.inventory = Inventory()
        self.inventory.put(fake_host(1))
        self.state = State.open(path)
        self.store = JobStore(self.state, "site")
        self.engine = JobEngine(self.inventory, "root/virt", "Xen")
        self.engine.grace_s = 0.0
        self.asked: list[dict[str, str]] = []

    def look(self, answer: str | None) -> Callable[[View, Mapping[str, str]], str | None]:
        def reconcile(_view: View, facts: Mapping[str, str]) -> str | None:
            self.asked.append(dict(facts))
            return answer

        return reconcile

    async def start(self, answer: str | None = None) -> None:
        await self.engine.start(self.store, {"test": self.look(answer)})

    async def end(self) -> None:
        """Let go of everything as it is: what goes on is not told to have ended."""
        await self.engine.stop()
        self.state.close()

    @property
    def jobs(self) -> dict[str, Job]:
        return {job.name: job for job in self.inventory.view.all(Job).values()}


def request(
    name: str, work: Callable[[Progress], object], *, kind: str = "test", queue: str = "one"
) -> JobRequest:
    path = InstancePath("Xen_ComputerSystem", (("Name", "one"),))
    return JobRequest(
        name=name,
        owner=path,
        affected=(path,),
        queue=queue,
        principal="alice",
        work=work,  # type: ignore[arg-type]
        kind=kind,
        facts={"machine": "one"},
    )


@pytest.fixture
async def first(tmp_path: Path) -> Server:
    """A server; each test ends it."""
    server = Server(tmp_path / "state.sqlite")
    await server.start()
    return server


@pytest.fixture
async def second(tmp_path: Path) -> AsyncIterator[Server]:
    """The server after it, not yet started."""
    server = Server(tmp_path / "state.sqlite")
    yield server
    await server.end()


async def forever(_progress: Progress) -> Mapping[str, Value]:
    await asyncio.Event().wait()
    return {}


@pytest.mark.parametrize(
    "job", [JOB, replace(JOB, state=JobState.WAITING, started=None, finished=None, error=None, facts=())]
)
def test_a_job_comes_back_as_it_was(job: Job) -> None:
    assert decode(encode(job)) == job


@pytest.mark.parametrize(
    ("answer", "state", "message"),
    [
        (None, JobState.COMPLETED, None),
        ("one is off now", JobState.FAILED, "the server ended while this went on; one is off now"),
    ],
)
async def test_a_job_that_ran_is_looked_at(
    first: Server, second: Server, answer: str | None, state: JobState, message: str | None
) -> None:
    await first.engine.run(request("runs", forever))
    await first.engine.run(request("waits", forever))
    await first.end()
    await second.start(answer)
    runs, waits = second.jobs["runs"], second.jobs["waits"]
    assert (runs.state, runs.error and runs.error.message) == (state, message)
    assert second.asked == [{"machine": "one"}]
    assert waits.state is JobState.FAILED
    assert waits.error is not None
    assert waits.error.message == "the server ended before this began: nothing was done"
    assert not second.engine.busy("one")


async def test_a_job_of_a_kind_that_nobody_knows_is_told_to_be_unknown(first: Server, second: Server) -> None:
    await first.engine.run(request("runs", forever, kind="unheard of"))
    await first.end()
    await second.start()
    error = second.jobs["runs"].error
    assert error is not None
    assert error.message == "the server ended while this went on; what became of it cannot be told"


async def test_a_job_whose_client_still_waited_is_known_too(first: Server, second: Server) -> None:
    first.engine.grace_s = 60.0
    begun = asyncio.Event()

    async def work(_progress: Progress) -> Mapping[str, Value]:
        begun.set()
        return await forever(_progress)

    task = asyncio.create_task(first.engine.run(request("runs", work)))
    await begun.wait()
    assert first.jobs == {}
    task.cancel()
    await asyncio.wait({task})
    await first.end()
    await second.start()
    assert second.jobs["runs"].state is JobState.COMPLETED


async def test_finished_jobs_are_known_and_quick_ones_forgotten(first: Server, second: Server) -> None:
    async def work(_progress: Progress) -> Mapping[str, Value]:
        return {}

    assert (await first.engine.run(request("quick", work), wait_s=60.0)).return_value == 0
    await first.engine.run(request("slow", work))
    [slow] = first.jobs.values()
    await first.engine.finished(slow.id)
    done = first.jobs["slow"]
    await first.end()
    await second.start()
    assert list(second.jobs.values()) == [done]
    assert second.asked == []


async def test_jobs_whose_time_is_over_go(first: Server, second: Server) -> None:
    old = datetime.now(UTC) - TIME_BEFORE_REMOVAL - timedelta(seconds=1)
    await first.store.save(replace(JOB, submitted=old, changed=old, finished=old))
    await first.end()
    gone = asyncio.Event()
    second.inventory.subscribe(lambda _old, new: gone.set() if new is None else None)
    await second.start()
    await gone.wait()
    assert second.jobs == {}
    await second.engine.stop()
    assert await second.store.load() == []


async def test_another_sites_jobs_are_its_own(first: Server) -> None:
    await first.store.save(JOB)
    assert await JobStore(first.state, "another").load() == []
    assert await first.store.load() == [JOB]
    await first.end()


# What became of a machine ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requested", "state", "told"),
    [
        (2, PowerState.RUNNING, None),
        (2, PowerState.SHUT_OFF, "vm-00000 is shut off now"),
        (3, PowerState.SHUT_OFF, None),
        (4, PowerState.RUNNING, "vm-00000 is running now"),
        (6, PowerState.SAVED, None),
        (6, PowerState.SHUT_OFF, "vm-00000 is shut off now"),
        (9, PowerState.PAUSED, None),
        (10, PowerState.RUNNING, "vm-00000 is running now; whether it was started anew cannot be seen"),
        (2, None, "the machine is not there any more"),
        (3, None, None),
    ],
)
def test_what_became_of_a_state_change(requested: int, state: PowerState | None, told: str | None) -> None:
    inventory = Inventory()
    machine = fake_machine(0)
    if state is not None:
        inventory.put(replace(machine, state=state))
    facts = {"machine": machine.uuid, "requested": str(requested)}
    assert reconcile(inventory.view, facts) == told
    assert (inventory.view.get(VirtualMachine, machine.uuid) is None) == (state is None)

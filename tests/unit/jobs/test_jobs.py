"""The job engine: who waits for whom, what is answered, how work is ended."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import fake_host
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import Element, Job, JobState
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs import engine as jobs
from xencim.providers.core.jobs import keeping
from xencim.providers.core.jobs.engine import JobEngine, JobRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from xencim.mof.values import Value
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import MethodResult

MACHINE = Path("Xen_ComputerSystem", (("CreationClassName", "Xen_ComputerSystem"), ("Name", "one")))


class Bench:
    """An engine, and work that goes on until its gate opens."""

    def __init__(self) -> None:
        self.inventory = Inventory()
        self.inventory.put(fake_host(1))
        self.engine = JobEngine(self.inventory, "root/virt", "Xen")
        self.engine.grace_s = 0.0
        self.events: list[str] = []
        self.gates: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.begun: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    @property
    def jobs(self) -> dict[str, Job]:
        return {job.name: job for job in self.inventory.view.all(Job).values()}

    def state(self, name: str) -> JobState:
        return self.jobs[name].state

    def request(self, name: str, queue: str | None = "a", **fields: object) -> JobRequest:
        async def work(_progress: Progress) -> Mapping[str, Value]:
            self.events.append(f"{name} begins")
            self.begun[name].set()
            try:
                await self.gates[name].wait()
            finally:
                self.events.append(f"{name} ends")
            return {"Answer": name}

        known: dict[str, object] = {
            "owner": MACHINE,
            "affected": (),
            "principal": "root",
            "work": work,
            "kind": "test",
        }
        return JobRequest(name=name, queue=queue, **(known | fields))  # type: ignore[arg-type]

    async def begin(self, name: str, queue: str | None = "a", **fields: object) -> str:
        """Have a job begin or wait, and return its number."""
        result = await self.engine.run(self.request(name, queue, **fields))
        return job_id(result)


def job_id(result: MethodResult) -> str:
    assert result.return_value == 4096
    path = result.out["Job"]
    assert isinstance(path, Path)
    return str(path.key("InstanceID")).removeprefix("Xen:")


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.engine.stop()


async def failing(_progress: Progress) -> Mapping[str, Value]:
    raise BackendError("failed", "it went wrong", hint="try again")


# What is answered ------------------------------------------------------------------------------


async def test_quick_work_answers_for_itself_and_leaves_no_job(bench: Bench) -> None:
    bench.engine.grace_s = 60.0
    bench.gates["quick"].set()
    result = await bench.engine.run(bench.request("quick"))
    assert (result.return_value, result.out) == (0, {"Answer": "quick"})
    assert bench.jobs == {}


async def test_slow_work_answers_with_a_job(bench: Bench) -> None:
    result = await bench.engine.run(bench.request("slow", affected=(MACHINE,)))
    assert result.return_value == 4096
    [job] = bench.jobs.values()
    host = bench.inventory.view.host.name
    assert result.out == {
        "Job": Path("Xen_ConcreteJob", (("InstanceID", f"Xen:{job.id}"),), "root/virt", host)
    }
    machine = Element("ComputerSystem", MACHINE.keys)  # type: ignore[arg-type]
    assert (job.owner, job.affected, job.principal, job.queue) == (machine, (machine,), "root", "a")
    await bench.begun["slow"].wait()
    assert bench.state("slow") is JobState.RUNNING
    bench.gates["slow"].set()
    await bench.engine.finished(job.id)
    done = bench.jobs["slow"]
    assert (done.state, done.percent, done.error) == (JobState.COMPLETED, 100, None)
    assert done.finished is not None


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("unsupported", 1),
        ("timeout", 3),
        ("failed", 4),
        ("lost", 4),
        ("exists", 4),
        ("invalid", 5),
        ("in_use", 6),
        ("invalid_state", 4097),
    ],
)
async def test_what_the_hypervisor_says_is_the_methods_answer_and_its_job_has_the_words(
    bench: Bench, kind: str, answer: int
) -> None:
    async def work(_progress: Progress) -> Mapping[str, Value]:
        raise BackendError(kind, "it went wrong")

    result = await bench.engine.run(bench.request("bad", work=work), wait_s=60.0)
    [job] = bench.jobs.values()
    assert (result.return_value, result.out) == (answer, {"Job": bench.engine.path(job.id)})
    assert job.error is not None
    assert (job.state, job.error.code, job.error.message) == (JobState.FAILED, answer, "it went wrong")


async def test_a_cim_error_is_the_callers(bench: Bench) -> None:
    async def work(_progress: Progress) -> Mapping[str, Value]:
        raise CimError(Status.ALREADY_EXISTS, "there is one")

    with pytest.raises(CimError, match="there is one"):
        await bench.engine.run(bench.request("bad", work=work), wait_s=60.0)


async def test_what_is_gone_is_not_found(bench: Bench) -> None:
    async def work(_progress: Progress) -> Mapping[str, Value]:
        raise BackendError("not_found", "it is gone")

    with pytest.raises(CimError, match="it is gone") as caught:
        await bench.engine.run(bench.request("bad", work=work), wait_s=60.0)
    assert caught.value.status is Status.NOT_FOUND


async def test_a_defect_is_logged_and_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async def work(_progress: Progress) -> Mapping[str, Value]:
        raise ZeroDivisionError("a defect")

    with pytest.raises(CimError, match="ZeroDivisionError: a defect"):
        await bench.engine.run(bench.request("bad", work=work), wait_s=60.0)
    assert [record.exc_info is not None for record in caplog.records] == [True, False]


async def test_a_job_keeps_its_error(bench: Bench) -> None:
    await bench.begin("first")
    bad = await bench.begin("bad", work=failing)
    bench.gates["first"].set()
    await bench.engine.finished(bad)
    error = bench.jobs["bad"].error
    assert bench.state("bad") is JobState.FAILED
    assert error is not None
    assert (error.code, error.status, error.message, error.hint) == (4, 1, "it went wrong", "try again")


async def test_who_gives_up_waiting_leaves_a_job(bench: Bench) -> None:
    bench.engine.grace_s = 60.0
    task = asyncio.create_task(bench.engine.run(bench.request("left")))
    await bench.begun["left"].wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.state("left") is JobState.RUNNING


# Whose turn it is ------------------------------------------------------------------------------


async def test_a_queue_is_worked_off_in_order_and_queues_side_by_side(bench: Bench) -> None:
    first, second = await bench.begin("first"), await bench.begin("second")
    other = await bench.begin("other", "b")
    free = await bench.begin("free", None)
    for name in ("first", "other", "free"):
        await bench.begun[name].wait()
    states = {name: job.state for name, job in bench.jobs.items()}
    assert states == dict.fromkeys(("first", "other", "free"), JobState.RUNNING) | {
        "second": JobState.WAITING
    }
    for name in ("other", "free", "second", "first"):
        bench.gates[name].set()
    for job in (first, second, other, free):
        await bench.engine.finished(job)
    queue = [event for event in bench.events if "first" in event or "second" in event]
    assert queue == ["first begins", "first ends", "second begins", "second ends"]
    assert not bench.engine.busy("a")


async def test_many_jobs_of_many_queues_never_interleave_in_one(bench: Bench) -> None:
    inside: dict[str, int] = defaultdict(int)
    done: list[tuple[str, int]] = []

    async def one(queue: str, number: int) -> None:
        async def work(_progress: Progress) -> Mapping[str, Value]:
            inside[queue] += 1
            assert inside[queue] == 1
            await asyncio.sleep(0)
            inside[queue] -= 1
            done.append((queue, number))
            return {}

        result = await bench.engine.run(bench.request("many", queue, work=work), wait_s=60.0)
        assert result.return_value == 0

    queues = [f"vm-{number}" for number in range(20)]
    await asyncio.gather(*(one(queue, number) for number in range(10) for queue in queues))
    for queue in queues:
        assert [number for name, number in done if name == queue] == list(range(10))


async def test_what_bypasses_ends_the_queue_and_acts(bench: Bench) -> None:
    first, second = await bench.begin("first"), await bench.begin("second")
    await bench.begun["first"].wait()
    bench.gates["now"].set()
    result = await bench.engine.run(bench.request("now", bypasses_queue=True), wait_s=60.0)
    assert result.return_value == 0
    assert bench.events == ["first begins", "first ends", "now begins", "now ends"]
    for job in (first, second):
        ended = bench.inventory.view.all(Job)[job]
        assert ended.state is JobState.TERMINATED
        assert ended.error is not None
        assert ended.error.message == "it was given up for 'now', which root asked for"


async def test_what_comes_after_the_one_that_bypasses_waits_for_it(bench: Bench) -> None:
    now = await bench.begin("now", bypasses_queue=True)
    after = await bench.begin("after")
    await bench.begun["now"].wait()
    assert bench.state("after") is JobState.WAITING
    bench.gates["now"].set()
    bench.gates["after"].set()
    await bench.engine.finished(now)
    await bench.engine.finished(after)
    assert bench.events == ["now begins", "now ends", "after begins", "after ends"]


async def test_work_that_does_not_end_holds_nobody_up_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "CANCEL_S", 0.01)
    stubborn_gate = asyncio.Event()
    stubborn_begun = asyncio.Event()

    async def stubborn(_progress: Progress) -> Mapping[str, Value]:
        stubborn_begun.set()
        while not stubborn_gate.is_set():
            try:
                await stubborn_gate.wait()
            except asyncio.CancelledError:
                bench.events.append("not yet")
        return {}

    first = await bench.begin("first", work=stubborn)
    await stubborn_begun.wait()
    bench.gates["now"].set()
    result = await bench.engine.run(bench.request("now", bypasses_queue=True), wait_s=60.0)
    assert result.return_value == 0
    assert bench.events == ["not yet", "now begins", "now ends"]
    stubborn_gate.set()
    await bench.engine.finished(first)
    assert bench.state("first") is JobState.COMPLETED


async def test_too_many_are_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_UNFINISHED", 1)
    await bench.begin("first")
    with pytest.raises(CimError) as caught:
        await bench.begin("second", "b")
    assert caught.value.status is Status.SERVER_LIMITS_EXCEEDED


# Progress --------------------------------------------------------------------------------------


async def test_progress_is_seen_and_what_turns_out_to_be_affected(bench: Bench) -> None:
    pool = Path("Xen_DiskPool", (("InstanceID", "DiskPool/x"),), "root/virt", "h")

    async def work(progress: Progress) -> Mapping[str, Value]:
        progress.tell(250, "as good as done")
        progress.affects(pool)
        progress.affects(pool)
        bench.begun["work"].set()
        await bench.gates["work"].wait()
        return {}

    job = await bench.begin("work", work=work)
    await bench.begun["work"].wait()
    shown = bench.jobs["work"]
    element = Element("DiskPool", (("InstanceID", "DiskPool/x"),))
    assert (shown.percent, shown.status, shown.affected) == (99, "as good as done", (element,))
    assert [found.id for found in bench.inventory.view.jobs_by("job on", element.identity)] == [job]
    machine = bench.engine.element(MACHINE)
    assert [found.id for found in bench.inventory.view.jobs_by("job of", machine.identity)] == [job]


# Cancelling ------------------------------------------------------------------------------------


async def test_a_waiting_job_is_cancelled_at_once(bench: Bench) -> None:
    await bench.begin("first")
    second = await bench.begin("second")
    assert await bench.engine.cancel(second, "alice")
    ended = bench.jobs["second"]
    assert (ended.state, ended.started) == (JobState.TERMINATED, None)
    assert ended.error is not None
    assert ended.error.message == "it was cancelled by alice"
    assert bench.events == ["first begins"]


@pytest.mark.parametrize(("kill", "state"), [(False, JobState.TERMINATED), (True, JobState.KILLED)])
async def test_the_hypervisor_is_told_to_give_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, kill: bool, state: JobState
) -> None:
    monkeypatch.setattr(jobs, "END_S", 0.0)
    told = []

    async def cancel() -> None:
        told.append(bench.state("slow"))

    slow = await bench.begin("slow", cancel=cancel)
    await bench.begun["slow"].wait()
    assert await bench.engine.cancel(slow, "alice", kill=kill)
    assert told == [JobState.CANCELLING]
    assert bench.state("slow") is state


async def test_work_whose_hypervisor_does_not_give_up_goes_on_unless_killed(bench: Bench) -> None:
    async def cancel() -> None:
        raise BackendError("failed", "it does not")

    slow = await bench.begin("slow", cancel=cancel)
    await bench.begun["slow"].wait()
    with pytest.raises(BackendError, match="it does not"):
        await bench.engine.cancel(slow, "alice")
    assert bench.state("slow") is JobState.RUNNING
    assert await bench.engine.cancel(slow, "alice", kill=True)
    assert bench.state("slow") is JobState.KILLED


async def test_what_was_done_in_spite_of_being_cancelled_is_done(bench: Bench) -> None:
    async def cancel() -> None:
        bench.gates["slow"].set()

    slow = await bench.begin("slow", cancel=cancel)
    await bench.begun["slow"].wait()
    assert await bench.engine.cancel(slow, "alice")
    assert bench.state("slow") is JobState.COMPLETED


@pytest.mark.parametrize("kind", ["unsupported", "invalid_state", "not_found"])
async def test_what_cannot_be_cancelled_says_why(bench: Bench, kind: str) -> None:
    slow = await bench.begin("slow")
    await bench.begun["slow"].wait()
    if kind == "invalid_state":
        bench.gates["slow"].set()
        await bench.engine.finished(slow)
    with pytest.raises(BackendError) as caught:
        await bench.engine.cancel("no such job" if kind == "not_found" else slow, "alice")
    assert caught.value.kind == kind


# How long jobs are kept ------------------------------------------------------------------------


async def test_the_oldest_go_when_there_are_too_many(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MAX_FINISHED", 2)
    for name in ("one", "two", "three"):
        job = await bench.begin(name)
        bench.gates[name].set()
        await bench.engine.finished(job)
    assert list(bench.jobs) == ["two", "three"]


async def test_a_finished_job_goes_in_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "TIME_BEFORE_REMOVAL", timedelta())
    gone = asyncio.Event()
    bench.inventory.subscribe(lambda _old, new: gone.set() if new is None else None)
    job = await bench.begin("one")
    bench.gates["one"].set()
    await bench.engine.finished(job)
    await gone.wait()
    assert bench.jobs == {}
    assert list(bench.inventory.view.jobs_by("job of", bench.engine.element(MACHINE).identity)) == []

"""Xen_ConcreteJob and Xen_MethodResult: what is told of a job in each state, and its methods."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Instance, Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import Element, Job, JobError, JobState
from xencim.providers.core.access import Principal
from xencim.providers.core.asking.sampler import Sampler
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.engine import JobEngine, JobRequest
from xencim.providers.core.reservations import Reservations
from xencim.providers.core.spec import Const, Context, MethodCall
from xencim.providers.jobs import concrete_job, method_result
from xencim.providers.jobs.methods import get_error, get_errors, request_state_change
from xencim.providers.jobs.rows import JOBS
from xencim.providers.security.enforcement.keeper import Security

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from xencim.mof.values import Value
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import ClassSpec

SUBMITTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STARTED = SUBMITTED + timedelta(seconds=10)
FINISHED = STARTED + timedelta(seconds=90, microseconds=700_000)
MACHINE = Element("ComputerSystem", (("CreationClassName", "Xen_ComputerSystem"), ("Name", "vm-00000")))
WAITING = Job(
    id="1",
    name="RequestStateChange",
    kind="test",
    owner=MACHINE,
    affected=(MACHINE,),
    principal="alice",
    queue="a",
    state=JobState.WAITING,
    submitted=SUBMITTED,
    changed=SUBMITTED,
)
DONE = replace(
    WAITING,
    state=JobState.COMPLETED,
    started=STARTED,
    finished=FINISHED,
    changed=FINISHED,
    percent=100,
    status="writing",
)
BAD = replace(
    DONE,
    state=JobState.FAILED,
    percent=30,
    error=JobError(code=3, status=1, message="too slow", hint="wait longer"),
)


class Bench:
    """A host with three machines, and calls on its jobs."""

    def __init__(self) -> None:
        self.backend = FakeBackend(3)
        self.inventory = Inventory()
        self.jobs = JobEngine(self.inventory, "root/virt", "Xen")
        self.jobs.grace_s = 0.0

    @property
    def context(self) -> Context:
        return Context(self.inventory.view, self.inventory.view)

    def tell(self, spec: ClassSpec, job: Job) -> dict[str, Value]:
        """Return what a class tells of a job, without what is NULL."""
        row = (job, self.inventory.view.host)
        told: dict[str, Value] = {}
        for prop in (*spec.keys, *spec.props):
            assert isinstance(prop.get, Const) or callable(prop.get)
            value = prop.get.value if isinstance(prop.get, Const) else prop.get(*row)
            if value is not None:
                told[prop.name] = value
        return told

    def call(self, job: Job, **parameters: Value) -> MethodCall:
        return MethodCall(
            context=self.context,
            row=(job, self.inventory.view.host),
            path=self.jobs.path(job.id),
            parameters=parameters,
            principal=Principal("bob"),
            backend=self.backend,
            inventory=self.inventory,
            jobs=self.jobs,
            security=Security(self.inventory, self.backend, Reservations()),
            reservations=Reservations(),
            sampler=Sampler(lambda: self.backend),
        )

    async def begin(self, *, can_be_cancelled: bool) -> Job:
        """Have a job begin that goes on for ever."""
        begun = asyncio.Event()

        async def work(_progress: Progress) -> Mapping[str, Value]:
            begun.set()
            await asyncio.Event().wait()
            return {}

        async def cancel() -> None:
            raise BackendError("failed", "it does not let go")

        owner = Path("Xen_ComputerSystem", MACHINE.keys)
        await self.jobs.run(
            JobRequest(
                name="Go on",
                owner=owner,
                affected=(),
                queue="a",
                principal="alice",
                work=work,
                kind="test",
                cancel=cancel if can_be_cancelled else None,
            )
        )
        await begun.wait()
        [job] = self.inventory.view.all(Job).values()
        return job


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    await made.backend.start(made.inventory)
    yield made
    await made.jobs.stop()


# What is told ----------------------------------------------------------------------------------


def test_a_finished_job_is_told_whole(bench: Bench) -> None:
    assert bench.tell(concrete_job.SPEC, DONE) == {
        "InstanceID": "Xen:1",
        "Name": "RequestStateChange",
        "ElementName": "RequestStateChange",
        "Caption": "Job",
        "JobState": 7,
        "JobStatus": "completed",
        "OperationalStatus": (17, 2),
        "StatusDescriptions": ("completed", "completed"),
        "HealthState": 5,
        "PrimaryStatus": 1,
        "PercentComplete": 100,
        "TimeSubmitted": SUBMITTED,
        "StartTime": STARTED,
        "ElapsedTime": timedelta(seconds=90),
        "TimeOfLastStateChange": FINISHED,
        "LocalOrUtcTime": 2,
        "TimeBeforeRemoval": timedelta(hours=1),
        "DeleteOnCompletion": True,
        "Owner": "alice",
        "ErrorCode": 0,
    }


@pytest.mark.parametrize(
    ("job", "state", "status", "operational"),
    [
        (WAITING, 2, "waiting", (15,)),
        (replace(WAITING, state=JobState.RUNNING, started=STARTED, status="writing"), 4, "writing", (2,)),
        (replace(WAITING, state=JobState.CANCELLING, started=STARTED), 6, "cancelling", (9,)),
        (replace(DONE, state=JobState.TERMINATED), 8, "terminated", (17, 10)),
        (replace(DONE, state=JobState.KILLED), 9, "killed", (17, 10)),
        (BAD, 10, "failed", (17, 6)),
    ],
)
def test_each_state(bench: Bench, job: Job, state: int, status: str, operational: tuple[int, ...]) -> None:
    told = bench.tell(concrete_job.SPEC, job)
    assert (told["JobState"], told["JobStatus"], told["OperationalStatus"]) == (state, status, operational)


def test_time_goes_on_while_a_job_runs(bench: Bench) -> None:
    started = datetime.now(UTC) - timedelta(minutes=5)
    running = replace(WAITING, state=JobState.RUNNING, started=started)
    elapsed = bench.tell(concrete_job.SPEC, running)["ElapsedTime"]
    assert isinstance(elapsed, timedelta)
    assert timedelta(minutes=5) <= elapsed < timedelta(minutes=6)
    assert bench.tell(concrete_job.SPEC, WAITING)["ElapsedTime"] == timedelta()


def test_the_call_is_told_and_then_what_it_returned(bench: Bench) -> None:
    before = bench.tell(method_result.SPEC, WAITING)
    assert "PostCallIndication" not in before
    call = before["PreCallIndication"]
    assert isinstance(call, Instance)
    source = call.get("SourceInstance")
    assert isinstance(source, Instance)
    assert (call.class_name, call.get("MethodName"), call.get("PreCall")) == (
        "CIM_InstMethodCall",
        "RequestStateChange",
        True,
    )
    assert (source.class_name, source.get("Name")) == ("Xen_ComputerSystem", "vm-00000")
    for job, value in ((DONE, "0"), (BAD, "3")):
        after = bench.tell(method_result.SPEC, job)["PostCallIndication"]
        assert isinstance(after, Instance)
        assert (after.get("PreCall"), after.get("ReturnValue")) == (False, value)


def test_a_job_is_found_by_its_key(bench: Bench) -> None:
    bench.inventory.put(DONE)
    row = (DONE, bench.inventory.view.host)
    assert JOBS.find(bench.context, {"instanceid": "Xen:1"}) == row
    assert JOBS.find(bench.context, {"instanceid": "Xen:2"}) is None
    assert list(JOBS.all(bench.context)) == [row]


# Its methods -----------------------------------------------------------------------------------


async def test_a_failed_job_returns_its_error(bench: Bench) -> None:
    result = await get_error(bench.call(BAD))
    error = result.out["Error"]
    assert isinstance(error, Instance)
    assert error.class_name == "CIM_Error"
    assert {name: typed.value for name, typed in error.properties.items()} == {
        "ErrorType": 4,
        "OwningEntity": "xencim",
        "MessageID": "XENCIM-JOB-3",
        "Message": "too slow",
        "PerceivedSeverity": 5,
        "ProbableCause": 111,
        "ErrorSource": '//fake.example/root/virt:Xen_ConcreteJob.InstanceID="Xen:1"',
        "ErrorSourceFormat": 2,
        "CIMStatusCode": 1,
        "RecommendedActions": ("wait longer",),
    }
    assert (await get_errors(bench.call(BAD))).out == {"Errors": (error,)}


async def test_another_job_returns_none(bench: Bench) -> None:
    assert (await get_error(bench.call(DONE))).out == {"Error": None}
    assert (await get_errors(bench.call(DONE))).out == {"Errors": None}


@pytest.mark.parametrize(
    ("parameters", "answer"),
    [
        ({}, 5),
        ({"requestedstate": 7}, 5),
        ({"requestedstate": 2}, 1),
        ({"requestedstate": 3}, 1),
        ({"requestedstate": 6}, 1),
        ({"requestedstate": 4, "timeoutperiod": timedelta(seconds=1)}, 4098),
        ({"requestedstate": 4}, 1),
        ({"requestedstate": 5}, 1),
    ],
)
async def test_what_cannot_be_asked_of_a_job(bench: Bench, parameters: dict[str, Value], answer: int) -> None:
    job = await bench.begin(can_be_cancelled=False)
    assert (await request_state_change(bench.call(job, **parameters))).return_value == answer
    assert bench.inventory.view.all(Job)[job.id].state is JobState.RUNNING


async def test_a_job_is_terminated_only_if_the_hypervisor_lets_go_and_killed_in_any_case(
    bench: Bench,
) -> None:
    job = await bench.begin(can_be_cancelled=True)
    assert (await request_state_change(bench.call(job, requestedstate=4))).return_value == 4
    assert (await request_state_change(bench.call(job, requestedstate=5))).return_value == 0
    killed = bench.inventory.view.all(Job)[job.id]
    assert killed.state is JobState.KILLED
    assert killed.error is not None
    assert killed.error.message == "it was cancelled by bob"
    assert (await request_state_change(bench.call(job, requestedstate=5))).return_value == 4097


async def test_a_job_that_is_gone_is_not_found(bench: Bench) -> None:
    with pytest.raises(CimError) as caught:
        await request_state_change(bench.call(WAITING, requestedstate=4))
    assert caught.value.status is Status.NOT_FOUND

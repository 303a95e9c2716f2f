"""Machines managed by work that takes its time: jobs, their order, their outcome, and what they leave."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.records import Job, JobState
from xencim.providers.core.errors import Status

from .management_world import Host, managing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RUNNING, OFF = "vm-00000", "vm-00002"


class Gated(FakeBackend):
    """A host that changes machines when a test lets it."""

    def __init__(self) -> None:
        super().__init__(8)
        self.gate = asyncio.Event()
        self.reached: asyncio.Queue[None] = asyncio.Queue()
        self.error: BackendError | None = None

    async def _wait(self) -> None:
        self.reached.put_nowait(None)
        await self.gate.wait()
        if self.error is not None:
            raise self.error

    async def reconfigure(self, *words: Any, **more: Any) -> None:  # noqa: ANN401 - as the made-up host takes it
        await self._wait()
        await super().reconfigure(*words, **more)

    async def define(self, *words: Any, **more: Any) -> str:  # noqa: ANN401 - as above
        await self._wait()
        return await super().define(*words, **more)


@pytest.fixture
async def backend() -> Gated:
    return Gated()


@pytest.fixture
async def host(backend: Gated) -> AsyncIterator[Host]:
    async with managing(backend) as made:
        made.site.jobs.grace_s = 0.0
        yield made


async def started(host: Host, method: str, **parameters: Any) -> str:  # noqa: ANN401 - of every type
    """Call a method that goes on as a job, and return the job's id."""
    result = await host.invoke(method, **parameters)
    assert result.return_value == 4096
    [out] = result.out
    assert out.name == "Job"
    assert isinstance(out.value, Path)
    return str(out.value.key("InstanceID")).partition(":")[2]


def job(host: Host, job_id: str) -> Job:
    found = host.view.get(Job, job_id)
    assert found is not None
    return found


async def test_a_definition_that_takes_long(host: Host, backend: Gated) -> None:
    whole = host.settings("system", VirtualSystemIdentifier="web")
    job_id = await started(host, "DefineSystem", SystemSettings=whole)
    await backend.reached.get()
    running = job(host, job_id)
    assert (running.name, running.state, running.principal) == ("DefineSystem", JobState.RUNNING, "root")
    assert [dict(element.keys)["Name"] for element in running.affected] == ["web"]
    assert host.view.machine_named("web") is None
    backend.gate.set()
    await host.site.jobs.finished(job_id)
    assert job(host, job_id).state is JobState.COMPLETED
    assert dict(job(host, job_id).facts)["machine"] == host.machine("web").uuid


async def test_what_is_asked_wrongly_starts_no_job(host: Host) -> None:
    status, _ = await host.modify_refused("mem", f"{RUNNING}/mem", Weight=1)
    assert status is Status.INVALID_PARAMETER
    assert not host.view.all(Job)


async def test_changes_of_one_machine_wait_for_each_other(host: Host, backend: Gated) -> None:
    ids = []
    for properties in ({"Weight": 5}, {"Limit": 50}, {"Weight": 7}):
        one = host.settings("proc", InstanceID=f"{RUNNING}/proc", **properties)
        ids.append(await started(host, "ModifyResourceSettings", ResourceSettings=(one,)))
    other = host.settings("proc", InstanceID=f"{OFF}/proc", Weight=9)
    ids.append(await started(host, "ModifyResourceSettings", ResourceSettings=(other,)))
    await backend.reached.get()
    await backend.reached.get()
    assert [job(host, job_id).state for job_id in ids] == [
        JobState.RUNNING,
        JobState.WAITING,
        JobState.WAITING,
        JobState.RUNNING,
    ]
    backend.gate.set()
    await asyncio.gather(*map(host.site.jobs.finished, ids))
    for config in (host.machine(RUNNING).current, host.stored(RUNNING)):
        assert (config.cpu.weight, config.cpu.cap_percent) == (7, 50)
    assert host.machine(OFF).current.cpu.weight == 9


async def test_a_machine_that_goes_meanwhile(host: Host, backend: Gated) -> None:
    first = host.settings("proc", InstanceID=f"{RUNNING}/proc", Weight=5)
    await started(host, "ModifyResourceSettings", ResourceSettings=(first,))
    waiting = await started(host, "DestroySystem", AffectedSystem=host.system(RUNNING))
    second = await started(host, "ModifyResourceSettings", ResourceSettings=(first,))
    backend.gate.set()
    await asyncio.gather(*map(host.site.jobs.finished, (waiting, second)))
    assert job(host, waiting).state is JobState.COMPLETED
    failed = job(host, second)
    assert (failed.state, failed.error and failed.error.message) == (
        JobState.FAILED,
        f"there is no Xen_ProcResourceAllocationSettingData with InstanceID '{RUNNING}/proc'",
    )


async def test_a_failure_is_told_by_its_job(host: Host, backend: Gated) -> None:
    one = host.settings("proc", InstanceID=f"{RUNNING}/proc", Weight=5)
    job_id = await started(host, "ModifyResourceSettings", ResourceSettings=(one,))
    backend.error = BackendError("failed", "it went wrong")
    backend.gate.set()
    await host.site.jobs.finished(job_id)
    error = job(host, job_id).error
    assert error is not None
    assert (error.status, error.message) == (
        Status.FAILED,
        f"ModifyResourceSettings: {RUNNING} on Fake: it went wrong",
    )

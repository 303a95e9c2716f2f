"""Xen_ConcreteJob: a piece of work that was not done when its call returned.

ElapsedTime is counted when it is asked for, so what is encoded of a job is never kept.

Source: DSP1103 1.0; CIM_ConcreteJob.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from xencim.providers.backends.records import JobState
from xencim.providers.backends.records.jobs import RESULT
from xencim.providers.core.access import Access
from xencim.providers.core.jobs.keeping import TIME_BEFORE_REMOVAL
from xencim.providers.core.spec import ClassSpec, Const, MethodSpec, Prop
from xencim.providers.jobs.methods import get_error, get_errors, request_state_change
from xencim.providers.jobs.rows import JOBS, instance_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.backends.records import Host, Job


class _Status(NamedTuple):
    job_state: int
    operational: tuple[int, ...]
    health: int = 5  # OK
    primary: int = 1  # OK


_STATUS: Mapping[JobState, _Status] = {
    JobState.WAITING: _Status(2, (15,)),  # new; dormant
    JobState.RUNNING: _Status(4, (2,)),
    JobState.CANCELLING: _Status(6, (9,)),  # shutting down; stopping
    JobState.COMPLETED: _Status(7, (17, 2)),
    JobState.TERMINATED: _Status(8, (17, 10)),  # completed, stopped
    JobState.KILLED: _Status(9, (17, 10)),
    JobState.FAILED: _Status(10, (17, 6), health=20, primary=3),  # completed, error
}


def _elapsed(job: Job, _host: Host) -> timedelta:
    if job.started is None:
        return timedelta()
    spent = (job.finished or datetime.now(UTC)) - job.started
    return max(timedelta(), timedelta(seconds=int(spent.total_seconds())))


def _job_status(job: Job, _host: Host) -> str:
    if not job.state.is_final:
        return job.status or job.state.value
    result = dict(job.facts).get(RESULT) if job.state is JobState.COMPLETED else None
    return result or job.state.value


def _descriptions(job: Job, _host: Host) -> tuple[str, ...]:
    return (job.state.value,) * len(_STATUS[job.state].operational)


_STATE = "how far the server has come with it"

SPEC = ClassSpec(
    cim_class="ConcreteJob",
    rows=JOBS,
    profiles=("DSP1103",),
    is_volatile=True,
    keys=(Prop("InstanceID", instance_id, source="the server's own number for it"),),
    props=(
        Prop("Name", lambda job, _: job.name, source="the method that was called"),
        Prop("ElementName", lambda job, _: job.name, source="the method that was called"),
        Prop("Caption", Const("Job"), source="constant: what it is"),
        Prop("JobState", lambda job, _: _STATUS[job.state].job_state, source=_STATE),
        Prop("JobStatus", _job_status, source=_STATE),
        Prop("OperationalStatus", lambda job, _: _STATUS[job.state].operational, source=_STATE),
        Prop("StatusDescriptions", _descriptions, source=_STATE),
        Prop("HealthState", lambda job, _: _STATUS[job.state].health, source=_STATE),
        Prop("PrimaryStatus", lambda job, _: _STATUS[job.state].primary, source=_STATE),
        Prop("PercentComplete", lambda job, _: job.percent, source="what the work itself tells"),
        Prop("TimeSubmitted", lambda job, _: job.submitted, source="the server's clock"),
        Prop("StartTime", lambda job, _: job.started, source="the server's clock"),
        Prop("ElapsedTime", _elapsed, source="the server's clock, whole seconds"),
        Prop("TimeOfLastStateChange", lambda job, _: job.changed, source="the server's clock"),
        Prop("LocalOrUtcTime", Const(2), source="constant: times are UTC"),
        Prop("TimeBeforeRemoval", Const(TIME_BEFORE_REMOVAL), source="constant: how long jobs are kept"),
        Prop("DeleteOnCompletion", Const(True), source="constant: no job is kept for ever"),
        Prop("Owner", lambda job, _: job.principal, source="who called"),
        Prop(
            "ErrorCode", lambda job, _: job.error.code if job.error else 0, source="what the work ended with"
        ),
        Prop(
            "ErrorDescription",
            lambda job, _: job.error and job.error.message,
            source="what the work ended with",
        ),
    ),
    methods=(
        MethodSpec("RequestStateChange", request_state_change, access=Access.OPERATE),
        MethodSpec("GetError", get_error, access=Access.READ),
        MethodSpec("GetErrors", get_errors, access=Access.READ),
    ),
)

"""Where the classes of jobs have their instances: ``(job, host)``, for those that clients were told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Host, Job
from xencim.providers.core.spec import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import Context, Keys, Row


def job_row(context: Context, job: Job) -> Row:
    """Return a job's row."""
    return (job, context.view.host)


def instance_id(job: Job, host: Host) -> str:
    """Return a job's InstanceID."""
    return f"{host.prefix}:{job.id}"


def _all(context: Context) -> Iterator[Row]:
    return (job_row(context, job) for job in context.view.all(Job).values())


def _find(context: Context, keys: Keys) -> Row | None:
    job = context.view.get(Job, str(keys.get("instanceid")).partition(":")[2])
    return None if job is None else job_row(context, job)


JOBS = Rows(kinds=(Job, Host), all=_all, find=_find)

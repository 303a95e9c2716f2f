"""What became of jobs that an earlier server left unfinished: it is looked at, and nothing is repeated."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from xencim.providers.backends.records import JobError, JobState
from xencim.providers.core.errors import Status
from xencim.providers.core.jobs.errors import FAILED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import Job
    from xencim.providers.core.jobs.engine import Progress

Reconciler: TypeAlias = "Callable[[View, Mapping[str, str]], str | None]"
"""Looks, with a job's facts, for what became of it: None when it is done, else what is found instead."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Work that the hypervisor may be going on with: ``work`` returns when it has ended as it should."""

    work: Callable[[Progress], Awaitable[Mapping[str, Value]]]
    cancel: Callable[[], Awaitable[None]]
    excludes_others: bool = False


Follower: TypeAlias = "Callable[[Mapping[str, str]], Awaitable[Followed | None]]"
"""Makes, of a job's facts, what watches over the rest of its work, if any goes on; repeats nothing."""
MEANWHILE = "the server ended while this went on"


async def still_going_on(
    jobs: Iterable[Job], followers: Mapping[str, Follower]
) -> dict[str, Followed | None]:
    """Return, by job, what watches over the work that its hypervisor has not ended."""
    asked = {
        job.id: followers[job.kind](dict(job.facts))
        for job in jobs
        if not job.state.is_final and job.state is not JobState.WAITING and job.kind in followers
    }
    # All at once: what keeps the hypervisor from answering for each must not add up.
    return dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))


def found_out(job: Job, reconcile: Reconciler | None, view: View) -> Job:
    """Return the job as it ended; ``reconcile`` is that of its kind."""
    now = datetime.now(UTC)
    if job.state is JobState.WAITING:
        text: str | None = "the server ended before this began: nothing was done"
    elif reconcile is None:
        text = f"{MEANWHILE}; what became of it cannot be told"
    else:
        found = reconcile(view, dict(job.facts))
        text = found and f"{MEANWHILE}; {found}"
    if text is None:
        return replace(job, state=JobState.COMPLETED, percent=100, changed=now, finished=now)
    failure = JobError(code=FAILED, status=int(Status.FAILED), message=text)
    return replace(job, state=JobState.FAILED, changed=now, finished=now, error=failure)

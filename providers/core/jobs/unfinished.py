"""A job that is not finished, as the engine sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.records import Job, JobState
    from xencim.providers.core.jobs.engine import JobRequest


class Run:
    """What was asked for, and how far it is."""

    task: asyncio.Task[None]

    def __init__(self, request: JobRequest, job: Job) -> None:
        self.request = request
        self.job = job
        self.is_public = False
        self.out: Mapping[str, Value] = {}
        self.error: BaseException | None = None
        self.cancelled_to: JobState | None = None
        self.cancelled_why = ""
        self.shown_s = 0.0

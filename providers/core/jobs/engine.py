"""What takes time: one engine for all work that changes a host.

Work of one queue (a machine's) is done one after the other in the order in which it was asked for; of
different queues side by side. A job is written to disk before its work begins and whenever its state
changes, so that a server which was killed tells at its next start what became of each: it looks, and
never repeats. A method answers for itself when its work is done within a grace time, and then no job is
left; otherwise it answers with a job, which is then seen by everybody.

Source: DSP1103 (job control profile); CIM_ConcreteJob.
Errors: CimError and method return values of what the work raised; StateError when nothing can be written.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakValueDictionary

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Element, Job, JobState
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs import errors as job_errors
from xencim.providers.core.jobs.keeping import KeptJobs
from xencim.providers.core.jobs.recovery import found_out, still_going_on
from xencim.providers.core.jobs.unfinished import Run
from xencim.providers.core.spec import MethodResult
from xencim.providers.core.state import StateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.core.jobs.recovery import Followed, Follower, Reconciler
    from xencim.providers.core.jobs.store import JobStore

log = logging.getLogger(__name__)

GRACE_S = 1.0
"""How long a method waits for its work before it answers with a job."""
MAX_UNFINISHED = 10_000
"""How many jobs may wait or run; more are refused."""
CANCEL_S = 10.0
"""How long the hypervisor may take to give up, and work to end once it is cancelled."""
END_S = 2.0
"""How long work may take to end by itself when the hypervisor has given up what it waits for."""
SHOW_S = 1.0
"""How often progress is shown at most."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """Work to be done; ``name`` is the method's. After a restart its `Reconciler` has ``facts``, and no more.

    ``cancel`` makes the hypervisor give up what the work waits for; without it, work that has begun
    cannot be cancelled by a client. ``excludes_others``: what is asked for meanwhile is refused, not queued.
    """

    name: str
    owner: Path
    affected: tuple[Path, ...]
    queue: str | None
    principal: str
    work: Callable[[Progress], Awaitable[Mapping[str, Value]]]
    kind: str
    facts: Mapping[str, str] = field(default_factory=dict)
    cancel: Callable[[], Awaitable[None]] | None = None
    bypasses_queue: bool = False
    excludes_others: bool = False


class Progress:
    """What work tells of itself while it goes on."""

    def __init__(self, engine: JobEngine, run: Run) -> None:
        self._engine = engine
        self._run = run

    def tell(self, percent: int, status: str | None = None) -> None:
        """Say how much is done, and in words what is being done."""
        run = self._run
        run.job = replace(run.job, percent=max(0, min(percent, 99)), status=status or run.job.status)
        self._engine.show_progress(run)

    async def remember(self, **facts: str) -> None:
        """Keep more facts for after a restart; they are on disk when this returns."""
        run = self._run
        run.job = replace(run.job, facts=(*run.job.facts, *facts.items()))
        await self._engine.kept.write(run.job)

    def affects(self, path: Path) -> None:
        """Name an element that the job turned out to change or to make."""
        run = self._run
        element = self._engine.element(path)
        if element not in run.job.affected:
            run.job = replace(run.job, affected=(*run.job.affected, element))
            self._engine.show_progress(run, at_once=True)


class JobEngine:
    """The jobs of one site. Without a store (tests) nothing outlives the process."""

    def __init__(self, inventory: Inventory, namespace: str, prefix: str) -> None:
        self.grace_s = GRACE_S
        self._inventory = inventory
        self._namespace = namespace
        self._prefix = prefix
        self.kept = KeptJobs(inventory)
        self._runs: dict[str, Run] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.guard: Callable[[str], str | None] = lambda _queue: None
        """Tells, of a queue, why nothing may be asked for now; None where it may."""

    async def start(
        self,
        store: JobStore,
        reconcilers: Mapping[str, Reconciler],
        followers: Mapping[str, Follower] | None = None,
    ) -> None:
        """Bring back what is known of earlier jobs, and find out what became of those that ran.

        The work of a kind that has a follower may go on in the hypervisor: then the job does too.
        """
        self.kept.store = store
        jobs = await store.load()
        going_on = await still_going_on(jobs, followers or {})
        for known in jobs:
            job = known
            if not job.state.is_final:
                if (followed := going_on.get(job.id)) is not None:
                    self._follow(job, followed)
                    continue
                job = found_out(job, reconcilers.get(job.kind), self._inventory.view)
                await store.save(job)
                log.warning("job %s (%s) of an earlier server: %s", job.id, job.name, job.state.value)
            self._inventory.put(job)
            self.kept.keep(job)

    async def stop(self) -> None:
        """Let go of all work; what had begun is looked at by the next start."""
        tasks = [*(run.task for run in self._runs.values()), *self.kept.stop()]
        for run in self._runs.values():
            run.task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Asking for work ---------------------------------------------------------------------------

    async def run(self, request: JobRequest, *, wait_s: float | None = None) -> MethodResult:
        """Have work done; answer when it is done or after ``wait_s`` (None: the grace time) with a job."""
        run = self._submit(request)
        try:
            await asyncio.wait({run.task}, timeout=self.grace_s if wait_s is None else wait_s)
            if run.job.state.is_final:
                await asyncio.wait({run.task})
        except asyncio.CancelledError:
            # Who asked has gone; what was asked for goes on.
            self._publish(run)
            raise
        if not run.task.done():
            self._publish(run)
            return MethodResult(job_errors.JOB_STARTED, {"Job": self.path(run.job.id)})
        return self._answer(run)

    def busy(self, queue: str) -> bool:
        """Tell whether work of a queue waits or goes on."""
        return any(run.request.queue == queue for run in self._runs.values())

    async def finished(self, job_id: str) -> None:
        """Return when a job has ended; at once when it has, or is not known."""
        run = self._runs.get(job_id)
        if run is not None:
            await asyncio.wait({run.task})

    async def cancel(self, job_id: str, principal: str, *, kill: bool = False) -> bool:
        """End a job at a client's wish; tell whether it has ended.

        BackendError: not_found, invalid_state (it has ended by itself), unsupported, and what the
        hypervisor says to being told to give up: then the work goes on.
        """
        run = self._runs.get(job_id)
        if run is None or run.job.state.is_final:
            kind = "invalid_state" if self._inventory.view.get(Job, job_id) or run else "not_found"
            raise BackendError(kind, f"job {job_id} does not wait or run")
        if run.job.state is JobState.RUNNING and run.request.cancel is None:
            raise BackendError("unsupported", f"{run.job.name}: work that has begun cannot be given up")
        final = JobState.KILLED if kill else JobState.TERMINATED
        await self._give_up(run, final, f"it was cancelled by {principal}", by_force=kill)
        return run.task.done()

    def path(self, job_id: str) -> Path:
        """Return the path of a job's instance."""
        keys = (("InstanceID", f"{self._prefix}:{job_id}"),)
        return Path(f"{self._prefix}_ConcreteJob", keys, self._namespace, self._inventory.view.host.name)

    def element(self, path: Path) -> Element:
        """Return what a path names, without prefix, namespace and host."""
        keys = tuple((name, value) for name, value in path.keys if not isinstance(value, Path))
        return Element(path.class_name.removeprefix(f"{self._prefix}_"), keys)

    def show_progress(self, run: Run, *, at_once: bool = False) -> None:
        """Let others see a job as it is now, if they see it at all."""
        now_s = asyncio.get_running_loop().time()
        if run.is_public and (at_once or now_s >= run.shown_s + SHOW_S):
            run.shown_s = now_s
            self._inventory.put(run.job)

    # A job's life ------------------------------------------------------------------------------

    def _follow(self, job: Job, followed: Followed) -> None:
        """Go on with a job whose work an earlier server began."""
        request = JobRequest(
            name=job.name,
            owner=Path(job.owner.class_name, job.owner.keys, self._namespace),
            affected=(),
            queue=job.queue,
            principal=job.principal,
            work=followed.work,
            kind=job.kind,
            cancel=followed.cancel,
            excludes_others=followed.excludes_others,
        )
        log.warning("job %s (%s) of an earlier server is followed", job.id, job.name)
        run = Run(request, job)
        run.is_public = True
        self._runs[job.id] = run
        self._inventory.put(job)
        run.task = asyncio.create_task(self._carry_out(run, waits=False))

    def demand_free(self, request: JobRequest) -> None:
        """Refuse what would get in the way of work that goes on."""
        queue = request.queue
        if queue is None or request.bypasses_queue:
            return
        for run in self._runs.values():
            if run.request.queue == queue and run.request.excludes_others:
                raise CimError(
                    Status.FAILED,
                    f"{request.name} is refused: {run.job.name}, which {run.job.principal} asked for, goes on"
                    f" (job {run.job.id})",
                    hint="wait for that job's end, or cancel it",
                )
        reason = self.guard(queue)
        if reason is not None:
            raise CimError(Status.FAILED, f"{request.name} is refused: {reason}")

    def _submit(self, request: JobRequest) -> Run:
        self.demand_free(request)
        if len(self._runs) >= MAX_UNFINISHED:
            raise CimError(
                Status.SERVER_LIMITS_EXCEEDED, f"{MAX_UNFINISHED} jobs wait or run: no more are taken"
            )
        now = datetime.now(UTC)
        job = Job(
            id=str(uuid4()),
            name=request.name,
            kind=request.kind,
            owner=self.element(request.owner),
            affected=tuple(map(self.element, request.affected)),
            principal=request.principal,
            queue=request.queue,
            state=JobState.WAITING,
            submitted=now,
            changed=now,
            facts=tuple(request.facts.items()),
        )
        waits = request.queue is not None and self.busy(request.queue) and not request.bypasses_queue
        run = Run(request, job)
        self._runs[job.id] = run
        run.task = asyncio.create_task(self._carry_out(run, waits=waits))
        return run

    async def _carry_out(self, run: Run, *, waits: bool) -> None:
        try:
            # Written as running unless it is sure to wait: rather looked at in vain than not at all.
            first = run.job if waits else replace(run.job, state=JobState.RUNNING, started=run.job.submitted)
            await self.kept.write(first)
            await self._in_turn(run, written=not waits)
            state = JobState.COMPLETED
        except asyncio.CancelledError:
            if run.cancelled_to is None:
                self._runs.pop(run.job.id, None)
                raise
            state = run.cancelled_to
        except (BackendError, CimError, StateError) as error:
            state, run.error = run.cancelled_to or JobState.FAILED, error
        except Exception as error:
            log.exception("job %s (%s)", run.job.id, run.job.name)
            state, run.error = run.cancelled_to or JobState.FAILED, error
        if state is run.cancelled_to:
            # Whatever the hypervisor says of it, this is why.
            run.error = BackendError("failed", run.cancelled_why)
        await self._finish(run, state)

    async def _in_turn(self, run: Run, *, written: bool) -> None:
        request = run.request
        if request.queue is None:
            await self._begin(run, written=written)
            return
        lock = self._locks.setdefault(request.queue, asyncio.Lock())
        if request.bypasses_queue and not await self._clear(run, lock):
            await self._begin(run, written=written)
            return
        if not request.bypasses_queue:
            await lock.acquire()
        try:
            await self._begin(run, written=written)
        finally:
            lock.release()

    async def _begin(self, run: Run, *, written: bool) -> None:
        now = datetime.now(UTC)
        self._change(run, state=JobState.RUNNING, started=run.job.started or now, changed=now)
        if not written:
            await self.kept.write(run.job)
        run.out = await run.request.work(Progress(self, run))

    async def _clear(self, run: Run, lock: asyncio.Lock) -> bool:
        """End whatever else is in the queue and take its place; tell whether it made room."""
        others = [o for o in self._runs.values() if o.request.queue == run.request.queue and o is not run]
        why = f"it was given up for {run.job.name!r}, which {run.job.principal} asked for"
        await asyncio.gather(*(self._give_up(o, JobState.TERMINATED, why, by_force=True) for o in others))
        try:
            async with asyncio.timeout(CANCEL_S):
                await lock.acquire()
        except TimeoutError:
            log.warning("%s: what was given up for it does not end", run.job.name)
            return False
        return True

    async def _give_up(self, run: Run, final: JobState, why: str, *, by_force: bool) -> None:
        """Cancel a job; without force it goes on when the hypervisor does not let go."""
        cancel = run.request.cancel
        if run.job.state is JobState.RUNNING and cancel is not None:
            run.cancelled_to, run.cancelled_why = final, why
            self._change(run, state=JobState.CANCELLING, changed=datetime.now(UTC))
            try:
                async with asyncio.timeout(CANCEL_S):
                    await cancel()
                # What the hypervisor gave up ends with an error of its own.
                await asyncio.wait({run.task}, timeout=END_S)
            except (BackendError, TimeoutError) as error:
                log.warning("%s: it could not be cancelled: %s", run.job.name, error)
                if isinstance(error, BackendError) and not by_force and not run.job.state.is_final:
                    run.cancelled_to = None
                    self._change(run, state=JobState.RUNNING, changed=datetime.now(UTC))
                    raise
        if not run.job.state.is_final:
            run.cancelled_to, run.cancelled_why = final, why
            run.task.cancel()
            await asyncio.wait({run.task}, timeout=CANCEL_S)

    async def _finish(self, run: Run, state: JobState) -> None:
        now = datetime.now(UTC)
        failure = job_errors.describe(run.error) if run.error else None
        run.is_public |= job_errors.is_a_value(run.error)
        percent = 100 if state is JobState.COMPLETED else run.job.percent
        self._change(run, state=state, changed=now, finished=now, percent=percent, error=failure)
        if failure is not None:
            log.warning("%s on %s: %s", run.job.name, run.request.owner, failure.message)
        if run.is_public:
            self.kept.keep(run.job)
            try:
                await self.kept.write(run.job)
            except StateError:
                log.exception("the end of job %s (%s) was not written", run.job.id, run.job.name)
        else:
            # Nobody waits for this: a server that dies before knows of one job more, no harm done.
            self.kept.forget(run.job.id)
        self._runs.pop(run.job.id, None)

    def _answer(self, run: Run) -> MethodResult:
        error = run.error
        if run.task.cancelled():
            raise CimError(Status.SERVER_IS_SHUTTING_DOWN, f"{run.job.name}: the server stops")
        if error is None:
            return MethodResult(job_errors.DONE, run.out)
        failure = job_errors.describe(error)
        if job_errors.is_a_value(error):
            return MethodResult(failure.code, {"Job": self.path(run.job.id)})
        if isinstance(error, CimError):
            raise error
        raise CimError(Status(failure.status), failure.message, hint=failure.hint) from error

    # What others see, and what stays -----------------------------------------------------------

    def _change(self, run: Run, **fields: Any) -> None:  # noqa: ANN401 - Job's own fields
        run.job = replace(run.job, **fields)
        if run.is_public:
            self._inventory.put(run.job)

    def _publish(self, run: Run) -> None:
        if not run.is_public and not run.job.state.is_final:
            run.is_public = True
            self._inventory.put(run.job)

"""A rehearsal: a method checks what it checks before its work begins, and then nothing is done.

The same code runs as for a real call. Its jobs end it where work would be begun; what else could do
something refuses to. What the hypervisor would say of it, nobody knows.

Errors: those of the method; CimError NOT_SUPPORTED for methods that act without a job.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from xencim.providers.core.access import Access
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from xencim.providers.core.jobs.engine import JobEngine, JobRequest
    from xencim.providers.core.spec import MethodCall, MethodResult, MethodSpec

_READS = frozenset({"refresh_storage", "resync", "screenshot", "open", "foresee_start"})


class RehearsedError(Exception):
    """Nothing speaks against the work that would begin now."""


class _Jobs:
    """Jobs that are asked for and not begun."""

    def __init__(self, jobs: JobEngine) -> None:
        self._jobs = jobs

    def busy(self, queue: str) -> bool:
        """Tell whether work of a queue waits or goes on."""
        return self._jobs.busy(queue)

    async def run(self, request: JobRequest, *, wait_s: float | None = None) -> MethodResult:  # noqa: ARG002 - as the engine's
        """Refuse what the engine would refuse, and end the rehearsal."""
        self._jobs.demand_free(request)
        raise RehearsedError(request.name)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the engine has
        raise _unrehearsed(name)


class _ReadOnly:
    """Something that can be looked at, and asked for what changes nothing."""

    def __init__(self, subject: object) -> None:
        self._subject = subject

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it has
        found = getattr(self._subject, name)
        if callable(found) and name not in _READS:
            raise _unrehearsed(name)
        return found


def _unrehearsed(name: str) -> CimError:
    return CimError(Status.NOT_SUPPORTED, f"it cannot be rehearsed: it has no job ({name})")


def rehearsed(spec: MethodSpec, call: MethodCall) -> MethodCall:
    """Return a call that does nothing."""
    if spec.access is Access.POLICY:
        raise CimError(Status.NOT_SUPPORTED, f"{spec.name} cannot be rehearsed: PlanUpdate tells more")
    return replace(
        call,
        backend=cast("Any", _ReadOnly(call.backend)),
        jobs=cast("JobEngine", _Jobs(call.jobs)),
        security=cast("Any", _ReadOnly(call.security)),
        reservations=cast("Any", _ReadOnly(call.reservations)),
        sampler=cast("Any", _ReadOnly(call.sampler)),
        is_rehearsal=True,
    )

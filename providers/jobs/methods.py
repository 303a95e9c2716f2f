"""What can be asked of a job: its error, and to end.

Source: CIM_ConcreteJob.RequestStateChange, GetError and GetErrors.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.errors import (
    DONE,
    FAILED,
    INVALID_PARAMETER,
    INVALID_STATE,
    JOB_STARTED,
    UNSUPPORTED,
    embedded,
)
from xencim.providers.core.spec import MethodResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.values import Instance
    from xencim.providers.backends.records import Job
    from xencim.providers.core.spec import MethodCall

_NO_TIMEOUT_PERIOD = 4098
_CODES: Mapping[str, int] = {"unsupported": UNSUPPORTED, "invalid_state": INVALID_STATE}


class Requested(IntEnum):
    """The states that a job can be asked for; it starts by itself and cannot be suspended."""

    START = 2
    SUSPEND = 3
    TERMINATE = 4
    KILL = 5
    SERVICE = 6


async def request_state_change(call: MethodCall) -> MethodResult:
    """End a job: orderly, or whatever the hypervisor says; 4096 while it still ends."""
    requested = call.parameters.get("requestedstate")
    if requested not in set(Requested):
        return MethodResult(INVALID_PARAMETER)
    if call.parameters.get("timeoutperiod"):
        return MethodResult(_NO_TIMEOUT_PERIOD)
    if requested not in {Requested.TERMINATE, Requested.KILL}:
        return MethodResult(UNSUPPORTED)
    job: Job = call.row[0]
    try:
        ended = await call.jobs.cancel(job.id, call.principal.name, kill=requested == Requested.KILL)
    except BackendError as error:
        if error.kind == "not_found":
            raise CimError(Status.NOT_FOUND, f"{call.path}: {error.message}") from error
        return MethodResult(_CODES.get(error.kind, FAILED))
    return MethodResult(DONE if ended else JOB_STARTED)


async def get_error(call: MethodCall) -> MethodResult:
    """Return why a job failed; NULL when it did not."""
    errors = _errors(call)
    return MethodResult(DONE, {"Error": errors[0] if errors else None})


async def get_errors(call: MethodCall) -> MethodResult:
    """Return all that a job failed of; NULL when it did not."""
    return MethodResult(DONE, {"Errors": _errors(call) or None})


def _errors(call: MethodCall) -> tuple[Instance, ...]:
    job: Job = call.row[0]
    return (embedded(job.error, str(call.path)),) if job.error else ()

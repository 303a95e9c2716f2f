"""How what went wrong in a job is told: a method's return value, and CIM_Error.

Source: the ValueMaps of RequestStateChange and of the methods of CIM_VirtualSystemManagementService,
whose values are the same; CIM_Error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Instance, TypedValue
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import JobError
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

DONE = 0
UNSUPPORTED = 1
TIMED_OUT = 3
FAILED = 4
INVALID_PARAMETER = 5
IN_USE = 6
JOB_STARTED = 4096
INVALID_STATE = 4097

_CODES: Mapping[str, tuple[int, Status]] = {
    "unsupported": (UNSUPPORTED, Status.NOT_SUPPORTED),
    "timeout": (TIMED_OUT, Status.FAILED),
    "invalid_state": (INVALID_STATE, Status.FAILED),
    "not_found": (FAILED, Status.NOT_FOUND),
    "exists": (FAILED, Status.ALREADY_EXISTS),
    "in_use": (IN_USE, Status.FAILED),
    "invalid": (INVALID_PARAMETER, Status.INVALID_PARAMETER),
    "denied": (FAILED, Status.ACCESS_DENIED),
}
_FAILED = (FAILED, Status.FAILED)

_MAJOR = 5  # CIM_Error.PerceivedSeverity
_SOFTWARE_ERROR, _SECURITY_ERROR, _UNSUPPORTED_OPERATION = 4, 7, 10  # ErrorType
_TIMEOUT, _UNAVAILABLE, _SOFTWARE, _UNAUTHORIZED = 111, 57, 47, 65  # ProbableCause


def describe(error: BaseException) -> JobError:
    """Return an error of a job's work as a record."""
    if isinstance(error, BackendError):
        code, status = _CODES.get(error.kind, _FAILED)
        return JobError(
            code=code, status=int(status), message=error.message, hint=error.hint, reasons=error.reasons
        )
    if isinstance(error, CimError):
        return JobError(code=FAILED, status=int(error.status), message=error.message, hint=error.hint)
    return JobError(code=FAILED, status=int(Status.FAILED), message=f"{type(error).__name__}: {error}")


def is_a_value(error: BaseException | None) -> bool:
    """Tell whether a method answers an error by a return value, which has no text: its job has it.

    That something is gone, and why the policy refuses it, are CIM errors.
    """
    told = {Status.NOT_FOUND, Status.ACCESS_DENIED}
    return isinstance(error, BackendError) and describe(error).status not in told


def embedded(error: JobError, source: str) -> Instance:
    """Return an error as a CIM_Error; ``source`` is the path of what failed.

    Of a refusal by the security policy, MessageArguments are its reasons as data, each a JSON object.
    """
    properties = {
        "ErrorType": TypedValue("uint16", _error_type(error)),
        "OwningEntity": TypedValue("string", "xencim"),
        "MessageID": TypedValue("string", f"XENCIM-JOB-{error.code}"),
        "Message": TypedValue("string", error.message),
        "PerceivedSeverity": TypedValue("uint16", _MAJOR),
        "ProbableCause": TypedValue("uint16", _probable_cause(error)),
        "ErrorSource": TypedValue("string", source),
        "ErrorSourceFormat": TypedValue("uint16", 2),
        "CIMStatusCode": TypedValue("uint32", error.status),
    }
    if error.hint:
        properties["RecommendedActions"] = TypedValue("string", (error.hint,))
    if error.reasons:
        arguments = tuple(reason.as_json() for reason in error.reasons)
        properties["MessageArguments"] = TypedValue("string", arguments)
    return Instance("CIM_Error", properties)


def _error_type(error: JobError) -> int:
    if error.status == Status.ACCESS_DENIED:
        return _SECURITY_ERROR
    return _UNSUPPORTED_OPERATION if error.code == UNSUPPORTED else _SOFTWARE_ERROR


def _probable_cause(error: JobError) -> int:
    if error.status == Status.ACCESS_DENIED:
        return _UNAUTHORIZED
    if error.code == TIMED_OUT:
        return _TIMEOUT
    return _UNAVAILABLE if error.status == Status.NOT_FOUND else _SOFTWARE

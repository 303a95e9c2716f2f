"""Xen_RecordLog: the ring in which the hypervisor keeps the end of what it has written to its console.

It is read when a client asks, at most once a second.

Source: DSP1010 2.0, 10.6 (CIM_RecordLog).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.core.access import Access
from xencim.providers.core.asking.samples import Asked
from xencim.providers.core.spec import ClassSpec, Const, MethodResult, MethodSpec, Prop
from xencim.providers.logs.rows import LOG_NAME, LOGS, log_id
from xencim.providers.pools.status import host_status

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, LogLine
    from xencim.providers.core.spec import MethodCall

_DONE, _NOT_SUPPORTED, _TIMEOUT, _FAILED = 0, 1, 3, 4
_CODES = {"unsupported": _NOT_SUPPORTED, "absent": _NOT_SUPPORTED, "timeout": _TIMEOUT}
_RING = "constant: the hypervisor's console ring"


def _count(_host: Host, lines: tuple[LogLine, ...]) -> int:
    return len(lines)


async def clear(call: MethodCall) -> MethodResult:
    """Have the hypervisor forget what it has written."""
    try:
        await call.backend.clear_log()
    except BackendError as error:
        return MethodResult(_CODES.get(error.kind, _FAILED))
    call.sampler.forget(Asked.LOG)
    return MethodResult(_DONE)


SPEC = ClassSpec(
    cim_class="RecordLog",
    rows=LOGS,
    asks=Asked.LOG,
    profiles=("DSP1010",),
    prefixes=frozenset({"Xen"}),
    keys=(Prop("InstanceID", lambda host, _lines: log_id(host), source="constant: the host has one"),),
    props=(
        Prop("Name", Const(LOG_NAME), source="constant: the host has one"),
        Prop("ElementName", Const(LOG_NAME), source="constant: the host has one"),
        Prop("Caption", Const("Console of the hypervisor"), source="constant: what it is"),
        Prop("CurrentNumberOfRecords", _count, source="xc_readconsolering, its lines"),
        Prop("OverwritePolicy", Const(2), source=_RING),
        Prop("LogState", Const(2), source=_RING),
        Prop("EnabledState", Const(2), source=_RING),
        Prop("EnabledDefault", Const(2), source=_RING),
        Prop("RequestedState", Const(12), source="constant: no method changes its state"),
        Prop("TransitioningToState", Const(12), source="constant: no method changes its state"),
        *host_status(0),
    ),
    methods=(MethodSpec("ClearLog", clear, access=Access.ADMIN),),
    unfilled={"MaxNumberOfRecords": "the ring is limited in bytes (the hypervisor's option conring_size)"},
)

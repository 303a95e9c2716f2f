"""Xen_MethodResult: the call that a job was begun by and, once it has finished, what it returned.

What the method gave back is not repeated here: what it made or changed is joined to the job.

Source: DSP1103 1.0; CIM_MethodResult, CIM_InstMethodCall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Instance, TypedValue
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.jobs.rows import JOBS, instance_id

if TYPE_CHECKING:
    from datetime import datetime

    from xencim.providers.backends.records import Host, Job

_TYPES = {bool: "boolean", int: "uint64", float: "real64", str: "string"}


def _call(job: Job, host: Host, time: datetime, fields: dict[str, TypedValue]) -> Instance:
    owner = Instance(
        f"{host.prefix}_{job.owner.class_name}",
        {name: TypedValue(_TYPES[type(value)], value) for name, value in job.owner.keys},
    )
    return Instance(
        "CIM_InstMethodCall",
        {
            "IndicationTime": TypedValue("datetime", time),
            "SourceInstance": TypedValue("string", owner),
            "MethodName": TypedValue("string", job.name),
            **fields,
        },
    )


def _before(job: Job, host: Host) -> Instance:
    return _call(job, host, job.submitted, {"PreCall": TypedValue("boolean", True)})


def _after(job: Job, host: Host) -> Instance | None:
    if not job.state.is_final:
        return None
    returned = TypedValue("string", str(job.error.code if job.error else 0))
    return _call(job, host, job.changed, {"PreCall": TypedValue("boolean", False), "ReturnValue": returned})


SPEC = ClassSpec(
    cim_class="MethodResult",
    rows=JOBS,
    profiles=("DSP1103",),
    keys=(Prop("InstanceID", instance_id, source="the job's"),),
    props=(
        Prop("ElementName", lambda job, _: job.name, source="the method that was called"),
        Prop("Caption", Const("Result of a method"), source="constant: what it is"),
        Prop("PreCallIndication", _before, source="the call"),
        Prop("PostCallIndication", _after, source="what the work ended with; NULL until then"),
    ),
)

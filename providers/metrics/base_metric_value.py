"""Xen_BaseMetricValue: what something measured was when it was asked last, at most a second ago.

Source: DSP1053 1.0, 10.2 (CIM_BaseMetricValue).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from xencim.providers.core.asking.samples import Asked
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.metrics.definitions import INTERVAL
from xencim.providers.metrics.rows import VALUES, definition_id, measured, value_id

if TYPE_CHECKING:
    from datetime import datetime

    from xencim.providers.backends.records import Host, VirtualMachine
    from xencim.providers.core.asking.samples import Samples
    from xencim.providers.metrics.definitions import Metric

_CALL = "virConnectGetAllDomainStats; xc_domain_getinfo and xc_vcpu_getinfo, the kernel's statistics"


def _value(
    metric: Metric, machine: VirtualMachine, part: object, _host: Host, samples: Samples
) -> str | None:
    value = metric.value(samples, machine, part)
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _taken(
    _metric: Metric, _machine: VirtualMachine, _part: object, _host: Host, samples: Samples
) -> datetime | None:
    return samples.now.taken if samples.now else None


def _duration(
    metric: Metric, _machine: VirtualMachine, _part: object, _host: Host, samples: Samples
) -> timedelta | None:
    if metric.time_scope != INTERVAL or samples.now is None or samples.before is None:
        return None
    return timedelta(seconds=samples.now.taken_s - samples.before.taken_s)


SPEC = ClassSpec(
    cim_class="BaseMetricValue",
    rows=VALUES,
    asks=Asked.METRICS,
    profiles=("DSP1053",),
    keys=(
        Prop(
            "InstanceID",
            lambda metric, machine, part, host, _samples: value_id(metric, machine, part, host),
            source="the definition's Id and what the value is of",
        ),
    ),
    props=(
        Prop(
            "ElementName",
            lambda metric, machine, part, *_: f"{metric.ident} of {measured(metric, machine, part)}",
            source="what is measured, and of what",
        ),
        Prop("Caption", lambda metric, *_: metric.name, source="constant: what is measured"),
        Prop(
            "MetricDefinitionId",
            lambda metric, _machine, _part, host, _samples: definition_id(metric, host),
            source="the definition's Id",
        ),
        Prop(
            "MeasuredElementName",
            lambda metric, machine, part, *_: measured(metric, machine, part),
            source="virDomainGetName, or the device's DeviceID",
        ),
        Prop("TimeStamp", _taken, source="when the answer came"),
        Prop("Duration", _duration, source="the time between the last two samples, of a share of time"),
        Prop("MetricValue", _value, source=_CALL),
        Prop("Volatile", Const(value=True), source="constant: the next answer has another value"),
    ),
    unfilled={
        "BreakdownDimension": "each element has its own values",
        "BreakdownValue": "each element has its own values",
    },
)

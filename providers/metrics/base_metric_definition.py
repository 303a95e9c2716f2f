"""Xen_BaseMetricDefinition: what something that is measured means.

Source: DSP1053 1.0, 10.1 (CIM_BaseMetricDefinition).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.metrics.definitions import COUNTER
from xencim.providers.metrics.rows import DEFINITIONS, definition_id

_TABLE = "constant: what is measured"
_SUMMABLE, _NON_SUMMABLE = 2, 3
_ON_REQUEST = 4

SPEC = ClassSpec(
    cim_class="BaseMetricDefinition",
    rows=DEFINITIONS,
    profiles=("DSP1053",),
    keys=(Prop("Id", definition_id, source="constant: the class's prefix and what is measured"),),
    props=(
        Prop("Name", lambda metric, _host: metric.ident, source=_TABLE),
        Prop("ElementName", lambda metric, _host: metric.ident, source=_TABLE),
        Prop("Caption", lambda metric, _host: metric.name, source=_TABLE),
        Prop("DataType", lambda metric, _host: metric.data_type, source=_TABLE),
        Prop(
            "Calculable",
            lambda metric, _host: _SUMMABLE if metric.change_type == COUNTER else _NON_SUMMABLE,
            source="constant: counts of several elements add up",
        ),
        Prop("IsContinuous", lambda metric, _host: metric.is_continuous, source=_TABLE),
        Prop("ChangeType", lambda metric, _host: metric.change_type, source=_TABLE),
        Prop("TimeScope", lambda metric, _host: metric.time_scope, source=_TABLE),
        Prop("GatheringType", Const(_ON_REQUEST), source="constant: it is asked when a client asks"),
        Prop("ProgrammaticUnits", lambda metric, _host: metric.units, source=_TABLE),
    ),
    unfilled={
        "Units": "ProgrammaticUnits tells them",
        "BreakdownDimensions": "each element has its own values",
    },
)

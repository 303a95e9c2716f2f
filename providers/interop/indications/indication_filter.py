"""CIM_IndicationFilter: which indications a subscriber wants, as a query.

Without SourceNamespaces a filter is about the events of every namespace.

Source: DSP1054 1.1 (CIM_IndicationFilter).
"""

from __future__ import annotations

from xencim.providers.backends.records import IndicationFilter
from xencim.providers.core.spec import ClassSpec, Const, Home, Prop
from xencim.providers.interop.indications.filter_changes import CLASS, WRITES
from xencim.providers.interop.indications.named import CLIENT, ELEMENT_NAME, KEYS, Named

FILTERS = Named(IndicationFilter)

SPEC = ClassSpec(
    cim_class=CLASS,
    home=Home.INTEROP,
    rows=FILTERS.rows,
    profiles=("DSP1054",),
    writes=WRITES,
    keys=KEYS,
    props=(
        ELEMENT_NAME,
        Prop("Caption", lambda record: f"Filter of {record.owner}", source="who made it"),
        Prop("SourceNamespaces", lambda record: record.namespaces or None, source=CLIENT),
        Prop("SourceNamespace", lambda record: next(iter(record.namespaces), None), source=CLIENT),
        Prop("IndividualSubscriptionSupported", Const(True), source="constant: there are no collections"),
        Prop("Query", lambda record: record.query, source=CLIENT),
        Prop("QueryLanguage", lambda record: record.language, source=CLIENT),
    ),
    unfilled={"TemplateVariable": "queries are no templates"},
)

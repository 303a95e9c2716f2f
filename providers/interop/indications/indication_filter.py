"""CIM_IndicationFilter: which indications a subscriber wants, as a query.

Without SourceNamespaces a filter is about the events of every namespace.

Source: DSP1054 1.1 (CIM_IndicationFilter).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import IndicationFilter
from xencim.providers.core.spec import ClassName, ClassSpec, Const, Home, Prop, Rows
from xencim.providers.interop.indications.filter_changes import CLASS, WRITES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import Context, Keys, Row

_CLIENT = "the client that made it"


def filters(context: Context) -> Iterator[Row]:
    """Yield the rows of all filters: ``(filter,)``."""
    return ((record,) for record in context.server.all(IndicationFilter).values())


def _find(context: Context, keys: Keys) -> Row | None:
    record = context.server.get(IndicationFilter, str(keys.get("name")))
    return (record,) if record else None


SPEC = ClassSpec(
    cim_class=CLASS,
    home=Home.INTEROP,
    rows=Rows(kinds=(IndicationFilter,), all=filters, find=_find),
    profiles=("DSP1054",),
    writes=WRITES,
    keys=(
        Prop("SystemCreationClassName", lambda record: record.system_class, source=_CLIENT),
        Prop("SystemName", lambda record: record.system_name, source=_CLIENT),
        Prop("CreationClassName", ClassName(), source="the class's name"),
        Prop("Name", lambda record: record.name, source=_CLIENT),
    ),
    props=(
        Prop("ElementName", lambda record: record.element_name or record.name, source=_CLIENT),
        Prop("Caption", lambda record: f"Filter of {record.owner}", source="who made it"),
        Prop("SourceNamespaces", lambda record: record.namespaces or None, source=_CLIENT),
        Prop("SourceNamespace", lambda record: next(iter(record.namespaces), None), source=_CLIENT),
        Prop("IndividualSubscriptionSupported", Const(True), source="constant: there are no collections"),
        Prop("Query", lambda record: record.query, source=_CLIENT),
        Prop("QueryLanguage", lambda record: record.language, source=_CLIENT),
    ),
    unfilled={"TemplateVariable": "queries are no templates"},
)

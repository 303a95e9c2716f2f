"""How clients make, change and delete filters.

Source: DSP1054 1.1, section 8 (operations on CIM_IndicationFilter).
Errors: CimError INVALID_QUERY and its kin, INVALID_NAMESPACE, ALREADY_EXISTS, FAILED (in use).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from xencim.providers.backends.records import IndicationFilter
from xencim.providers.core.spec import Writes
from xencim.providers.interop.indications.common import (
    ACCESS,
    demand_known,
    demand_owner,
    needed_text,
    system,
    text,
)

if TYPE_CHECKING:
    from xencim.providers.core.spec import InstanceChange, Keys

CLASS = "CIM_IndicationFilter"
_CHANGEABLE = {"elementname", "sourcenamespace", "sourcenamespaces", "query", "querylanguage"}
_KEY_NAMES = {"systemcreationclassname", "systemname", "name"}
_FIXED = {"creationclassname": CLASS, "individualsubscriptionsupported": True}


def _namespaces(change: InstanceChange) -> tuple[str, ...]:
    many = cast("tuple[str | None, ...]", change.values.get("sourcenamespaces") or ())
    one = text(change, "sourcenamespace")
    return tuple(dict.fromkeys(name for name in (*many, one) if name))


async def _create(change: InstanceChange) -> Keys:
    demand_known(change, CLASS, _CHANGEABLE | _KEY_NAMES, _FIXED)
    system_class, system_name = system(change)
    record = IndicationFilter(
        name=needed_text(change, CLASS, "name"),
        system_class=system_class,
        system_name=system_name,
        owner=change.principal.name,
        query=needed_text(change, CLASS, "query"),
        language=needed_text(change, CLASS, "querylanguage"),
        namespaces=_namespaces(change),
        element_name=text(change, "elementname"),
    )
    await change.subscriptions.add_filter(record)
    return _keys(record)


async def _modify(change: InstanceChange) -> None:
    record = _own(change)
    demand_known(change, CLASS, _CHANGEABLE, _FIXED)
    given = change.values.keys()
    if "query" in given:
        record = replace(record, query=needed_text(change, CLASS, "query"))
    if "querylanguage" in given:
        record = replace(record, language=needed_text(change, CLASS, "querylanguage"))
    if "elementname" in given:
        record = replace(record, element_name=text(change, "elementname"))
    if not given.isdisjoint({"sourcenamespace", "sourcenamespaces"}):
        record = replace(record, namespaces=_namespaces(change))
    await change.subscriptions.change_filter(record)


async def _delete(change: InstanceChange) -> None:
    await change.subscriptions.delete_filter(_own(change).name)


def _own(change: InstanceChange) -> IndicationFilter:
    (record,) = cast("tuple[IndicationFilter]", change.row)
    demand_owner(change, record.owner, f"filter {record.name!r}")
    return record


def _keys(record: IndicationFilter) -> Keys:
    return {
        "SystemCreationClassName": record.system_class,
        "SystemName": record.system_name,
        "CreationClassName": CLASS,
        "Name": record.name,
    }


WRITES = Writes(ACCESS, _create, _modify, _delete)

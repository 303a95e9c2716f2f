"""Xen_FilterList: a network filter of libvirt.

Filters announce nothing: what is told is at most 10 s older than the question.

Source: the CIM schema's CIM_FilterList; libvirt-cim's InstanceID and Priority.
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.network.filters.common import HOST_KEYS, STATUS, XML
from xencim.providers.network.filters.list_changes import CLASS, WRITES
from xencim.providers.network.filters.rows import FILTERS, PREFIXES

_NAME = "virNWFilterGetName"

SPEC = ClassSpec(
    cim_class=CLASS,
    rows=FILTERS,
    prefixes=PREFIXES,
    refreshes_storage=True,
    writes=WRITES,
    keys=(*HOST_KEYS, Prop("Name", lambda one, _host: one.name, source=_NAME)),
    props=(
        Prop("InstanceID", lambda one, _host: one.uuid, source="virNWFilterGetUUIDString"),
        Prop("ElementName", lambda one, _host: one.name, source=_NAME),
        Prop("Caption", Const("Network filter"), source="constant: what it is"),
        Prop("Direction", Const(0), source="constant: each rule has a direction of its own"),
        Prop("Priority", lambda one, _host: one.priority, source=f"{XML}@priority, or its chain's"),
        Prop("Chain", lambda one, _host: one.chain, source=f"{XML}@chain"),
        *STATUS,
    ),
)

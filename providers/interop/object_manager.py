"""The server as a CIM_ObjectManager: exactly one.

Source: DSP1033 1.0; CIM_ObjectManager (ElementName and Description are what clients tell servers by).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import ObjectManager
from xencim.providers.core.spec import ClassName, ClassSpec, Const, Home, Prop, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.core.spec import Context, Row


def manager(context: Context) -> ObjectManager | None:
    """Return this server's record, None before it is there."""
    return context.server.get(ObjectManager, "manager")


def manager_rows(context: Context) -> Iterable[Row]:
    """Return the one row: ``(manager,)``."""
    record = manager(context)
    return ((record,),) if record is not None else ()


MANAGER_KEYS = (
    Prop("SystemCreationClassName", lambda record, *_: record.system_class, source="the first host's class"),
    Prop("SystemName", lambda record, *_: record.system_name, source="the first host's name"),
)
"""The keys that say on which host the server is, for rows that begin with its record."""

RUNS = (
    Prop("EnabledState", Const(2), source="constant: the server answers"),
    Prop("RequestedState", Const(12), source="constant: the server's state cannot be changed from here"),
    Prop("EnabledDefault", Const(2), source="constant: the server answers once it is started"),
    Prop("TransitioningToState", Const(12), source="constant: as RequestedState"),
    Prop(
        "TimeOfLastStateChange",
        lambda record, *_: record.started,
        source="when the server was started",
    ),
    Prop("OperationalStatus", Const((2,)), source="constant: the server answers"),
    Prop("HealthState", Const(5), source="constant: the server answers"),
    Prop("PrimaryStatus", Const(1), source="constant: the server answers"),
)
"""The state of what is there as long as the server answers."""

SPEC = ClassSpec(
    cim_class="CIM_ObjectManager",
    home=Home.INTEROP,
    rows=Rows(
        kinds=(ObjectManager,),
        all=manager_rows,
        find=lambda context, _keys: next(iter(manager_rows(context)), None),
    ),
    profiles=("DSP1033",),
    keys=(
        *MANAGER_KEYS,
        Prop("CreationClassName", ClassName(), source="the class's name"),
        Prop("Name", lambda record: record.name, source="the product's name"),
    ),
    props=(
        Prop("ElementName", lambda record: record.name, source="the product's name"),
        Prop("Caption", Const("CIM server"), source="constant: there is one"),
        Prop(
            "Description",
            lambda record: f"{record.name} CIM server for virtualization hosts, version {record.version}",
            source="the product's name and release",
        ),
        Prop("Started", Const(True), source="constant: the server answers"),
        Prop("GatherStatisticalData", Const(False), source="constant: no CIM_CIMOMStatisticalData is kept"),
        *RUNS,
    ),
)

"""CIM_ListenerDestinationCIMXML: a listener that indications are sent to.

Source: DSP1054 1.1 (CIM_ListenerDestination); DSP0200 1.4, section 5.5 (CIM Export messages).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import ListenerDestination
from xencim.providers.core.spec import ClassName, ClassSpec, Const, Home, Prop, Rows
from xencim.providers.interop.indications.destination_changes import CIM_XML, CLASS, WRITES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import Context, Keys, Row

_CLIENT = "the client that made it"


def destinations(context: Context) -> Iterator[Row]:
    """Yield the rows of all destinations: ``(destination,)``."""
    return ((record,) for record in context.server.all(ListenerDestination).values())


def _find(context: Context, keys: Keys) -> Row | None:
    record = context.server.get(ListenerDestination, str(keys.get("name")))
    return (record,) if record else None


SPEC = ClassSpec(
    cim_class=CLASS,
    home=Home.INTEROP,
    rows=Rows(kinds=(ListenerDestination,), all=destinations, find=_find),
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
        Prop("Caption", lambda record: f"Listener of {record.owner}", source="who made it"),
        Prop("PersistenceType", lambda record: record.persistence, source=_CLIENT),
        Prop("Destination", lambda record: record.url, source=_CLIENT),
        Prop("Protocol", Const(CIM_XML), source="constant: the only one that is spoken"),
    ),
    unfilled={
        "OtherPersistenceType": "PersistenceType is never Other",
        "OtherProtocol": "Protocol is never Other",
        "username": "listeners are not logged in to",
        "password": "listeners are not logged in to",
    },
)

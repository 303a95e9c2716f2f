"""CIM_ListenerDestinationCIMXML: a listener that indications are sent to.

Source: DSP1054 1.1 (CIM_ListenerDestination); DSP0200 1.4, section 5.5 (CIM Export messages).
"""

from __future__ import annotations

from xencim.providers.backends.records import ListenerDestination
from xencim.providers.core.spec import ClassSpec, Const, Home, Prop
from xencim.providers.interop.indications.destination_changes import CIM_XML, CLASS, WRITES
from xencim.providers.interop.indications.named import CLIENT, ELEMENT_NAME, KEYS, Named

DESTINATIONS = Named(ListenerDestination)

SPEC = ClassSpec(
    cim_class=CLASS,
    home=Home.INTEROP,
    rows=DESTINATIONS.rows,
    profiles=("DSP1054",),
    writes=WRITES,
    keys=KEYS,
    props=(
        ELEMENT_NAME,
        Prop("Caption", lambda record: f"Listener of {record.owner}", source="who made it"),
        Prop("PersistenceType", lambda record: record.persistence, source=CLIENT),
        Prop("Destination", lambda record: record.url, source=CLIENT),
        Prop("Protocol", Const(CIM_XML), source="constant: the only one that is spoken"),
    ),
    unfilled={
        "OtherPersistenceType": "PersistenceType is never Other",
        "OtherProtocol": "Protocol is never Other",
        "username": "listeners are not logged in to",
        "password": "listeners are not logged in to",
    },
)

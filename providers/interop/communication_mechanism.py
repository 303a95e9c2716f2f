"""One CIM_CIMXMLCommunicationMechanism for each socket on which the server answers CIM-XML requests.

Source: DSP0200 1.4, section 5.4 (functional groups) and 5.3.2.24 (pulled enumerations);
CIM_ObjectManagerCommunicationMechanism.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Listener, ObjectManager
from xencim.providers.core.carrying.pull import MAX_TIMEOUT_S
from xencim.providers.core.spec import ClassName, ClassSpec, Const, Home, Prop, Rows
from xencim.providers.interop.object_manager import MANAGER_KEYS, RUNS, manager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import Context, Keys, Row

_CIM_XML = 2
# Basic Read, Instance Manipulation, Association Traversal, Query Execution, Indications, Pulled Read,
# Pulled Query Execution.
_FUNCTIONAL_GROUPS = (2, 5, 6, 7, 9, 10, 12)
_OTHER, _BASIC = 1, 3
_NOT_ADVERTISED = 2


def mechanisms(context: Context) -> Iterator[Row]:
    """Yield the rows of all mechanisms: ``(manager, listener)``."""
    record = manager(context)
    if record is not None:
        for listener in context.server.all(Listener).values():
            yield (record, listener)


def _find(context: Context, keys: Keys) -> Row | None:
    record, listener = manager(context), context.server.get(Listener, str(keys.get("name")))
    return (record, listener) if record and listener else None


def _is_socket(listener: Listener) -> bool:
    return listener.scheme == "unix"


_CONFIGURED = "the server's configuration"

SPEC = ClassSpec(
    cim_class="CIM_CIMXMLCommunicationMechanism",
    home=Home.INTEROP,
    rows=Rows(kinds=(ObjectManager, Listener), all=mechanisms, find=_find),
    profiles=("DSP1033",),
    keys=(
        *MANAGER_KEYS,
        Prop("CreationClassName", ClassName(), source="the class's name"),
        Prop("Name", lambda _manager, listener: listener.url, source=_CONFIGURED),
    ),
    props=(
        Prop("ElementName", lambda _manager, listener: listener.url, source=_CONFIGURED),
        Prop(
            "Caption",
            lambda _manager, listener: f"CIM-XML over {listener.scheme.upper()}",
            source=_CONFIGURED,
        ),
        Prop("CommunicationMechanism", Const(_CIM_XML), source="constant: the class's meaning"),
        Prop("Version", Const("1.2"), source="constant: the newest that the ValueMap knows"),
        Prop("CIMXMLProtocolVersion", Const(1), source="constant: DSP0201, PROTOCOLVERSION 1.0"),
        Prop("CIMValidated", Const(False), source="constant: requests are not validated against the DTD"),
        Prop(
            "FunctionalProfilesSupported", Const(_FUNCTIONAL_GROUPS), source="the operations that are offered"
        ),
        Prop("MultipleOperationsSupported", Const(False), source="constant: multiple requests are refused"),
        Prop(
            "AuthenticationMechanismsSupported",
            lambda _manager, listener: (_OTHER,) if _is_socket(listener) else (_BASIC,),
            source=_CONFIGURED,
        ),
        Prop(
            "AuthenticationMechanismDescriptions",
            lambda _manager, listener: (
                ("The peer's user as the kernel tells",) if _is_socket(listener) else None
            ),
            source=_CONFIGURED,
        ),
        Prop("AdvertiseTypes", Const((_NOT_ADVERTISED,)), source="constant: the server speaks no SLP"),
        Prop(
            "PulledEnumerationClosureOnExceedingServerLimitsSupported",
            Const(False),
            source="constant: at the limit new enumerations are refused, open ones stay",
        ),
        Prop(
            "PulledEnumerationContinuationOnErrorSupported",
            Const(False),
            source="constant: ContinueOnError is refused",
        ),
        Prop(
            "PulledEnumerationMinimumOperationTimeout",
            Const(1),
            source="constant: whole seconds, and 0 is refused",
        ),
        Prop(
            "PulledEnumerationMaximumOperationTimeout",
            Const(MAX_TIMEOUT_S),
            source="constant: an open enumeration keeps its records",
        ),
        Prop(
            "PulledEnumerationNoOperationTimeoutSupported",
            Const(False),
            source="constant: an open enumeration must end",
        ),
        *RUNS,
    ),
    unfilled={
        "OtherCommunicationMechanismDescription": "the mechanism is CIM-XML",
        "FunctionalProfileDescriptions": "no functional group is Other",
        "AdvertiseTypeDescriptions": "no advertisement is Other",
    },
)

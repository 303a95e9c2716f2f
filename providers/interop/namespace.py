"""The namespaces of the server, aliases not among them.

Source: DSP1033 1.0; CIM_Namespace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Namespace, ObjectManager
from xencim.providers.core.spec import ClassName, ClassSpec, Const, Home, Prop, Rows
from xencim.providers.interop.object_manager import MANAGER_KEYS, manager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import Context, Keys, Row

OTHER = 1
CIM = 2


def namespaces(context: Context) -> Iterator[Row]:
    """Yield the rows of all namespaces: ``(manager, namespace)``."""
    record = manager(context)
    if record is not None:
        for namespace in context.server.all(Namespace).values():
            yield (record, namespace)


def _find(context: Context, keys: Keys) -> Row | None:
    record, namespace = manager(context), context.server.get(Namespace, str(keys.get("name")))
    return (record, namespace) if record and namespace else None


def _caption(_manager: ObjectManager, namespace: Namespace) -> str:
    return "Interop namespace" if namespace.is_interop else "Namespace of virtualization hosts"


SPEC = ClassSpec(
    cim_class="CIM_Namespace",
    home=Home.INTEROP,
    rows=Rows(kinds=(ObjectManager, Namespace), all=namespaces, find=_find),
    profiles=("DSP1033",),
    keys=(
        *MANAGER_KEYS,
        Prop("ObjectManagerCreationClassName", ClassName("CIM_ObjectManager"), source="the server's class"),
        Prop("ObjectManagerName", lambda record, _namespace: record.name, source="the server's Name"),
        Prop("CreationClassName", ClassName(), source="the class's name"),
        Prop("Name", lambda _manager, namespace: namespace.name, source="the server's configuration"),
    ),
    props=(
        Prop("ElementName", lambda _manager, namespace: namespace.name, source="the server's configuration"),
        Prop("Caption", _caption, source="what the namespace is for"),
        Prop("ClassInfo", Const(OTHER), source="constant: the ValueMap ends at CIM 2.8"),
        Prop("DescriptionOfClassInfo", Const("DMTF CIM 2"), source="constant: the schema's organization"),
        Prop("ClassType", Const(CIM), source="constant: the classes are CIM's"),
    ),
    unfilled={
        "ClassTypeVersion": "the schema may be replaced when the server is started",
        "DescriptionOfClassType": "ClassType is a standard one",
    },
)

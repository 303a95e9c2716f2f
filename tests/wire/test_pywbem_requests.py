"""What pywbem's client sends becomes the operation it meant, with every field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMClass, CIMDateTime, CIMInstance, CIMInstanceName, CIMProperty, Uint8, Uint16

from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.core import operations as ops
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import (
    Classes,
    ClassNames,
    Done,
    Instances,
    MethodReturn,
    Page,
    Paths,
    PropertyValue,
    Qualifiers,
)

from .client import Peer

if TYPE_CHECKING:
    from xencim.providers.core.operations import Operation
    from xencim.providers.core.results import Result

NS = "root/virt"
NAME = CIMInstanceName("Xen_A", {"Name": "a<b>", "N": Uint16(3), "F": True}, namespace=NS)
PATH = Path("Xen_A", (("Name", "a<b>"), ("N", 3), ("F", True)))
NONE = Instances(())
NO_PATHS = Paths(())
NO_CLASSES = Classes((), NS, "h")
FILTER: dict[str, Any] = {
    "FilterQueryLanguage": "DMTF:FQL",
    "FilterQuery": "A > 1",
    "OperationTimeout": 30,
    "ContinueOnError": False,
    "MaxObjectCount": 5,
}
FILTERED: dict[str, Any] = {
    "filter_query_language": "DMTF:FQL",
    "filter_query": "A > 1",
    "operation_timeout": 30,
    "continue_on_error": False,
    "max_object_count": 5,
}
ALL_OF = {"AssocClass": "Xen_U", "ResultClass": "Xen_R", "Role": "L", "ResultRole": "R"}
ALL_AS: dict[str, Any] = {"assoc_class": "Xen_U", "result_class": "Xen_R", "role": "L", "result_role": "R"}
END = Page(NONE, "", end_of_sequence=True)
PATHS_END = Page(NO_PATHS, "", end_of_sequence=True)


def operation(peer: Peer) -> Operation:
    (message,) = peer.messages
    assert not isinstance(message.operation, CimError)
    assert message.method == type(message.operation).__name__
    assert message.intrinsic
    return message.operation


CASES: list[tuple[str, dict[str, Any], Result, Operation]] = [
    (
        "EnumerateInstances",
        {"ClassName": "Xen_A", "LocalOnly": False, "DeepInheritance": False, "PropertyList": ["A", "B"]},
        NONE,
        ops.EnumerateInstances(
            namespace=NS,
            class_name="Xen_A",
            local_only=False,
            deep_inheritance=False,
            property_list=("A", "B"),
        ),
    ),
    (
        "EnumerateInstances",
        {"ClassName": "Xen_A", "IncludeClassOrigin": True, "PropertyList": []},
        NONE,
        ops.EnumerateInstances(namespace=NS, class_name="Xen_A", include_class_origin=True, property_list=()),
    ),
    (
        "EnumerateInstanceNames",
        {"ClassName": "Xen_A"},
        NO_PATHS,
        ops.EnumerateInstanceNames(namespace=NS, class_name="Xen_A"),
    ),
    ("DeleteInstance", {"InstanceName": NAME}, Done(), ops.DeleteInstance(namespace=NS, instance_name=PATH)),
    (
        "Associators",
        {"ObjectName": NAME, **ALL_OF, "IncludeClassOrigin": True, "PropertyList": ["A"]},
        NONE,
        ops.Associators(
            namespace=NS, object_name=PATH, **ALL_AS, include_class_origin=True, property_list=("A",)
        ),
    ),
    (
        "Associators",
        {"ObjectName": "Xen_A"},
        NO_CLASSES,
        ops.Associators(namespace=NS, object_name="Xen_A"),
    ),
    (
        "AssociatorNames",
        {"ObjectName": NAME, **ALL_OF},
        NO_PATHS,
        ops.AssociatorNames(namespace=NS, object_name=PATH, **ALL_AS),
    ),
    (
        "References",
        {"ObjectName": NAME, "ResultClass": "Xen_U", "Role": "L"},
        NONE,
        ops.References(namespace=NS, object_name=PATH, result_class="Xen_U", role="L"),
    ),
    (
        "ReferenceNames",
        {"ObjectName": "Xen_A"},
        ClassNames((), NS, "h"),
        ops.ReferenceNames(namespace=NS, object_name="Xen_A"),
    ),
    (
        "ExecQuery",
        {"QueryLanguage": "WQL", "Query": "SELECT * FROM A WHERE B < 1 AND C = '&'"},
        NONE,
        ops.ExecQuery(namespace=NS, query_language="WQL", query="SELECT * FROM A WHERE B < 1 AND C = '&'"),
    ),
    (
        "OpenEnumerateInstances",
        {"ClassName": "Xen_A", **FILTER},
        END,
        ops.OpenEnumerateInstances(namespace=NS, class_name="Xen_A", **FILTERED),
    ),
    (
        "OpenEnumerateInstancePaths",
        {"ClassName": "Xen_A", **FILTER},
        PATHS_END,
        ops.OpenEnumerateInstancePaths(namespace=NS, class_name="Xen_A", **FILTERED),
    ),
    (
        "OpenReferenceInstances",
        {"InstanceName": NAME, "ResultClass": "Xen_U", **FILTER},
        END,
        ops.OpenReferenceInstances(namespace=NS, instance_name=PATH, result_class="Xen_U", **FILTERED),
    ),
    (
        "OpenReferenceInstancePaths",
        {"InstanceName": NAME, "Role": "L", **FILTER},
        PATHS_END,
        ops.OpenReferenceInstancePaths(namespace=NS, instance_name=PATH, role="L", **FILTERED),
    ),
    (
        "OpenAssociatorInstances",
        {"InstanceName": NAME, **ALL_OF, **FILTER},
        END,
        ops.OpenAssociatorInstances(namespace=NS, instance_name=PATH, **ALL_AS, **FILTERED),
    ),
    (
        "OpenAssociatorInstancePaths",
        {"InstanceName": NAME, **ALL_OF, **FILTER},
        PATHS_END,
        ops.OpenAssociatorInstancePaths(namespace=NS, instance_name=PATH, **ALL_AS, **FILTERED),
    ),
    (
        "OpenQueryInstances",
        FILTER,
        END,
        ops.OpenQueryInstances(namespace=NS, **FILTERED),
    ),
    (
        "PullInstancesWithPath",
        {"context": ("c<1>", NS), "MaxObjectCount": 9},
        END,
        ops.PullInstancesWithPath(namespace=NS, enumeration_context="c<1>", max_object_count=9),
    ),
    (
        "PullInstancePaths",
        {"context": ("c", NS), "MaxObjectCount": 0},
        PATHS_END,
        ops.PullInstancePaths(namespace=NS, enumeration_context="c", max_object_count=0),
    ),
    (
        "PullInstances",
        {"context": ("c", NS), "MaxObjectCount": 1},
        END,
        ops.PullInstances(namespace=NS, enumeration_context="c", max_object_count=1),
    ),
    (
        "CloseEnumeration",
        {"context": ("c", NS)},
        Done(),
        ops.CloseEnumeration(namespace=NS, enumeration_context="c"),
    ),
    (
        "EnumerateClasses",
        {"DeepInheritance": True, "LocalOnly": False, "IncludeQualifiers": False},
        NO_CLASSES,
        ops.EnumerateClasses(namespace=NS, deep_inheritance=True, local_only=False, include_qualifiers=False),
    ),
    (
        "EnumerateClassNames",
        {"ClassName": "Xen_A"},
        ClassNames((), NS, "h"),
        ops.EnumerateClassNames(namespace=NS, class_name="Xen_A"),
    ),
    ("EnumerateQualifiers", {}, Qualifiers(()), ops.EnumerateQualifiers(namespace=NS)),
]


@pytest.mark.parametrize(("method", "arguments", "result", "expected"), CASES)
def test_operations(method: str, arguments: dict[str, Any], result: Result, expected: Operation) -> None:
    peer = Peer()
    peer.result = result
    getattr(peer.connection, method)(**arguments)
    assert operation(peer) == expected


def test_instances_that_are_sent() -> None:
    peer = Peer()
    peer.result = CimError(Status.NOT_SUPPORTED, "not here")
    inner = CIMInstance("Xen_In", {"A": "<&>"})
    sent = CIMInstance(
        "Xen_A",
        [
            CIMProperty("Title", "a<b>"),
            CIMProperty("Numbers", [Uint8(1), None], type="uint8"),
            CIMProperty("When", CIMDateTime("00000001000000.000000:000")),
            CIMProperty("In", inner, embedded_object="instance"),
            CIMProperty("Ref", NAME, type="reference"),
            CIMProperty("Nothing", None, type="boolean"),
        ],
        path=NAME,
    )
    with pytest.raises(Exception, match="7"):
        peer.connection.ModifyInstance(sent, PropertyList=["Numbers"])
    request = operation(peer)
    assert isinstance(request, ops.ModifyInstance)
    assert (request.instance_name, request.property_list) == (PATH, ("Numbers",))
    properties = request.modified_instance.properties
    assert properties["Numbers"] == TypedValue("uint8", (1, None))
    assert properties["In"] == TypedValue("string", Instance("Xen_In", {"A": TypedValue("string", "<&>")}))
    assert properties["Ref"] == TypedValue("reference", Path("Xen_A", PATH.keys, NS))
    assert properties["Nothing"] == TypedValue("boolean", None)


def test_class_changing_operations_are_named() -> None:
    peer = Peer()
    peer.result = CimError(Status.NOT_SUPPORTED, "not here")
    with pytest.raises(Exception, match="7"):
        peer.connection.CreateClass(CIMClass("Xen_New"))
    assert peer.messages[0].operation == ops.NotOffered(namespace=NS, name="CreateClass")


def test_a_method_with_parameters_of_every_kind() -> None:
    peer = Peer()
    peer.result = MethodReturn("Do", "uint32", 0)
    inner = CIMInstance("Xen_In", {"A": Uint8(1)})
    peer.connection.InvokeMethod(
        "Do",
        NAME,
        [
            ("State", Uint16(2)),
            ("Names", ["a", "b"]),
            ("Where", NAME),
            ("Wheres", [NAME, NAME]),
            ("Settings", inner),
            ("AllSettings", [inner, inner]),
            ("Until", CIMDateTime("00000000000100.000000:000")),
            ("Flag", False),
        ],
    )
    (message,) = peer.messages
    assert (message.method, message.intrinsic) == ("Do", False)
    call = message.operation
    assert isinstance(call, ops.InvokeMethod)
    assert (call.namespace, call.object_name, call.method_name) == (NS, PATH, "Do")
    where = Path("Xen_A", PATH.keys, NS)
    instance = Instance("Xen_In", {"A": TypedValue("uint8", 1)})
    assert call.parameters["State"] == TypedValue("uint16", 2)
    assert call.parameters["Names"] == TypedValue("string", ("a", "b"))
    assert call.parameters["Where"] == TypedValue("reference", where)
    assert call.parameters["Wheres"] == TypedValue("reference", (where, where))
    assert call.parameters["Settings"] == TypedValue("string", instance)
    assert call.parameters["AllSettings"] == TypedValue("string", (instance, instance))
    assert call.parameters["Flag"] == TypedValue("boolean", False)


def test_a_method_of_a_class() -> None:
    peer = Peer()
    peer.result = MethodReturn("Do", "uint32", 0)
    peer.connection.InvokeMethod("Do", "Xen_A")
    assert peer.messages[0].operation == ops.InvokeMethod(namespace=NS, object_name="Xen_A", method_name="Do")


def test_get_property() -> None:
    peer = Peer()
    peer.result = PropertyValue(TypedValue("uint16", 2), is_array=False)
    bare = CIMInstanceName("Xen_A", NAME.keybindings)
    request = peer.connection._imethodcall("GetProperty", NS, InstanceName=bare, PropertyName="A")
    assert operation(peer) == ops.GetProperty(namespace=NS, instance_name=PATH, property_name="A")
    assert request[0][2] == ["2"]

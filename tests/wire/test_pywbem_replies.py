"""What replies say as pywbem's client reads them: every value typed, every name whole."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pywbem
from pywbem import CIMClassName, CIMInstanceName

from xencim.mof.model import (
    ClassDecl,
    MethodDecl,
    ParameterDecl,
    PropertyDecl,
    Qualifier,
    QualifierDecl,
)
from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.backends.records import Network
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.operations import GetProperty
from xencim.providers.core.results import (
    Batch,
    Classes,
    ClassNames,
    Done,
    Instances,
    MethodReturn,
    OutParameter,
    Page,
    Paths,
    PropertyValue,
    Qualifiers,
    Shape,
)
from xencim.providers.core.served import AssocRow, ServedClass

from .client import Peer
from .peer import (
    HOST,
    LONG,
    NETWORK,
    NETWORK_CLASS,
    WHEN,
    inventory,
    reply_of,
    rows,
    served_machines,
    served_thing,
    served_uses,
    site,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Valid = Callable[..., None]

NS = "root/virt"
NAME = CIMInstanceName("Xen_A", {"Name": "x"}, namespace=NS)
POST_PULL = ("2.4.0",)


@pytest.fixture
def peer() -> Peer:
    return Peer()


def thing() -> Batch:
    stock = inventory(1)
    return Batch(served_thing(stock), rows(stock))


def machines(count: int = 2) -> Batch:
    stock = inventory(count)
    return Batch(served_machines(stock), rows(stock))


def uses() -> Batch:
    stock = inventory(1)
    stock.put(Network(name="net", uuid="u", active=True))
    networks = ServedClass(NETWORK, site(stock, "root/virt-2"), "root/virt-2", NETWORK_CLASS)
    assoc, bound = served_uses(served_machines(stock), networks)
    return Batch(assoc, [AssocRow(bound, rows(stock)[0], (stock.view.get(Network, "net"),))])


def vm_name(number: int) -> CIMInstanceName:
    keys = {"CreationClassName": "Xen_ComputerSystem", "Name": f"vm{number}"}
    return CIMInstanceName("Xen_ComputerSystem", keys, host=HOST, namespace=NS)


USES_NAME = CIMInstanceName(
    "Xen_Uses",
    {
        "Machine": vm_name(0),
        "Net": CIMInstanceName("Xen_Net", {"InstanceID": "Net:net"}, host=HOST, namespace="root/virt-2"),
    },
    host=HOST,
    namespace=NS,
)


def test_values_of_every_type(peer: Peer, check_valid: Valid) -> None:
    peer.result = Instances((thing(),))
    found = peer.connection.GetInstance(NAME)
    check_valid(peer.replies[0])
    values = {name: (p.type, p.is_array, p.value) for name, p in found.properties.items()}
    assert values.pop("When") == ("datetime", False, pywbem.CIMDateTime(WHEN))
    assert values.pop("Long") == ("datetime", False, pywbem.CIMDateTime(LONG))
    inner, outer = found.properties["Inner"], found.properties["Outer"]
    assert (inner.embedded_object, inner.value.classname, inner.value["A"]) == (
        "instance",
        "Xen_Inner",
        "x & y",
    )
    assert (outer.embedded_object, outer.value.classname, outer.value["Many"]) == (
        "object",
        "Xen_Outer",
        [1, -2],
    )
    assert outer.value["Deep"]["N"] == 7
    del values["Inner"], values["Outer"]
    assert values == {
        "Name": ("string", False, "vm0"),
        "Number": ("uint32", False, 7),
        "Flag": ("boolean", False, True),
        "Text": ("string", False, "a & b <c> \"d\" 'e' \u00e9 \U0001f427"),
        "Empty": ("string", False, ""),
        "Nothing": ("string", False, None),
        "Return": ("string", False, "a\r\nb\tc"),
        "Letter": ("char16", False, "\u20ac"),
        "Yes": ("boolean", False, True),
        "No": ("boolean", False, False),
        "U8": ("uint8", False, 255),
        "S8": ("sint8", False, -128),
        "U16": ("uint16", False, 65535),
        "S16": ("sint16", False, -32768),
        "U32": ("uint32", False, 2**32 - 1),
        "S32": ("sint32", False, -(2**31)),
        "U64": ("uint64", False, 2**64 - 1),
        "S64": ("sint64", False, -(2**63)),
        "R32": ("real32", False, 0.5),
        "R64": ("real64", False, 1e-300),
        "Texts": ("string", True, ["a", "", "<b>"]),
        "Holes": ("string", True, ["a", None, "c"]),
        "None_": ("uint16", True, None),
        "Zero": ("uint16", True, []),
    }


def test_null_among_numbers(check_valid: Valid) -> None:
    # pywbem 1.9 cannot read these.
    holes = TypedValue("uint16", (1, None, 3))
    operation = GetProperty(namespace=NS, instance_name=Path("Xen_A"), property_name="Holes")
    reply = reply_of(operation, PropertyValue(holes, is_array=True))
    check_valid(reply)
    assert b"<VALUE>1</VALUE><VALUE.NULL></VALUE.NULL><VALUE>3</VALUE>" in reply


def test_class_origin_and_property_list(peer: Peer, check_valid: Valid) -> None:
    peer.result = Instances((thing(),), Shape(True, frozenset({"name", "u8"})))
    found = peer.connection.GetInstance(NAME)
    check_valid(peer.replies[0])
    assert {name: p.class_origin for name, p in found.properties.items()} == {
        "Name": "CIM_Thing",
        "U8": "Xen_Thing",
    }


INSTANCE_OPERATIONS: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("EnumerateInstances", {"ClassName": "Xen_A"}, ()),
    ("Associators", {"ObjectName": NAME}, ()),
    ("References", {"ObjectName": NAME}, ()),
    ("ExecQuery", {"QueryLanguage": "WQL", "Query": "SELECT * FROM A"}, ()),
    ("OpenEnumerateInstances", {"ClassName": "Xen_A"}, POST_PULL),
    ("OpenAssociatorInstances", {"InstanceName": NAME}, POST_PULL),
    ("OpenReferenceInstances", {"InstanceName": NAME}, POST_PULL),
    ("PullInstancesWithPath", {"context": ("c", NS), "MaxObjectCount": 2}, POST_PULL),
]


@pytest.mark.parametrize(("method", "arguments", "versions"), INSTANCE_OPERATIONS)
def test_instances_with_their_paths(
    peer: Peer, check_valid: Valid, method: str, arguments: dict[str, Any], versions: tuple[str, ...]
) -> None:
    content = Instances((machines(), uses()))
    peer.result = Page(content, "", end_of_sequence=True) if versions else content
    found = getattr(peer.connection, method)(**arguments)
    check_valid(peer.replies[0], *versions)
    instances = found.instances if versions else found
    expected = [vm_name(0), vm_name(1), USES_NAME]
    if method in {"EnumerateInstances", "ExecQuery"}:  # pywbem puts the namespace asked into their paths
        assert [i.path.keybindings for i in instances] == [name.keybindings for name in expected]
    else:
        assert [i.path for i in instances] == expected
    assert instances[0]["EnabledState"] == 2
    assert instances[2]["Machine"] == vm_name(0)
    assert instances[2].properties["Machine"].reference_class == "CIM_ComputerSystem"
    assert instances[2]["Order"] == 1


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("OpenQueryInstances", {"FilterQueryLanguage": "WQL", "FilterQuery": "SELECT * FROM A"}),
        ("PullInstances", {"context": ("c", NS), "MaxObjectCount": 2}),
    ],
)
def test_instances_without_paths(
    peer: Peer, check_valid: Valid, method: str, arguments: dict[str, Any]
) -> None:
    peer.result = Page(Instances((machines(),)), "next", end_of_sequence=False)
    found = getattr(peer.connection, method)(**arguments)
    check_valid(peer.replies[0])
    assert [i["Name"] for i in found.instances] == ["vm0", "vm1"]
    assert (found.eos, found.context) == (False, ("next", NS))


PATH_OPERATIONS: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("AssociatorNames", {"ObjectName": NAME}, ()),
    ("ReferenceNames", {"ObjectName": NAME}, ()),
    ("OpenEnumerateInstancePaths", {"ClassName": "Xen_A"}, POST_PULL),
    ("OpenAssociatorInstancePaths", {"InstanceName": NAME}, POST_PULL),
    ("OpenReferenceInstancePaths", {"InstanceName": NAME}, POST_PULL),
    ("PullInstancePaths", {"context": ("c", NS), "MaxObjectCount": 2}, POST_PULL),
]


@pytest.mark.parametrize(("method", "arguments", "versions"), PATH_OPERATIONS)
def test_paths(
    peer: Peer, check_valid: Valid, method: str, arguments: dict[str, Any], versions: tuple[str, ...]
) -> None:
    content = Paths((machines(), uses()))
    peer.result = Page(content, "more", end_of_sequence=False) if versions else content
    found = getattr(peer.connection, method)(**arguments)
    check_valid(peer.replies[0], *versions)
    assert (found.paths if versions else found) == [vm_name(0), vm_name(1), USES_NAME]
    if versions:
        assert (found.eos, found.context) == (False, ("more", NS))


def test_instance_names(peer: Peer, check_valid: Valid) -> None:
    peer.result = Paths((machines(), thing()))
    found = peer.connection.EnumerateInstanceNames("Xen_A")
    check_valid(peer.replies[0])
    assert [n.keybindings for n in found] == [
        {"CreationClassName": "Xen_ComputerSystem", "Name": "vm0"},
        {"CreationClassName": "Xen_ComputerSystem", "Name": "vm1"},
        {"Name": "vm0", "Number": 7, "Flag": True},
    ]


@pytest.mark.parametrize("method", ["EnumerateInstances", "EnumerateInstanceNames"])
def test_nothing_found(peer: Peer, check_valid: Valid, method: str) -> None:
    peer.result = Instances(()) if method == "EnumerateInstances" else Paths((machines(0),))
    assert getattr(peer.connection, method)("Xen_A") == []
    check_valid(peer.replies[0])


QUALIFIERS = (
    Qualifier("Version", "string", "1.0", tosubclass=False),
    Qualifier("Values", "string", ("a", None), is_array=True, propagated=True, translatable=True),
)
CLASS = ClassDecl(
    "Xen_C",
    "CIM_C",
    (
        PropertyDecl(
            "State", "uint16", value=5, class_origin="CIM_C", propagated=True, qualifiers=QUALIFIERS
        ),
        PropertyDecl("States", "uint16", is_array=True, array_size=4, value=(1, 2), class_origin="Xen_C"),
        PropertyDecl("Who", "reference", reference_class="CIM_C", class_origin="Xen_C"),
    ),
    (
        MethodDecl(
            "Do",
            "uint32",
            (
                ParameterDecl("A", "string", qualifiers=QUALIFIERS),
                ParameterDecl("B", "uint8", is_array=True),
                ParameterDecl("C", "reference", reference_class="CIM_C"),
                ParameterDecl("D", "reference", is_array=True, reference_class="CIM_C"),
            ),
            class_origin="CIM_C",
            propagated=True,
        ),
    ),
    QUALIFIERS,
)


def test_a_class(peer: Peer, check_valid: Valid) -> None:
    peer.result = Classes((CLASS,), NS, HOST, include_class_origin=True)
    found = peer.connection.GetClass("Xen_C", LocalOnly=False, IncludeClassOrigin=True)
    check_valid(peer.replies[0])
    assert (found.classname, found.superclass) == ("Xen_C", "CIM_C")
    version = found.qualifiers["Version"]
    values = found.qualifiers["Values"]
    assert (version.value, version.tosubclass, version.propagated) == ("1.0", False, False)
    assert (values.value, values.tosubclass, values.propagated, values.translatable) == (
        ["a", None],
        True,
        True,
        True,
    )
    state, states, who = found.properties["State"], found.properties["States"], found.properties["Who"]
    assert (state.value, state.class_origin, state.propagated) == (5, "CIM_C", True)
    assert list(state.qualifiers) == ["Version", "Values"]
    assert (states.value, states.array_size, states.is_array) == ([1, 2], 4, True)
    assert (who.type, who.reference_class) == ("reference", "CIM_C")
    method = found.methods["Do"]
    assert (method.return_type, method.class_origin, method.propagated) == ("uint32", "CIM_C", True)
    assert [(p.type, p.is_array, p.reference_class) for p in method.parameters.values()] == [
        ("string", False, None),
        ("uint8", True, None),
        ("reference", False, "CIM_C"),
        ("reference", True, "CIM_C"),
    ]


def test_a_class_cut_down(peer: Peer, check_valid: Valid) -> None:
    peer.result = Classes(
        (CLASS,), NS, HOST, local_only=True, include_qualifiers=False, property_list=("STATES", "State")
    )
    (found,) = peer.connection.EnumerateClasses()
    check_valid(peer.replies[0])
    assert (list(found.properties), list(found.methods), list(found.qualifiers)) == (["States"], [], [])


@pytest.mark.parametrize("method", ["Associators", "References"])
def test_classes_with_paths(peer: Peer, check_valid: Valid, method: str) -> None:
    peer.result = Classes((CLASS,), NS, HOST)
    ((path, found),) = getattr(peer.connection, method)("Xen_C")
    check_valid(peer.replies[0])
    assert path == CIMClassName("Xen_C", host=HOST, namespace=NS)
    assert found.classname == "Xen_C"


@pytest.mark.parametrize("method", ["AssociatorNames", "ReferenceNames"])
def test_class_paths(peer: Peer, check_valid: Valid, method: str) -> None:
    peer.result = ClassNames(("Xen_C",), NS, HOST)
    found = getattr(peer.connection, method)("Xen_C")
    check_valid(peer.replies[0])
    assert found == [CIMClassName("Xen_C", host=HOST, namespace=NS)]


def test_class_names(peer: Peer, check_valid: Valid) -> None:
    peer.result = ClassNames(("Xen_C", "Xen_D"), NS, HOST)
    assert peer.connection.EnumerateClassNames() == ["Xen_C", "Xen_D"]
    check_valid(peer.replies[0])


def test_qualifier_types(peer: Peer, check_valid: Valid) -> None:
    peer.result = Qualifiers(
        (
            QualifierDecl("Key", "boolean", False, scopes=frozenset({"property"}), overridable=False),
            QualifierDecl("Values", "string", None, is_array=True, scopes=frozenset({"any"})),
        )
    )
    key, values = peer.connection.EnumerateQualifiers()
    check_valid(peer.replies[0])
    assert (key.value, key.overridable) == (False, False)
    assert (key.scopes["PROPERTY"], key.scopes.get("CLASS")) == (True, None)
    assert (values.is_array, values.value, values.scopes["METHOD"]) == (True, None, True)


def test_what_a_method_gives_back(peer: Peer, check_valid: Valid) -> None:
    where = Path("Xen_A", (("Name", "x"), ("N", 3), ("Z", -1), ("R", 1.5), ("F", False)), NS, HOST)
    local = Path("Xen_A", (("Name", "x"),), NS)
    inner = Instance("Xen_In", {"A": TypedValue(None, "b"), "R": TypedValue("reference", local)})
    peer.result = MethodReturn(
        "Do",
        "uint32",
        4096,
        (
            OutParameter("Job", "reference", False, None, where),
            OutParameter("Jobs", "reference", True, None, (local, None)),
            OutParameter("Inner", "string", False, "Xen_In", inner),
            OutParameter("Inners", "string", True, "", (inner,)),
            OutParameter("Left", "datetime", False, None, timedelta(minutes=1)),
            OutParameter("None_", "uint16", False, None, None),
        ),
    )
    value, out = peer.connection.InvokeMethod("Do", NAME)
    check_valid(peer.replies[0])
    assert value == 4096
    path = CIMInstanceName(
        "Xen_A", {"Name": "x", "N": 3, "Z": -1, "R": 1.5, "F": False}, host=HOST, namespace=NS
    )
    assert out["Job"] == path
    assert out["Jobs"] == [CIMInstanceName("Xen_A", {"Name": "x"}, namespace=NS), None]
    assert out["Inner"]["A"] == "b"
    assert out["Inner"]["R"] == CIMInstanceName("Xen_A", {"Name": "x"}, namespace=NS)
    assert [i["A"] for i in out["Inners"]] == ["b"]
    assert out["Left"] == pywbem.CIMDateTime(timedelta(minutes=1))
    assert out["None_"] is None


def test_operations_that_return_nothing(peer: Peer, check_valid: Valid) -> None:
    peer.result = Done()
    assert peer.connection.CloseEnumeration(("c", NS)) is None
    check_valid(peer.replies[0])


def test_errors(peer: Peer, check_valid: Valid) -> None:
    peer.result = CimError(Status.NOT_FOUND, 'no <machine> "x" &\nno other', hint="list them")
    with pytest.raises(pywbem.CIMError) as caught:
        peer.connection.GetInstance(NAME)
    check_valid(peer.replies[0])
    assert caught.value.status_code == 6
    assert caught.value.status_description == 'no <machine> "x" & no other (list them)'

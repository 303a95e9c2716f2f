"""Instances, associations and queries as pywbem reads them: types, paths, filters, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMError, CIMInstanceName, Uint16, Uint64

from .programs import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import ServerProcess

VM_CLASS = "Xen_ComputerSystem"
HOST_CLASSES = ("Xen_HostSystem", "Xen_VirtualEthernetSwitch")
OTHERS = [{"Name": "default"}, {"Name": "fake.example"}]
INVALID_PARAMETER, NOT_FOUND, INVALID_CLASS, INVALID_NAMESPACE = 4, 6, 5, 3
METHOD_NOT_AVAILABLE, METHOD_NOT_FOUND, TYPE_MISMATCH = 16, 17, 13
LANGUAGE_NOT_SUPPORTED, INVALID_QUERY = 14, 15


@pytest.fixture(scope="module", params=["http", "https"])
def connection(request: pytest.FixtureRequest, fake_server: ServerProcess) -> Iterator[Any]:
    with connect(fake_server, scheme=request.param, account="reader") as made:
        yield made


def vm(number: int = 1, **more: str) -> CIMInstanceName:
    keys = {"CreationClassName": VM_CLASS, "Name": f"vm-{number:05d}"}
    return CIMInstanceName(VM_CLASS, keys, namespace="root/virt", **more)


def test_values_have_their_types(connection: Any) -> None:  # noqa: ANN401 - a WBEMConnection
    got = connection.GetInstance(vm())
    assert got.path == vm()
    assert (got["EnabledState"], type(got["EnabledState"])) == (2, Uint16)
    assert (got["OperationalStatus"], got["StatusDescriptions"]) == ([2], ["running"])
    assert got["IdentifyingDescriptions"] == ["Type", "Model", "UUID"]
    assert (got["Dedicated"], got.properties["Dedicated"].is_array) == (None, True)
    disk = CIMInstanceName("Xen_DiskPool", {"InstanceID": "DiskPool/default"}, namespace="root/virt")
    pool = connection.GetInstance(disk)
    assert type(pool["Capacity"]) is Uint64
    assert pool["Primordial"] is False


def test_enumerated_instances_carry_their_paths(connection: Any) -> None:  # noqa: ANN401 - as above
    found = connection.EnumerateInstances("CIM_ComputerSystem")
    assert sorted(one.path.classname for one in found) == [*[VM_CLASS] * 3, *HOST_CLASSES]
    assert sorted(one.path.keybindings["Name"] for one in found) == [
        "default",
        "fake.example",
        *(f"vm-{number:05d}" for number in range(3)),
    ]
    assert {one.path.namespace for one in found} == {"root/virt"}


def test_which_properties_are_shown(connection: Any) -> None:  # noqa: ANN401 - as above
    def of(**how: object) -> list[str]:
        return sorted(connection.GetInstance(vm(), **how).properties)

    everything = of()
    assert len(everything) == len(connection.GetClass(VM_CLASS, LocalOnly=False).properties)
    assert of(PropertyList=["name", "ENABLEDSTATE", "NoSuch"]) == ["EnabledState", "Name"]
    assert of(PropertyList=[]) == []
    # One consistent reading of DSP0200: instances are whole, whatever LocalOnly says.
    assert of(LocalOnly=True) == of(LocalOnly=False) == everything
    shallow = connection.EnumerateInstances("CIM_System", DeepInheritance=False)
    declared = connection.GetClass("CIM_System", LocalOnly=False).properties
    assert {frozenset(one.properties) for one in shallow} == {frozenset(declared)}
    assert sorted(one.classname for one in shallow) == [*[VM_CLASS] * 3, *HOST_CLASSES]


def test_class_origins(connection: Any) -> None:  # noqa: ANN401 - as above
    got = connection.GetInstance(vm(), IncludeClassOrigin=True)
    assert got.properties["UUID"].class_origin == VM_CLASS
    assert got.properties["EnabledState"].class_origin == "CIM_EnabledLogicalElement"
    assert got.properties["Caption"].class_origin == "CIM_ManagedElement"
    assert connection.GetInstance(vm()).properties["UUID"].class_origin is None


def test_every_name_leads_to_its_instance(connection: Any) -> None:  # noqa: ANN401 - as above
    for namespace in ("interop", "root/virt"):
        for name in connection.EnumerateClassNames(namespace, DeepInheritance=True):
            for path in connection.EnumerateInstanceNames(name, namespace):
                if path.classname != name:
                    continue
                got = connection.GetInstance(path)
                assert got.path == path
                assert all(got[key] == value for key, value in path.keybindings.items())


def test_associators_and_references_agree(connection: Any) -> None:  # noqa: ANN401 - as above
    names = connection.AssociatorNames(vm())
    instances = connection.Associators(vm())
    assert {one.path for one in instances} == set(names)
    assert len(instances) == len(names) == 30
    references = connection.ReferenceNames(vm())
    assert {one.path for one in connection.References(vm())} == set(references)
    ends = {end for one in references for end in one.keybindings.values()}
    assert {str(end) for end in ends if end.keybindings != vm().keybindings} == {str(one) for one in names}
    assert {(one.host, one.namespace) for one in names} == {
        ("fake.example", "root/virt"),
        ("fake.example", "interop"),
    }


def test_associations_filter_by_role_and_class(connection: Any) -> None:  # noqa: ANN401 - as above
    def ask(**how: str) -> list[tuple[str, str]]:
        found = connection.AssociatorNames(vm(), **how)
        return sorted((one.classname, one.keybindings.get("DeviceID", "")) for one in found)

    processors = [("Xen_Processor", "vm-00001/0"), ("Xen_Processor", "vm-00001/1")]
    assert ask(ResultClass="CIM_Processor") == processors
    assert (
        ask(AssocClass="cim_systemdevice", ResultClass="XEN_PROCESSOR", Role="groupComponent") == processors
    )
    assert ask(AssocClass="Xen_SystemDevice", Role="PartComponent") == []
    assert ask(AssocClass="Xen_SystemDevice", ResultRole="GroupComponent") == []
    assert ask(AssocClass="CIM_HostedDependency", ResultRole="Antecedent") == [("Xen_HostSystem", "")]
    assert len(connection.ReferenceNames(vm(), ResultClass="CIM_Component", Role="GroupComponent")) == 11
    assert connection.ReferenceNames(vm(), ResultClass="CIM_Component", Role="PartComponent") == []


def test_associations_cross_namespaces(connection: Any) -> None:  # noqa: ANN401 - as above
    [profile] = [
        one
        for one in connection.EnumerateInstances("CIM_RegisteredProfile", "interop")
        if one["RegisteredName"] == "Virtual System"
    ]
    conforming = connection.AssociatorNames(profile.path, AssocClass="CIM_ElementConformsToProfile")
    assert sorted(str(one) for one in conforming) == [f"//fake.example/{vm(number)}" for number in range(3)]
    profiles = connection.AssociatorNames(conforming[0], ResultClass="CIM_RegisteredProfile")
    assert sorted(one.keybindings["InstanceID"] for one in profiles) == [
        "CIM:DSP1052-ComputerSystem-1.0.0",
        "CIM:DSP1057-VirtualSystem-1.0.0",
    ]
    assert {one.namespace for one in profiles} == {"interop"}


def test_associations_of_classes(connection: Any) -> None:  # noqa: ANN401 - as above
    found = connection.AssociatorNames(VM_CLASS, AssocClass="Xen_HostedDependency")
    assert [str(one) for one in found] == ["//fake.example/root/virt:Xen_HostSystem"]
    [(path, cls)] = connection.References(VM_CLASS, ResultClass="Xen_HostedDependency")
    assert (str(path), cls.superclass) == (
        "//fake.example/root/virt:Xen_HostedDependency",
        "CIM_HostedDependency",
    )
    assert [str(one) for one in connection.ReferenceNames(VM_CLASS, ResultClass="Xen_HostedDependency")] == [
        "//fake.example/root/virt:Xen_HostedDependency"
    ]


@pytest.mark.parametrize(
    ("language", "query", "expected"),
    [
        (
            "WQL",
            "SELECT DeviceID FROM CIM_Processor WHERE DeviceID LIKE 'vm-00001%'",
            [{"DeviceID": "vm-00001/0"}, {"DeviceID": "vm-00001/1"}],
        ),
        (
            "DMTF:CQL",
            "SELECT Name, EnabledState FROM Xen_ComputerSystem WHERE EnabledState = 3 OR Name = 'vm-00000'",
            [{"Name": "vm-00000", "EnabledState": 2}, {"Name": "vm-00002", "EnabledState": 3}],
        ),
        ("DMTF:CQL", "SELECT Name FROM CIM_System WHERE NOT Name LIKE 'vm.*'", OTHERS),
        ("WQL", "SELECT Name FROM Xen_ComputerSystem WHERE Name = 'none'", []),
    ],
)
def test_queries(connection: Any, language: str, query: str, expected: list[dict[str, object]]) -> None:  # noqa: ANN401 - as above
    assert [dict(one.items()) for one in connection.ExecQuery(language, query)] == expected


def test_the_names_of_namespaces(connection: Any) -> None:  # noqa: ANN401 - as above
    expected = [one.path for one in connection.Associators(vm())]
    for alias in ("root/cimv2", "ROOT/Virt", "/root/virt/"):
        source = vm()
        source.namespace = alias
        assert [one.path for one in connection.Associators(source)] == expected  # canonical, not the alias
    managers = [
        connection.EnumerateInstanceNames("CIM_ObjectManager", name)[0].keybindings
        for name in ("interop", "root/interop", "root/PG_InterOp")
    ]
    assert managers[0] == managers[1] == managers[2]


GONE = 'Xen_ComputerSystem.CreationClassName="Xen_ComputerSystem",Name="vm-00009"'


@pytest.mark.parametrize(
    ("ask", "status", "text"),
    [
        (
            lambda c: c.GetInstance(vm(9)),
            NOT_FOUND,
            f"namespace root/virt has no instance {GONE}",
        ),
        (
            lambda c: c.GetInstance(CIMInstanceName(VM_CLASS, {"Name": "vm-00001"})),
            INVALID_PARAMETER,
            "the path of class Xen_ComputerSystem lacks key CreationClassName",
        ),
        (
            lambda c: c.EnumerateInstances("No_Such"),
            INVALID_CLASS,
            "namespace root/virt has no class 'No_Such'",
        ),
        (
            lambda c: c.EnumerateInstances(VM_CLASS, "root/none"),
            INVALID_NAMESPACE,
            "there is no namespace 'root/none' (there are interop, root/virt)",
        ),
        (
            lambda c: c.Associators(vm(), AssocClass="No_Such"),
            INVALID_PARAMETER,
            "namespace root/virt has no class 'No_Such'",
        ),
        (
            lambda c: c.Associators(vm(9)),
            NOT_FOUND,
            f"namespace root/virt has no instance {GONE}",
        ),
        (
            lambda c: c.ExecQuery("SQL", "SELECT 1"),
            LANGUAGE_NOT_SUPPORTED,
            "'SQL' is no query language here (supported: WQL and DMTF:CQL)",
        ),
        (
            lambda c: c.ExecQuery("WQL", "SELEC x"),
            INVALID_QUERY,
            "WQL query, position 1: expected SELECT, found 'SELEC'",
        ),
        (
            lambda c: c.InvokeMethod("Fly", vm()),
            METHOD_NOT_FOUND,
            "class Xen_ComputerSystem has no method 'Fly'",
        ),
        (
            lambda c: c.InvokeMethod("SetPowerState", vm()),
            METHOD_NOT_AVAILABLE,
            "method SetPowerState of class Xen_ComputerSystem is not offered by this server",
        ),
    ],
)
def test_errors(connection: Any, ask: Callable[[Any], object], status: int, text: str) -> None:  # noqa: ANN401 - as above
    with pytest.raises(CIMError) as caught:
        ask(connection)
    assert (caught.value.status_code, caught.value.status_description) == (status, text)

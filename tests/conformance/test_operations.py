"""What each read operation answers, and the code and text of each refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.core import operations as op
from xencim.providers.core.access import Principal
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import (
    Classes,
    ClassNames,
    Done,
    Instances,
    MethodReturn,
    PropertyValue,
    Qualifiers,
)

if TYPE_CHECKING:
    from tests.conformance.conftest import Asker

    from xencim.providers.core.operations import Operation

VIRT = "root/virt"
VM = "Xen_ComputerSystem"


def vm_path(number: int = 0, class_name: str = VM) -> Path:
    return Path(class_name, (("CreationClassName", VM), ("Name", f"vm-{number:05d}")))


def refusal(ask: Asker, request: Operation, principal: Principal | None = None) -> CimError:
    with pytest.raises(CimError) as caught:
        ask(request, principal or Principal("root"))
    return caught.value


# Instances -------------------------------------------------------------------------------------


def test_get_instance_ignores_the_case_of_names(ask: Asker) -> None:
    path = Path("xen_computersystem", (("NAME", "vm-00003"), ("creationclassname", "XEN_computersystem")))
    assert ask.paths(op.GetInstance(namespace="ROOT/Virt/", instance_name=path)) == [
        '//fake.example/root/virt:Xen_ComputerSystem.Name="vm-00003",CreationClassName="Xen_ComputerSystem"'
    ]


def test_the_only_key_of_a_class_needs_no_name(ask: Asker) -> None:
    path = Path("Xen_VirtualSystemSettingData", (("", "Xen:vm-00003"),))
    expected = ['//fake.example/root/virt:Xen_VirtualSystemSettingData.InstanceID="Xen:vm-00003"']
    assert ask.paths(op.GetInstance(namespace=VIRT, instance_name=path)) == expected
    state = op.AssociatorNames(namespace=VIRT, object_name=path, assoc_class="Xen_SettingsDefineState")
    assert [found.row[0].name for found in ask.found(state)] == ["vm-00003"]
    nameless = op.GetInstance(namespace=VIRT, instance_name=Path(VM, (("", "vm-00003"),)))
    assert refusal(ask, nameless).status is Status.INVALID_PARAMETER


@pytest.mark.parametrize("alias", ["root/cimv2", "/root/virt", "Root/CimV2/"])
def test_aliases_answer_with_the_canonical_name(ask: Asker, alias: str) -> None:
    [path] = ask.paths(op.GetInstance(namespace=alias, instance_name=vm_path()))
    assert path.startswith("//fake.example/root/virt:Xen_ComputerSystem.")


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        (
            vm_path(99),
            Status.NOT_FOUND,
            'root/virt has no instance Xen_ComputerSystem.CreationClassName="Xen',
        ),
        (vm_path(0, "CIM_ComputerSystem"), Status.NOT_FOUND, "CIM_ComputerSystem"),
        (vm_path(0, "No_Such"), Status.INVALID_CLASS, "namespace root/virt has no class 'No_Such'"),
        (Path(VM, (("Name", "vm-00000"),)), Status.INVALID_PARAMETER, "lacks key CreationClassName"),
        (Path(VM, (*vm_path().keys, ("Age", 1))), Status.INVALID_PARAMETER, "has no key 'age'"),
        (
            Path(VM, (("CreationClassName", "X"), ("Name", "vm-00000"))),
            Status.NOT_FOUND,
            'CreationClassName="X"',
        ),
    ],
)
def test_get_instance_refuses(ask: Asker, path: Path, status: Status, text: str) -> None:
    error = refusal(ask, op.GetInstance(namespace=VIRT, instance_name=path))
    assert error.status is status
    assert text in error.description


def test_unknown_namespace_names_those_that_exist(ask_three: Asker) -> None:
    error = refusal(ask_three, op.EnumerateClassNames(namespace="root/nowhere"))
    assert error.status is Status.INVALID_NAMESPACE
    assert error.description == (
        "there is no namespace 'root/nowhere' (there are interop, root/virt, root/virt-2)"
    )


def test_several_hosts_are_told_apart(ask_three: Asker) -> None:
    def names(namespace: str, cls: str) -> list[str]:
        return ask_three.paths(op.EnumerateInstanceNames(namespace=namespace, class_name=cls))

    assert len(names("root/virt", "Xen_ComputerSystem")) == 3
    assert len(names("root/virt-2", "Xen_ComputerSystem")) == 2
    assert len(names("root/virt", "KVM_ComputerSystem")) == 2
    hosts = [
        path.split(".", 2)[-1] for path in names("root/virt", "CIM_ComputerSystem") if "HostSystem" in path
    ]
    assert len(hosts) == 2
    assert any("third.example" in host for host in hosts)
    error = refusal(
        ask_three, op.EnumerateInstances(namespace="root/virt-2", class_name="KVM_ComputerSystem")
    )
    assert error.status is Status.INVALID_CLASS


def test_deep_inheritance_false_cuts_to_the_named_class(ask: Asker) -> None:
    request = op.EnumerateInstances(namespace=VIRT, class_name="CIM_System", deep_inheritance=False)
    result = ask(request)
    assert isinstance(result, Instances)
    names = result.shape.properties
    assert names is not None
    assert "name" in names
    assert "dedicated" not in names  # CIM_ComputerSystem's own
    assert len(ask.found(request)) == 13  # ten machines, two switches and the host


def test_an_empty_property_list_is_none_and_unknown_names_are_ignored(ask: Asker) -> None:
    def shape(wanted: tuple[str, ...] | None) -> frozenset[str] | None:
        result = ask(op.GetInstance(namespace=VIRT, instance_name=vm_path(), property_list=wanted))
        assert isinstance(result, Instances)
        return result.shape.properties

    assert shape(None) is None
    assert shape(()) == frozenset()
    assert shape(("ElementName", "NoSuch")) == frozenset({"elementname", "nosuch"})


def test_get_property(ask: Asker) -> None:
    result = ask(op.GetProperty(namespace=VIRT, instance_name=vm_path(1), property_name="elementname"))
    assert result == PropertyValue(TypedValue("string", "vm-00001"), is_array=False)
    error = refusal(ask, op.GetProperty(namespace=VIRT, instance_name=vm_path(1), property_name="Shoe"))
    assert error.status is Status.NO_SUCH_PROPERTY


@pytest.mark.parametrize(
    "request_",
    [
        op.CreateInstance(namespace=VIRT, new_instance=Instance(VM)),
        op.ModifyInstance(namespace=VIRT, instance_name=vm_path(), modified_instance=Instance(VM)),
        op.DeleteInstance(namespace=VIRT, instance_name=vm_path()),
        op.SetProperty(namespace=VIRT, instance_name=vm_path(), property_name="ElementName"),
        op.NotOffered(namespace=VIRT, name="CreateClass"),
        op.EnumerationCount(namespace=VIRT, enumeration_context="x"),
    ],
    ids=lambda request: type(request).__name__,
)
def test_what_is_not_offered_says_so(ask: Asker, request_: Operation) -> None:
    error = refusal(ask, request_)
    assert error.status is Status.NOT_SUPPORTED
    assert error.description.endswith("is not offered by this server")


# Associations ----------------------------------------------------------------------------------


def test_association_operations_check_their_classes_and_source(ask: Asker) -> None:
    unknown = op.Associators(namespace=VIRT, object_name=vm_path(), assoc_class="No_Such")
    assert refusal(ask, unknown).status is Status.INVALID_PARAMETER
    unknown_result = op.ReferenceNames(namespace=VIRT, object_name=vm_path(), result_class="No_Such")
    assert refusal(ask, unknown_result).status is Status.INVALID_PARAMETER
    gone = op.AssociatorNames(namespace=VIRT, object_name=vm_path(99))
    assert refusal(ask, gone).status is Status.NOT_FOUND


def test_associations_between_classes(ask: Asker) -> None:
    names = ask(op.AssociatorNames(namespace=VIRT, object_name=VM, assoc_class="CIM_SystemDevice"))
    assert isinstance(names, ClassNames)
    assert "CIM_LogicalDevice" in names.names or "Xen_LogicalDisk" in names.names
    references = ask(op.References(namespace=VIRT, object_name=VM, result_class="Xen_SystemDevice"))
    assert isinstance(references, Classes)
    assert [decl.name for decl in references.classes] == ["Xen_SystemDevice"]
    wrong = refusal(ask, op.ReferenceNames(namespace=VIRT, object_name="No_Such"))
    assert wrong.status is Status.INVALID_PARAMETER


# Classes ---------------------------------------------------------------------------------------


def test_classes_and_qualifiers(ask: Asker) -> None:
    got = ask(op.GetClass(namespace=VIRT, class_name="xen_computersystem"))
    assert isinstance(got, Classes)
    assert [(c.name, c.superclass) for c in got.classes] == [(VM, "CIM_ComputerSystem")]
    assert refusal(ask, op.GetClass(namespace=VIRT, class_name="No_Such")).status is Status.NOT_FOUND
    missing = op.EnumerateClassNames(namespace=VIRT, class_name="No_Such")
    assert refusal(ask, missing).status is Status.INVALID_CLASS
    below = ask(
        op.EnumerateClassNames(namespace=VIRT, class_name="CIM_ComputerSystem", deep_inheritance=True)
    )
    assert isinstance(below, ClassNames)
    assert sorted(below.names) == ["Xen_ComputerSystem", "Xen_HostSystem", "Xen_VirtualEthernetSwitch"]
    qualifier = ask(op.GetQualifier(namespace=VIRT, qualifier_name="KEY"))
    assert isinstance(qualifier, Qualifiers)
    assert [q.name for q in qualifier.qualifiers] == ["Key"]
    unknown = op.GetQualifier(namespace=VIRT, qualifier_name="Shoe")
    assert refusal(ask, unknown).status is Status.NOT_FOUND


# Queries ---------------------------------------------------------------------------------------


def test_queries_select_and_project(ask: Asker) -> None:
    wql = op.ExecQuery(
        namespace=VIRT,
        query_language="WQL",
        query="SELECT Name, ElementName FROM Xen_ComputerSystem WHERE EnabledState = 3",
    )
    result = ask(wql)
    assert isinstance(result, Instances)
    assert result.shape.properties == frozenset({"name", "elementname"})
    assert [found.row[0].name for found in ask.found(wql)] == ["vm-00002"]
    cql = op.ExecQuery(
        namespace=VIRT,
        query_language="DMTF:CQL",
        query="SELECT * FROM CIM_System WHERE CIM_System ISA Xen_HostSystem",
    )
    assert len(ask.paths(cql)) == 1


@pytest.mark.parametrize(
    ("language", "query", "status"),
    [
        ("SQL", "SELECT * FROM Xen_ComputerSystem", Status.QUERY_LANGUAGE_NOT_SUPPORTED),
        ("WQL", "SELECT * FROM No_Such", Status.INVALID_QUERY),
        ("WQL", "SELECT Shoe FROM Xen_ComputerSystem", Status.INVALID_QUERY),
        ("WQL", "SELECT * FROM Xen_ComputerSystem WHERE Shoe = 1", Status.INVALID_QUERY),
        ("WQL", "SELECT", Status.INVALID_QUERY),
    ],
)
def test_queries_refuse(ask: Asker, language: str, query: str, status: Status) -> None:
    error = refusal(ask, op.ExecQuery(namespace=VIRT, query_language=language, query=query))
    assert error.status is status


# Methods ---------------------------------------------------------------------------------------


def invoke(method: str, **parameters: object) -> op.InvokeMethod:
    return op.InvokeMethod(
        namespace=VIRT,
        object_name=vm_path(2),
        method_name=method,
        parameters={name: TypedValue(None, value) for name, value in parameters.items()},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (invoke("NoSuchMethod"), Status.METHOD_NOT_FOUND),
        (invoke("SetPowerState"), Status.METHOD_NOT_AVAILABLE),
        (invoke("RequestStateChange", RequestedState="many"), Status.TYPE_MISMATCH),
        (invoke("RequestStateChange", RequestedState=("2",)), Status.TYPE_MISMATCH),
        (invoke("RequestStateChange", Shoe="2"), Status.INVALID_PARAMETER),
    ],
)
def test_methods_refuse(ask: Asker, request_: op.InvokeMethod, status: Status) -> None:
    assert refusal(ask, request_).status is status


def test_a_machine_is_started_and_stopped(ask: Asker) -> None:
    def state() -> object:
        [found] = ask.found(op.GetInstance(namespace=VIRT, instance_name=vm_path(2)))
        return found.served.value(found.row, "EnabledState")

    assert state() == 3
    done = MethodReturn("RequestStateChange", "uint32", 0)
    assert ask(invoke("requeststatechange", RequestedState="2")) == done
    assert state() == 2
    assert ask(invoke("RequestStateChange", RequestedState=3)) == MethodReturn(
        "RequestStateChange", "uint32", 0
    )
    assert state() == 3


# Rights ----------------------------------------------------------------------------------------


def test_rights_are_by_access_class(ask: Asker) -> None:
    reader = Principal("rita", frozenset({"xencim"}))
    nobody = Principal("nick")
    get = op.GetInstance(namespace=VIRT, instance_name=vm_path())
    ask(get, reader)
    assert refusal(ask, get, nobody).status is Status.ACCESS_DENIED
    denied = refusal(ask, invoke("RequestStateChange", RequestedState=2), reader)
    assert denied.status is Status.ACCESS_DENIED
    assert "RequestStateChange" in denied.description
    anonymous = Principal("", anonymous=True)
    assert refusal(ask, get, anonymous).status is Status.ACCESS_DENIED


# Pulled enumerations ---------------------------------------------------------------------------


def test_close_ends_an_enumeration(ask: Asker) -> None:
    opened = ask(op.OpenEnumerateInstancePaths(namespace=VIRT, class_name=VM, max_object_count=1))
    token = opened.context  # type: ignore[union-attr]
    assert ask(op.CloseEnumeration(namespace=VIRT, enumeration_context=token)) == Done()
    again = op.PullInstancePaths(namespace=VIRT, enumeration_context=token, max_object_count=1)
    assert refusal(ask, again).status is Status.INVALID_ENUMERATION_CONTEXT

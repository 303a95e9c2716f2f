"""pywbemcli reads a host: over HTTP and HTTPS, with pull operations, without, and as it decides itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from xencim.providers.catalogue import SPECS
from xencim.providers.interop.profiles import profile_records

from .programs import pywbemcli, run_pywbemcli

if TYPE_CHECKING:
    from tests.integration.conftest import ServerProcess

pytestmark = pytest.mark.clients

VM = 'Xen_ComputerSystem.CreationClassName="Xen_ComputerSystem",Name="vm-00001"'
SHRUB = """\
Xen_ComputerSystem.CreationClassName="Xen_ComputerSystem",Name="vm-00001"
 +-- Dependent(Role)
 |   +-- Xen_DomainDependency(AssocClass)
 |   |   +-- Antecedent(ResultRole)
 |   +-- Xen_HostedDependency(AssocClass)
 |       +-- Antecedent(ResultRole)
 +-- ManagedElement(Role)
 |   +-- Xen_ElementCapabilities(AssocClass)
 |   |   +-- Capabilities(ResultRole)
 |   +-- Xen_ElementConformsToProfile(AssocClass)
 |   |   +-- ConformantStandard(ResultRole)
 |   +-- Xen_SAPAvailableForElement(AssocClass)
 |   |   +-- AvailableSAP(ResultRole)
 |   +-- Xen_SettingsDefineState(AssocClass)
 |       +-- SettingData(ResultRole)
 +-- Antecedent(Role)
 |   +-- Xen_HostedAccessPoint(AssocClass)
 |   |   +-- Dependent(ResultRole)
 |   +-- Xen_MetricDefForME(AssocClass)
 |   |   +-- Dependent(ResultRole)
 |   +-- Xen_MetricForME(AssocClass)
 |       +-- Dependent(ResultRole)
 +-- AffectedElement(Role)
 |   +-- Xen_ServiceAffectsElement(AssocClass)
 |       +-- AffectingElement(ResultRole)
 +-- GroupComponent(Role)
     +-- Xen_SystemDevice(AssocClass)
         +-- PartComponent(ResultRole)
"""
TREE = """\
CIM_Controller
 +-- CIM_DisplayController
 |   +-- Xen_ConsoleDisplayController
 |   +-- Xen_DisplayController
 +-- Xen_Controller
"""


@pytest.fixture(params=["http", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["yes", "no"])
def pull(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def cells(table: str) -> list[list[str]]:
    """Return the cells of a table's rows; two spaces or more part them."""
    rule = next(number for number, line in enumerate(table.splitlines()) if line.startswith("---"))
    return [re.split(r" {2,}", line.strip()) for line in table.splitlines()[rule + 1 :] if line.strip()]


def names(output: str) -> list[str]:
    """Return the paths, one a line, sorted."""
    return sorted(line.partition("/root/virt:")[2] for line in output.splitlines() if line)


def vm(number: int) -> str:
    return VM.replace("vm-00001", f"vm-{number:05d}")


def test_server_and_namespaces(fake_server: ServerProcess, scheme: str) -> None:
    [row] = cells(pywbemcli(fake_server, "server", "info", scheme=scheme))
    assert (row[0], row[2:]) == ("xencim", ["interop", "interop, root/virt"])
    assert pywbemcli(fake_server, "server", "brand", scheme=scheme) == "xencim\n"
    assert cells(pywbemcli(fake_server, "namespace", "list", scheme=scheme)) == [["interop"], ["root/virt"]]
    assert pywbemcli(fake_server, "namespace", "interop", scheme=scheme) == "interop\n"


def test_profiles(fake_server: ServerProcess) -> None:
    assert cells(pywbemcli(fake_server, "profile", "list")) == [
        ["DMTF" if profile.organization == "DMTF" else "Other", profile.name, profile.version]
        for profile in sorted(
            profile_records(SPECS), key=lambda profile: (profile.organization, profile.name)
        )
    ]


def test_central_instances(fake_server: ServerProcess) -> None:
    table = pywbemcli(
        fake_server, "profile", "centralinsts", "--organization", "DMTF", "--profile", "Virtual System"
    )
    assert re.findall(r"//fake\.example/root/virt:(\S+)", table) == [vm(number) for number in range(3)]


def test_enumerate(fake_server: ServerProcess, scheme: str, pull: str) -> None:
    out = pywbemcli(
        fake_server, "instance", "enumerate", "Xen_ComputerSystem", "--no", scheme=scheme, pull=pull
    )
    assert names(out) == [vm(number) for number in range(3)]
    out = pywbemcli(
        fake_server,
        *("instance", "enumerate", "CIM_System", "--pl", "ElementName", "--pl", "EnabledState"),
        scheme=scheme,
        pull=pull,
    )
    assert sorted(re.findall(r"instance of (\w+) {\n   ElementName = \"(.*)\";\n", out)) == [
        *(("Xen_ComputerSystem", f"vm-{number:05d}") for number in range(3)),
        ("Xen_HostSystem", "fake.example"),
        ("Xen_VirtualEthernetSwitch", "default"),
    ]


def test_enumerate_with_a_filter_in_the_server(fake_server: ServerProcess) -> None:
    words = ("instance", "enumerate", "CIM_ComputerSystem", "--no", "--fql", "DMTF:FQL", "--fq")
    out = pywbemcli(fake_server, *words, "EnabledState = 3", pull="yes")
    assert names(out) == [vm(2)]


def test_get(fake_server: ServerProcess, scheme: str) -> None:
    out = pywbemcli(fake_server, "instance", "get", VM, "--pl", "Name,OperationalStatus", scheme=scheme)
    assert out.strip() == (
        'instance of Xen_ComputerSystem {\n   Name = "vm-00001";\n   OperationalStatus = { 2 };\n};'
    )
    done = run_pywbemcli(fake_server, "instance", "get", vm(9), scheme=scheme)
    assert done.returncode == 1
    assert (
        "Error: CIMError: 6 (CIM_ERR_NOT_FOUND): namespace root/virt has no instance Xen_ComputerSystem."
        'CreationClassName="Xen_ComputerSystem",Name="vm-00009"'
    ) in done.stderr.splitlines()


def test_associators_and_references(fake_server: ServerProcess, scheme: str, pull: str) -> None:
    how = {"scheme": scheme, "pull": pull}
    words = ("instance", "associators", VM, "--no", "--ac", "CIM_SystemDevice", "--rc", "CIM_Processor")
    assert names(pywbemcli(fake_server, *words, **how)) == [
        f'Xen_Processor.CreationClassName="Xen_Processor",DeviceID="vm-00001/{number}",'
        'SystemCreationClassName="Xen_ComputerSystem",SystemName="vm-00001"'
        for number in range(2)
    ]
    out = pywbemcli(fake_server, "instance", "associators", VM, "--pl", "DeviceID", **how)
    assert len(re.findall("^instance of ", out, re.MULTILINE)) == 30
    refer = ("instance", "references", VM, "--no", "--rc", "CIM_SettingsDefineState")
    [reference] = names(pywbemcli(fake_server, *refer, **how))
    own, settings = VM.replace('"', '\\"'), 'Xen_VirtualSystemSettingData.InstanceID=\\"Xen:vm-00001\\"'
    assert reference == (
        f'Xen_SettingsDefineState.ManagedElement="//fake.example/root/virt:{own}",'
        f'SettingData="//fake.example/root/virt:{settings}"'
    )
    out = pywbemcli(fake_server, "instance", "references", VM, "--pl", "", **how)
    assert len(re.findall("^instance of ", out, re.MULTILINE)) == 32


def test_shrub(fake_server: ServerProcess, pull: str) -> None:
    assert pywbemcli(fake_server, "instance", "shrub", VM, pull=pull).strip() == SHRUB.strip()


def test_count(fake_server: ServerProcess, pull: str) -> None:
    out = pywbemcli(fake_server, "instance", "count", "Xen_*Disk*", pull=pull)
    assert cells(out) == [
        ["root/virt", "Xen_DiskPool", "2"],
        ["root/virt", "Xen_DiskPoolResourceAllocationSettingData", "13"],
        ["root/virt", "Xen_DiskResourceAllocationSettingData", "17"],
        ["root/virt", "Xen_LogicalDisk", "6"],
    ]


@pytest.mark.parametrize(
    ("pull", "operation"),
    [("yes", "OpenQueryInstances"), ("no", "ExecQuery"), ("either", "OpenQueryInstances")],
)
def test_query(fake_server: ServerProcess, pull: str, operation: str) -> None:
    file = fake_server.state_dir / "pywbemcli.log"
    file.unlink(missing_ok=True)
    query = "SELECT Name FROM Xen_ComputerSystem WHERE EnabledState = 2"
    words = ("--log", "all=file", "instance", "query", query, "--query-language", "DMTF:CQL")
    done = run_pywbemcli(fake_server, *words, pull=pull)
    # pywbemtools 1.4.1 fails on whatever answer it gets (it iterates an object that is no iterable),
    # so what it was answered is read from its own log.
    if done.returncode:
        assert "'IterQueryInstancesReturn' object is not iterable" in done.stderr
    [reply] = re.findall(r"Response:.*? 200:OK .*", file.read_text())
    assert f'<IMETHODRESPONSE NAME="{operation}">' in reply
    assert re.findall(r'NAME="Name" TYPE="string"><VALUE>(.*?)</VALUE>', reply) == ["vm-00000", "vm-00001"]


def test_classes(fake_server: ServerProcess, scheme: str) -> None:
    out = pywbemcli(fake_server, "class", "tree", "CIM_Controller", scheme=scheme)
    assert out.strip() == TREE.strip()
    out = pywbemcli(fake_server, "class", "find", "Xen_*Pool", "-n", "root/virt", scheme=scheme)
    assert out.split() == [
        word
        for name in (
            "ControllerPool",
            "DiskPool",
            "ElementAllocatedFromPool",
            "GraphicsPool",
            "HostedResourcePool",
            "InputPool",
            "MemoryPool",
            "NetworkPool",
            "ProcessorPool",
            "ResourceAllocationFromPool",
        )
        for word in ("root/virt:", f"Xen_{name}")
    ]
    out = pywbemcli(fake_server, "class", "get", "Xen_ComputerSystem", "--lo", "--nq", scheme=scheme)
    assert " ".join(out.split()) == "class Xen_ComputerSystem : CIM_ComputerSystem { string UUID; };"


def test_request_state_change(own_server: ServerProcess) -> None:
    words = ("instance", "invokemethod", VM, "RequestStateChange", "-p", "RequestedState=9")
    assert pywbemcli(own_server, *words, account="operator") == "ReturnValue=0\n"
    assert "EnabledState = 9;" in pywbemcli(own_server, "instance", "get", VM, account="reader")
    denied = run_pywbemcli(own_server, *words, account="reader")
    assert denied.returncode == 1
    assert "CIM_ERR_ACCESS_DENIED" in denied.stderr


def test_a_wrong_password_is_refused(fake_server: ServerProcess, scheme: str) -> None:
    done = run_pywbemcli(fake_server, "server", "info", account="nobody", scheme=scheme)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: AuthError: WBEM server returned HTTP status 401")

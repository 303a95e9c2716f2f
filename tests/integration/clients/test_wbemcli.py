"""wbemcli (Debian's sblim-wbemcli) reads a host: exact sets, over HTTP and HTTPS, as somebody who logs in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .programs import connect, run_wbemcli, wbemcli

if TYPE_CHECKING:
    from tests.integration.conftest import ServerProcess

pytestmark = pytest.mark.clients

VM = 'Xen_ComputerSystem.CreationClassName="Xen_ComputerSystem",Name="vm-00001"'
UUID = "a2c24096-dbf0-565e-9fdc-1e145a23a0dd"
# The order in which the server gives keys: that of the class.
OWN = 'Xen_ComputerSystem.Name="vm-00001",CreationClassName="Xen_ComputerSystem"'
DRIVER = OWN.replace("vm-00001", "vm-00000")
METRICS = ("MemoryInUse", "ProcessorTime", "ProcessorUtilization")
HOST = 'Xen_HostSystem.Name="fake.example",CreationClassName="Xen_HostSystem"'
ACCESS_POINTS = (
    ("KVMRedirectionSAP", "-1:-1"),
    ("TextRedirectionSAP", "charconsole:0"),
    ("LANEndpoint", "vm-00001/00:16:3e:00:00:01"),
)
DEVICES = [
    ("Processor", "0"),
    ("Processor", "1"),
    ("Memory", "mem"),
    ("LogicalDisk", "xvda"),
    ("LogicalDisk", "hdc"),
    ("NetworkPort", "00:16:3e:00:00:01"),
    ("DisplayController", "vnc"),
    ("ConsoleDisplayController", "charconsole:0"),
    ("PointingDevice", "mouse:xen"),
    ("Keyboard", "keyboard:xen"),
    ("Controller", "controller:xenbus:0"),
]
SETTINGS = ["proc", "mem", "xvda", "hdc", "00:16:3e:00:00:01", "vnc", "mouse:xen", "keyboard:xen"]
SETTINGS += ["charconsole:0", "controller:xenbus:0"]


def device(cls: str, name: str) -> str:
    return (
        f'Xen_{cls}.SystemCreationClassName="Xen_ComputerSystem",SystemName="vm-00001",'
        f'CreationClassName="Xen_{cls}",DeviceID="vm-00001/{name}"'
    )


def access_point(cls: str, name: str) -> str:
    return (
        f'Xen_{cls}.Name="{name}",SystemCreationClassName="Xen_ComputerSystem",SystemName="vm-00001",'
        f'CreationClassName="Xen_{cls}"'
    )


def service(cls: str, name: str) -> str:
    return (
        f'Xen_{cls}.Name="{name}",SystemCreationClassName="Xen_HostSystem",SystemName="fake.example",'
        f'CreationClassName="Xen_{cls}"'
    )


DEVICE_NAMES = sorted(device(cls, name) for cls, name in DEVICES)
RELATED = sorted(
    [
        f"root/virt:{HOST}",
        'root/virt:Xen_EnabledLogicalElementCapabilities.InstanceID="vm-00001"',
        f"root/virt:{service('VirtualSystemManagementService', 'Management Service')}",
        f"root/virt:{service('ConsoleRedirectionService', 'ConsoleRedirectionService')}",
        f"root/virt:{service('VirtualSystemSnapshotService', 'SnapshotService')}",
        f"root/virt:{service('TextRedirectionService', 'TextRedirectionService')}",
        *(f"root/virt:{access_point(cls, name)}" for cls, name in ACCESS_POINTS),
        *(f"root/virt:{name}" for name in DEVICE_NAMES),
        'root/virt:Xen_VirtualSystemSettingData.InstanceID="Xen:vm-00001"',
        f"root/virt:{DRIVER}",
        *(f'root/virt:Xen_BaseMetricDefinition.Id="Xen:{name}"' for name in METRICS),
        *(f'root/virt:Xen_BaseMetricValue.InstanceID="Xen:{name}/vm-00001"' for name in METRICS),
        'interop:Xen_RegisteredProfile.InstanceID="CIM:DSP1052-ComputerSystem-1.0.0"',
        'interop:Xen_RegisteredProfile.InstanceID="CIM:DSP1057-VirtualSystem-1.0.0"',
    ]
)


def paths(lines: list[str], host: str) -> list[str]:
    """Return the sorted paths, all of which must be on the host, without it."""
    assert all(line.startswith(f"{host}/") for line in lines)
    return sorted(line.removeprefix(f"{host}/") for line in lines)


def names_of(records: list[str]) -> list[str]:
    """Return what stands before the properties: class and keys end where a space begins the properties."""
    return [re.split(r" (?=[A-Za-z]+=)", record, maxsplit=1)[0] for record in records]


def values(record: str) -> dict[str, str]:
    """Return the properties behind the path, as wbemcli writes them."""
    text = re.split(r'(?<=") (?=InstanceID=)', record, maxsplit=1)[1]
    return dict(re.findall(r'([A-Za-z]+)=((?:[^,"=]|,(?![A-Za-z]+=)|"[^"]*")*)(?:,|$)', text))


def netloc(server: ServerProcess, scheme: str) -> str:
    return server.url(scheme).removeprefix(f"{scheme}://")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_names_and_instances(fake_server: ServerProcess, scheme: str) -> None:
    expected = [
        f'root/virt:Xen_ComputerSystem.Name="vm-0000{n}",CreationClassName="Xen_ComputerSystem"'
        for n in range(3)
    ]
    where = netloc(fake_server, scheme)
    names = wbemcli(fake_server, "ein", "root/virt:Xen_ComputerSystem", scheme=scheme)
    assert paths(names, where) == expected
    records = wbemcli(fake_server, "ei", "root/virt:Xen_ComputerSystem", scheme=scheme)
    assert paths(names_of(records), where) == expected
    assert [values(one)["EnabledState"] for one in records] == ["2", "2", "3"]
    assert [values(one)["ElementName"] for one in records] == [f'"vm-0000{n}"' for n in range(3)]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_one_instance(fake_server: ServerProcess, scheme: str) -> None:
    [record] = wbemcli(fake_server, "gi", f"root/virt:{VM}", scheme=scheme)
    found = values(record)
    assert {name: value for name, value in found.items() if value} == {
        "Caption": '"Virtual System"',
        "Description": '"Machine 1 of a host made up in memory"',
        "ElementName": '"vm-00001"',
        "Name": '"vm-00001"',
        "OperationalStatus": "2",
        "StatusDescriptions": '"running"',
        "HealthState": "5",
        "CommunicationStatus": "2",
        "DetailedStatus": "1",
        "OperatingStatus": "16",
        "PrimaryStatus": "1",
        "EnabledState": "2",
        "RequestedState": "0",
        "EnabledDefault": "3",
        "AvailableRequestedStates": "3,4,6,9,10,11",
        "TransitioningToState": "5",
        "CreationClassName": '"Xen_ComputerSystem"',
        "NameFormat": '"Other"',
        "OtherIdentifyingInfo": f'"Virtual System","Xen Virtual System","{UUID}"',
        "IdentifyingDescriptions": '"Type","Model","UUID"',
        "ResetCapability": "4",
        "UUID": f'"{UUID}"',
    }


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_associators(fake_server: ServerProcess, scheme: str) -> None:
    names = wbemcli(fake_server, "ain", f"root/virt:{VM}", scheme=scheme)
    assert paths(names, "fake.example") == RELATED
    records = wbemcli(fake_server, "ai", f"root/virt:{VM}", scheme=scheme)
    assert (
        paths([re.split(r" (?=InstanceID=|Caption=)", one)[0] for one in records], "fake.example") == RELATED
    )


def test_associators_filtered(fake_server: ServerProcess) -> None:
    def ask(*options: str) -> list[str]:
        return paths(wbemcli(fake_server, "ain", f"root/virt:{VM}", options=options), "fake.example")

    devices = [f"root/virt:{name}" for name in DEVICE_NAMES]
    assert ask("-ac", "CIM_SystemDevice") == devices
    assert ask("-ac", "xen_systemdevice", "-ar", "groupcomponent", "-arr", "partcomponent") == devices
    assert ask("-ac", "Xen_SystemDevice", "-ar", "PartComponent") == []
    assert ask("-arc", "CIM_LogicalDevice") == devices
    assert ask("-ar", "Dependent") == [f"root/virt:{one}" for one in (DRIVER, HOST)]
    assert ask("-arc", "CIM_Processor") == [f"root/virt:{device('Processor', n)}" for n in "01"]
    settings = 'Xen_VirtualSystemSettingData.InstanceID="Xen:vm-00001"'
    parts = wbemcli(fake_server, "ain", f"root/virt:{settings}", options=("-ar", "GroupComponent"))
    assert sorted(line.split('.InstanceID="vm-00001/')[1] for line in parts) == sorted(
        f'{name}"' for name in SETTINGS
    )


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_references(fake_server: ServerProcess, scheme: str) -> None:
    whole = wbemcli(fake_server, "rin", f"root/virt:{VM}", scheme=scheme)
    assert len(whole) == len(set(whole)) == len(RELATED) + 2  # its consoles are both hosted and available
    devices = wbemcli(
        fake_server, "rin", f"root/virt:{VM}", options=("-arc", "CIM_SystemDevice"), scheme=scheme
    )
    # wbemcli leaves the colon out of a path in a path.
    own = f"fake.example/root/virt{OWN}"
    assert paths(devices, "fake.example") == [
        f"root/virt:Xen_SystemDevice.GroupComponent={own},PartComponent=fake.example/root/virt{name}"
        for name in DEVICE_NAMES
    ]
    records = wbemcli(
        fake_server, "ri", f"root/virt:{VM}", options=("-arc", "Xen_SettingsDefineState"), scheme=scheme
    )
    ends = f"ManagedElement={own},SettingData=fake.example/root/virt"
    ends += 'Xen_VirtualSystemSettingData.InstanceID="Xen:vm-00001"'
    assert paths(records, "fake.example") == [f"root/virt:Xen_SettingsDefineState.{ends} {ends}"]
    assert len(wbemcli(fake_server, "ri", f"root/virt:{VM}", scheme=scheme)) == len(whole)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_classes(fake_server: ServerProcess, scheme: str) -> None:
    where = netloc(fake_server, scheme)
    with connect(fake_server) as connection:
        known = sorted(connection.EnumerateClassNames(DeepInheritance=True))
        properties = list(connection.GetClass("Xen_ComputerSystem", LocalOnly=False).properties)
    assert {"CIM_ManagedElement", "Xen_ComputerSystem"} < set(known)
    lines = wbemcli(fake_server, "ecn", "root/virt", scheme=scheme)
    assert paths(lines, where) == [f"root/virt:{name}" for name in known]
    below = wbemcli(fake_server, "ecn", "root/virt:CIM_ComputerSystem", scheme=scheme)
    systems = ("Xen_ComputerSystem", "Xen_HostSystem", "Xen_VirtualEthernetSwitch")
    assert paths(below, where) == [f"root/virt:{name}" for name in systems]
    [line] = wbemcli(fake_server, "gc", "root/virt:Xen_ComputerSystem", scheme=scheme)
    assert line == f"{where}/root/virt:Xen_ComputerSystem {','.join(f'{name}=' for name in properties)}"


def test_properties_and_what_is_not_offered(fake_server: ServerProcess) -> None:
    assert wbemcli(fake_server, "gp", f"root/virt:{VM}", "ElementName") == ["vm-00001"]
    for command, path, *words in [
        ("sp", VM, "Name=x"),
        ("ci", VM, 'Name="x"'),
        ("mi", VM, 'Name="x"'),
        ("di", VM),
        ("dc", "Xen_ComputerSystem"),
    ]:
        said = run_wbemcli(fake_server, command, f"root/virt:{path}", *words).stderr.splitlines()[1]
        assert said.startswith("* wbemcli: Cim: (7) CIM_ERR_NOT_SUPPORTED: ")
        assert said.endswith(" is not offered by this server")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("gi", VM.replace("vm-00001", "gone")),
            f"(6) CIM_ERR_NOT_FOUND: namespace root/virt has no instance {VM.replace('vm-00001', 'gone')}",
        ),
        (("ein", "No_Such"), "(5) CIM_ERR_INVALID_CLASS: namespace root/virt has no class 'No_Such'"),
        (("gc", "No_Such"), "(6) CIM_ERR_NOT_FOUND: namespace root/virt has no class 'No_Such'"),
        (
            ("cm", VM, "Fly.Height=1"),
            "(17) CIM_ERR_METHOD_NOT_FOUND: class Xen_ComputerSystem has no method 'Fly'",
        ),
        (
            ("cm", VM, "RequestStateChange.RequestedState=x"),
            "(13) CIM_ERR_TYPE_MISMATCH: parameter RequestedState of RequestStateChange: 'x' is not a uint16",
        ),
    ],
)
def test_errors_are_told(fake_server: ServerProcess, words: tuple[str, ...], said: str) -> None:
    command, path, *more = words
    done = run_wbemcli(fake_server, command, f"root/virt:{path}", *more)
    assert (done.returncode, done.stdout) == (16, "")
    assert done.stderr.splitlines()[1] == f"* wbemcli: Cim: {said}"


def test_namespaces_and_their_aliases(fake_server: ServerProcess) -> None:
    canonical = wbemcli(fake_server, "ain", f"root/virt:{VM}")
    assert wbemcli(fake_server, "ain", f"root/cimv2:{VM}") == canonical
    manager = wbemcli(fake_server, "ein", "root/interop:CIM_ObjectManager")
    assert len(manager) == 1
    assert wbemcli(fake_server, "ein", "root/PG_InterOp:CIM_ObjectManager") != []
    done = run_wbemcli(fake_server, "ein", "root/nowhere:CIM_System")
    assert done.stderr.splitlines()[1] == (
        "* wbemcli: Cim: (3) CIM_ERR_INVALID_NAMESPACE: there is no namespace 'root/nowhere' "
        "(there are interop, root/virt)"
    )


def test_a_wrong_password_is_refused(fake_server: ServerProcess) -> None:
    done = run_wbemcli(fake_server, "ein", "root/virt:CIM_System", account="nobody")
    assert (done.stdout, done.stderr.splitlines()[1]) == (
        "",
        "* wbemcli: Http Exception: Invalid username/password.",
    )


def test_request_state_change(own_server: ServerProcess) -> None:
    def change(state: object, *, account: str = "operator", scheme: str = "https") -> str:
        [line] = wbemcli(
            own_server,
            "cm",
            f"root/virt:{VM}",
            f"RequestStateChange.RequestedState={state}",
            account=account,
            scheme=scheme,
        )
        [returned] = re.findall("RequestStateChange: ([0-9]+)", line)
        return str(returned)

    def state() -> str:
        return values(wbemcli(own_server, "gi", f"root/virt:{VM}")[0])["EnabledState"]

    assert (change(9), state()) == ("0", "9")
    assert (change(4), state()) == ("4097", "9")  # a paused guest does not hear that it shall shut down
    assert (change(2, scheme="http"), state()) == ("0", "2")
    assert (change("6,TimeoutPeriod=00000000000010.000000:000"), state()) == ("0", "6")
    assert (change(2, account="admin"), state()) == ("0", "2")
    assert (change(77), change(8)) == ("5", "1")
    denied = run_wbemcli(
        own_server, "cm", f"root/virt:{VM}", "RequestStateChange.RequestedState=3", account="reader"
    )
    assert denied.stderr.splitlines()[1] == (
        "* wbemcli: Cim: (2) CIM_ERR_ACCESS_DENIED: 'reader' has no operate access: method "
        "RequestStateChange of class Xen_ComputerSystem (an administrator grants it in the [access] section "
        "of the configuration)"
    )
    assert state() == "2"


ODD = "R&D \"x\" <y> 'z' Größe=1,2;stored"


def test_odd_names_arrive_whole(node_server: ServerProcess) -> None:
    names = wbemcli(node_server, "ein", "root/virt:Xen_ComputerSystem")
    assert sorted(line.split(".Name=")[1] for line in names) == [
        f'"{name}",CreationClassName="Xen_ComputerSystem"' for name in (ODD, "paused", "web")
    ]
    devices = wbemcli(node_server, "ein", "root/virt:Xen_Memory")
    assert sorted(line.split("DeviceID=")[1] for line in devices) == [
        f'"{name}/mem"' for name in (ODD, "paused", "web")
    ]
    whole = "\n".join(wbemcli(node_server, "ei", "root/virt:Xen_ComputerSystem"))
    assert 'Description="two\nlines & a <tag>"' in whole


@pytest.mark.parametrize("kind", ["fake", "default", "node"])
def test_its_parser_reads_every_class(request: pytest.FixtureRequest, kind: str) -> None:
    server: ServerProcess = request.getfixturevalue(f"{kind}_server")
    record = re.compile(rf"^{re.escape(netloc(server, 'http'))}/(?:root/virt|interop):", re.MULTILINE)
    wrong = []
    with connect(server) as connection:
        counts = {
            (namespace, name): len(connection.EnumerateInstanceNames(name, namespace))
            for namespace in ("interop", "root/virt")
            for name in connection.EnumerateClassNames(namespace, DeepInheritance=True)
        }
    assert sum(count > 0 for count in counts.values()) > 100
    for (namespace, name), count in counts.items():
        asked = {"ein": count, "ei": count} if count else {}
        if kind == "fake":  # the classes are the same everywhere
            asked |= {"gc": 1, "ein": count, "ei": count}
        for command, expected in asked.items():
            done = run_wbemcli(server, command, f"{namespace}:{name}")
            found = len(record.findall(done.stdout))
            if (done.returncode, done.stderr, found) != (0, "", expected):
                wrong.append((namespace, name, command, found, expected, done.stderr))
    assert wrong == []

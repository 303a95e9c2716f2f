"""What pywbem's WBEMServer finds out about a server: brand, namespaces, profiles, central instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pywbem import WBEMServer

from xencim import __version__
from xencim.providers.catalogue import SPECS
from xencim.providers.interop.profiles import profile_records

from .programs import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import ServerProcess

# What each profile's central instances are, on a host made up in memory with three machines.
POOLS = ["ControllerPool/0", "DiskPool/0", "DiskPool/default", "GraphicsPool/0", "InputPool/0"]
PROCESSORS = ["ProcessorPool/0", "ProcessorPool/Pool-0", "ProcessorPool/batch"]
POOLS += ["MemoryPool/0", "NetworkPool/0", "NetworkPool/default", *PROCESSORS]
MACHINES = ["vm-00000", "vm-00001", "vm-00002"]
CENTRAL = {
    "Profile Registration": ["xencim"],
    "Resource Allocation": POOLS,
    "System Virtualization": ["fake.example"],
    "Allocation Capabilities": POOLS,
    "Processor Resource Virtualization": PROCESSORS,
    "Memory Resource Virtualization": ["MemoryPool/0"],
    "Storage Resource Virtualization": ["DiskPool/0", "DiskPool/default"],
    "Ethernet Port Resource Virtualization": ["NetworkPool/0", "NetworkPool/default"],
    "Computer System": ["fake.example", *MACHINES],
    "Virtual System": MACHINES,
    "Generic Device Resource Virtualization": ["ControllerPool/0", "GraphicsPool/0", "InputPool/0"],
    "KVM Redirection": ["ConsoleRedirectionService"],
    "Virtualization Security Policy": ["SecurityPolicyService"],
}
OURS = "Virtualization Security Policy"


@pytest.fixture(scope="module", params=[True, False])
def server(request: pytest.FixtureRequest, fake_server: ServerProcess) -> Iterator[Any]:
    with connect(fake_server, scheme="https", account="reader", use_pull=request.param) as connection:
        yield WBEMServer(connection)


def test_brand_and_version(server: Any) -> None:  # noqa: ANN401 - a WBEMServer
    assert (server.brand, server.version) == ("xencim", __version__)
    expected = f"xencim CIM server for virtualization hosts, version {__version__}"
    assert server.cimom_inst["Description"] == expected


def test_namespaces(server: Any) -> None:  # noqa: ANN401 - as above
    assert (server.interop_ns, server.namespaces) == ("interop", ["interop", "root/virt"])
    assert [path.keybindings["Name"] for path in server.namespace_paths] == ["interop", "root/virt"]


def test_profiles(server: Any) -> None:  # noqa: ANN401 - as above
    found = {(one["RegisteredName"], one["RegisteredVersion"]) for one in server.profiles}
    assert found == {(profile.name, profile.version) for profile in profile_records(SPECS)}
    assert set(CENTRAL) <= {name for name, _version in found}
    others = [one for one in server.profiles if one["RegisteredOrganization"] != 2]
    assert [(one["OtherRegisteredOrganization"], one["RegisteredName"]) for one in others] == [
        ("xencim", OURS)
    ]


@pytest.mark.parametrize("name", CENTRAL)
def test_central_instances(server: Any, name: str) -> None:  # noqa: ANN401 - as above
    [profile] = server.get_selected_profiles("Other" if name == OURS else "DMTF", name)
    found = server.get_central_instances(profile.path)
    keys = [path.keybindings for path in found]
    assert sorted(one.get("Name") or one["InstanceID"] for one in keys) == CENTRAL[name]


def test_central_instances_from_the_scoping_class(server: Any) -> None:  # noqa: ANN401 - as above
    [profile] = server.get_selected_profiles("DMTF", "Virtual System")
    found = server.get_central_instances(
        profile.path,
        central_class="CIM_ComputerSystem",
        scoping_class="CIM_ComputerSystem",
        scoping_path=["CIM_HostedDependency"],
    )
    assert sorted(path.keybindings["Name"] for path in found) == MACHINES


def test_one_mechanism_for_each_listener(server: Any, fake_server: ServerProcess) -> None:  # noqa: ANN401 - as above
    found = server.conn.EnumerateInstances("CIM_ObjectManagerCommunicationMechanism", "interop")
    assert sorted(one["Name"] for one in found) == sorted(fake_server.urls)
    assert {one.classname for one in found} == {"CIM_CIMXMLCommunicationMechanism"}

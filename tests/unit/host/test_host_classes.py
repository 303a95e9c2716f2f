"""The host, its services, their capabilities and remote displays: exact instances and links."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from xencim import __version__
from xencim.providers.backends.fake import fake_config, fake_host
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import (
    Graphics,
    GuestSupport,
    Host,
    InputDevice,
    PowerState,
    VirtualMachine,
)
from xencim.providers.consoles import kvm_redirection_sap
from xencim.providers.core.access import Access
from xencim.providers.core.spec import Const, Context, MethodSpec
from xencim.providers.host import ASSOCIATIONS, SPECS, associations, capabilities, consoles, host_system
from xencim.providers.host.services import (
    SERVICES,
    virtual_system_management_capabilities,
    virtual_system_management_service,
    virtual_system_migration_setting_data,
)
from xencim.providers.host.services.common import methods_supported, service_props
from xencim.providers.host.templates import virtual_system

if TYPE_CHECKING:
    from xencim.providers.core.spec import AssocSpec, ClassSpec, MethodCall, MethodResult, Prop, Row

HOST = Host(
    name="h.example",
    prefix="Xen",
    hypervisor="Xen",
    uuid="c0ffee00-0000-4000-8000-000000000001",
    hypervisor_version="4.17.5",
    library="libvirt",
    library_version="9.0.0",
    arch="x86_64",
    cpu_model="Xeon",
    cpu_count=8,
    memory_kib=4096,
    vendor="Maker",
    product="Box",
    serial="S1",
    guests=(
        GuestSupport(os_type="xen", arch="x86_64", machines=("xenpv",)),
        GuestSupport(os_type="hvm", arch="i686"),
        GuestSupport(os_type="hvm", arch="x86_64", machines=("xenfv", "old")),
    ),
    migration_uris=("rdma", "tcp"),
)
PLAIN = replace(fake_config(1), inputs=(InputDevice(type="mouse"),))
CURRENT = replace(
    PLAIN,
    graphics=(
        Graphics(type="vnc", listen="127.0.0.1", port=5900, autoport=True),
        Graphics(type="spice", port=5901),
    ),
)
STORED = replace(PLAIN, graphics=(Graphics(type="vnc", port=-1, autoport=True),))
OFF = replace(PLAIN, graphics=(Graphics(type="vnc", port=-1), Graphics(type="vnc", index=1, port=-1)))
MACHINES = (
    VirtualMachine(uuid="1", name="on", state=PowerState.RUNNING, current=CURRENT, stored=STORED),
    VirtualMachine(uuid="2", name="off", state=PowerState.SHUT_OFF, current=OFF),
    VirtualMachine(uuid="3", name="blind", state=PowerState.RUNNING, current=replace(PLAIN, graphics=())),
)


def make_context(host: Host = HOST) -> Context:
    inventory = Inventory()
    for record in (host, *MACHINES):
        inventory.put(record)
    return Context(inventory.view, Inventory().view)


def instance(spec: ClassSpec, row: Row) -> dict[str, object]:
    """Return the properties that are told and are not NULL, names of classes left out."""
    found: dict[str, object] = {}
    for prop in (*spec.keys, *spec.props):
        if isinstance(prop.get, Const) or callable(prop.get):
            value = prop.get.value if isinstance(prop.get, Const) else prop.get(*row)
            if value is not None:
                found[prop.name] = value
    return found


def only(context: Context, spec: ClassSpec) -> dict[str, object]:
    [row] = spec.rows.all(context)
    return instance(spec, row)


def key(spec: ClassSpec, row: Row) -> str:
    found = instance(spec, row)
    names = [str(found[prop.name]) for prop in spec.keys if prop.name in found]
    return f"{spec.cim_class} {' '.join(names)}"


def pairs(context: Context, assoc: AssocSpec, left: str = "") -> set[tuple[str, str]]:
    return {
        (key(link.left, row), key(link.right, other))
        for link in assoc.links
        if left in {"", link.left.cim_class}
        for row in link.left.rows.all(context)
        for other in link.rights_of(context, row)
    }


def test_the_host_tells_who_it_is() -> None:
    assert only(make_context(), host_system.SPEC) == {
        "Name": "h.example",
        "NameFormat": "IP",
        "ElementName": "h.example",
        "Caption": "Xen 4.17.5",
        "Description": "Xen 4.17.5, libvirt 9.0.0, 8 x86_64 processors, Xeon, Maker Box",
        "IdentifyingDescriptions": ("CIM:GUID", "CIM:Model:SerialNumber"),
        "OtherIdentifyingInfo": ("c0ffee00-0000-4000-8000-000000000001", "Box:S1"),
        "Dedicated": (0,),
        "EnabledState": 2,
        "RequestedState": 12,
        "EnabledDefault": 2,
        "TransitioningToState": 12,
        "OperationalStatus": (2,),
        "StatusDescriptions": ("The hypervisor answers",),
        "HealthState": 5,
        "PrimaryStatus": 1,
        "CommunicationStatus": 2,
    }


def test_a_host_without_contact_says_since_when() -> None:
    gone = replace(HOST, no_contact_since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    host = only(make_context(gone), host_system.SPEC)
    assert (host["EnabledState"], host["OperationalStatus"], host["CommunicationStatus"]) == (0, (13,), 3)
    assert host["StatusDescriptions"] == ("No contact with Xen since 2026-01-02T03:04:05+00:00",)


def test_an_unidentified_host_invents_nothing() -> None:
    host = only(make_context(Host(name="h.example", prefix="Xen", hypervisor="Xen")), host_system.SPEC)
    assert "OtherIdentifyingInfo" not in host
    assert "IdentifyingDescriptions" not in host
    assert host["Caption"] == "Xen"


def test_the_management_service_tells_releases() -> None:
    assert only(make_context(), virtual_system_management_service.SPEC) == {
        "SystemName": "h.example",
        "Name": "Management Service",
        "ElementName": "Virtual system management",
        "Caption": "Xen 4.17.5",
        "Release": __version__,
        "LibvirtVersion": "9.0.0",
        "Started": True,
        "EnabledState": 2,
        "EnabledDefault": 2,
        "RequestedState": 12,
        "TransitioningToState": 12,
        "OperationalStatus": (2,),
        "HealthState": 5,
        "PrimaryStatus": 1,
    }


@pytest.mark.parametrize("spec", SERVICES, ids=lambda spec: spec.cim_class)
def test_a_service_is_enabled_when_it_does_something(spec: ClassSpec) -> None:
    # Snapshots are the driver's, and this host's driver has none.
    has_methods = spec.methods and spec.cim_class != "VirtualSystemSnapshotService"
    works = bool(has_methods) or spec.cim_class in {"ConsoleRedirectionService", "TextRedirectionService"}
    service = only(make_context(), spec)
    assert (service["EnabledState"], service["Started"]) == ((2, True) if works else (3, False))


def test_capabilities_are_what_the_services_carry_out() -> None:
    # xs-cim listed methods that it did not have and left out some that it had.
    async def call(_call: MethodCall) -> MethodResult:
        raise NotImplementedError

    numbers = {"DefineSystem": 2, "DestroySystem": 3, "AddResourceSettings": 10}
    methods = [MethodSpec(name, call, Access.ADMIN) for name in ("AddResourceSettings", "DefineSystem")]
    assert methods_supported(methods, numbers) == Const((2, 10))
    assert methods_supported((), numbers) == Const(None)
    found = only(make_context(), virtual_system_management_capabilities.SPEC)
    assert found["SynchronousMethodsSupported"] == (2, 3, 5, 6, 7, 10)
    assert found["AsynchronousMethodsSupported"] == found["SynchronousMethodsSupported"]
    assert found["VirtualSystemTypesSupported"] == ("Xen", "Virtual Ethernet Switch")


def test_an_enabled_service_is_started() -> None:
    def told(props: tuple[Prop, ...]) -> dict[str, object]:
        return {prop.name: prop.get.value for prop in props if isinstance(prop.get, Const)}

    assert told(service_props(enabled=True)) == {
        "Started": True,
        "EnabledState": 2,
        "EnabledDefault": 2,
        "RequestedState": 12,
        "TransitioningToState": 12,
        "OperationalStatus": (2,),
        "HealthState": 5,
        "PrimaryStatus": 1,
    }


@pytest.mark.parametrize(
    ("uris", "transport"), [(("rdma", "tcp"), 5), (("xenmigr",), 5), (("tls", "tcp"), 3), ((), 0)]
)
def test_migration_s_transport_is_what_the_hypervisor_names(uris: tuple[str, ...], transport: int) -> None:
    found = only(make_context(replace(HOST, migration_uris=uris)), virtual_system_migration_setting_data.SPEC)
    assert (found["MigrationType"], found["TransportType"]) == (2, transport)


def test_there_is_a_template_for_each_kind_of_machine() -> None:
    context = make_context()
    found = [instance(virtual_system.SPEC, row) for row in virtual_system.SPEC.rows.all(context)]
    assert [(one["InstanceID"], one["IsFullVirt"], one.get("Machine")) for one in found] == [
        ("Xen_Paravirt_Guest", False, "xenpv"),
        ("Xen_Fullvirt_Guest/i686", True, None),
        ("Xen_Fullvirt_Guest", True, "xenfv"),
    ]
    for one in found:
        row = virtual_system.SPEC.rows.find(context, {"instanceid": str(one["InstanceID"])})
        assert row is not None
        assert instance(virtual_system.SPEC, row) == one


def test_displays_tell_the_port_of_the_running_machine() -> None:
    # libvirt-cim read the stored definition: "-1:-1" for a machine that listens on 5900.
    context = make_context()
    found = [instance(kvm_redirection_sap.SPEC, row) for row in kvm_redirection_sap.SPEC.rows.all(context)]
    assert found[0] == {
        "SystemName": "on",
        "Name": "5900:-1",
        "ElementName": "5900:-1",
        "Caption": "Display of on on vnc://127.0.0.1:5900",
        "AccessInfo": "vnc://127.0.0.1:5900",
        "KVMProtocol": 4,
        "EnabledState": 6,
        "RequestedState": 12,
        "EnabledDefault": 6,
        "TransitioningToState": 12,
        "OperationalStatus": (2,),
    }
    assert (found[1]["KVMProtocol"], found[1]["OtherKVMProtocol"]) == (1, "SPICE")
    assert [(one["SystemName"], one["Name"], one["EnabledState"]) for one in found[1:]] == [
        ("on", "5901:-1", 6),
        ("off", "-1:-1", 3),
        ("off", "-1:-1;1", 3),
    ]


def test_displays_are_found_by_their_keys() -> None:
    context = make_context()
    find = kvm_redirection_sap.SPEC.rows.find
    row = find(context, {"systemname": "off", "name": "-1:-1;1"})
    assert row is not None
    assert row[1].index == 1
    assert find(context, {"systemname": "on", "name": "-1:-1"}) is None
    assert find(context, {"systemname": "nobody", "name": "-1:-1"}) is None


def test_the_host_is_the_antecedent_of_its_machines() -> None:
    # libvirt-cim had the ends the other way round.
    context = make_context()
    assert associations.HOSTED_DEPENDENCY.left_role == "Antecedent"
    assert pairs(context, associations.HOSTED_DEPENDENCY) == {
        ("HostSystem h.example", f"ComputerSystem {name}") for name in ("on", "off", "blind")
    }


def test_the_host_has_every_service() -> None:
    # libvirt-cim left out the snapshot service.
    assert {right for _, right in pairs(make_context(), associations.HOSTED_SERVICE)} == {
        "VirtualSystemManagementService h.example Management Service",
        "ResourcePoolConfigurationService h.example RPCS",
        "VirtualSystemMigrationService h.example MigrationService",
        "VirtualSystemSnapshotService h.example SnapshotService",
        "ConsoleRedirectionService h.example ConsoleRedirectionService",
        "TextRedirectionService h.example TextRedirectionService",
        "SecurityPolicyService h.example SecurityPolicyService",
        "ACMSecurityModule h.example ACM",
    }


def test_the_redirection_service_affects_machines_with_a_display() -> None:
    context = make_context()
    affected = {
        left
        for left, right in pairs(context, associations.SERVICE_AFFECTS_ELEMENT)
        if right.startswith("ConsoleRedirectionService")
    }
    assert {left for left in affected if left.startswith("ComputerSystem")} == {
        "ComputerSystem on",
        "ComputerSystem off",
    }
    assert not any("blind" in left for left in affected)


def test_a_display_belongs_to_its_machine_and_to_the_service() -> None:
    context = make_context()
    names = {("on", "5900:-1"), ("on", "5901:-1"), ("off", "-1:-1"), ("off", "-1:-1;1")}
    displays = {(f"ComputerSystem {vm}", f"KVMRedirectionSAP {vm} {name}") for vm, name in names}
    lines = {
        (f"ComputerSystem {vm}", f"TextRedirectionSAP {vm} charconsole:0") for vm in ("on", "off", "blind")
    }
    assert pairs(context, consoles.HOSTED_ACCESS_POINT) == displays | lines
    assert pairs(context, consoles.SAP_AVAILABLE_FOR_ELEMENT) == {(b, a) for a, b in displays | lines}
    service = "RedirectionService h.example"
    assert pairs(context, consoles.SERVICE_ACCESS_BY_SAP) == {
        *((f"Console{service} ConsoleRedirectionService", sap) for _, sap in displays),
        *((f"Text{service} TextRedirectionService", sap) for _, sap in lines),
    }


def test_the_host_is_capable_of_what_its_services_and_pools_are() -> None:
    context = make_context()
    found = {right for _, right in pairs(context, capabilities.ELEMENT_CAPABILITIES, "HostSystem")}
    assert found == {
        "VirtualSystemManagementCapabilities ManagementCapabilities",
        "VirtualSystemMigrationCapabilities MigrationCapabilities",
        "ConsoleRedirectionServiceCapabilities ConsoleRedirectionCapabilities",
        *(
            f"AllocationCapabilities {kind}Pool/0"
            for kind in ("Processor", "Memory", "Disk", "Network", "Graphics", "Input", "Controller")
        ),
    }


@pytest.mark.parametrize("assoc", ASSOCIATIONS, ids=lambda assoc: assoc.cim_class)
def test_either_end_of_every_association_tells_the_same_pairs(assoc: AssocSpec) -> None:
    context = make_context()
    for link in assoc.links:
        back = {
            (key(link.left, left), key(link.right, right))
            for right in link.right.rows.all(context)
            for left in link.lefts_of(context, right)
        }
        forth = {
            (key(link.left, left), key(link.right, right))
            for left in link.left.rows.all(context)
            for right in link.rights_of(context, left)
        }
        assert forth == back, (link.left.cim_class, link.right.cim_class)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.cim_class)
def test_every_row_is_found_again_by_its_keys_as_the_same_records(spec: ClassSpec) -> None:
    context = make_context(replace(fake_host(3), name="h.example"))
    for row in spec.rows.all(context):
        keys = {name.lower(): str(value) for name, value in instance(spec, row).items()}
        found = spec.rows.find(context, keys)
        assert found is not None
        assert tuple(map(id, found)) == tuple(map(id, row))

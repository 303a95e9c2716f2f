"""The server itself: object manager, namespaces, mechanisms, profiles and what joins them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.fake import fake_config, fake_host
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import (
    Element,
    Job,
    JobState,
    Listener,
    Namespace,
    Network,
    ObjectManager,
    PowerState,
    Record,
    VirtualMachine,
)
from xencim.providers.catalogue import SPECS as ALL_SPECS
from xencim.providers.core.carrying.pull import MAX_TIMEOUT_S
from xencim.providers.core.spec import Const, Context
from xencim.providers.interop import (
    ASSOCIATIONS,
    SPECS,
    associations,
    communication_mechanism,
    namespace,
    object_manager,
    registered_profile,
)
from xencim.providers.interop.profiles import PROFILES, REFERENCED_BY, REFERENCES, profile_records

if TYPE_CHECKING:
    from xencim.providers.core.spec import AssocSpec, ClassSpec, Row

STARTED = datetime(2026, 1, 2, tzinfo=UTC)
MANAGER = ObjectManager(
    system_name="h.example",
    system_class="Xen_HostSystem",
    name="xencim",
    version="1.2.3",
    started=STARTED,
)
HOST = replace(fake_host(1), name="h.example")
SERVER: tuple[Record, ...] = (
    MANAGER,
    Namespace(name="interop", is_interop=True),
    Namespace(name="root/virt"),
    Listener(url="https://h.example:5989", scheme="https"),
    Listener(url="unix:/run/xencim.sock", scheme="unix"),
    *profile_records(ALL_SPECS),
)


def make_context(host_name: str = "h.example", server: tuple[Record, ...] = SERVER) -> Context:
    inventory = Inventory()
    inventory.put(replace(HOST, name=host_name))
    for name in ("one", "two"):
        inventory.put(VirtualMachine(uuid=name, name=name, state=PowerState.RUNNING, current=fake_config(1)))
    inventory.put(Network(name="lan", uuid="n", active=True))
    machine = Element("ComputerSystem", (("Name", "one"),))
    inventory.put(
        Job(
            id="1",
            name="RequestStateChange",
            kind="test",
            owner=machine,
            affected=(machine,),
            principal="root",
            queue="one",
            state=JobState.RUNNING,
            submitted=STARTED,
            changed=STARTED,
        )
    )
    own = Inventory()
    for record in server:
        own.put(record)
    return Context(inventory.view, own.view)


def instance(spec: ClassSpec, row: Row) -> dict[str, object]:
    """Return the properties that are told and are not NULL, names of classes left out."""
    found: dict[str, object] = {}
    for prop in (*spec.keys, *spec.props):
        if isinstance(prop.get, Const) or callable(prop.get):
            value = prop.get.value if isinstance(prop.get, Const) else prop.get(*row)
            if value is not None:
                found[prop.name] = value
    return found


def key(spec: ClassSpec, row: Row) -> str:
    return str(instance(spec, row)[spec.keys[-1].name])


def pairs(context: Context, assoc: AssocSpec) -> set[tuple[str, str]]:
    return {
        (key(link.left, row), f"{link.right.cim_class} {key(link.right, other)}")
        for link in assoc.links
        for row in link.left.rows.all(context)
        for other in link.rights_of(context, row)
    }


def test_the_object_manager_tells_product_and_version() -> None:
    [row] = object_manager.SPEC.rows.all(make_context())
    assert instance(object_manager.SPEC, row) == {
        "SystemCreationClassName": "Xen_HostSystem",
        "SystemName": "h.example",
        "Name": "xencim",
        "ElementName": "xencim",
        "Caption": "CIM server",
        "Description": "xencim CIM server for virtualization hosts, version 1.2.3",
        "Started": True,
        "GatherStatisticalData": False,
        "EnabledState": 2,
        "RequestedState": 12,
        "EnabledDefault": 2,
        "TransitioningToState": 12,
        "TimeOfLastStateChange": STARTED,
        "OperationalStatus": (2,),
        "HealthState": 5,
        "PrimaryStatus": 1,
    }


def test_a_server_that_is_not_there_yet_has_no_instances() -> None:
    context = make_context(server=())
    for spec in SPECS:
        assert list(spec.rows.all(context)) == []
        assert spec.rows.find(context, {"name": "interop", "instanceid": "CIM:DSP1042-X-1"}) is None


def test_namespaces_tell_what_they_are_for() -> None:
    context = make_context()
    found = [instance(namespace.SPEC, row) for row in namespace.SPEC.rows.all(context)]
    assert [(one["Name"], one["Caption"]) for one in found] == [
        ("interop", "Interop namespace"),
        ("root/virt", "Namespace of virtualization hosts"),
    ]
    assert {one["ObjectManagerName"] for one in found} == {"xencim"}


def test_each_listener_is_a_mechanism() -> None:
    context = make_context()
    rows = list(communication_mechanism.SPEC.rows.all(context))
    https, unix = (instance(communication_mechanism.SPEC, row) for row in rows)
    assert (https["Name"], unix["Name"]) == ("https://h.example:5989", "unix:/run/xencim.sock")
    assert https["FunctionalProfilesSupported"] == (2, 5, 6, 7, 9, 10, 12)
    assert https["AuthenticationMechanismsSupported"] == (3,)
    assert "AuthenticationMechanismDescriptions" not in https
    assert unix["AuthenticationMechanismsSupported"] == (1,)
    assert unix["AuthenticationMechanismDescriptions"] == ("The peer's user as the kernel tells",)
    assert https["PulledEnumerationMaximumOperationTimeout"] == MAX_TIMEOUT_S
    assert https["MultipleOperationsSupported"] is False
    for row in rows:
        found = communication_mechanism.SPEC.rows.find(context, {"name": row[1].url})
        assert found is not None
        assert found[1] is row[1]


def test_profiles_are_named_as_dsp1033_says() -> None:
    context = make_context()
    row = registered_profile.SPEC.rows.find(context, {"instanceid": "CIM:DSP1042-SystemVirtualization-1.0.0"})
    assert row is not None
    assert instance(registered_profile.SPEC, row) == {
        "InstanceID": "CIM:DSP1042-SystemVirtualization-1.0.0",
        "ElementName": "System Virtualization",
        "Caption": "DSP1042 System Virtualization 1.0.0",
        "SpecificationType": 2,
        "RegisteredOrganization": 2,
        "RegisteredName": "System Virtualization",
        "RegisteredVersion": "1.0.0",
        "AdvertiseTypes": (2,),
    }


def test_a_profile_of_our_own_is_not_said_to_be_dmtfs() -> None:
    own = "xencim:VirtualizationSecurityPolicy-1.0.0"
    row = registered_profile.SPEC.rows.find(make_context(), {"instanceid": own})
    assert row is not None
    assert instance(registered_profile.SPEC, row) == {
        "InstanceID": own,
        "ElementName": "Virtualization Security Policy",
        "Caption": "xencim Virtualization Security Policy 1.0.0",
        "SpecificationType": 2,
        "RegisteredOrganization": 1,
        "OtherRegisteredOrganization": "xencim",
        "RegisteredName": "Virtualization Security Policy",
        "RegisteredVersion": "1.0.0",
        "AdvertiseTypes": (2,),
    }


def test_what_the_specs_name_is_what_is_registered() -> None:
    assert [profile.number for profile in profile_records(ALL_SPECS)] == sorted(PROFILES)


def test_an_unknown_profile_is_refused_by_number() -> None:
    odd = replace(object_manager.SPEC, profiles=("DSP9999",))
    with pytest.raises(LookupError, match="DSP9999"):
        profile_records([odd])


def test_referenced_profiles_have_the_same_roles_from_either_side() -> None:
    # libvirt-cim swapped the roles when it was asked from the referenced profile.
    context = make_context()
    [link] = associations.REFERENCED_PROFILE.links
    assert (associations.REFERENCED_PROFILE.left_role, associations.REFERENCED_PROFILE.right_role) == (
        "Antecedent",
        "Dependent",
    )
    rows = {row[0].number: row for row in registered_profile.SPEC.rows.all(context)}
    referring = [row[0].number for row in link.rights_of(context, rows["DSP1057"])]
    assert referring == ["DSP1042"]
    referred = [row[0].number for row in link.lefts_of(context, rows["DSP1042"])]
    assert referred == list(REFERENCES["DSP1042"])
    assert all("DSP1042" in REFERENCED_BY[number] for number in referred)


def test_every_profile_but_registration_refers_to_registration_or_is_referred_to() -> None:
    for number in PROFILES:
        assert number in REFERENCES or REFERENCED_BY[number], number


def test_elements_conform_to_their_profiles() -> None:
    context = make_context()
    found = pairs(context, associations.ELEMENT_CONFORMS_TO_PROFILE)
    by_number: dict[str, set[str]] = {}
    for profile, element in found:
        number = profile.partition("CIM:")[2].partition("-")[0] or "SecurityPolicy"
        by_number.setdefault(number, set()).add(element)
    machines = {"ComputerSystem one", "ComputerSystem two"}
    assert by_number["DSP1042"] == {"HostSystem h.example"}
    assert by_number["DSP1057"] == machines
    assert by_number["DSP1052"] == {"HostSystem h.example", *machines}
    assert by_number["DSP1033"] == {"CIM_ObjectManager xencim"}
    assert by_number["DSP1044"] == {"ProcessorPool ProcessorPool/0"}
    assert by_number["DSP1076"] == {"ConsoleRedirectionService ConsoleRedirectionService"}
    assert by_number["DSP1081"] == {"VirtualSystemMigrationService MigrationService"}
    assert by_number["DSP1097"] == {"VirtualEthernetSwitch lan"}
    assert by_number["DSP1103"] == {"ConcreteJob Xen:1"}
    assert by_number["SecurityPolicy"] == {"SecurityPolicyService SecurityPolicyService"}
    assert by_number.keys() == PROFILES.keys()


def test_the_named_host_alone_hosts_the_server() -> None:
    hosted = pairs(make_context(), associations.HOSTED_SERVICE)
    assert hosted == {
        ("h.example", "CIM_ObjectManager xencim"),
        ("h.example", "CIM_IndicationService IndicationService"),
    }
    assert pairs(make_context(), associations.HOSTED_ACCESS_POINT) == {
        ("h.example", "CIM_CIMXMLCommunicationMechanism https://h.example:5989"),
        ("h.example", "CIM_CIMXMLCommunicationMechanism unix:/run/xencim.sock"),
    }
    other = make_context("other.example")
    for assoc in (associations.HOSTED_SERVICE, associations.HOSTED_ACCESS_POINT):
        assert pairs(other, assoc) == set()
        for link in assoc.links:
            for row in link.right.rows.all(other):
                assert list(link.lefts_of(other, row)) == []


def test_the_server_has_its_namespaces_and_mechanisms() -> None:
    context = make_context()
    assert pairs(context, associations.NAMESPACE_IN_MANAGER) == {
        ("xencim", "CIM_Namespace interop"),
        ("xencim", "CIM_Namespace root/virt"),
    }
    assert pairs(context, associations.COMM_MECHANISM_FOR_MANAGER) == {
        ("xencim", "CIM_CIMXMLCommunicationMechanism https://h.example:5989"),
        ("xencim", "CIM_CIMXMLCommunicationMechanism unix:/run/xencim.sock"),
    }


@pytest.mark.parametrize("assoc", ASSOCIATIONS, ids=lambda assoc: assoc.cim_class)
def test_either_end_of_every_association_tells_the_same_pairs(assoc: AssocSpec) -> None:
    context = make_context()
    for link in assoc.links:
        forth = {
            tuple(map(id, (*left, *right)))
            for left in link.left.rows.all(context)
            for right in link.rights_of(context, left)
        }
        back = {
            tuple(map(id, (*left, *right)))
            for right in link.right.rows.all(context)
            for left in link.lefts_of(context, right)
        }
        assert forth == back, (link.left.cim_class, link.right.cim_class)

"""Each defect of a peer that concerns reading: ours has none of them.

The numbers are those of xs-cim's correctness defects and of libvirt-cim's seen ones, as they were
written down when both were studied.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Path, TypedValue
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.records import PowerState, VirtualMachine
from xencim.providers.catalogue import ASSOCIATIONS
from xencim.providers.core import operations as op
from xencim.providers.core.results import MethodReturn
from xencim.providers.core.served import ServedAssoc

from .conftest import Asker, make_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.mof.values import Value

VIRT = "root/virt"
MACHINES = 4
RUNNING, OFF = "vm-00001", "vm-00002"


@contextmanager
def asking(backend: FakeBackend) -> Iterator[Asker]:
    world = make_world(backend)
    yield Asker(world)
    asyncio.run(world.stop())


@pytest.fixture(scope="module")
def xen() -> Iterator[Asker]:
    with asking(FakeBackend(MACHINES)) as asker:
        yield asker


@pytest.fixture(scope="module", params=["Xen", "KVM", "LXC"])
def any_prefix(request: pytest.FixtureRequest) -> Iterator[Asker]:
    with asking(FakeBackend(MACHINES, prefix=request.param)) as asker:
        yield asker


def vm(name: str) -> Path:
    return Path("Xen_ComputerSystem", (("CreationClassName", "Xen_ComputerSystem"), ("Name", name)))


def by_id(class_name: str, instance_id: str) -> Path:
    return Path(class_name, (("InstanceID", instance_id),))


def device(class_name: str, device_id: str) -> Path:
    return Path(
        class_name,
        (
            ("SystemCreationClassName", "Xen_ComputerSystem"),
            ("SystemName", device_id.partition("/")[0]),
            ("CreationClassName", class_name),
            ("DeviceID", device_id),
        ),
    )


def last_keys(paths: list[str]) -> list[str]:
    """Return the value of the last key of each path, sorted."""
    return sorted(path.rstrip('"').rpartition('"')[2] for path in paths)


def others(asker: Asker, source: Path, **how: str) -> list[str]:
    return asker.paths(op.AssociatorNames(namespace=VIRT, object_name=source, **how))


def references(asker: Asker, source: Path, **how: str) -> list[str]:
    return asker.paths(op.ReferenceNames(namespace=VIRT, object_name=source, **how))


def instances(asker: Asker, class_name: str, namespace: str = VIRT) -> list[str]:
    return asker.paths(op.EnumerateInstances(namespace=namespace, class_name=class_name))


def value(asker: Asker, path: Path, name: str) -> Value:
    [found] = asker.found(op.GetInstance(namespace=VIRT, instance_name=path))
    return found.served.value(found.row, name)


# xs-cim ----------------------------------------------------------------------------------------


def test_xscim_1_associations_are_no_cross_products(xen: Asker) -> None:
    memory = device("Xen_Memory", f"{RUNNING}/mem")
    assert last_keys(others(xen, memory, assoc_class="CIM_ElementAllocatedFromPool")) == ["MemoryPool/0"]
    pool = by_id("Xen_NetworkPool", "NetworkPool/default")
    found = others(xen, pool, assoc_class="CIM_ElementAllocatedFromPool", result_class="CIM_LogicalDevice")
    assert last_keys(found) == [f"vm-0000{n}/00:16:3e:00:00:0{n}" for n in range(MACHINES)]
    settings = by_id("Xen_VirtualSystemSettingData", f"Xen:{RUNNING}")
    parts = others(xen, settings, assoc_class="CIM_VirtualSystemSettingDataComponent")
    assert all(f'"{RUNNING}/' in part and ";stored" not in part for part in parts)
    assert len(parts) == 10


def test_xscim_2_a_role_is_compared_with_roles(xen: Asker) -> None:
    def devices(**how: str) -> int:
        return len(others(xen, vm(RUNNING), assoc_class="CIM_SystemDevice", **how))

    assert devices(role="GroupComponent") == devices(result_role="PartComponent") == devices() == 11
    assert devices(role="Xen_ComputerSystem") == devices(role="PartComponent") == 0
    assert devices(result_role="GroupComponent") == 0


def test_xscim_3_references_from_either_side(xen: Asker) -> None:
    memory = device("Xen_Memory", f"{RUNNING}/mem")
    [from_right] = references(xen, memory, result_class="CIM_SystemDevice")
    from_left = references(xen, vm(RUNNING), result_class="CIM_SystemDevice")
    assert from_right in from_left
    assert len(from_left) == 11


def test_xscim_4_each_class_of_ours_is_served_somewhere(any_prefix: Asker) -> None:
    served = {one.name for space in any_prefix.registry.namespaces.values() for one in space.served}
    for namespace in any_prefix.registry.namespaces.values():
        for one in namespace.served:
            assert namespace.repository.find(one.name) is one.decl
        missing = {
            decl.name
            for decl in namespace.repository.classes.values()
            if decl.is_association and not decl.name.startswith("CIM_") and decl.name not in served
            if _is_for(decl.name)
        }
        assert missing == set()


def _is_for(name: str) -> bool:
    """Tell whether a class is for the hypervisor that its prefix names."""
    prefix, _, cim_class = name.partition("_")
    specs = [spec for spec in ASSOCIATIONS if spec.cim_class == cim_class]
    return not specs or any(spec.prefixes is None or prefix in spec.prefixes for spec in specs)


def test_xscim_5_a_class_answers_with_its_own_instances(any_prefix: Asker) -> None:
    for namespace in any_prefix.registry.namespaces.values():
        for name in {one.name for one in namespace.served}:
            found = any_prefix.found(op.EnumerateInstances(namespace=namespace.name, class_name=name))
            assert all(namespace.repository.is_a(one.served.name, name) for one in found)
            for one in found:
                if one.served.decl.find_property("CreationClassName"):
                    assert one.served.value(one.row, "CreationClassName") == one.served.name


def test_xscim_18_devices_tell_their_state_and_no_throughput(xen: Asker) -> None:
    for machine, state in ((RUNNING, 2), (OFF, 3)):
        number = machine[-1]
        for cls, name in (("LogicalDisk", "xvda"), ("NetworkPort", f"00:16:3e:00:00:0{number}")):
            path = device(f"Xen_{cls}", f"{machine}/{name}")
            assert value(xen, path, "EnabledState") == state
            assert value(xen, path, "Status") is None
    port = device("Xen_NetworkPort", f"{RUNNING}/00:16:3e:00:00:01")
    assert (value(xen, port, "Speed"), value(xen, port, "MaxSpeed")) == (None, None)


def test_xscim_19_a_machine_may_have_more_processors_than_its_host() -> None:
    with asking(FakeBackend(MACHINES)) as asker:
        [inventory] = [site.inventory for site in asker.world.sites]
        inventory.put(replace(inventory.view.host, cpu_count=1, sockets=1, cores_per_socket=1))
        names = [f"{OFF}/{number}" for number in range(4)]
        assert last_keys(others(asker, vm(OFF), result_class="CIM_Processor")) == names
        for name in names:
            assert value(asker, device("Xen_Processor", name), "DeviceID") == name


class _Silent(FakeBackend):
    """A hypervisor that must not be asked for anything once it has told all."""

    def __getattribute__(self, name: str) -> object:
        own = super().__getattribute__("__dict__")
        if own.get("silent") and name not in {"refresh_storage", "__dict__"}:
            raise AssertionError(name)
        return super().__getattribute__(name)


def test_xscim_20_and_libvirt_cim_10_reading_asks_and_changes_nothing() -> None:
    backend = _Silent(MACHINES)
    with asking(backend) as asker:
        [inventory] = [site.inventory for site in asker.world.sites]
        before = inventory.view.generation
        vars(backend)["silent"] = True
        read = 0
        for namespace in asker.registry.namespaces.values():
            for one in asker.found(
                op.EnumerateInstances(namespace=namespace.name, class_name="CIM_ManagedElement")
            ):
                path = one.served.path(one.row)
                asker(op.GetInstance(namespace=namespace.name, instance_name=path))
                asker(op.Associators(namespace=namespace.name, object_name=path))
                read += 1
        vars(backend)["silent"] = False
        assert inventory.view.generation == before
        assert read > 100


def test_xscim_24_capabilities_are_what_is_done() -> None:
    with asking(FakeBackend(MACHINES)) as asker:
        capabilities = by_id("Xen_EnabledLogicalElementCapabilities", RUNNING)
        supported = value(asker, capabilities, "RequestedStatesSupported")
        assert isinstance(supported, tuple)
        for state in range(2, 13):
            answer = asker(_state_change(state))
            assert isinstance(answer, MethodReturn)
            done_or_not_from_here = answer.return_value in {0, 4097}
            assert done_or_not_from_here is (state in supported), state
            asker(_state_change(2))


def _state_change(requested: int) -> op.InvokeMethod:
    return op.InvokeMethod(
        namespace=VIRT,
        object_name=vm(RUNNING),
        method_name="RequestStateChange",
        parameters={"RequestedState": TypedValue("uint16", requested)},
    )


# libvirt-cim -----------------------------------------------------------------------------------


def test_libvirt_cim_1_references_lead_to_instances_of_known_classes(any_prefix: Asker) -> None:
    checked = 0
    for namespace in any_prefix.registry.namespaces.values():
        for assoc in namespace.served:
            if not isinstance(assoc, ServedAssoc):
                continue
            request = op.EnumerateInstances(namespace=namespace.name, class_name=assoc.name)
            for one in any_prefix.found(request):
                for role in (assoc.spec.left_role, assoc.spec.right_role):
                    end = one.served.value(one.row, role)
                    assert isinstance(end, Path)
                    home = any_prefix.registry.namespace(end.namespace or "")
                    decl = home.demand_class(end.class_name)
                    assert {name for name, _ in end.keys} == {key.name for key in decl.keys}
                    checked += 1
    assert checked > 300


@pytest.mark.parametrize(
    "pool", ["NetworkPool/0", "NetworkPool/default", "ProcessorPool/0", "ControllerPool/0", "DiskPool/0"]
)
def test_libvirt_cim_2_and_4_every_pool_can_be_followed_everywhere(any_prefix: Asker, pool: str) -> None:
    prefix = any_prefix.world.sites[0].inventory.view.host.prefix
    kind = pool.partition("/")[0]
    found = others(any_prefix, by_id(f"{prefix}_{kind}", pool))
    assert sum(f":{prefix}_HostSystem." in path for path in found) == 1
    assert sum(f":{prefix}_AllocationCapabilities." in path for path in found) == 1
    of_capabilities = others(any_prefix, by_id(f"{prefix}_AllocationCapabilities", pool))
    templates = [path for path in of_capabilities if "AllocationSettingData." in path]
    assert templates
    assert all(f'InstanceID="{pool}/' in path for path in templates)


def test_libvirt_cim_3_a_running_machine_s_interface_comes_from_its_network(xen: Asker) -> None:
    mac = f"{RUNNING}/00:16:3e:00:00:01"
    for settings in (mac, f"{mac};stored"):
        source = by_id("Xen_NetResourceAllocationSettingData", settings)
        found = others(xen, source, assoc_class="CIM_ResourceAllocationFromPool")
        assert last_keys(found) == ["NetworkPool/default"]
        assert value(xen, source, "NetworkName") == "default"
    found = others(xen, device("Xen_NetworkPort", mac), assoc_class="CIM_ElementAllocatedFromPool")
    assert last_keys(found) == ["NetworkPool/default"]


def test_libvirt_cim_5_a_display_tells_the_port_that_it_listens_on() -> None:
    with asking(FakeBackend(MACHINES)) as asker:
        [inventory] = [site.inventory for site in asker.world.sites]
        machine = next(one for one in inventory.view.all(VirtualMachine).values() if one.name == RUNNING)
        listening = replace(machine.current.graphics[0], port=5907)
        inventory.put(replace(machine, current=replace(machine.current, graphics=(listening,))))
        [path] = [one for one in instances(asker, "Xen_KVMRedirectionSAP") if f'"{RUNNING}"' in one]
        assert '.Name="5907:-1",' in path
        current = by_id("Xen_GraphicsResourceAllocationSettingData", f"{RUNNING}/vnc")
        stored = by_id("Xen_GraphicsResourceAllocationSettingData", f"{RUNNING}/vnc;stored")
        assert value(asker, current, "Address") == "127.0.0.1:5907"
        assert value(asker, stored, "Address") == "127.0.0.1:-1"


def test_libvirt_cim_8_instance_ids_are_unique(any_prefix: Asker) -> None:
    paths = instances(any_prefix, "CIM_SettingData")
    ids = [path.partition(".InstanceID=")[2] for path in paths]
    assert [one for one, count in Counter(ids).items() if count > 1] == []
    assert any('/Default"' in one for one in ids)


def test_libvirt_cim_13_the_roles_of_profiles_do_not_depend_on_the_side(xen: Asker) -> None:
    pairs = instances(xen, "CIM_ReferencedProfile", "interop")
    for path in xen.found(op.EnumerateInstances(namespace="interop", class_name="CIM_RegisteredProfile")):
        own = path.served.path(path.row)
        seen = xen.paths(
            op.ReferenceNames(namespace="interop", object_name=own, result_class="CIM_ReferencedProfile")
        )
        assert sorted(seen) == sorted(pair for pair in pairs if f'\\"{own.keys[0][1]}\\"' in pair)
    assert len(pairs) > 20


def test_libvirt_cim_14_every_prefix_has_the_same_settings(any_prefix: Asker) -> None:
    prefix = any_prefix.world.sites[0].inventory.view.host.prefix
    kinds = {
        path.partition(f":{prefix}_")[2].partition(".")[0]
        for path in instances(any_prefix, "CIM_SettingData")
    }
    expected = {"Proc", "Mem", "Disk", "Net", "Graphics", "Input", "Console", "Controller"}
    assert {f"{kind}ResourceAllocationSettingData" for kind in expected} < kinds


def test_libvirt_cim_associations_can_be_enumerated_and_got(any_prefix: Asker) -> None:
    prefix = any_prefix.world.sites[0].inventory.view.host.prefix
    request = op.EnumerateInstances(namespace=VIRT, class_name=f"{prefix}_SystemDevice")
    found = any_prefix.found(request)
    systems = [str(one.served.value(one.row, "GroupComponent")) for one in found]
    of_machines = [system for system in systems if f":{prefix}_ComputerSystem." in system]
    assert len(of_machines) == MACHINES * 9 + sum((1, 2, 4, 1))  # the first has one processor, and so on
    for one in found:
        assert any_prefix(op.GetInstance(namespace=VIRT, instance_name=one.served.path(one.row)))


def test_libvirt_cim_a_superclass_is_exact_enough_and_the_host_is_the_antecedent(xen: Asker) -> None:
    assert len(instances(xen, "CIM_ComputerSystem")) == MACHINES + 2  # the host and a switch
    [host] = others(xen, vm(RUNNING), assoc_class="Xen_HostedDependency", role="Dependent")
    assert ":Xen_HostSystem." in host
    assert others(xen, vm(RUNNING), assoc_class="Xen_HostedDependency", role="Antecedent") == []


def test_libvirt_cim_a_template_leads_back_to_its_capabilities_and_keyboards_are_keyboards(
    xen: Asker,
) -> None:
    template = by_id("Xen_MemResourceAllocationSettingData", "MemoryPool/0/Default")
    assert last_keys(others(xen, template, assoc_class="CIM_SettingsDefineCapabilities")) == ["MemoryPool/0"]
    pointing = instances(xen, "CIM_PointingDevice")
    assert last_keys(pointing) == [f"vm-0000{number}/mouse:xen" for number in range(MACHINES)]
    keyboards = last_keys(instances(xen, "CIM_Keyboard"))
    assert keyboards == [f"vm-0000{number}/keyboard:xen" for number in range(MACHINES)]


def test_libvirt_cim_a_saved_machine_is_shown_as_such() -> None:
    with asking(FakeBackend(8)) as asker:
        [inventory] = [site.inventory for site in asker.world.sites]
        [saved] = [
            one for one in inventory.view.all(VirtualMachine).values() if one.state is PowerState.SAVED
        ]
        assert value(asker, vm(saved.name), "EnabledState") == 6
        assert value(asker, vm(saved.name), "AvailableRequestedStates") == (2,)

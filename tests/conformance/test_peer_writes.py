"""Each defect of a peer that concerns writing, and the list of all: which test shows that ours has it not.

The numbers are those of xs-cim's correctness defects and of libvirt-cim's seen ones, as they were
written down when both were studied.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.catalogue import SPECS
from xencim.providers.core import operations as op
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Instances

from ..unit.management.management_world import Host, managing

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncIterator

RUNNING, OFF = "vm-00001", "vm-00002"
TEMPLATE = "vm-00002"

HERE, READS = "tests/conformance/test_peer_writes.py", "tests/conformance/test_peer_defects.py"
UNIT, STORAGE, NETWORK = "tests/unit/management", "tests/unit/storage", "tests/unit/network"
EVENTS = "tests/unit/indications/test_indication_events.py"
LIVE = "tests/backends/writing/test_libvirt_write_live.py"
DEFECTS = {
    "xs-cim 1": (READS, "test_xscim_1_associations_are_no_cross_products"),
    "xs-cim 2": (READS, "test_xscim_2_a_role_is_compared_with_roles"),
    "xs-cim 3": (READS, "test_xscim_3_references_from_either_side"),
    "xs-cim 4": (READS, "test_xscim_4_each_class_of_ours_is_served_somewhere"),
    "xs-cim 5": (READS, "test_xscim_5_a_class_answers_with_its_own_instances"),
    "xs-cim 6": (HERE, "test_xscim_6_a_running_machine_is_taken_away"),
    "xs-cim 7": (HERE, "test_xscim_7_no_service_switches_its_host_off"),
    "xs-cim 8": (HERE, "test_xscim_8_weight_limit_and_rates_are_applied_of_a_template_too"),
    "xs-cim 9": (HERE, "test_xscim_9_a_disk_grows_without_being_told_where_it_is"),
    "xs-cim 10": (HERE, "test_xscim_10_a_disk_without_a_medium_is_refused_and_not_made"),
    "xs-cim 11": (
        "tests/integration/migration/test_possible_hosts.py",
        "test_xscim_11_the_machine_is_taken_by_either_name",
    ),
    "xs-cim 12 and 14": (
        HERE,
        "test_xscim_12_and_14_what_fails_is_no_success_and_what_is_done_is_no_failure",
    ),
    "xs-cim 13": (HERE, "test_xscim_13_a_carriage_return_is_read_past"),
    "xs-cim 15": (
        "tests/backends/writing/test_libvirt_storage_actions.py",
        "test_sources_are_found_and_nothing_is_changed",
    ),
    "xs-cim 16": (f"{STORAGE}/test_storage_pools.py", "test_pools_of_every_type_are_made"),
    "xs-cim 17 forgets": (f"{STORAGE}/test_pool_data.py", "test_forgetting_a_pool_deletes_nothing"),
    "xs-cim 17 in use": (f"{STORAGE}/test_pool_data.py", "test_content_in_use_stays"),
    "xs-cim 18": (READS, "test_xscim_18_devices_tell_their_state_and_no_throughput"),
    "xs-cim 19": (READS, "test_xscim_19_a_machine_may_have_more_processors_than_its_host"),
    "xs-cim 20": (READS, "test_xscim_20_and_libvirt_cim_10_reading_asks_and_changes_nothing"),
    "xs-cim 21": (HERE, "test_xscim_21_a_text_is_taken_back_and_a_failure_is_told"),
    "xs-cim 22": (HERE, "test_xscim_22_no_metric_has_an_interval_that_is_passed_over"),
    "xs-cim 23 events": (EVENTS, "test_a_modification_has_before_and_after_and_all_that_clients_look_at"),
    "xs-cim 23 classes": (EVENTS, "test_queries_let_through_what_they_say"),
    "xs-cim 23 after a loss": (EVENTS, "test_a_resync_tells_what_changed_meanwhile"),
    "xs-cim 24": (READS, "test_xscim_24_capabilities_are_what_is_done"),
    "libvirt-cim 1": (READS, "test_libvirt_cim_1_references_lead_to_instances_of_known_classes"),
    "libvirt-cim 2 and 4": (READS, "test_libvirt_cim_2_and_4_every_pool_can_be_followed_everywhere"),
    "libvirt-cim 3": (READS, "test_libvirt_cim_3_a_running_machine_s_interface_comes_from_its_network"),
    "libvirt-cim 5": (READS, "test_libvirt_cim_5_a_display_tells_the_port_that_it_listens_on"),
    "libvirt-cim 6": (
        f"{NETWORK}/test_filters_classes.py",
        "test_libvirtcim_6_variables_and_masks_are_whole",
    ),
    # The broker of the tests loads the library with RTLD_NOW, and it is linked with -z defs.
    "libvirt-cim 7": ("tests/cmpi/test_library.py", "test_each_operation_arrives_as_itself"),
    "libvirt-cim 8": (READS, "test_libvirt_cim_8_instance_ids_are_unique"),
    "libvirt-cim 9": (LIVE, "test_figures_on_qemu"),
    "libvirt-cim 10": (READS, "test_xscim_20_and_libvirt_cim_10_reading_asks_and_changes_nothing"),
    "libvirt-cim 11": (HERE, "test_libvirt_cim_11_no_shell_is_ever_told_anything"),
    "libvirt-cim 12 rules": (
        f"{NETWORK}/test_filters_classes.py",
        "test_libvirtcim_12_a_rule_is_found_by_its_whole_name",
    ),
    "libvirt-cim 12 Limit": (HERE, "test_libvirt_cim_12_limit_and_reservation_are_two_figures"),
    "libvirt-cim 13": (READS, "test_libvirt_cim_13_the_roles_of_profiles_do_not_depend_on_the_side"),
    "libvirt-cim 14": (READS, "test_libvirt_cim_14_every_prefix_has_the_same_settings"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_has_its_test(repository: pathlib.Path, defect: str) -> None:
    file, name = DEFECTS[defect]
    tree = ast.parse((repository / file).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {node.name for node in tree.body if isinstance(node, functions)}


def test_every_defect_is_in_the_list() -> None:
    words = [defect.split() for defect in DEFECTS]
    for peer, count in (("xs-cim", 24), ("libvirt-cim", 14)):
        numbers = {int(word) for first, *rest in words if first == peer for word in rest if word.isdigit()}
        assert numbers == set(range(1, count + 1))


# xs-cim ----------------------------------------------------------------------------------------


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with managing() as one:
        yield one


async def test_xscim_6_a_running_machine_is_taken_away(host: Host) -> None:
    assert host.machine(RUNNING).state.is_active
    assert await host.call("DestroySystem", AffectedSystem=host.system(RUNNING)) == {}
    assert host.view.machine_named(RUNNING) is None


async def test_xscim_7_no_service_switches_its_host_off(host: Host) -> None:
    request = op.EnumerateInstances(namespace=host.site.namespace, class_name="CIM_Service")
    found = await host.world.engine.execute(request, host.principal)
    assert isinstance(found, Instances)
    services = [batch.served.path(row) for batch in found.batches for row in batch.rows]
    assert len(services) > 3
    for service in services:
        for method in ("StartService", "StopService", "RequestStateChange"):
            asked = op.InvokeMethod(
                namespace=host.site.namespace, object_name=service, method_name=method, parameters={}
            )
            with pytest.raises(CimError) as caught:
                await host.world.engine.execute(asked, host.principal)
            assert caught.value.status is Status.METHOD_NOT_AVAILABLE, (service, method)


async def test_xscim_8_weight_limit_and_rates_are_applied_of_a_template_too(host: Host) -> None:
    await host.modify("proc", f"{OFF}/proc", Weight=700, VirtualQuantity=3)
    await host.modify("net", f"{OFF}/00:16:3e:00:00:02", OutboundLimit=123)
    machine = host.machine(OFF).current
    assert (machine.cpu.weight, machine.cpu.count) == (700, 3)
    [nic] = machine.nics
    assert nic.outbound is not None
    assert nic.outbound.average_kib_s == 123
    await host.call("ConvertToXenTemplate", System=host.system(TEMPLATE))
    await host.call(
        "DefineSystem",
        SystemSettings=host.settings("system", VirtualSystemIdentifier="deployed"),
        ReferenceConfiguration=host.setting("system", f"Xen:{TEMPLATE}"),
        ResourceSettings=(host.settings("proc", Weight=300),),
    )
    assert host.machine("deployed").current.cpu.weight == 300


async def test_xscim_9_a_disk_grows_without_being_told_where_it_is(host: Host) -> None:
    [disk] = [one for one in host.machine(OFF).current.disks if one.target == "xvda"]
    assert disk.capacity_bytes
    await host.modify("disk", f"{OFF}/xvda", VirtualQuantity=2 * disk.capacity_bytes)
    [grown] = [one for one in host.machine(OFF).current.disks if one.target == "xvda"]
    assert (grown.source, grown.capacity_bytes) == (disk.source, 2 * disk.capacity_bytes)


async def test_xscim_10_a_disk_without_a_medium_is_refused_and_not_made(host: Host) -> None:
    before = host.machine(OFF)
    status, text = await host.add_refused(OFF, host.settings("disk", VirtualDevice="xvdz"))
    assert (status, "a disk needs a medium" in text) == (Status.INVALID_PARAMETER, True)
    assert host.machine(OFF) is before


class _Refusing(FakeBackend):
    """A hypervisor that does nothing that it is told."""

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - whatever it is
        if name in _CHANGES:
            return _refuse
        return super().__getattribute__(name)


_CHANGES = frozenset({"control", "define", "undefine", "reconfigure", "set_autostart"})


async def _refuse(*_told: object, **_more: object) -> None:
    raise BackendError("failed", "the hypervisor says no")


async def _is_done(host: Host, method: str, parameters: dict[str, Any]) -> bool:
    """Tell whether a method says that it was carried out; an error has to say what the hypervisor says."""
    try:
        return (await host.invoke(method, **parameters)).return_value in {0, 4096}
    except CimError as error:
        if "the hypervisor says no" not in error.description:
            raise
        return False


def _asked(host: Host) -> dict[str, dict[str, Any]]:
    made = host.settings("system", VirtualSystemIdentifier="made")
    more = host.settings("disk", Address="/images/more.img", VirtualDevice="xvdb")
    return {
        "DefineSystem": {"SystemSettings": made},
        "ModifySystemSettings": {
            "SystemSettings": host.settings("system", InstanceID=f"Xen:{OFF}", Description="new")
        },
        "AddResourceSettings": {
            "AffectedConfiguration": host.setting("system", f"Xen:{OFF}"),
            "ResourceSettings": (more,),
        },
        "ModifyResourceSettings": {
            "ResourceSettings": (host.settings("mem", InstanceID=f"{OFF}/mem", VirtualQuantity=262144),)
        },
        "RemoveResourceSettings": {"ResourceSettings": (host.setting("disk", f"{OFF}/xvda"),)},
        "ConvertToXenTemplate": {"System": host.system(OFF)},
        "DestroySystem": {"AffectedSystem": host.system(OFF)},
    }


async def test_xscim_12_and_14_what_fails_is_no_success_and_what_is_done_is_no_failure(host: Host) -> None:
    async with managing(_Refusing(8)) as refusing:
        before = refusing.machine(OFF)
        for method, parameters in _asked(refusing).items():
            assert not await _is_done(refusing, method, parameters)
        assert refusing.machine(OFF) is before
    for method, parameters in _asked(host).items():
        assert await _is_done(host, method, parameters), method


async def test_xscim_13_a_carriage_return_is_read_past(host: Host) -> None:
    text = 'instance of Xen_VirtualSystemSettingData\r{\r\nVirtualSystemIdentifier = "cr";\r};\r\n\r'
    await host.call("DefineSystem", SystemSettings=text)
    assert host.machine("cr").name == "cr"


async def test_xscim_21_a_text_is_taken_back_and_a_failure_is_told(host: Host) -> None:
    for text in ("some text", ""):
        settings = host.settings("system", InstanceID=f"Xen:{OFF}", Description=text)
        await host.call("ModifySystemSettings", SystemSettings=settings)
        assert (host.machine(OFF).current.description or "") == text
    both = host.settings("system", InstanceID=f"Xen:{OFF}", Description="kept out", EnabledState=3)
    status, _ = await host.refusal("ModifySystemSettings", SystemSettings=both)
    assert status is not None
    assert not host.machine(OFF).current.description


def test_xscim_22_no_metric_has_an_interval_that_is_passed_over() -> None:
    """Metrics tell the present: there is no service of them that could be asked for a time that is past."""
    found = {spec.cim_class: spec.methods for spec in SPECS if "Metric" in spec.cim_class}
    assert found == {"BaseMetricDefinition": (), "BaseMetricValue": ()}


# libvirt-cim -----------------------------------------------------------------------------------


def test_libvirt_cim_11_no_shell_is_ever_told_anything(repository: pathlib.Path) -> None:
    shells = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
    shells.add("asyncio.create_subprocess_shell")
    calls = 0
    for folder in ("acm", "cimom_glue", "mof", "providers"):
        for file in (repository / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    assert ast.unparse(node.func) not in shells, file
                    assert all(word.arg != "shell" for word in node.keywords), file
                    calls += 1
    assert calls > 1000


async def test_libvirt_cim_12_limit_and_reservation_are_two_figures(host: Host) -> None:
    await host.modify("net", f"{OFF}/00:16:3e:00:00:02", Limit=400, Reservation=100)
    [nic] = host.machine(OFF).current.nics
    assert nic.inbound is not None
    assert (nic.inbound.average_kib_s, nic.inbound.floor_kib_s) == (400, 100)

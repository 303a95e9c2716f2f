"""Resource pools, what can be allocated from them, and their templates: exact instances."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.fake import fake_host
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import (
    Bridge,
    CpuAllocation,
    Graphics,
    HostAddress,
    MachineConfig,
    MemoryAllocation,
    Network,
    PoolState,
    PowerState,
    Record,
    StoragePool,
    VirtualMachine,
)
from xencim.providers.core.pool_ids import pool_id, pool_name
from xencim.providers.core.spec import Const, Context
from xencim.providers.host import capabilities, templates
from xencim.providers.host.pools import (
    allocation_capabilities,
    controller_pool,
    graphics_pool,
    memory_pool,
    processor_pool,
)
from xencim.providers.network import network_pool
from xencim.providers.storage import disk_pool

if TYPE_CHECKING:
    from xencim.providers.core.spec import ClassSpec, Row

CONFIG = MachineConfig(
    cpu=CpuAllocation(count=2, maximum=4),
    memory=MemoryAllocation(current_kib=1024, maximum_kib=2048),
    graphics=(Graphics(type="vnc"),),
)
HOST = replace(fake_host(1), name="h.example", cpu_count=8, memory_kib=4096, max_vcpus=128)
ZERO = StoragePool(name="0", uuid="u0", type="dir", state=PoolState.INACTIVE)
IMAGES = StoragePool(
    name="images",
    uuid="u1",
    type="netfs",
    state=PoolState.DEGRADED,
    autostart=True,
    capacity_bytes=10 * 2**20 + 5,
    allocation_bytes=3 * 2**20 - 1,
    available_bytes=7 * 2**20,
    target_path="/srv/images",
    source_host="nas.example",
    source_path="/export/images",
)
NAT = Network(
    name="default",
    uuid="n1",
    active=True,
    bridge="virbr0",
    forward_mode="nat",
    addresses=(HostAddress(address="192.0.2.1", prefix=24, ranges=(("192.0.2.2", "192.0.2.9"),)),),
)
LONELY = Network(name="br0", uuid="n2", active=False)
BRIDGE = Bridge(name="br0")


def make_context(*more: Record) -> Context:
    inventory = Inventory()
    running = VirtualMachine(uuid="a", name="a", state=PowerState.RUNNING, current=CONFIG)
    off = VirtualMachine(uuid="b", name="b", state=PowerState.SHUT_OFF, current=CONFIG)
    for record in (HOST, running, off, ZERO, IMAGES, NAT, LONELY, BRIDGE, *more):
        inventory.put(record)
    return Context(inventory.view, Inventory().view)


def instance(spec: ClassSpec, row: Row) -> dict[str, object]:
    """Return the properties that are told and are not NULL."""
    found = {}
    for prop in (*spec.keys, *spec.props):
        value = prop.get.value if isinstance(prop.get, Const) else prop.get(*row)  # type: ignore[operator]
        if value is not None:
            found[prop.name] = value
    return found


def get(context: Context, spec: ClassSpec, instance_id: str) -> dict[str, object]:
    row = spec.rows.find(context, {"instanceid": instance_id})
    assert row is not None, instance_id
    return instance(spec, row)


def ids(context: Context, spec: ClassSpec) -> list[object]:
    return [instance(spec, row)["InstanceID"] for row in spec.rows.all(context)]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (None, "DiskPool/0"),
        (IMAGES, "DiskPool/images"),
        (ZERO, "DiskPool/=0"),
        (replace(ZERO, name="=0"), "DiskPool/==0"),
        (replace(ZERO, name="=a"), "DiskPool/=a"),
        (BRIDGE, "DiskPool/bridge/br0"),
    ],
)
def test_a_pool_s_id_names_it_and_nothing_else(source: StoragePool | Bridge | None, text: str) -> None:
    assert pool_id("Disk", source) == text
    kind, name = pool_name("Disk", text)
    assert name == (source.name if source else None)
    assert (kind is Bridge) == isinstance(source, Bridge)


def test_an_id_of_another_kind_is_no_pool_of_this_one() -> None:
    with pytest.raises(LookupError):
        pool_name("Disk", "MemoryPool/0")


def test_the_processor_pool_counts_what_runs() -> None:
    assert get(make_context(), processor_pool.SPEC, "ProcessorPool/0") == {
        "InstanceID": "ProcessorPool/0",
        "PoolID": "ProcessorPool/0",
        "ElementName": "ProcessorPool/0",
        "Caption": "Processors of the host",
        "Primordial": True,
        "ResourceType": 3,
        "AllocationUnits": "count",
        "Capacity": 8,
        "Reserved": 2,
        "ConsumedResourceUnits": "count",
        "CurrentlyConsumedResource": 2,
        "OperationalStatus": (2,),
        "StatusDescriptions": ("The hypervisor answers",),
        "HealthState": 5,
        "PrimaryStatus": 1,
        "CommunicationStatus": 2,
    }


def test_the_memory_pool_is_in_kibibytes() -> None:
    pool = get(make_context(), memory_pool.SPEC, "MemoryPool/0")
    assert (pool["AllocationUnits"], pool["Capacity"], pool["Reserved"]) == ("byte*2^10", 4096, 1024)
    assert (pool["ConsumedResourceUnits"], pool["CurrentlyConsumedResource"]) == ("byte*2^10", 1024)
    assert pool["MaxConsumableResource"] == 4096


def test_storage_pools_tell_whole_mebibytes() -> None:
    context = make_context()
    assert ids(context, disk_pool.SPEC) == ["DiskPool/0", "DiskPool/=0", "DiskPool/images"]
    assert get(context, disk_pool.SPEC, "DiskPool/images") == {
        "InstanceID": "DiskPool/images",
        "PoolID": "DiskPool/images",
        "ElementName": "DiskPool/images",
        "Name": "images",
        "Caption": "Storage pool images",
        "Primordial": False,
        "ResourceType": 17,
        "ResourceSubType": "netfs",
        "AllocationUnits": "byte*2^20",
        "Capacity": 10,
        "Reserved": 2,
        "ConsumedResourceUnits": "byte*2^20",
        "CurrentlyConsumedResource": 2,
        "MaxConsumableResource": 10,
        "Path": "/srv/images",
        "Autostart": True,
        "Host": "nas.example",
        "SourceDirectory": "/export/images",
        "OperationalStatus": (3,),
        "StatusDescriptions": ("degraded",),
        "HealthState": 10,
        "PrimaryStatus": 2,
        "CommunicationStatus": 2,
    }
    stopped = get(context, disk_pool.SPEC, "DiskPool/=0")
    assert (stopped["Name"], stopped["OperationalStatus"], stopped["HealthState"]) == ("0", (10,), 0)
    assert "Capacity" not in stopped
    assert get(context, disk_pool.SPEC, "DiskPool/0")["Primordial"] is True


def test_a_network_and_a_bridge_of_one_name_are_two_pools() -> None:
    context = make_context()
    assert ids(context, network_pool.SPEC) == [
        "NetworkPool/0",
        "NetworkPool/default",
        "NetworkPool/br0",
        "NetworkPool/bridge/br0",
    ]
    nat = get(context, network_pool.SPEC, "NetworkPool/default")
    assert (nat["Caption"], nat["ResourceSubType"]) == ("Bridge: virbr0", "nat")
    assert nat["Description"] == "nat, 192.0.2.1/24, leases 192.0.2.2 to 192.0.2.9"
    lonely = get(context, network_pool.SPEC, "NetworkPool/br0")
    assert (lonely["Caption"], lonely["ResourceSubType"]) == ("Network: br0", "isolated")
    assert (lonely["OperationalStatus"], lonely["StatusDescriptions"]) == ((10,), ("inactive",))
    bridge = get(context, network_pool.SPEC, "NetworkPool/bridge/br0")
    assert (bridge["Caption"], bridge["ResourceSubType"]) == ("Bridge: br0", "bridge")
    assert get(context, network_pool.SPEC, "NetworkPool/0")["CurrentlyConsumedResource"] == 0


def test_pools_that_are_not_there_are_not_found() -> None:
    context = make_context()
    for spec, text in (
        (disk_pool.SPEC, "DiskPool/nowhere"),
        (disk_pool.SPEC, "NetworkPool/default"),
        (processor_pool.SPEC, "ProcessorPool/1"),
        (network_pool.SPEC, "NetworkPool/bridge/default"),
        (allocation_capabilities.SPEC, "TapePool/0"),
    ):
        assert spec.rows.find(context, {"instanceid": text}) is None


def test_counted_pools_count_the_devices_of_all_machines() -> None:
    pool = get(make_context(), graphics_pool.SPEC, "GraphicsPool/0")
    assert (pool["ResourceType"], pool["CurrentlyConsumedResource"]) == (24, 2)
    assert "Capacity" not in pool


def test_a_lost_hypervisor_shows_in_every_pool() -> None:
    context = make_context(replace(HOST, no_contact_since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)))
    for kind, spec in allocation_capabilities.POOLS.items():
        for row in kind.all(context):
            pool = instance(spec, row)
            assert (pool["OperationalStatus"], pool["HealthState"], pool["PrimaryStatus"]) == ((13,), 0, 0)
            assert pool["CommunicationStatus"] == 3
            assert pool["StatusDescriptions"] == ("No contact with Fake since 2026-01-02T03:04:05+00:00",)


def test_controllers_have_pool_and_capabilities_on_xen_too() -> None:
    # libvirt-cim: references to undefined classes on Xen, "Unsupported resource type" on KVM.
    context = make_context()
    assert controller_pool.SPEC.prefixes is None
    pool = get(context, controller_pool.SPEC, "ControllerPool/0")
    found = get(context, allocation_capabilities.SPEC, "ControllerPool/0")
    for one in (pool, found):
        assert (one["ResourceType"], one["OtherResourceType"]) == (1, "controller")


def test_every_pool_has_capabilities_of_its_own_id() -> None:
    context = make_context()
    pools = [one for spec in allocation_capabilities.POOLS.values() for one in ids(context, spec)]
    assert ids(context, allocation_capabilities.SPEC) == pools
    assert len(set(pools)) == len(pools)
    for one in pools:
        assert get(context, allocation_capabilities.SPEC, str(one))["ElementName"] == one


def test_templates_are_unique_and_found_by_their_ids() -> None:
    # libvirt-cim: every template of a kind was called Default, Minimum, ….
    context = make_context()
    for module in templates.RESOURCES:
        found = ids(context, module.SPEC)
        assert len(set(found)) == len(found)
        for one in found:
            assert get(context, module.SPEC, str(one))["InstanceID"] == one
    assert ids(context, templates.memory.SPEC) == [
        f"MemoryPool/0/{level}" for level in ("Default", "Minimum", "Maximum", "Increment")
    ]


def test_templates_tell_the_host_s_limits_and_no_others() -> None:
    context = make_context()
    assert get(context, templates.processor.SPEC, "ProcessorPool/0/Maximum")["VirtualQuantity"] == 128
    memory = get(context, templates.memory.SPEC, "MemoryPool/0/Maximum")
    assert (memory["VirtualQuantity"], memory["VirtualQuantityUnits"]) == (4096, "byte*2^10")
    disk = get(context, templates.disk.SPEC, "DiskPool/images/Maximum")
    assert (disk["VirtualQuantity"], disk["VirtualQuantityUnits"]) == (7 * 2**20, "byte")
    assert templates.disk.SPEC.rows.find(context, {"instanceid": "DiskPool/=0/Maximum"}) is None
    assert templates.graphics.SPEC.rows.find(context, {"instanceid": "GraphicsPool/0/Maximum"}) is None


def test_capabilities_and_templates_lead_to_each_other() -> None:
    # libvirt-cim: from a template back to its capabilities there was nothing.
    context = make_context()
    joined = 0
    for link in capabilities.SETTINGS_DEFINE_CAPABILITIES.links[: len(templates.RESOURCES)]:
        forth = {
            (left, right) for left in link.left.rows.all(context) for right in link.rights_of(context, left)
        }
        back = {
            (left, right) for right in link.right.rows.all(context) for left in link.lefts_of(context, right)
        }
        assert forth == back
        joined += len(forth)
    assert joined == sum(len(ids(context, module.SPEC)) for module in templates.RESOURCES)


def test_each_level_has_its_role_and_range() -> None:
    context = make_context()
    link = capabilities.SETTINGS_DEFINE_CAPABILITIES.links[1]
    [left] = [row for row in link.left.rows.all(context) if row[0].name == "Memory"]
    told = {
        right[2].value: [
            prop.get.value if isinstance(prop.get, Const) else prop.get(left, right)  # type: ignore[operator]
            for prop in link.props
        ]
        for right in link.rights_of(context, left)
    }
    assert told == {
        "Default": [0, 0, 0],
        "Minimum": [0, 3, 1],
        "Maximum": [0, 3, 2],
        "Increment": [0, 3, 3],
    }

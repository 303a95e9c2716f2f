"""Where machines' classes have their instances: ids, odd names, exact finding, pools and networks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xencim.providers.backends.fake import fake_config, fake_host
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import (
    Bridge,
    Disk,
    Graphics,
    InputDevice,
    MachineOperation,
    Network,
    Nic,
    PoolState,
    PowerState,
    Record,
    StoragePool,
    VirtualMachine,
)
from xencim.providers.core.spec import Context
from xencim.providers.vm import rows
from xencim.providers.vm.rows import Origin

HOST = fake_host(1)
CONFIG = fake_config(0)
POOL = StoragePool(name="images", uuid="p", type="dir", state=PoolState.RUNNING, target_path="/srv/images/")
NETWORK = Network(name="default", uuid="n", active=True, bridge="virbr0")
BRIDGE = Bridge(name="br0")
# Names that look like other names' ids.
ODD = ("a", "a;stored", "a;", "a;;stored", "a/mem", "a/mem;stored", "Xen:a", "ä b%", "a/b/c", ";stored")


def machine(name: str, *, running: bool = True) -> VirtualMachine:
    return VirtualMachine(
        uuid=f"uuid of {name}",
        name=name,
        state=PowerState.RUNNING if running else PowerState.SHUT_OFF,
        current=CONFIG,
        stored=replace(CONFIG, title="stored") if running else None,
    )


def context(*machines: VirtualMachine) -> Context:
    inventory = Inventory()
    records: list[Record] = [HOST, POOL, NETWORK, BRIDGE, *machines]
    for record in records:
        inventory.put(record)
    return Context(inventory.view, Inventory().view)


def test_every_id_is_unique_and_found_again_whatever_machines_are_called() -> None:
    here = context(*map(machine, ODD))
    for parts in (rows.CPU_ALLOCATIONS, rows.MEMORY, rows.DISKS, rows.NICS, rows.INPUTS, rows.CONTROLLERS):
        found = list(parts.setting_rows().all(here))
        ids = [rows.setting_id(row[0], parts.ident(row[1]), row[2]) for row in found]
        assert len(set(ids)) == len(ids) == len(ODD) * 2 * len(parts.of(CONFIG))
        for row, instance_id in zip(found, ids, strict=True):
            assert parts.setting_rows().find(here, {"instanceid": instance_id}) == row
    found = list(rows.SYSTEM_SETTINGS.all(here))
    ids = [rows.system_setting_id(row[0], HOST, row[2]) for row in found]
    assert len(set(ids)) == len(ids) == len(ODD) * 2
    for row, instance_id in zip(found, ids, strict=True):
        assert rows.SYSTEM_SETTINGS.find(here, {"instanceid": instance_id}) == row


def test_ids_are_the_plain_names_where_nothing_is_odd() -> None:
    web = machine("web")
    assert rows.device_id(web, "xvda") == "web/xvda"
    assert rows.setting_id(web, "xvda", Origin.CURRENT) == "web/xvda"
    assert rows.setting_id(web, "xvda", Origin.STORED) == "web/xvda;stored"
    assert rows.system_setting_id(web, HOST, Origin.STORED) == "Xen:web;stored"
    assert rows.setting_id(machine("a;b"), "mem", Origin.CURRENT) == "a;;b/mem"


def test_machines_and_devices_are_found_by_their_keys() -> None:
    here = context(machine("web"), machine("a/b"))
    vm = here.view.machine_named("a/b")
    assert rows.MACHINES.find(here, {"name": "a/b"}) == (vm, None, HOST)
    assert rows.CAPABILITIES.find(here, {"instanceid": "a/b"}) == (vm, HOST)
    keys = {"systemname": "a/b", "deviceid": "a/b/xvda"}
    assert rows.DISKS.device_rows().find(here, keys) == (vm, CONFIG.disks[0], HOST)
    assert len(list(rows.VCPUS.device_rows().all(here))) == 2 * CONFIG.cpu.count


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"systemname": "web"},
        {"deviceid": "web/xvda"},
        {"systemname": "web", "deviceid": "web/sda"},
        {"systemname": "web", "deviceid": "other/xvda"},
        {"systemname": "other", "deviceid": "other/xvda"},
    ],
)
def test_devices_that_are_not_there(keys: dict[str, str]) -> None:
    assert rows.DISKS.device_rows().find(context(machine("web")), keys) is None


@pytest.mark.parametrize(
    "instance_id", ["", "web", "web/", "/xvda", "web/sda", "web/xvda;stored", "other/xvda", "web/xvda/xvda"]
)
def test_settings_that_are_not_there(instance_id: str) -> None:
    here = context(machine("web", running=False))
    assert rows.DISKS.setting_rows().find(here, {"instanceid": instance_id}) is None
    assert rows.DISKS.setting_rows().find(here, {"instanceid": "web/xvda"}) is not None


@pytest.mark.parametrize("instance_id", ["", "web", "KVM:web", "Xen:", "Xen:web;stored", "Xen:other"])
def test_definitions_that_are_not_there(instance_id: str) -> None:
    here = context(machine("web", running=False))
    assert rows.SYSTEM_SETTINGS.find(here, {"instanceid": instance_id}) is None


def test_a_machine_that_is_off_has_one_set_of_settings() -> None:
    here = context(machine("web", running=False))
    assert [row[2] for row in rows.SYSTEM_SETTINGS.all(here)] == [Origin.CURRENT]
    assert [row[2] for row in rows.MEMORY.setting_rows().all(here)] == [Origin.CURRENT]


def test_the_operation_on_a_machine_is_in_its_row() -> None:
    inventory = Inventory()
    operation = MachineOperation(machine="uuid of web", requested_state=2, in_progress=True)
    for record in (HOST, machine("web"), operation):
        inventory.put(record)
    [row] = rows.MACHINES.all(Context(inventory.view, inventory.view))
    assert row[1] is operation


def test_a_machine_takes_its_operation_along() -> None:
    inventory = Inventory()
    inventory.put(machine("web"))
    inventory.put(MachineOperation(machine="uuid of web", requested_state=2, in_progress=False))
    inventory.remove(VirtualMachine, "uuid of web")
    assert not inventory.view.all(MachineOperation)


@pytest.mark.parametrize(
    ("disk", "pool"),
    [
        (Disk(target="vda", source_type="volume", pool="images", volume="v"), POOL),
        (Disk(target="vda", source_type="volume", pool="gone", volume="v"), None),
        (Disk(target="vda", source_type="file", source="/srv/images/v.qcow2"), POOL),
        (Disk(target="vda", source_type="file", source="/srv/images/deeper/v.qcow2"), None),
        (Disk(target="vda", source_type="network", source="images/v"), None),
        (Disk(target="hdc", device="cdrom"), None),
    ],
)
def test_the_pool_of_a_disk(disk: Disk, pool: StoragePool | None) -> None:
    here = context()
    assert rows.storage_pool_of(here)(disk) is pool
    vm = replace(machine("web"), current=replace(CONFIG, disks=(disk,)))
    assert list(rows.DISKS.settings(here, vm, Origin.CURRENT)) == [(vm, disk, Origin.CURRENT, pool)]


@pytest.mark.parametrize(
    ("nic", "end"),
    [
        (Nic(mac="m", source_type="network", network="default"), NETWORK),
        # A running machine's interface names the bridge too.
        (Nic(mac="m", source_type="network", network="default", bridge="virbr0"), NETWORK),
        (Nic(mac="m", source_type="network", network="gone"), None),
        (Nic(mac="m", source_type="bridge", bridge="virbr0"), NETWORK),
        (Nic(mac="m", source_type="bridge", bridge="br0"), BRIDGE),
        (Nic(mac="m", source_type="bridge", bridge="br9"), None),
        (Nic(mac="m", source_type="user"), None),
    ],
)
def test_the_network_of_an_interface(nic: Nic, end: Network | Bridge | None) -> None:
    assert rows.network_of(context())(nic) is end


def test_parts_of_one_kind_are_told_apart() -> None:
    assert rows.GRAPHICS.ident(Graphics(type="vnc")) == "vnc"
    assert rows.GRAPHICS.ident(Graphics(type="vnc", index=1)) == "vnc:1"
    assert rows.INPUTS.ident(InputDevice(type="mouse", bus="ps2")) == "mouse:ps2"
    assert rows.INPUTS.ident(InputDevice(type="tablet", bus="usb", index=2)) == "tablet:usb:2"
    assert rows.INPUTS.ident(InputDevice(type="mouse")) == "mouse"

"""What joins machines, devices and settings: exact ends, and both directions of every link."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.fake import fake_config, fake_host
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import (
    Disk,
    Graphics,
    InputDevice,
    MachineConfig,
    Nic,
    PowerState,
    Record,
    VirtualMachine,
)
from xencim.providers.core.spec import AssocSpec, ClassSpec, Context, Row
from xencim.providers.vm import SPECS, associations

if TYPE_CHECKING:
    from xencim.providers.core.spec import Link

CONFIG = fake_config(1)  # two processors, a disk and a CD-ROM drive
ADDED = Disk(target="xvdb", source_type="file", source="/srv/new.raw")
STORED = replace(CONFIG, title="next", disks=(CONFIG.disks[0], ADDED), inputs=CONFIG.inputs[:1])
TWINS = replace(
    CONFIG,
    graphics=(Graphics(type="vnc"), Graphics(type="vnc", index=1), Graphics(type="spice")),
    inputs=(InputDevice(type="tablet", bus="usb"), InputDevice(type="tablet", bus="usb", index=1)),
    nics=(Nic(mac="52:54:00:00:00:01"), Nic(mac="52:54:00:00:00:02")),
)


def machine(
    name: str, current: MachineConfig = CONFIG, stored: MachineConfig | None = None
) -> VirtualMachine:
    return VirtualMachine(uuid=name, name=name, state=PowerState.RUNNING, current=current, stored=stored)


MACHINES = (
    machine("both", stored=STORED),
    replace(machine("off"), state=PowerState.SHUT_OFF),
    replace(machine("transient"), persistent=False, needs=("off", "twins", "nowhere")),
    machine("twins", current=TWINS, stored=TWINS),
    machine("odd;stored", stored=STORED),
)
LINKS = [
    *((spec.cim_class, link) for spec in associations.ASSOCIATIONS for link in spec.links),
    *(("ElementCapabilities", link) for link in associations.ELEMENT_CAPABILITIES_LINKS),
]


@pytest.fixture(scope="module")
def context() -> Context:
    inventory = Inventory()
    records: list[Record] = [fake_host(1), *MACHINES]
    for record in records:
        inventory.put(record)
    return Context(inventory.view, Inventory().view)


def key(spec: ClassSpec, row: Row) -> str:
    """Return what tells an instance from the others of its class."""
    prop = spec.keys[-1]
    assert callable(prop.get)
    return f"{spec.cim_class} {prop.get(*row)}"


def pairs(context: Context, spec: AssocSpec, left: str) -> set[tuple[str, str]]:
    """Return the keys that an association joins, of one class of left ends."""
    return {
        (key(link.left, row), key(link.right, other))
        for link in spec.links
        if link.left.cim_class == left
        for row in link.left.rows.all(context)
        for other in link.rights_of(context, row)
    }


@pytest.mark.parametrize(("name", "link"), LINKS, ids=lambda value: value if isinstance(value, str) else "")
def test_both_directions_agree(context: Context, name: str, link: Link) -> None:
    lefts, rights = list(link.left.rows.all(context)), list(link.right.rows.all(context))
    forth = [
        (key(link.left, left), key(link.right, right))
        for left in lefts
        for right in link.rights_of(context, left)
    ]
    back = [
        (key(link.left, left), key(link.right, right))
        for right in rights
        for left in link.lefts_of(context, right)
    ]
    assert len(set(forth)) == len(forth), name
    assert sorted(forth) == sorted(back)
    assert forth, "the records of this test leave nothing out"
    # The ends are the very rows that the classes enumerate.
    assert {key(link.right, r) for left in lefts for r in link.rights_of(context, left)} <= {
        key(link.right, right) for right in rights
    }
    for left in lefts:
        assert all(right in rights for right in link.rights_of(context, left))


def test_a_machine_has_its_devices_and_no_others(context: Context) -> None:
    found = pairs(context, associations.SYSTEM_DEVICE, "ComputerSystem")
    assert {right for left, right in found if left == "ComputerSystem both"} == {
        "Processor both/0",
        "Processor both/1",
        "Memory both/mem",
        "LogicalDisk both/xvda",
        "LogicalDisk both/hdc",
        f"NetworkPort both/{CONFIG.nics[0].mac}",
        "DisplayController both/vnc",
        "ConsoleDisplayController both/charconsole:0",
        "PointingDevice both/mouse:xen",
        "Keyboard both/keyboard:xen",
        "Controller both/controller:xenbus:0",
    }


def test_state_is_defined_by_current_settings_only(context: Context) -> None:
    spec = associations.SETTINGS_DEFINE_STATE
    assert pairs(context, spec, "ComputerSystem") == {
        ("ComputerSystem both", "VirtualSystemSettingData Xen:both"),
        ("ComputerSystem off", "VirtualSystemSettingData Xen:off"),
        ("ComputerSystem transient", "VirtualSystemSettingData Xen:transient"),
        ("ComputerSystem twins", "VirtualSystemSettingData Xen:twins"),
        ("ComputerSystem odd;stored", "VirtualSystemSettingData Xen:odd;;stored"),
    }
    disks = pairs(context, spec, "LogicalDisk")
    assert ("LogicalDisk both/hdc", "DiskResourceAllocationSettingData both/hdc") in disks
    assert len(disks) == 2 * len(MACHINES)
    assert not any("xvdb" in right for _, right in disks)
    processors = pairs(context, spec, "Processor")
    assert {pair for pair in processors if pair[0].startswith("Processor both")} == {
        ("Processor both/0", "ProcResourceAllocationSettingData both/proc"),
        ("Processor both/1", "ProcResourceAllocationSettingData both/proc"),
    }
    assert {pair for pair in pairs(context, spec, "PointingDevice") if "twins" in pair[0]} == {
        ("PointingDevice twins/tablet:usb", "InputResourceAllocationSettingData twins/tablet:usb"),
        ("PointingDevice twins/tablet:usb:1", "InputResourceAllocationSettingData twins/tablet:usb:1"),
    }


def test_definitions_contain_the_settings_of_their_own_set(context: Context) -> None:
    found = pairs(context, associations.VIRTUAL_SYSTEM_SETTING_DATA_COMPONENT, "VirtualSystemSettingData")
    stored = {right for left, right in found if left == "VirtualSystemSettingData Xen:both;stored"}
    assert stored == {
        "ProcResourceAllocationSettingData both/proc;stored",
        "MemResourceAllocationSettingData both/mem;stored",
        "DiskResourceAllocationSettingData both/xvda;stored",
        "DiskResourceAllocationSettingData both/xvdb;stored",
        f"NetResourceAllocationSettingData both/{CONFIG.nics[0].mac};stored",
        "GraphicsResourceAllocationSettingData both/vnc;stored",
        "InputResourceAllocationSettingData both/mouse:xen;stored",
        "ConsoleResourceAllocationSettingData both/charconsole:0;stored",
        "ControllerResourceAllocationSettingData both/controller:xenbus:0;stored",
    }
    current = {right for left, right in found if left == "VirtualSystemSettingData Xen:both"}
    assert not any(right.endswith(";stored") for right in current)
    assert "DiskResourceAllocationSettingData both/hdc" in current


def test_settings_are_joined_with_what_follows_them(context: Context) -> None:
    [link, *_] = associations.ELEMENT_SETTING_DATA.links
    flags = {
        (key(link.left, left), key(link.right, right)): {
            prop.name: prop.get(left, right) for prop in link.props if callable(prop.get)
        }
        for left in link.left.rows.all(context)
        for right in link.rights_of(context, left)
    }
    both, stored = "VirtualSystemSettingData Xen:both", "VirtualSystemSettingData Xen:both;stored"
    off, transient = "VirtualSystemSettingData Xen:off", "VirtualSystemSettingData Xen:transient"
    assert flags[both, both] == {"IsDefault": 2, "IsCurrent": 1, "IsNext": 2}
    assert flags[both, stored] == {"IsDefault": 1, "IsCurrent": 2, "IsNext": 1}
    assert flags[off, off] == {"IsDefault": 1, "IsCurrent": 1, "IsNext": 1}
    assert flags[transient, transient] == {"IsDefault": 2, "IsCurrent": 1, "IsNext": 2}
    assert len(flags) == 2 * 3 + 2


def test_a_device_that_only_the_definition_has_follows_nothing(context: Context) -> None:
    found = pairs(context, associations.ELEMENT_SETTING_DATA, "DiskResourceAllocationSettingData")
    both = {pair for pair in found if "both" in pair[0]}
    name = "DiskResourceAllocationSettingData both/"
    assert both == {
        (f"{name}xvda", f"{name}xvda"),
        (f"{name}xvda", f"{name}xvda;stored"),
        (f"{name}hdc", f"{name}hdc"),
    }


def test_every_class_is_joined_with_something() -> None:
    ends = {end for _, link in LINKS for end in (link.left, link.right)}
    assert ends == set(SPECS)

"""Devices of machines and the settings of their resources: exact values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from xencim.providers.backends.fake import fake_config, fake_host
from xencim.providers.backends.records import (
    Bandwidth,
    Bridge,
    Console,
    ControllerDevice,
    CpuAllocation,
    Disk,
    Graphics,
    InputDevice,
    MachineConfig,
    Network,
    Nic,
    PoolState,
    PowerState,
    StoragePool,
    Vcpu,
    VirtualMachine,
)
from xencim.providers.core.spec import ClassName, Const
from xencim.providers.vm import devices, settings
from xencim.providers.vm.rows import Origin

if TYPE_CHECKING:
    from xencim.providers.core.spec import Row

HOST = fake_host(1)
CONFIG = fake_config(0)
MAC = "52:54:00:12:34:56"
POOL = StoragePool(name="0", uuid="p", type="dir", state=PoolState.RUNNING)
SPECS = {spec.cim_class: spec for spec in (*devices.SPECS, *settings.SPECS)}


def vm(state: PowerState = PowerState.RUNNING, config: MachineConfig = CONFIG) -> VirtualMachine:
    return VirtualMachine(uuid="u", name="web", state=state, current=config)


def told(name: str, row: Row) -> dict[str, Any]:
    """Return what a class's spec tells of a row, without what is NULL."""
    spec = SPECS[name]
    values = {
        prop.name: prop.get.value if isinstance(prop.get, Const) else prop.get(*row)
        for prop in (*spec.keys, *spec.props)
        if not isinstance(prop.get, ClassName)
    }
    return {name: value for name, value in values.items() if value is not None}


# What a device shares with its running machine.
SHARED = {
    "SystemName": "web",
    "EnabledState": 2,
    "EnabledDefault": 2,
    "RequestedState": 12,
    "TransitioningToState": 12,
    "OperationalStatus": (2,),
    "StatusDescriptions": ("running",),
    "HealthState": 5,
    "PrimaryStatus": 1,
    "DetailedStatus": 1,
    "OperatingStatus": 16,
    "CommunicationStatus": 2,
}


def device(name: str, part: object, config: MachineConfig = CONFIG) -> dict[str, Any]:
    """Return what a device of a running machine tells beyond what all tell."""
    values = told(name, (vm(config=config), part, HOST))
    assert {key: values.pop(key) for key in SHARED} == SHARED
    return values


def test_a_processor() -> None:
    assert device("Processor", Vcpu(index=1)) == {
        "DeviceID": "web/1",
        "Name": "CPU 1",
        "ElementName": "web CPU 1",
        "Caption": "Virtual processor",
        "Role": "Central Processor",
        "Family": 2,
        "CPUStatus": 1,
        "NumberOfEnabledCores": 1,
        "DataWidth": 64,
        "AddressWidth": 64,
        "Characteristics": (2,),
    }


@pytest.mark.parametrize(
    ("model", "mode", "family", "description"),
    [
        ("Skylake-Client", "custom", 1, "Skylake-Client"),
        (None, "host-passthrough", 1, "Made up"),
        (None, "maximum", 2, None),
    ],
)
def test_the_model_of_a_processor(model: str | None, mode: str, family: int, description: str | None) -> None:
    config = replace(CONFIG, cpu=CpuAllocation(count=1, maximum=1, model=model, mode=mode), arch="i686")
    values = device("Processor", Vcpu(index=0), config)
    assert (values["Family"], values.get("OtherFamilyDescription")) == (family, description)
    assert (values["DataWidth"], values["Characteristics"]) == (32, (3,))


def test_memory() -> None:
    assert device("Memory", CONFIG.memory) == {
        "DeviceID": "web/mem",
        "Name": "Memory",
        "ElementName": "web Memory",
        "Caption": "Virtual memory",
        "Volatile": True,
        "Access": 3,
        "SequentialAccess": False,
        "Primordial": False,
        "Purpose": "System memory",
        "BlockSize": 4096,
        "NumberOfBlocks": 8 * 1024 * 1024 // 4,
        "ConsumableBlocks": 1024 * 1024 // 4,
    }


def test_a_disk_and_an_empty_drive() -> None:
    disk = Disk(target="vda", capacity_bytes=10**10, serial="S1")
    values = device("LogicalDisk", disk)
    assert values == {
        "DeviceID": "web/vda",
        "Name": "vda",
        "ElementName": "web vda",
        "Caption": "Virtual disk",
        "NameFormat": 12,
        "NameNamespace": 8,
        "Purpose": "disk",
        "Access": 3,
        "OtherIdentifyingInfo": ("S1",),
        "IdentifyingDescriptions": ("Serial number",),
        "BlockSize": 1,
        "NumberOfBlocks": 10**10,
        "ConsumableBlocks": 10**10,
        "DataOrganization": 2,
        "SequentialAccess": False,
        "Primordial": False,
    }
    empty = device("LogicalDisk", Disk(target="hdc", device="cdrom"))
    assert empty["Access"] == 1
    assert not {"NumberOfBlocks", "OtherIdentifyingInfo"} & set(empty)


def test_a_network_port() -> None:
    assert device("NetworkPort", Nic(mac=MAC)) == {
        "DeviceID": f"web/{MAC}",
        "Name": MAC,
        "ElementName": f"web {MAC}",
        "Caption": "Virtual network interface",
        "LinkTechnology": 2,
        "PermanentAddress": MAC,
        "NetworkAddresses": (MAC,),
    }


@pytest.mark.parametrize(
    ("state", "link_up", "enabled"),
    [
        (PowerState.RUNNING, True, 2),
        (PowerState.RUNNING, None, 2),
        (PowerState.RUNNING, False, 6),
        (PowerState.PAUSED, False, 9),
        (PowerState.SHUT_OFF, False, 3),
    ],
)
def test_a_port_whose_link_is_down_is_offline(
    state: PowerState, *, link_up: bool | None, enabled: int
) -> None:
    assert told("NetworkPort", (vm(state), Nic(mac=MAC, link_up=link_up), HOST))["EnabledState"] == enabled


@pytest.mark.parametrize("state", PowerState)
def test_a_device_is_in_the_state_of_its_machine(state: PowerState) -> None:
    expected = {
        PowerState.RUNNING: 2,
        PowerState.PAUSED: 9,
        PowerState.GUEST_SUSPENDED: 9,
        PowerState.SHUTTING_DOWN: 4,
        PowerState.SHUT_OFF: 3,
        PowerState.SAVED: 6,
        PowerState.CRASHED: 3,
        PowerState.UNKNOWN: 0,
    }
    assert told("Memory", (vm(state), CONFIG.memory, HOST))["EnabledState"] == expected[state]


def test_displays() -> None:
    vnc = Graphics(type="vnc", listen="127.0.0.1", port=5900, video_model="qxl", video_memory_kib=64 * 1024)
    values = device("DisplayController", vnc)
    assert values["DeviceID"] == "web/vnc"
    assert values["VideoProcessor"] == "vnc/127.0.0.1:5900"
    assert (values["VideoArchitecture"], values["OtherVideoArchitecture"]) == (1, "qxl")
    assert values["MaxMemorySupported"] == 64 * 1024 * 1024
    sdl = device("DisplayController", Graphics(type="sdl", video_memory_kib=4 * 1024 * 1024))
    assert (sdl["VideoProcessor"], sdl["VideoArchitecture"]) == ("sdl", 0)
    assert "MaxMemorySupported" not in sdl  # 4 GiB do not fit into a uint32


def test_a_console() -> None:
    console = Console(index=1, source_type="pty", source_path="/dev/pts/3", target_type="serial")
    values = device("ConsoleDisplayController", console)
    assert values["DeviceID"] == "web/charconsole:1"
    assert values["VideoProcessor"] == "pty//dev/pts/3"


@pytest.mark.parametrize(("kind", "pointing"), [("mouse", 3), ("tablet", 1), ("passthrough", 2)])
def test_pointing_devices(kind: str, pointing: int) -> None:
    values = device("PointingDevice", InputDevice(type=kind, bus="usb"))
    assert (values["DeviceID"], values["PointingType"]) == (f"web/{kind}:usb", pointing)


def test_a_keyboard_has_the_layout_of_the_displays_if_they_agree() -> None:
    keyboard = InputDevice(type="keyboard", bus="ps2")
    assert device("Keyboard", keyboard)["Layout"] == "en-us"
    two = (Graphics(type="vnc", keymap="de"), Graphics(type="spice", keymap="fr"))
    assert "Layout" not in device("Keyboard", keyboard, replace(CONFIG, graphics=two))


@pytest.mark.parametrize(
    ("kind", "model", "protocol", "description"),
    [("pci", "pcie-root", 5, "pcie-root"), ("usb", None, 16, "usb"), ("xenbus", None, 1, "xenbus")],
)
def test_controllers(kind: str, model: str | None, protocol: int, description: str) -> None:
    values = device("Controller", ControllerDevice(type=kind, index=2, model=model))
    assert values["DeviceID"] == f"web/controller:{kind}:2"
    assert (values["ProtocolSupported"], values["ProtocolDescription"]) == (protocol, description)


# Settings --------------------------------------------------------------------------------------

ALLOCATED = {"AutomaticAllocation": True, "AutomaticDeallocation": True, "ChangeableType": 2}


def setting(name: str, part: object, *tail: object, config: MachineConfig = CONFIG) -> dict[str, Any]:
    """Return what a current setting tells beyond what all tell."""
    values = told(name, (vm(config=config), part, Origin.CURRENT, *tail))
    assert {key: values.pop(key) for key in ALLOCATED} == ALLOCATED
    return values


def test_processor_settings() -> None:
    cpu = CpuAllocation(count=2, maximum=4, weight=512, cap_percent=150)
    config = replace(CONFIG, vcpus=(Vcpu(index=0, pinned_to=(1,)), Vcpu(index=1)))
    name = "ProcResourceAllocationSettingData"
    assert setting(name, cpu, config=config) == {
        "InstanceID": "web/proc",
        "ElementName": "Processors",
        "Caption": "Virtual processors",
        "ResourceType": 3,
        "ConsumerVisibility": 3,
        "PoolID": "ProcessorPool/0",
        "VirtualQuantity": 2,
        "VirtualQuantityUnits": "count",
        "AllocationUnits": "percent",
        "Limit": 150,
        "Weight": 512,
        "MappingBehavior": 5,
        "Affinity": ("1", ""),
    }
    # A cap of nothing is no cap, and processors that are pinned nowhere have no affinity.
    free = setting(name, replace(cpu, cap_percent=0))
    assert not {"Limit", "MappingBehavior", "Affinity"} & set(free)


def test_memory_settings() -> None:
    assert setting("MemResourceAllocationSettingData", replace(CONFIG.memory, dump_core=False)) == {
        "InstanceID": "web/mem",
        "ElementName": "Memory",
        "Caption": "Virtual memory",
        "ResourceType": 4,
        "ConsumerVisibility": 3,
        "PoolID": "MemoryPool/0",
        "AllocationUnits": "byte*2^10",
        "VirtualQuantityUnits": "byte*2^10",
        "VirtualQuantity": 1024 * 1024,
        "Reservation": 1024 * 1024,
        "Limit": 8 * 1024 * 1024,
        "dumpCore": False,
    }


def test_disk_settings() -> None:
    name = "DiskResourceAllocationSettingData"
    assert setting(name, CONFIG.disks[0], POOL) == {
        "InstanceID": "web/xvda",
        "ElementName": "xvda",
        "Caption": "Virtual disk",
        "ResourceType": 17,
        "ResourceSubType": "disk",
        "ConsumerVisibility": 3,
        "EmulatedType": 0,
        "PoolID": "DiskPool/=0",
        "Address": "/var/lib/xen/images/vm-00000.qcow2",
        "AllocationUnits": "byte",
        "VirtualQuantityUnits": "byte",
        "VirtualQuantity": 20 * 1024**3,
        "VirtualDevice": "xvda",
        "BusType": "xen",
        "readonly": False,
        "shareable": False,
        "DriverName": "qemu",
        "DriverType": "qcow2",
        "BootOrder": 1,
        "TotalBandwidthLimit": 0,
        "ReadBandwidthLimit": 0,
        "WriteBandwidthLimit": 0,
        "TotalIOPSLimit": 0,
        "ReadIOPSLimit": 0,
        "WriteIOPSLimit": 0,
    }
    lun = setting(name, Disk(target="sda", device="lun", pool="images", volume="v"), None)
    assert (lun["EmulatedType"], lun["ConsumerVisibility"], lun["PoolID"]) == (4, 2, "DiskPool/0")
    assert (lun["Caption"], lun["Address"]) == ("Passed-through disk", "images/v")


def test_network_settings() -> None:
    nic = Nic(
        mac=MAC,
        source_type="network",
        network="default",
        bridge="virbr0",
        model="virtio",
        vlan_ids=(5,),
        inbound=Bandwidth(average_kib_s=1000, floor_kib_s=100),
        outbound=Bandwidth(average_kib_s=500),
    )
    # libvirt reports network and bridge of a running machine: the pool is the network's.
    assert setting(
        "NetResourceAllocationSettingData", nic, Network(name="default", uuid="n", active=True)
    ) == {
        "InstanceID": f"web/{MAC}",
        "ElementName": MAC,
        "Caption": "Virtual network interface",
        "ResourceType": 10,
        "ResourceSubType": "virtio",
        "VirtualQuantity": 1,
        "VirtualQuantityUnits": "count",
        "ConsumerVisibility": 3,
        "PoolID": "NetworkPool/default",
        "Connection": ("default",),
        "AllocationUnits": "byte * 2^10 / second",
        "Reservation": 100,
        "Limit": 1000,
        "OutboundLimit": 500,
        "Address": MAC,
        "NetworkType": "network",
        "NetworkName": "default",
        "VLANIDs": (5,),
    }


@pytest.mark.parametrize(
    ("nic", "end", "pool", "visibility"),
    [
        (Nic(mac=MAC, source_type="bridge", bridge="br0"), Bridge(name="br0"), "NetworkPool/bridge/br0", 3),
        (Nic(mac=MAC), None, "NetworkPool/0", 3),
        (Nic(mac=MAC, source_type="hostdev"), None, "NetworkPool/0", 2),
        (Nic(mac=MAC, source_type="direct", source_dev="eth0", mode="passthrough"), None, "NetworkPool/0", 2),
    ],
)
def test_other_interfaces(nic: Nic, end: Bridge | None, pool: str, visibility: int) -> None:
    values = setting("NetResourceAllocationSettingData", nic, end)
    assert (values["PoolID"], values["ConsumerVisibility"]) == (pool, visibility)
    assert not {"Limit", "Reservation", "OutboundLimit", "VLANIDs"} & set(values)


@pytest.mark.parametrize(
    ("graphics", "address", "ipv6"),
    [
        (Graphics(type="vnc", listen="127.0.0.1", port=-1), "127.0.0.1:-1", False),
        (Graphics(type="vnc", listen="::1", port=5900), "[::1]:5900", True),
        (Graphics(type="vnc", port=5900), ":5900", None),
        (Graphics(type="sdl"), None, None),
    ],
)
def test_display_settings(graphics: Graphics, address: str | None, *, ipv6: bool | None) -> None:
    values = setting("GraphicsResourceAllocationSettingData", graphics)
    assert values["PoolID"] == "GraphicsPool/0"
    assert (values["ResourceType"], values["ResourceSubType"]) == (24, graphics.type)
    assert (values.get("Address"), values.get("IsIPv6Only")) == (address, ipv6)


def test_input_settings() -> None:
    values = setting("InputResourceAllocationSettingData", InputDevice(type="mouse", bus="ps2"))
    assert values["InstanceID"] == "web/mouse:ps2"
    assert (values["Caption"], values["BusType"], values["ResourceSubType"]) == ("PS2 Mouse", "ps2", "mouse")
    assert setting("InputResourceAllocationSettingData", InputDevice(type="mouse"))["Caption"] == "Mouse"


def test_console_and_controller_settings() -> None:
    console = Console(index=0, source_type="tcp", target_type="serial", bind="127.0.0.1:2000")
    values = setting("ConsoleResourceAllocationSettingData", console)
    assert (values["InstanceID"], values["OtherResourceType"]) == ("web/charconsole:0", "console")
    assert (values["SourceType"], values["BindURL"], values["TargetType"]) == (
        "tcp",
        "127.0.0.1:2000",
        "serial",
    )
    controller = ControllerDevice(type="virtio-serial", index=1, ports=31, vectors=4)
    values = setting("ControllerResourceAllocationSettingData", controller)
    assert (values["InstanceID"], values["OtherResourceType"]) == (
        "web/controller:virtio-serial:1",
        "controller",
    )
    assert (values["PoolID"], values["Index"], values["Ports"], values["Vectors"]) == (
        "ControllerPool/0",
        1,
        31,
        4,
    )


def test_the_settings_of_a_transient_machine_go_with_it() -> None:
    machine = replace(vm(), persistent=False)
    values = told("MemResourceAllocationSettingData", (machine, CONFIG.memory, Origin.CURRENT))
    assert values["ChangeableType"] == 1


def test_stored_processor_settings_look_at_the_stored_definition() -> None:
    pinned = replace(CONFIG, vcpus=(Vcpu(index=0, pinned_to=(0,)),))
    machine = replace(vm(), stored=pinned)
    name = "ProcResourceAllocationSettingData"
    assert told(name, (machine, CONFIG.cpu, Origin.STORED))["MappingBehavior"] == 5
    assert told(name, (machine, CONFIG.cpu, Origin.STORED))["InstanceID"] == "web/proc;stored"
    assert "MappingBehavior" not in told(name, (machine, CONFIG.cpu, Origin.CURRENT))

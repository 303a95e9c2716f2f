"""Each class of resource settings on a made-up host: every property, added ones, removed ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from xencim.providers.backends.records import (
    Bandwidth,
    Bridge,
    Console,
    ControllerDevice,
    Disk,
    Graphics,
    InputDevice,
    Network,
    Nic,
    Vcpu,
)
from xencim.providers.core.errors import Status

from .management_world import Host, managing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.values import Value
    from xencim.providers.backends.records import MachineConfig

RUNNING, OFF, PAUSED = "vm-00000", "vm-00002", "vm-00004"
DISK = "DiskResourceAllocationSettingData"
MAC = "00:16:3e:00:00:00"
KIB_PER_GIB = 2**20


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with managing() as made:
        yield made


# Each class ------------------------------------------------------------------------------------


def part(config: MachineConfig, kind: str) -> Any:  # noqa: ANN401 - of every kind
    return {
        "proc": config.cpu,
        "mem": config.memory,
        "disk": config.disks[0],
        "net": config.nics[0],
        "graphics": config.graphics[0],
        "input": config.inputs[0],
        "console": config.consoles[0],
        "controller": config.controllers[0],
    }[kind]


@pytest.mark.parametrize(
    ("kind", "ident", "properties", "fields"),
    [
        ("proc", "proc", {"VirtualQuantity": 6}, {"count": 6, "maximum": 6}),
        ("proc", "proc", {"Weight": 100, "Limit": 50}, {"weight": 100, "cap_percent": 50}),
        ("proc", "proc", {"Limit": 0}, {}),
        (
            "proc",
            "proc",
            {"CPUMode": "custom", "CPUModel": "Haswell"},
            {"mode": "custom", "model": "Haswell"},
        ),
        (
            "proc",
            "proc",
            {"FeaturesRequired": ("vmx",), "FeaturesHidden": ("hle", "rtm")},
            {"features_required": ("vmx",), "features_hidden": ("hle", "rtm")},
        ),
        ("mem", "mem", {"HugePageSize": 2048}, {"huge_page_kib": 2048}),
        ("mem", "mem", {"Reservation": 1024, "VirtualQuantity": 1024}, {"current_kib": 1024}),
        ("mem", "mem", {"Limit": 16, "AllocationUnits": "gigabytes"}, {"maximum_kib": 16 * KIB_PER_GIB}),
        (
            "mem",
            "mem",
            {"VirtualQuantity": 9, "VirtualQuantityUnits": "byte*2^30"},
            {"current_kib": 9437184, "maximum_kib": 9437184},
        ),
        ("mem", "mem", {"dumpCore": False}, {"dump_core": False}),
        ("disk", "xvda", {"VirtualDevice": "xvdf"}, {"target": "xvdf"}),
        ("disk", "xvda", {"VirtualQuantity": 30 * 2**30}, {"capacity_bytes": 30 * 2**30}),
        ("disk", "xvda", {"BusType": "ide", "DriverCache": "none"}, {"bus": "ide", "cache": "none"}),
        ("disk", "xvda", {"readonly": True, "shareable": True}, {"readonly": True, "shareable": True}),
        (
            "disk",
            "xvda",
            {"DriverType": "raw", "DriverName": ""},
            {"driver_type": "raw", "driver_name": None},
        ),
        ("disk", "xvda", {"BootOrder": 0}, {"boot_order": None}),
        (
            "disk",
            "xvda",
            {"Address": "default/web.img"},
            {
                "source_type": "volume",
                "pool": "default",
                "volume": "web.img",
                "source": None,
                "capacity_bytes": None,
            },
        ),
        (
            "disk",
            "xvda",
            {"Address": "/dev/sdc"},
            {"source_type": "block", "source": "/dev/sdc", "capacity_bytes": None},
        ),
        ("net", "00:16:3e:00:00:02", {"Address": "02-00-00-00-00-0A"}, {"mac": "02:00:00:00:00:0a"}),
        ("net", "00:16:3e:00:00:02", {"NetworkName": "other"}, {"network": "other", "bridge": None}),
        ("net", "00:16:3e:00:00:02", {"PoolID": "NetworkPool/other"}, {"network": "other", "bridge": None}),
        (
            "net",
            "00:16:3e:00:00:02",
            {"PoolID": "NetworkPool/bridge/br0"},
            {"source_type": "bridge", "network": None, "bridge": "br0"},
        ),
        (
            "net",
            "00:16:3e:00:00:02",
            {"NetworkType": "bridge", "Connection": ("br0",)},
            {"source_type": "bridge", "network": None, "bridge": "br0"},
        ),
        (
            "net",
            "00:16:3e:00:00:02",
            {"NetworkType": "direct", "SourceDevice": "eth0", "NetworkMode": "vepa"},
            {"source_type": "direct", "network": None, "bridge": None, "source_dev": "eth0", "mode": "vepa"},
        ),
        (
            "net",
            "00:16:3e:00:00:02",
            {"VSIType": "802.1Qbg", "VSIManagerID": 5, "VSITypeID": 70000, "VSITypeIDVersion": 1},
            {"vsi_manager_id": 5, "vsi_type_id": 70000, "vsi_type_version": 1},
        ),
        (
            "net",
            "00:16:3e:00:00:02",
            {"ResourceSubType": "virtio", "VLANIDs": (5,), "FilterRef": "clean", "BootOrder": 2},
            {"model": "virtio", "vlan_ids": (5,), "filter_ref": "clean", "boot_order": 2},
        ),
        (
            "net",
            "00:16:3e:00:00:02",
            {"Limit": 10, "Reservation": 1, "OutboundLimit": 5, "AllocationUnits": "MegaBytes per Second"},
            {
                "inbound": Bandwidth(average_kib_s=10240, floor_kib_s=1024),
                "outbound": Bandwidth(average_kib_s=5120),
            },
        ),
        (
            "net",
            "00:16:3e:00:00:02",
            {"LinkUp": False, "Limit": 9, "InboundPeak": 20, "InboundBurst": 3},
            {"link_up": False, "inbound": Bandwidth(average_kib_s=9, peak_kib_s=20, burst_kib=3)},
        ),
        (
            "net",
            "00:16:3e:00:00:02",
            {"OutboundLimit": 9, "OutboundPeak": 20, "OutboundBurst": 3},
            {"outbound": Bandwidth(average_kib_s=9, peak_kib_s=20, burst_kib=3)},
        ),
        (
            "graphics",
            "vnc",
            {"Address": "0.0.0.0:5901", "KeyMap": "fr"},
            {"listen": "0.0.0.0", "port": 5901, "autoport": False, "keymap": "fr"},  # noqa: S104 - a display's
        ),
        ("input", "mouse:xen", {"BusType": "usb"}, {"bus": "usb"}),
        ("console", "charconsole:0", {"TargetType": "serial"}, {"target_type": "serial"}),
        ("controller", "controller:xenbus:0", {"Ports": 4, "Model": "m"}, {"ports": 4, "model": "m"}),
    ],
)
async def test_every_property(
    host: Host, kind: str, ident: str, properties: dict[str, Value], fields: dict[str, Any]
) -> None:
    host.site.inventory.put(Network(name="other", uuid="2", active=True))
    host.site.inventory.put(Bridge(name="br0"))
    before = part(host.machine(OFF).current, kind)
    [instance_id] = await host.modify(kind, f"{OFF}/{ident}", **properties)
    after = part(host.machine(OFF).current, kind)
    assert after == replace(before, **fields)
    given = properties.get("VirtualDevice") or fields.get("mac") or properties.get("BusType")
    assert instance_id.startswith(f"{OFF}/")
    if kind != "disk" or "VirtualDevice" in properties:
        assert not given or instance_id.endswith(str(given))


async def test_processors_are_pinned(host: Host) -> None:
    machine = host.machine("vm-00001")
    await host.modify("proc", "vm-00001/proc", Affinity=("0-2, 5", ""))
    expected = (Vcpu(index=0, pinned_to=(0, 1, 2, 5)), Vcpu(index=1))
    assert host.machine("vm-00001").current.vcpus == host.stored("vm-00001").vcpus == expected
    await host.modify("proc", "vm-00001/proc", Affinity=("0,1,2,5", ""))
    for affinity, said in (
        (("1",), "it is ('1', '') and cannot become ('1',)"),
        (("a", ""), "'a' names no numbers, as 0-3,6 does"),
        (("3-1", ""), "'3-1' names no numbers"),
        (("64", ""), "vcpus[0].pinned_to is (64,): the host has processors 0 to 63"),
    ):
        status, text = await host.modify_refused("proc", "vm-00001/proc", Affinity=affinity)
        assert (status, said in text) == (Status.INVALID_PARAMETER, True), text
    await host.modify("proc", "vm-00001/proc", Affinity=("", ""))
    assert host.machine("vm-00001") == machine


async def test_adding_one_of_each(host: Host) -> None:
    added = await host.add(
        RUNNING,
        host.settings("disk", Address="/dev/sdb", readonly=True),
        host.settings("disk", Address="/i.qcow2", BusType="virtio", BootOrder=3),
        host.settings("net", Address="02:00:00:00:00:01", NetworkName="default", ResourceSubType="e1000"),
        host.settings("graphics"),
        host.settings("input", ResourceSubType="tablet", BusType="usb"),
        host.settings("console", SourceType="tcp", BindURL="127.0.0.1:4555", TargetType="serial"),
    )
    names = ["xvdb", "vda", "02:00:00:00:00:01", "vnc:1", "tablet:usb", "charconsole:1"]
    assert added == [f"{RUNNING}/{name}" for name in names]
    for config in (host.machine(RUNNING).current, host.stored(RUNNING)):
        assert config.disks[2:] == (
            Disk(
                target="xvdb",
                bus="xen",
                source_type="block",
                source="/dev/sdb",
                driver_type="raw",
                readonly=True,
            ),
            Disk(
                target="vda",
                bus="virtio",
                source_type="file",
                source="/i.qcow2",
                driver_type="qcow2",
                boot_order=3,
            ),
        )
        assert config.nics[1:] == (
            Nic(mac="02:00:00:00:00:01", source_type="network", network="default", model="e1000"),
        )
        assert config.graphics[1:] == (
            Graphics(type="vnc", index=1, listen="127.0.0.1", port=-1, autoport=True),
        )
        assert config.inputs[2:] == (InputDevice(type="tablet", bus="usb"),)
        assert config.consoles[1:] == (
            Console(index=1, source_type="tcp", bind="127.0.0.1:4555", target_type="serial"),
        )
    assert await host.add(f"{RUNNING};stored", host.settings("controller", ResourceSubType="usb")) == [
        f"{RUNNING}/controller:usb:0;stored"
    ]
    assert host.stored(RUNNING).controllers[1:] == (ControllerDevice(type="usb"),)
    assert len(host.machine(RUNNING).current.controllers) == 1


async def test_what_is_there_cannot_be_added(host: Host) -> None:
    disk = host.settings("disk", Address="/a.raw", VirtualDevice="xvda")
    status, text = await host.add_refused(OFF, disk)
    assert (status, text) == (
        Status.INVALID_PARAMETER,
        f"ResourceSettings[0] of AddResourceSettings: the machine has a {DISK} 'xvda' already",
    )
    status, text = await host.add_refused(OFF, host.settings("mem", VirtualQuantity=2**30))
    assert (status, "Cannot add resources of type 4" in text) == (Status.FAILED, True)


async def test_an_inserted_and_ejected_medium(host: Host) -> None:
    await host.modify("disk", f"{RUNNING}/hdc", Address="/iso/debian.iso")
    drive = host.machine(RUNNING).current.disks[1]
    assert (drive.source, drive.source_type, drive.driver_type) == ("/iso/debian.iso", "file", "raw")
    assert host.stored(RUNNING).disks[1] == drive
    await host.modify("disk", f"{RUNNING}/hdc", Address="")
    assert host.machine(RUNNING).current.disks[1].source is None


async def test_removing(host: Host) -> None:
    paths = (host.setting("disk", f"{RUNNING}/hdc"), host.setting("net", f"{RUNNING}/{MAC}"))
    # The made-up host takes disks and interfaces from a running machine.
    assert await host.call("RemoveResourceSettings", ResourceSettings=paths) == {}
    for config in (host.machine(RUNNING).current, host.stored(RUNNING)):
        assert ([disk.target for disk in config.disks], config.nics) == (["xvda"], ())
    gone = await host.refusal("RemoveResourceSettings", ResourceSettings=paths[:1])
    assert gone == (
        Status.NOT_FOUND,
        f"there is no Xen_DiskResourceAllocationSettingData with InstanceID '{RUNNING}/hdc'",
    )
    status, text = await host.refusal(
        "RemoveResourceSettings", ResourceSettings=(host.setting("mem", f"{OFF}/mem"),)
    )
    assert (status, text) == (Status.FAILED, f"{OFF}/mem: Cannot delete resources of type 4")

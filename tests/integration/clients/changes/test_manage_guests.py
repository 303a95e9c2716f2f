"""Real QEMU guests and libvirt's test hypervisor, managed by pywbem; virsh is the second opinion."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from pywbem import (
    Uint16,
    Uint32,
    Uint64,
)

from ..programs import connect
from .managed_host import Host

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Iterator

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

NOT_SUPPORTED = 7


@pytest.fixture(scope="module")
def qemu(libvirtd: Libvirtd, serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with serve(libvirtd.uri) as server, connect(server) as connection:
        yield Host(libvirtd, libvirtd.uri, "KVM", connection, tmp_path_factory.mktemp("guests"))


@pytest.fixture(scope="module")
def test_hypervisor(
    libvirtd: Libvirtd, serve: Serve, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    uri = libvirtd.uri.replace("qemu+unix:///system", "test+unix:///default")
    with serve(uri) as server, connect(server) as connection:
        yield Host(libvirtd, uri, "Xen", connection, tmp_path_factory.mktemp("test"))


def targets(xml: ET.Element) -> list[tuple[str | None, str | None]]:
    """Return the disks' targets and what is in them."""
    found = []
    for disk in xml.iterfind("devices/disk"):
        target, source = disk.find("target"), disk.find("source")
        assert target is not None
        found.append((target.get("dev"), None if source is None else source.get("file")))
    return found


def test_a_guests_life(qemu: Host) -> None:
    root, data, medium = qemu.disk("root", "64M"), qemu.disk("data", "32M"), qemu.disk("medium", "1M")
    out = qemu.call(
        "DefineSystem",
        SystemSettings=qemu.instance(
            "VirtualSystemSettingData",
            VirtualSystemIdentifier="made",
            VirtualSystemType="QEMU",
            Machine="q35",
            Description="by a client",
        ),
        ResourceSettings=[
            qemu.instance("ProcResourceAllocationSettingData", VirtualQuantity=Uint64(2)),
            qemu.instance(
                "MemResourceAllocationSettingData", VirtualQuantity=Uint64(96), AllocationUnits="MegaBytes"
            ),
            qemu.instance("DiskResourceAllocationSettingData", Address=root, VirtualDevice="vda"),
            qemu.instance("DiskResourceAllocationSettingData", EmulatedType=Uint16(1)),
            qemu.instance(
                "NetResourceAllocationSettingData", NetworkType="user", Address="52:54:00:AA:00:01"
            ),
        ],
    )
    system = out["ResultingSystem"]
    assert system.keybindings["Name"] == "made"
    assert qemu.virsh("list", "--all", "--name").split() == ["made"]
    stored = qemu.xml("made", "--inactive")
    assert (stored.get("type"), stored.findtext("vcpu"), stored.findtext("memory")) == ("qemu", "2", "98304")
    assert stored.findtext("description") == "by a client"
    assert targets(stored) == [("vda", root), ("sda", None)]

    qemu.start(system)
    _add_and_remove(qemu, data)
    _exchange_media(qemu, medium)
    _modify(qemu)
    _plug_and_pin(qemu)

    assert qemu.call("DestroySystem", AffectedSystem=system) == {}
    assert qemu.virsh("list", "--all", "--name").split() == []
    assert qemu.connection.EnumerateInstanceNames("KVM_ComputerSystem") == []


def _add_and_remove(qemu: Host, data: str) -> None:
    whole = qemu.setting("VirtualSystemSettingData", "KVM:made")
    [added] = qemu.call(
        "AddResourceSettings",
        AffectedConfiguration=whole,
        ResourceSettings=[qemu.instance("DiskResourceAllocationSettingData", Address=data, BusType="usb")],
    )["ResultingResourceSettings"]
    assert added.keybindings["InstanceID"] == "made/sdb"
    assert ("sdb", data) in targets(qemu.xml("made"))
    assert ("sdb", data) in targets(qemu.xml("made", "--inactive"))
    assert qemu.connection.GetInstance(added)["VirtualQuantity"] == 32 * 2**20
    qemu.call("RemoveResourceSettings", ResourceSettings=[added])
    assert "sdb" not in dict(targets(qemu.xml("made")))
    assert "sdb" not in dict(targets(qemu.xml("made", "--inactive")))


def _exchange_media(qemu: Host, medium: str) -> None:
    cls = "DiskResourceAllocationSettingData"
    qemu.call(
        "ModifyResourceSettings",
        ResourceSettings=[qemu.instance(cls, InstanceID="made/sda", Address=medium)],
    )
    assert ("sda", medium) in targets(qemu.xml("made"))
    qemu.call(
        "ModifyResourceSettings", ResourceSettings=[qemu.instance(cls, InstanceID="made/sda", Address="")]
    )
    assert ("sda", None) in targets(qemu.xml("made"))
    assert ("sda", None) in targets(qemu.xml("made", "--inactive"))


def _modify(qemu: Host) -> None:
    cls = "MemResourceAllocationSettingData"
    qemu.call(
        "ModifyResourceSettings",
        ResourceSettings=[
            qemu.instance(
                cls, InstanceID="made/mem;stored", VirtualQuantity=Uint64(64), AllocationUnits="MegaBytes"
            )
        ],
    )
    assert qemu.xml("made", "--inactive").findtext("currentMemory") == "65536"
    assert qemu.xml("made").findtext("currentMemory") == "98304"
    settings = qemu.instance(
        "VirtualSystemSettingData", InstanceID="KVM:made", Description="new", Caption="T"
    )
    qemu.call("ModifySystemSettings", SystemSettings=settings)
    for options in ((), ("--inactive",)):
        xml = qemu.xml("made", *options)
        assert (xml.findtext("description"), xml.findtext("title")) == ("new", "T")
    status, text = qemu.refusal(
        "ModifyResourceSettings",
        ResourceSettings=[
            qemu.instance(
                "ProcResourceAllocationSettingData", InstanceID="made/proc", VirtualQuantity=Uint64(1)
            )
        ],
    )
    assert status == NOT_SUPPORTED
    assert text.startswith("ModifyResourceSettings: made on QEMU: cpu.count: an emulated machine does not")
    assert qemu.xml("made").findtext("vcpu") == "2"
    assert qemu.xml("made", "--inactive").findtext("vcpu") == "2"


def _plug_and_pin(qemu: Host) -> None:
    net = "NetResourceAllocationSettingData"
    for is_up, state in ((False, "down"), (True, "up")):
        one = qemu.instance(net, InstanceID="made/52:54:00:aa:00:01", LinkUp=is_up)
        qemu.call("ModifyResourceSettings", ResourceSettings=[one])
        for options in ((), ("--config",)):
            told = qemu.virsh("domif-getlink", "made", "52:54:00:aa:00:01", *options)
            assert told.split() == ["52:54:00:aa:00:01", state]
    cpu = qemu.instance("ProcResourceAllocationSettingData", InstanceID="made/proc", Affinity=["0", ""])
    qemu.call("ModifyResourceSettings", ResourceSettings=[cpu])
    for options in (("--live",), ("--config",)):
        pins = [line.split() for line in qemu.virsh("vcpupin", "made", *options).splitlines()]
        assert pins[0] == ["0", "0"]
        assert pins[1] != ["1", "0"]
    named = qemu.instance("ProcResourceAllocationSettingData", InstanceID="made/proc;stored", CPUModel="max")
    named["CPUMode"] = "custom"
    qemu.call("ModifyResourceSettings", ResourceSettings=[named])
    model = qemu.xml("made", "--inactive").find("cpu")
    assert model is not None
    assert (model.get("mode"), model.findtext("model")) == ("custom", "max")


def test_a_disk_from_a_pool(qemu: Host) -> None:
    folder = qemu.folder / "pool"
    folder.mkdir()
    qemu.virsh("pool-create-as", "images", "dir", "--target", str(folder))
    # The pool is made behind the server's back: it is there once its event has come.
    deadline_s = time.monotonic() + 10
    while "DiskPool/images" not in {
        path["InstanceID"] for path in qemu.connection.EnumerateInstanceNames("KVM_DiskPool")
    }:
        assert time.monotonic() < deadline_s
    disk = {"PoolID": "DiskPool/images", "VirtualQuantity": Uint64(64), "AllocationUnits": "MegaBytes"}
    try:
        out = qemu.call(
            "DefineSystem",
            SystemSettings=qemu.instance(
                "VirtualSystemSettingData", VirtualSystemIdentifier="pooled", VirtualSystemType="QEMU"
            ),
            ResourceSettings=[qemu.instance("DiskResourceAllocationSettingData", **disk)],
        )
        image = str(folder / "pooled-vda.qcow2")
        assert targets(qemu.xml("pooled")) == [("vda", image)]
        shown = ["qemu-img", "info", "--output=json", image]
        info = json.loads(subprocess.run(shown, check=True, capture_output=True).stdout)
        assert (info["format"], info["virtual-size"]) == ("qcow2", 64 * 2**20)
        settings = qemu.connection.GetInstance(
            qemu.setting("DiskResourceAllocationSettingData", "pooled/vda")
        )
        assert (settings["VirtualQuantity"], settings["PoolID"]) == (64 * 2**20, "DiskPool/images")
        qemu.call("DestroySystem", AffectedSystem=out["ResultingSystem"])
        assert [path.name for path in folder.iterdir()] == ["pooled-vda.qcow2"]
    finally:
        qemu.virsh("pool-destroy", "images")


def test_a_virtual_station_interface(qemu: Host) -> None:
    """It is defined; to start it takes a switch that speaks 802.1Qbg."""
    station = {
        "VSIType": "802.1Qbg",
        "VSIManagerID": Uint32(11),
        "VSITypeID": Uint32(1193047),
        "VSITypeIDVersion": Uint32(2),
    }
    out = qemu.call(
        "DefineSystem",
        SystemSettings=qemu.instance(
            "VirtualSystemSettingData", VirtualSystemIdentifier="station", VirtualSystemType="QEMU"
        ),
        ResourceSettings=[
            qemu.instance(
                "NetResourceAllocationSettingData",
                NetworkType="direct",
                SourceDevice="lo",
                NetworkMode="vepa",
                Address="52:54:00:AA:00:02",
                **station,
            )
        ],
    )
    port = qemu.xml("station").find("devices/interface/virtualport")
    assert port is not None
    parameters = dict(port[0].attrib)
    made_up = parameters.pop("instanceid")
    assert (port.get("type"), parameters) == (
        "802.1Qbg",
        {"managerid": "11", "typeid": "1193047", "typeidversion": "2"},
    )
    path = qemu.setting("NetResourceAllocationSettingData", "station/52:54:00:aa:00:02")
    told = qemu.connection.GetInstance(path)
    assert {name: told[name] for name in station} == station
    assert told["VSIInstanceID"] == made_up
    qemu.call("DestroySystem", AffectedSystem=out["ResultingSystem"])


def test_libvirts_test_hypervisor(test_hypervisor: Host) -> None:
    host = test_hypervisor
    out = host.call(
        "DefineSystem",
        SystemSettings=host.instance(
            "VirtualSystemSettingData", VirtualSystemIdentifier="made", Arch="i686", AutoStart=Uint16(1)
        ),
        ResourceSettings=[
            host.instance(
                "MemResourceAllocationSettingData", VirtualQuantity=Uint64(256), AllocationUnits="MegaBytes"
            ),
            host.instance("DiskResourceAllocationSettingData", Address="/made.img", VirtualDevice="vda"),
            host.instance("NetResourceAllocationSettingData", PoolID="NetworkPool/default"),
        ],
    )
    system = out["ResultingSystem"]
    assert sorted(host.virsh("list", "--all", "--name").split()) == ["made", "test"]
    assert "Autostart:      enable" in host.virsh("dominfo", "made")
    host.start(system)
    host.call(
        "ModifyResourceSettings",
        ResourceSettings=[
            host.instance(
                "MemResourceAllocationSettingData",
                InstanceID="made/mem",
                VirtualQuantity=Uint64(128),
                AllocationUnits="byte * 2^20",
            )
        ],
    )
    assert host.xml("made").findtext("currentMemory") == str(128 * 1024)
    assert host.xml("made", "--inactive").findtext("currentMemory") == str(128 * 1024)
    disk = host.instance("DiskResourceAllocationSettingData", Address="/more.img", VirtualDevice="vdb")
    status, text = host.refusal(
        "AddResourceSettings",
        AffectedConfiguration=host.setting("VirtualSystemSettingData", "Xen:made"),
        ResourceSettings=[disk],
    )
    assert (status, "disks[vdb] cannot be changed while the machine runs" in text) == (NOT_SUPPORTED, True)
    host.call(
        "AddResourceSettings",
        AffectedConfiguration=host.setting("VirtualSystemSettingData", "Xen:made;stored"),
        ResourceSettings=[disk],
    )
    assert targets(host.xml("made", "--inactive")) == [("vda", "/made.img"), ("vdb", "/more.img")]
    assert targets(host.xml("made")) == [("vda", "/made.img")]
    host.call("DestroySystem", AffectedSystem=system)
    assert host.virsh("list", "--all", "--name").split() == ["test"]

"""Disks of a running guest limited, grown, plugged in and out, media exchanged; virsh is asked too."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMError, CIMInstance, CIMInstanceName, Uint16, Uint64

from ..programs import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

MIB = 1024**2
JOB_STARTED, COMPLETED = 4096, 7
SETTING = "KVM_DiskResourceAllocationSettingData"
GUEST = """<domain type='qemu'><name>disks</name><memory unit='MiB'>64</memory>
<vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/><source file='{folder}/vda'/>
<target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
</devices></domain>"""


class Guest:
    """A guest that runs, paused, and a client of its server."""

    def __init__(self, libvirtd: Libvirtd, connection: Any, folder: Path) -> None:  # noqa: ANN401 - a WBEMConnection
        self.libvirtd = libvirtd
        self.connection = connection
        self.folder = folder

    def call(self, method: str, **parameters: object) -> int:
        [service] = self.connection.EnumerateInstanceNames("KVM_VirtualSystemManagementService")
        code, out = self.connection.InvokeMethod(method, service, **parameters)
        if code != JOB_STARTED:
            return int(code)
        # Whether it takes longer than its answer may wait is the host's business.
        while (job := self.connection.GetInstance(out["Job"]))["JobState"] < COMPLETED:
            pass
        assert job["JobState"] == COMPLETED, job["ErrorDescription"]
        return 0

    def setting(self, key: str) -> CIMInstance:
        path = CIMInstanceName(SETTING, {"InstanceID": key}, namespace="root/virt")
        return self.connection.GetInstance(path)

    def modify(self, key: str, **properties: object) -> int:
        one = CIMInstance(SETTING, {"InstanceID": key, **properties})
        return self.call("ModifyResourceSettings", ResourceSettings=[one])

    def add(self, **properties: object) -> int:
        keys = {"InstanceID": "KVM:disks"}
        machine = CIMInstanceName("KVM_VirtualSystemSettingData", keys, namespace="root/virt")
        one = CIMInstance(SETTING, properties)
        return self.call("AddResourceSettings", AffectedConfiguration=machine, ResourceSettings=[one])

    def disk(self, target: str, *, stored: bool = False) -> ET.Element | None:
        words = ("dumpxml", "disks", *(("--inactive",) if stored else ()))
        root = ET.fromstring(self.libvirtd.virsh(*words))  # noqa: S314 - libvirt's own
        return next((d for d in root.iter("disk") if d.find(f"target[@dev='{target}']") is not None), None)

    def limits(self, *, stored: bool = False) -> dict[str, str | None]:
        disk = self.disk("vda", stored=stored)
        assert disk is not None
        return {one.tag: one.text for one in disk.iterfind("iotune/*")}


@pytest.fixture
def guest(libvirtd: Libvirtd, serve: Serve, tmp_path: Path) -> Iterator[Guest]:
    (tmp_path / "vda").write_bytes(bytes(MIB))
    for name in ("one.iso", "two.iso"):
        (tmp_path / name).write_bytes(bytes(MIB))
    (tmp_path / "guest.xml").write_text(GUEST.format(folder=tmp_path))
    libvirtd.virsh("define", str(tmp_path / "guest.xml"))
    libvirtd.virsh("start", "disks", "--paused")
    try:
        with serve(libvirtd.uri) as server, connect(server) as connection:
            yield Guest(libvirtd, connection, tmp_path)
    finally:
        libvirtd.virsh("destroy", "disks")
        libvirtd.virsh("undefine", "disks")


def test_limits_are_set_changed_and_let_go_at_once_and_for_the_next_start(guest: Guest) -> None:
    assert guest.setting("disks/vda")["TotalIOPSLimit"] == 0
    assert guest.modify("disks/vda", ReadIOPSLimit=Uint64(100), WriteBandwidthLimit=Uint64(5 * MIB)) == 0
    expected = {"read_iops_sec": "100", "write_bytes_sec": str(5 * MIB)}
    assert (guest.limits(), guest.limits(stored=True)) == (expected, expected)
    told = guest.libvirtd.virsh("blkdeviotune", "disks", "vda")
    figures = dict(line.split(":") for line in told.replace(" ", "").splitlines() if line)
    assert (figures["read_iops_sec"], figures["write_bytes_sec"]) == ("100", str(5 * MIB))
    assert guest.modify("disks/vda", ReadIOPSLimit=Uint64(0), TotalIOPSLimit=Uint64(70)) == 0
    expected = {"total_iops_sec": "70", "write_bytes_sec": str(5 * MIB)}
    assert (guest.limits(), guest.limits(stored=True)) == (expected, expected)
    setting = guest.setting("disks/vda")
    assert (setting["TotalIOPSLimit"], setting["ReadIOPSLimit"]) == (70, 0)
    with pytest.raises(CIMError, match="total_iops excludes read_iops"):
        guest.modify("disks/vda", WriteIOPSLimit=Uint64(9))
    assert guest.limits() == expected
    assert guest.modify("disks/vda;stored", TotalIOPSLimit=Uint64(80)) == 0
    assert (guest.limits(), guest.limits(stored=True)) == (expected, {**expected, "total_iops_sec": "80"})


def test_a_running_guest_s_disk_grows(guest: Guest) -> None:
    assert guest.modify("disks/vda", VirtualQuantity=Uint64(3 * MIB)) == 0
    assert (guest.folder / "vda").stat().st_size == 3 * MIB
    assert f"Capacity:       {3 * MIB}" in guest.libvirtd.virsh("domblkinfo", "disks", "vda")
    assert guest.setting("disks/vda")["VirtualQuantity"] == 3 * MIB


def test_media_are_put_in_exchanged_and_taken_out(guest: Guest) -> None:
    for name in ("one.iso", "two.iso", ""):
        address = str(guest.folder / name) if name else ""
        assert guest.modify("disks/sda", Address=address) == 0
        for stored in (False, True):
            drive = guest.disk("sda", stored=stored)
            assert drive is not None
            source = drive.find("source")
            assert (source.get("file") if source is not None else None) == (address or None)
        assert guest.setting("disks/sda")["Address"] == (address or None)


def test_disks_come_and_go_while_the_guest_runs(guest: Guest) -> None:
    (guest.folder / "sdb").write_bytes(bytes(MIB))
    made = {
        "VirtualDevice": "sdb",
        "EmulatedType": Uint16(0),
        "BusType": "usb",
        "Address": str(guest.folder / "sdb"),
        "DriverCache": "writethrough",
        "readonly": True,
        "TotalBandwidthLimit": Uint64(MIB),
    }
    assert guest.add(**made) == 0
    for stored in (False, True):
        disk = guest.disk("sdb", stored=stored)
        assert disk is not None
        driver, bus = disk.find("driver"), disk.find("target")
        assert driver is not None
        assert bus is not None
        assert (driver.get("cache"), bus.get("bus"), disk.findtext("iotune/total_bytes_sec")) == (
            "writethrough",
            "usb",
            str(MIB),
        )
        assert disk.find("readonly") is not None
    assert guest.setting("disks/sdb")["readonly"] is True
    path = CIMInstanceName(SETTING, {"InstanceID": "disks/sdb"}, namespace="root/virt")
    assert guest.call("RemoveResourceSettings", ResourceSettings=[path]) == 0
    assert (guest.disk("sdb"), guest.disk("sdb", stored=True)) == (None, None)


def test_a_block_device_of_the_host_is_a_disk(guest: Guest, loop_device: str) -> None:
    made = {"VirtualDevice": "sdb", "EmulatedType": Uint16(0), "BusType": "usb", "Address": loop_device}
    assert guest.add(**made) == 0
    for stored in (False, True):
        disk = guest.disk("sdb", stored=stored)
        assert disk is not None
        source, driver = disk.find("source"), disk.find("driver")
        assert source is not None
        assert driver is not None
        assert (disk.get("type"), source.get("dev"), driver.get("type")) == ("block", loop_device, "raw")
    told = guest.setting("disks/sdb")
    assert (told["Address"], told["VirtualQuantity"]) == (loop_device, 64 * MIB)
    path = CIMInstanceName(SETTING, {"InstanceID": "disks/sdb"}, namespace="root/virt")
    assert guest.call("RemoveResourceSettings", ResourceSettings=[path]) == 0
    assert (guest.disk("sdb"), guest.disk("sdb", stored=True)) == (None, None)


def test_what_does_not_change_while_a_guest_runs_is_refused_by_name(
    guest: Guest,
) -> None:
    with pytest.raises(CIMError, match=r"disks\[vda\]\.cache cannot be changed while the machine runs"):
        guest.modify("disks/vda", DriverCache="writeback")
    assert guest.modify("disks/vda;stored", DriverCache="writeback") == 0
    disk = guest.disk("vda", stored=True)
    assert disk is not None
    assert disk.find("driver[@cache='writeback']") is not None

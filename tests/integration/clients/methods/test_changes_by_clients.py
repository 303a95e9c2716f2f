"""Settings of a running QEMU guest, each changed by pywbem and by wbemcli; virsh tells what it has then."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import Uint16, Uint32, Uint64

from .actors import Ref, by_pywbem, by_wbemcli
from .guests import boot_disk
from .machine_steps import ONE, serial
from .steps import WITHIN, manage, pools, resource, settings, shows, state, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .actors import Server, Wish
    from .steps import Host

    Client = Callable[[Server, Wish], None]

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

MAC, OTHER_MAC = "52:54:00:00:00:0c", "52:54:00:00:00:0d"
NIC = f"one/{MAC}"
EITHER = (by_pywbem, by_wbemcli)
MIB = 1024**2


@dataclass(frozen=True)
class Row:
    """A setting, the two values that it is given, and what XML tells of each: an attribute or a text."""

    cls: str
    instance_id: str
    name: str
    values: tuple[Any, Any]
    path: str
    attribute: str
    expected: tuple[Any, Any]

    @property
    def is_stored(self) -> bool:
        return self.instance_id.endswith(";stored")


ROWS = (
    Row("Net", NIC, "LinkUp", (False, True), "devices/interface/link", "state", ("down", "up")),
    Row("Net", NIC, "NetworkName", ("b", "a"), "devices/interface/source", "network", ("b", "a")),
    Row(
        "Net",
        f"{NIC};stored",
        "MTU",
        (Uint32(1400), Uint32(1300)),
        "devices/interface/mtu",
        "size",
        ("1400", "1300"),
    ),
    Row(
        "Net",
        f"{NIC};stored",
        "ResourceSubType",
        ("e1000", "virtio"),
        "devices/interface/model",
        "type",
        ("e1000", "virtio"),
    ),
    Row(
        "Net",
        f"{NIC};stored",
        "VLANIDs",
        ([Uint16(7)], [Uint16(8)]),
        "devices/interface/vlan/tag",
        "id",
        ("7", "8"),
    ),
    Row(
        "Net",
        f"{NIC};stored",
        "Limit",
        (Uint64(100), Uint64(200)),
        "devices/interface/bandwidth/inbound",
        "average",
        ("100", "200"),
    ),
    Row(
        "Net",
        f"{NIC};stored",
        "OutboundLimit",
        (Uint64(90), Uint64(80)),
        "devices/interface/bandwidth/outbound",
        "average",
        ("90", "80"),
    ),
    Row(
        "Disk",
        "one/vda",
        "TotalIOPSLimit",
        (Uint64(50), Uint64(60)),
        "devices/disk/iotune/total_iops_sec",
        "",
        ("50", "60"),
    ),
    Row(
        "Disk",
        "one/vda;stored",
        "DriverCache",
        ("none", "writeback"),
        "devices/disk[@device='disk']/driver",
        "cache",
        ("none", "writeback"),
    ),
    Row(
        "Mem",
        "one/mem;stored",
        "VirtualQuantity",
        (Uint64(49152), Uint64(57344)),
        "currentMemory",
        "",
        ("49152", "57344"),
    ),
    Row("Proc", "one/proc", "Affinity", (["0"], ["1"]), "cputune/vcpupin[@vcpu='0']", "cpuset", ("0", "1")),
    Row("Proc", "one/proc;stored", "VirtualQuantity", (Uint64(3), Uint64(4)), "vcpu", "", ("3", "4")),
)


@pytest.fixture(scope="module")
def guest(qemu: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A machine called one that runs, with a place for one more processor and two networks to be on."""
    folder = tmp_path_factory.mktemp("guest")
    boot_disk(folder, "one")
    (folder / "first.iso").write_bytes(bytes(1 << 20))
    (folder / "second.iso").write_bytes(bytes(1 << 20))
    host = type(qemu)(qemu.libvirtd, qemu.server, folder)
    for name in ("a", "b"):
        lan = resource("NetPool", PoolID=f"NetworkPool/{name}", ForwardMode=Uint16(0))
        by_pywbem(host.server, pools("CreateChildResourcePool", Settings=[lan]))
    made = [
        resource("Disk", Address=f"{folder}/one.qcow2", VirtualDevice="vda"),
        resource("Disk", EmulatedType=Uint16(1), VirtualDevice="hdc"),
        resource("Net", NetworkName="a", Address=MAC, ResourceSubType="virtio"),
        resource("Proc", VirtualQuantity=Uint64(2)),
        resource("Mem", VirtualQuantity=Uint64(64), AllocationUnits="MegaBytes"),
        resource("Console", ResourceSubType="serial", SourceType="file", SourcePath=f"{folder}/one.serial"),
    ]
    system = settings("VirtualSystem", VirtualSystemIdentifier="one", VirtualSystemType="QEMU", Machine="pc")
    by_pywbem(host.server, manage("DefineSystem", SystemSettings=system, ResourceSettings=made))
    fewer = resource("Proc", InstanceID="one/proc", VirtualQuantity=Uint64(1))
    by_pywbem(host.server, manage("ModifyResourceSettings", ResourceSettings=[fewer]))
    by_pywbem(host.server, state(ONE, 2, TimeoutPeriod=WITHIN))
    shows(serial, host, "!")
    yield host
    by_pywbem(host.server, manage("DestroySystem", AffectedSystem=ONE))
    for name in ("a", "b"):
        pool = Ref("NetworkPool", {"InstanceID": f"NetworkPool/{name}"})
        by_pywbem(host.server, pools("DeleteResourcePool", Pool=pool))
    everything = (("list", "--all"), ("net-list", "--all"))
    assert [host.virsh(*words, "--name").split() for words in everything] == [[], []]


def told(host: Host, row: Row, *, stored: bool) -> str | None:
    words = ("dumpxml", "one", *(("--inactive",) if stored else ()))
    [found] = ET.fromstring(host.virsh(*words)).findall(row.path)  # noqa: S314 - from libvirt
    return found.get(row.attribute) if row.attribute else found.text


def change(host: Host, client: Client, cls: str, instance_id: str, **properties: Any) -> None:  # noqa: ANN401 - of every type
    wanted = resource(cls, InstanceID=instance_id, **properties)
    client(host.server, manage("ModifyResourceSettings", ResourceSettings=[wanted]))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.instance_id} {row.name}")
def test_a_setting_is_changed_by_either(guest: Host, row: Row) -> None:
    before = guest.virsh("dumpxml", "one")
    for client, value, expected in zip(EITHER, row.values, row.expected, strict=True):
        change(guest, client, row.cls, row.instance_id, **{row.name: value})
        assert told(guest, row, stored=True) == expected
        if not row.is_stored:
            assert told(guest, row, stored=False) == expected
    if row.is_stored:
        assert guest.virsh("dumpxml", "one") == before


def test_a_running_guest_gets_a_processor_more_and_a_disk_grows(guest: Host) -> None:
    change(guest, by_wbemcli, "Proc", "one/proc", VirtualQuantity=Uint64(2))
    for words in (("--active", "--live"), ("--current", "--config")):
        assert guest.virsh("vcpucount", "one", *words).strip() == "2"
    for client, mebibytes in zip(EITHER, (2, 3), strict=True):
        change(guest, client, "Disk", "one/vda", VirtualQuantity=Uint64(mebibytes * MIB))
        assert guest.virsh("domblkinfo", "one", "vda").split()[1] == str(mebibytes * MIB)


def test_media_are_put_in_exchanged_and_taken_out_by_either(guest: Host) -> None:
    for client in EITHER:
        for medium in ("first.iso", "second.iso", ""):
            path = str(guest.folder / medium) if medium else ""
            change(guest, client, "Disk", "one/hdc", Address=path)
            for words in ((), ("--inactive",)):
                listed = guest.virsh("domblklist", "one", *words).split()
                assert listed[listed.index("hdc") + 1] == (path or "-")


@pytest.mark.parametrize("client", EITHER)
def test_devices_come_and_the_guest_lets_them_go(guest: Host, client: Client) -> None:
    (guest.folder / "more.raw").write_bytes(bytes(MIB))
    disk = resource("Disk", Address=f"{guest.folder}/more.raw", VirtualDevice="vdb")
    nic = resource("Net", NetworkName="a", Address=OTHER_MAC, ResourceSubType="virtio")
    for wanted in (disk, nic):
        add = manage("AddResourceSettings", AffectedConfiguration=whole("one"), ResourceSettings=[wanted])
        client(guest.server, add)
    for words in ((), ("--inactive",)):
        assert "vdb" in guest.virsh("domblklist", "one", *words).split()
        assert OTHER_MAC in guest.virsh("domiflist", "one", *words).split()
    for cls, name in (("Disk", "vdb"), ("Net", OTHER_MAC)):
        gone = Ref(f"{cls}ResourceAllocationSettingData", {"InstanceID": f"one/{name}"})
        # wbemcli cannot name what is to go: see CANNOT.
        by_pywbem(guest.server, manage("RemoveResourceSettings", ResourceSettings=[gone]))
    for words in ((), ("--inactive",)):
        assert "vdb" not in guest.virsh("domblklist", "one", *words).split()
        assert OTHER_MAC not in guest.virsh("domiflist", "one", *words).split()

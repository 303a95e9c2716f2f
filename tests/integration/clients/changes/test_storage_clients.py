"""Storage pools and volumes managed by pywbem and wbemcli; virsh and qemu-img are the second opinions."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMError, CIMInstance, CIMInstanceName, CIMProperty, Uint16, Uint64

from ..programs import connect, wbemcli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve, ServerProcess

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

FAILED, INVALID_PARAMETER, ALREADY_EXISTS = 1, 4, 11
MIB = 1024**2
UUID = "50000000-0000-4000-8000-000000000001"
GUEST = """<domain type='qemu'><name>user</name><uuid>{uuid}</uuid><memory unit='MiB'>64</memory>
<vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><devices><disk type='file' device='disk'>
<driver name='qemu' type='qcow2'/><source file='{path}'/><target dev='vda' bus='virtio'/></disk></devices>
</domain>"""


@dataclass(frozen=True)
class Host:
    """A hypervisor, its server, and a client of that."""

    libvirtd: Libvirtd
    uri: str
    prefix: str
    server: ServerProcess
    connection: Any

    def virsh(self, *words: str) -> str:
        return self.libvirtd.virsh(*words, uri=self.uri)

    def pool_xml(self, name: str) -> ET.Element:
        return ET.fromstring(self.virsh("pool-dumpxml", name))  # noqa: S314 - libvirt's own

    def settings(self, cls: str, **properties: Any) -> CIMInstance:  # noqa: ANN401 - of every type
        name = f"{self.prefix}_{cls}ResourceAllocationSettingData"
        return CIMInstance(name, {k: CIMProperty(k, v) for k, v in properties.items()})

    def pool(self, name: str) -> CIMInstanceName:
        keys = {"InstanceID": f"DiskPool/{name}"}
        return CIMInstanceName(f"{self.prefix}_DiskPool", keys, namespace="root/virt")

    def volume(self, name: str) -> CIMInstanceName:
        names = self.connection.EnumerateInstanceNames(f"{self.prefix}_StorageVolume")
        [found] = [path for path in names if path.keybindings["DeviceID"] == name]
        return found

    def call(self, method: str, path: CIMInstanceName | None = None, **parameters: object) -> dict[str, Any]:
        if path is None:
            [path] = self.connection.EnumerateInstanceNames(f"{self.prefix}_ResourcePoolConfigurationService")
        returned, out = self.connection.InvokeMethod(method, path, **parameters)
        return {"": returned, **out}

    def refusal(
        self, method: str, path: CIMInstanceName | None = None, **parameters: object
    ) -> tuple[int, str]:
        with pytest.raises(CIMError) as caught:
            self.call(method, path, **parameters)
        return caught.value.status_code, caught.value.status_description

    def wbemcli(self, path: CIMInstanceName, call: str) -> str:
        keys = ",".join(f'{name}="{value}"' for name, value in path.keybindings.items())
        [line] = wbemcli(self.server, "cm", f"root/virt:{path.classname}.{keys}", call)
        return line.rpartition(": ")[2]


@pytest.fixture(scope="module")
def qemu(libvirtd: Libvirtd, serve: Serve) -> Iterator[Host]:
    with serve(libvirtd.uri) as server, connect(server) as connection:
        yield Host(libvirtd, libvirtd.uri, "KVM", server, connection)


@pytest.fixture(scope="module")
def pretended(libvirtd: Libvirtd, serve: Serve) -> Iterator[Host]:
    uri = libvirtd.uri.replace("qemu+unix:///system", "test+unix:///default")
    with serve(uri) as server, connect(server) as connection:
        yield Host(libvirtd, uri, "Xen", server, connection)


@pytest.fixture
def images(qemu: Host, tmp_path: Path) -> Iterator[Path]:
    """The folder of a pool `images`; nothing of it stays."""
    folder = tmp_path / "images"
    text = (
        "instance of KVM_DiskPoolResourceAllocationSettingData "
        f'{{ Type = 1; Path = "{folder}"; PoolID = "DiskPool/images"; Autostart = true; }};'
    )
    made = qemu.call("CreateChildResourcePool", ElementName="images", Settings=[text])
    assert (made[""], made["Pool"].keybindings["InstanceID"]) == (0, "DiskPool/images")
    yield folder
    uri = qemu.uri
    for words in (("undefine", UUID), ("pool-destroy", "images"), ("pool-undefine", "images")):
        subprocess.run(["virsh", "-q", "-c", uri, *words], check=False, capture_output=True)


def image(path: Path) -> dict[str, Any]:
    command = ["qemu-img", "info", "--output=json", "-U", str(path)]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return told


def test_a_pool_is_made_stopped_started_and_removed_without_its_content(qemu: Host, images: Path) -> None:
    told = qemu.pool_xml("images")
    assert (told.get("type"), told.findtext("target/path")) == ("dir", str(images))
    assert qemu.virsh("pool-list", "--autostart", "--name").split() == ["images"]
    pool = qemu.connection.GetInstance(qemu.pool("images"))
    assert (pool["Path"], pool["Autostart"], pool["OperationalStatus"]) == (str(images), True, [2])
    assert qemu.wbemcli(qemu.pool("images"), "SetAutostart.Autostart=false") == "0"
    assert qemu.virsh("pool-list", "--autostart", "--name").split() == []
    assert qemu.wbemcli(qemu.pool("images"), "RequestStateChange.RequestedState=3") == "0"
    assert qemu.virsh("pool-list", "--inactive", "--name").split() == ["images"]
    assert qemu.connection.GetInstance(qemu.pool("images"))["OperationalStatus"] == [10]
    assert qemu.wbemcli(qemu.pool("images"), "RequestStateChange.RequestedState=2") == "0"
    again = qemu.settings("DiskPool", Type=Uint16(1), Path=str(images))
    status, text = qemu.refusal("CreateChildResourcePool", ElementName="images", Settings=[again])
    assert (status, "there is a storage pool 'images' already" in text) == (ALREADY_EXISTS, True)
    (images / "kept").write_text("content")
    assert qemu.call("RefreshResourcesInPool", Pool=qemu.pool("images"))[""] == 0
    assert qemu.volume("images/kept").keybindings["DeviceID"] == "images/kept"
    assert qemu.call("DeleteResourcePool", Pool=qemu.pool("images"))[""] == 0
    assert qemu.virsh("pool-list", "--all", "--name").split() == []
    assert qemu.connection.EnumerateInstanceNames("KVM_StorageVolume") == []
    assert (images / "kept").read_text() == "content"


def test_a_volume_s_life(qemu: Host, images: Path) -> None:
    disk = qemu.settings(
        "StorageVolume",
        VolumeName="disk",
        Capacity=Uint64(64),
        AllocationUnits="MegaBytes",
        FormatType=Uint16(2),
    )
    made = qemu.call("CreateResourceInPool", Settings=disk, Pool=qemu.pool("images"))
    assert (made[""], made["Resource"].keybindings) == (0, qemu.volume("images/disk").keybindings)
    told = image(images / "disk")
    assert (told["format"], told["virtual-size"], told["actual-size"] < MIB) == ("qcow2", 64 * MIB, True)
    over = qemu.settings("StorageVolume", VolumeName="over", BackingVolume="images/disk")
    assert qemu.call("CreateResourceInPool", Settings=over, Pool=qemu.pool("images"))[""] == 0
    assert image(images / "over")["full-backing-filename"] == str(images / "disk")

    volume = qemu.connection.GetInstance(qemu.volume("images/over"))
    expected = {
        "ElementName": "over",
        "Name": str(images / "over"),
        "PoolID": "DiskPool/images",
        "Format": "qcow2",
        "NumberOfBlocks": 64 * MIB,
        "BackingPath": str(images / "disk"),
    }
    assert {name: volume[name] for name in expected} == expected
    under = qemu.connection.AssociatorNames(
        volume.path, AssocClass="KVM_BasedOn", Role="Dependent", ResultRole="Antecedent"
    )
    assert [path.keybindings["DeviceID"] for path in under] == ["images/disk"]
    pools = qemu.connection.AssociatorNames(volume.path, AssocClass="KVM_ElementAllocatedFromPool")
    assert [path.keybindings["InstanceID"] for path in pools] == ["DiskPool/images"]

    gone = {"Pool": qemu.pool("images"), "Resource": disk}
    assert qemu.refusal("DeleteResourceInPool", **gone) == (
        FAILED,
        "volume 'images/disk' is in use: volume 'images/over' is based on it",
    )
    named = qemu.settings("StorageVolume", Path=str(images / "over"))
    assert qemu.call("DeleteResourceInPool", Pool=qemu.pool("images"), Resource=named)[""] == 0
    assert qemu.wbemcli(qemu.volume("images/disk"), f"Resize.Capacity={96 * MIB}") == "0"
    assert image(images / "disk")["virtual-size"] == 96 * MIB
    copied = qemu.call("Clone", qemu.volume("images/disk"), VolumeName="copy")
    assert (copied[""], copied["Volume"].keybindings["DeviceID"]) == (0, "images/copy")
    assert image(images / "copy")["virtual-size"] == 96 * MIB
    assert qemu.wbemcli(qemu.volume("images/copy"), "Wipe") == "0"
    assert qemu.call("DeleteResourceInPool", **gone)[""] == 0
    assert sorted(path.name for path in images.iterdir()) == ["copy"]
    assert qemu.virsh("vol-list", "images").split() == ["copy", str(images / "copy")]


def test_a_volume_is_converted_compacted_and_loses_its_backing_image(qemu: Host, images: Path) -> None:
    content = b"x" * MIB + bytes(7 * MIB)
    raw, thick, over = (images / name for name in ("raw", "thick", "over"))
    raw.write_bytes(content)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", "-S", "0", raw, thick], check=True)
    overlay = ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(raw), str(over)]
    subprocess.run(["qemu-img", *overlay], check=True)
    qemu.virsh("pool-refresh", "images")
    assert qemu.call("RefreshResourcesInPool", Pool=qemu.pool("images"))[""] == 0

    def clone(source: str, name: str, **how: object) -> dict[str, Any]:
        made = qemu.call("Clone", qemu.volume(f"images/{source}"), VolumeName=name, **how)
        assert made[""] == 0
        return image(images / name)

    told = clone("raw", "converted", FormatType=Uint16(2))
    assert (told["format"], told["virtual-size"], told["actual-size"] < 4 * MIB) == ("qcow2", 8 * MIB, True)
    assert clone("converted", "back", FormatType=Uint16(1))["format"] == "raw"
    assert (images / "back").read_bytes() == content
    assert image(thick)["actual-size"] >= 8 * MIB
    assert clone("thick", "same")["actual-size"] >= 8 * MIB
    compact = clone("thick", "compact", Compact=True)
    assert (compact["format"], compact["actual-size"] < 4 * MIB) == ("qcow2", True)
    whole = clone("over", "whole")
    assert (whole["format"], whole.get("backing-filename")) == ("qcow2", None)
    for name in ("converted", "back", "same", "compact", "whole"):
        compared = ["qemu-img", "compare", str(raw), str(images / name)]
        subprocess.run(compared, check=True, capture_output=True)


def test_what_a_machine_has_is_refused_by_the_machine_s_name(
    qemu: Host, images: Path, tmp_path: Path
) -> None:
    disk = qemu.settings("StorageVolume", VolumeName="disk", Capacity=Uint64(MIB), FormatType=Uint16(2))
    assert qemu.call("CreateResourceInPool", Settings=disk, Pool=qemu.pool("images"))[""] == 0
    (tmp_path / "user.xml").write_text(GUEST.format(uuid=UUID, path=images / "disk"))
    qemu.virsh("define", str(tmp_path / "user.xml"))
    user = "disk vda of machine 'user' (shut off)"
    assert qemu.refusal("DeleteResourceInPool", Resource=disk, Pool=qemu.pool("images")) == (
        FAILED,
        f"volume 'images/disk' is in use: it is {user}",
    )
    assert qemu.refusal("DeleteResourcePool", Pool=qemu.pool("images")) == (
        FAILED,
        f"storage pool 'images' is in use: it has {user}",
    )
    based = qemu.connection.AssociatorNames(qemu.volume("images/disk"), AssocClass="KVM_BasedOn")
    assert [path.keybindings["DeviceID"] for path in based] == ["user/vda"]
    outside = qemu.settings("StorageVolume", Path=str(tmp_path / "elsewhere"), Capacity=Uint64(MIB))
    status, text = qemu.refusal("CreateResourceInPool", Settings=outside, Pool=qemu.pool("images"))
    assert (status, "is not in pool 'images'" in text) == (INVALID_PARAMETER, True)
    assert image(images / "disk")["virtual-size"] == MIB


def test_what_the_hypervisor_says_reaches_the_client(qemu: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    wrong = qemu.settings("DiskPool", Type=Uint16(1), Path=str(tmp_path / "file"))
    status, text = qemu.refusal("CreateChildResourcePool", ElementName="bad", Settings=[wrong])
    assert (status, str(tmp_path / "file") in text) == (FAILED, True)
    assert qemu.virsh("pool-list", "--all", "--name").split() == []


def test_sources_are_found(pretended: Host) -> None:
    found = pretended.call("FindPoolSources", Type=Uint16(6))
    groups = [(one["Type"], one["Path"], one["DevicePaths"]) for one in found["Sources"]]
    assert (found[""], groups) == (
        0,
        [(6, "/dev/testvg1", ["/dev/sda20"]), (6, "/dev/testvg2", ["/dev/sda21"])],
    )
    made = pretended.call("CreateChildResourcePool", ElementName="vg", Settings=[found["Sources"][0]])
    assert made[""] == 0
    assert pretended.pool_xml("vg").findtext("source/name") == "testvg1"
    assert pretended.call("DeleteResourcePool", Pool=pretended.pool("vg"))[""] == 0


def test_what_a_driver_cannot_do_is_not_supported(pretended: Host) -> None:
    pool = pretended.pool("default-pool")
    disk = pretended.settings("StorageVolume", VolumeName="disk", Capacity=Uint64(MIB))
    assert pretended.call("CreateResourceInPool", Settings=disk, Pool=pool)[""] == 0
    assert pretended.virsh("vol-list", "default-pool").split() == ["disk", "/default-pool/disk"]
    assert pretended.call("Wipe", pretended.volume("default-pool/disk"))[""] == 1
    assert pretended.call("DeleteResourceInPool", Resource=disk, Pool=pool)[""] == 0
    [capabilities] = pretended.connection.EnumerateInstances("Xen_ResourcePoolConfigurationCapabilities")
    assert capabilities["SynchronousMethodsSupported"] == [3, 4]
    assert capabilities["AsynchronousMethodsSupported"] == [3, 4]


@pytest.mark.parametrize(
    ("kind", "name", "properties", "source", "target"),
    [
        (2, "fs", {"Path": "/mnt/p", "DevicePaths": ["/dev/sdb1"]}, ["device"], "/mnt/p"),
        (3, "netfs", {"Path": "/mnt/p", "Host": "srv", "SourceDirectory": "/x"}, ["host", "dir"], "/mnt/p"),
        (4, "disk", {"DevicePaths": ["/dev/sdb"]}, ["device"], "/dev"),
        (5, "iscsi", {"Host": "srv", "DevicePaths": ["iqn.a"]}, ["host", "device"], "/dev/disk/by-path"),
        (6, "logical", {"Path": "/dev/vg"}, ["name"], "/dev/vg"),
        (7, "scsi", {"AdapterName": "host1"}, ["adapter"], "/dev/disk/by-path"),
        (
            8,
            "iscsi-direct",
            {"Host": "srv", "DevicePaths": ["iqn.a"], "InitiatorName": "iqn.b"},
            ["host", "device", "initiator"],
            None,
        ),
        (9, "mpath", {}, [], "/dev/mapper"),
        (10, "rbd", {"Host": "srv", "SourceName": "data"}, ["host", "name"], None),
        (11, "gluster", {"Host": "srv", "SourceName": "data"}, ["host", "dir", "name"], None),
        (12, "zfs", {"SourceName": "tank"}, ["name"], None),
        (13, "vstorage", {"SourceName": "cluster", "Path": "/mnt/p"}, ["name"], "/mnt/p"),
    ],
)
def test_pools_of_every_type_are_defined_as_libvirt_wants_them(  # noqa: PLR0917 - a table's columns
    pretended: Host, kind: int, name: str, properties: dict[str, Any], source: list[str], target: str | None
) -> None:
    settings = pretended.settings("DiskPool", Type=Uint16(kind), **properties)
    made = pretended.call("CreateChildResourcePool", ElementName=name, Settings=[settings])
    assert made[""] == 0
    told = pretended.pool_xml(name)
    assert (told.get("type"), [one.tag for one in told.iterfind("source/*") if one.tag != "format"]) == (
        name,
        source,
    )
    assert target is None or told.findtext("target/path") == target
    assert pretended.connection.GetInstance(pretended.pool(name))["ResourceSubType"] == name
    assert pretended.call("DeleteResourcePool", Pool=pretended.pool(name))[""] == 0

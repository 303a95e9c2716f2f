"""Real QEMU guests copied, made templates and deployed by pywbem; virsh and qemu-img are second opinions."""

from __future__ import annotations

import json
import subprocess
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMDateTime, CIMError, CIMInstance, CIMInstanceName, CIMProperty, Uint16

from ..programs import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

NOT_SUPPORTED = 7
WITHIN = CIMDateTime(timedelta(seconds=60))
GUEST = """<domain type='qemu'><name>golden</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><metadata><own:note xmlns:own='urn:own'>kept</own:note>
</metadata><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='{folder}/golden.qcow2'/><target dev='vda' bus='virtio'/></disk>
<interface type='user'><mac address='52:54:00:00:00:01'/></interface></devices></domain>"""


@dataclass(frozen=True)
class Host:
    """A hypervisor with a pool and a guest called golden, its server, and a client of that."""

    libvirtd: Libvirtd
    connection: Any
    folder: Path

    def virsh(self, *words: str) -> str:
        return self.libvirtd.virsh(*words)

    def xml(self, name: str) -> ET.Element:
        return ET.fromstring(self.virsh("dumpxml", name))  # noqa: S314 - from libvirt

    def golden(self) -> CIMInstanceName:
        return self.settings_path("golden")

    def settings_path(self, name: str) -> CIMInstanceName:
        cls, keys = "KVM_VirtualSystemSettingData", {"InstanceID": f"KVM:{name}"}
        return CIMInstanceName(cls, keys, namespace="root/virt")

    def named(self, name: str) -> CIMInstance:
        cls = "KVM_VirtualSystemSettingData"
        return CIMInstance(cls, {"VirtualSystemIdentifier": CIMProperty("VirtualSystemIdentifier", name)})

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        [service] = self.connection.EnumerateInstanceNames("KVM_VirtualSystemManagementService")
        returned, out = self.connection.InvokeMethod(method, service, **parameters)
        assert returned == 0, (method, returned)
        return dict(out)

    def ask(self, system: CIMInstanceName, state: int) -> int:
        returned, _ = self.connection.InvokeMethod(
            "RequestStateChange", system, RequestedState=Uint16(state), TimeoutPeriod=WITHIN
        )
        return int(returned)

    def image(self, name: str) -> dict[str, Any]:
        told = subprocess.run(
            ["qemu-img", "info", "-U", "--output=json", str(self.folder / name)],
            check=True,
            capture_output=True,
        )
        return dict(json.loads(told.stdout))


@pytest.fixture(scope="module")
def server(
    libvirtd: Libvirtd, serve: Serve, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, Path]]:
    folder = tmp_path_factory.mktemp("images")
    libvirtd.virsh("pool-create-as", "images", "dir", "--target", str(folder))
    with serve(libvirtd.uri) as started, connect(started) as connection:
        yield connection, folder
    libvirtd.virsh("pool-destroy", "images")


@pytest.fixture
def host(libvirtd: Libvirtd, server: tuple[Any, Path]) -> Iterator[Host]:
    connection, folder = server
    create = ["qemu-img", "create", "-q", "-f", "qcow2", f"{folder}/golden.qcow2", "16M"]
    subprocess.run(create, check=True)
    subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", "write -q -P 7 0 64k", f"{folder}/golden.qcow2"], check=True
    )
    libvirtd.virsh("pool-refresh", "images")
    definition = folder / "golden.xml"
    definition.write_text(GUEST.format(folder=folder))
    libvirtd.virsh("define", str(definition))
    one = Host(libvirtd, connection, folder)
    connection.EnumerateInstanceNames("KVM_StorageVolume")
    deadline = time.monotonic() + 10
    while not connection.EnumerateInstanceNames("KVM_ComputerSystem"):
        assert time.monotonic() < deadline, "the server does not see the guest"
    yield one
    for system in connection.EnumerateInstanceNames("KVM_ComputerSystem"):
        one.call("DestroySystem", AffectedSystem=system)
    assert libvirtd.virsh("list", "--all", "--name").split() == []
    for file in folder.iterdir():
        file.unlink()
    libvirtd.virsh("pool-refresh", "images")


def content(host: Host, name: str) -> bytes:
    """Return the first bytes that a guest would read."""
    raw = host.folder / "raw"
    command = ["qemu-img", "convert", "-U", "-O", "raw", str(host.folder / name), str(raw)]
    subprocess.run(command, check=True)
    return raw.read_bytes()[:4]


def test_a_guest_is_copied_whole_and_starts(host: Host) -> None:
    out = host.call("CopySystem", SystemSettings=host.named("web"), ReferenceConfiguration=host.golden())
    web, golden = host.xml("web"), host.xml("golden")
    assert web.findtext("uuid") != golden.findtext("uuid")
    [disk] = web.findall("devices/disk")
    assert disk.find("source").get("file") == f"{host.folder}/web-vda.qcow2"  # type: ignore[union-attr]
    [mac] = web.findall("devices/interface/mac")
    assert mac.get("address") != "52:54:00:00:00:01"
    image = host.image("web-vda.qcow2")
    assert (image["format"], image["virtual-size"]) == ("qcow2", 16 * 1024**2)
    assert "backing-filename" not in image
    assert content(host, "web-vda.qcow2") == b"\7\7\7\7"
    assert host.ask(out["ResultingSystem"], 2) == 0
    assert host.virsh("domstate", "web").strip() == "running"


def test_a_guest_that_runs_is_not_copied(host: Host) -> None:
    host.virsh("start", "golden")
    with pytest.raises(CIMError, match="in use: it is disk vda of machine 'golden'"):
        host.call("CopySystem", SystemSettings=host.named("web"), ReferenceConfiguration=host.golden())
    assert host.virsh("list", "--all", "--name").split() == ["golden"]
    assert not (host.folder / "web-vda.qcow2").exists()


def test_a_template_is_deployed_and_never_started(host: Host) -> None:
    systems = host.connection.EnumerateInstanceNames("KVM_ComputerSystem")
    [golden] = [path for path in systems if path["Name"] == "golden"]
    host.virsh("autostart", "golden")
    out = host.call("ConvertToXenTemplate", System=golden)
    told = host.connection.GetInstance(out["ResultingTemplate"])
    assert told["IsTemplate"] is True
    assert told["AutomaticStartupAction"] == 2
    assert host.xml("golden").findtext("metadata/{urn:own}note") == "kept"
    with pytest.raises(CIMError, match="is a template: it is copied, not started") as caught:
        host.ask(golden, 2)
    assert caught.value.status_code == NOT_SUPPORTED
    assert host.virsh("domstate", "golden").strip() == "shut off"
    linked = host.call(
        "CopySystem",
        SystemSettings=host.named("linked"),
        ReferenceConfiguration=out["ResultingTemplate"],
        LinkedClone=True,
    )
    defined = host.call(
        "DefineSystem",
        SystemSettings=host.named("deployed"),
        ReferenceConfiguration=out["ResultingTemplate"],
    )
    for name, made in (("linked", linked), ("deployed", defined)):
        image = host.image(f"{name}-vda.qcow2")
        assert image["backing-filename"] == f"{host.folder}/golden.qcow2"
        assert content(host, f"{name}-vda.qcow2") == b"\7\7\7\7"
        assert host.ask(made["ResultingSystem"], 2) == 0
        assert host.virsh("domstate", name).strip() == "running"

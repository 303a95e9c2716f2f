"""Virtual switches and the interfaces on them, managed by pywbem on QEMU; virsh is the second opinion."""

from __future__ import annotations

import subprocess
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMError, CIMInstance, CIMInstanceName, CIMProperty, Uint16, Uint32, Uint64

from ..programs import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

FAILED, NOT_SUPPORTED = 1, 7
SEEN_WITHIN_S = 10  # what is started past the server
UUID = "50000000-0000-4000-8000-000000000004"
MAC = "52:54:00:00:00:09"
GUEST = f"""<domain type='qemu'><name>user</name><uuid>{UUID}</uuid><memory unit='MiB'>64</memory>
<vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><devices><interface type='network'>
<mac address='{MAC}'/><source network='lan'/><model type='virtio'/></interface></devices></domain>"""
SETTINGS = "KVM_VirtualEthernetSwitchSettingData"
LEASE = "10.23.0.5,52:54:00:00:00:09,user"


@dataclass(frozen=True)
class Host:
    """A hypervisor and a client of its server."""

    libvirtd: Libvirtd
    connection: Any

    def xml(self, name: str, *words: str) -> ET.Element:
        return ET.fromstring(self.libvirtd.virsh("net-dumpxml", name, *words))  # noqa: S314 - libvirt's own

    def nic(self, *words: str) -> ET.Element:
        told = ET.fromstring(self.libvirtd.virsh("dumpxml", "user", *words))  # noqa: S314 - libvirt's own
        found = told.find("devices/interface")
        assert found is not None
        return found

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        [path] = self.connection.EnumerateInstanceNames("KVM_VirtualSystemManagementService")
        returned, out = self.connection.InvokeMethod(method, path, **parameters)
        return {"": returned, **out}

    def refusal(self, method: str, **parameters: object) -> tuple[int, str]:
        with pytest.raises(CIMError) as caught:
            self.call(method, **parameters)
        return caught.value.status_code, caught.value.status_description

    def define(self, **properties: Any) -> CIMInstanceName:  # noqa: ANN401 - of every type
        made = self.call("DefineSystem", SystemSettings=instance(SETTINGS, **properties))
        assert made[""] == 0
        path: CIMInstanceName = made["ResultingSystem"]
        return path

    def modify(self, instance_id: str, **properties: Any) -> None:  # noqa: ANN401 - of every type
        one = instance(SETTINGS, InstanceID=instance_id, **properties)
        assert self.call("ModifySystemSettings", SystemSettings=one)[""] == 0

    def modify_nic(self, **properties: Any) -> None:  # noqa: ANN401 - of every type
        one = instance("KVM_NetResourceAllocationSettingData", InstanceID=f"user/{MAC}", **properties)
        assert self.call("ModifyResourceSettings", ResourceSettings=[one])[""] == 0

    def switch(self, path: CIMInstanceName, state: int) -> int:
        returned, _ = self.connection.InvokeMethod("RequestStateChange", path, RequestedState=Uint16(state))
        value: int = returned
        return value

    def names(self, path: CIMInstanceName, **filters: str) -> list[str]:
        found = self.connection.AssociatorNames(path, **filters)
        return [one.classname for one in found]


def instance(class_name: str, **properties: Any) -> CIMInstance:  # noqa: ANN401 - of every type
    return CIMInstance(class_name, {name: CIMProperty(name, value) for name, value in properties.items()})


@pytest.fixture(scope="module")
def qemu(libvirtd: Libvirtd, serve: Serve) -> Iterator[Host]:
    with serve(libvirtd.uri) as server, connect(server) as connection:
        yield Host(libvirtd, connection)


@pytest.fixture
def lan(qemu: Host) -> Iterator[CIMInstanceName]:
    """A switch `lan` that works; nothing of it stays."""
    path = qemu.define(
        VirtualSystemIdentifier="lan",
        ForwardMode=Uint16(0),
        Addresses=["10.23.0.1/24", "fd23::1/64"],
        DHCPRanges=["10.23.0.100-10.23.0.199"],
        MTU=Uint32(1400),
        DomainName="lan.example",
    )
    assert qemu.libvirtd.virsh("net-list", "--name", "--inactive").split() == ["lan"]
    assert qemu.switch(path, 2) == 0
    yield path
    names = qemu.libvirtd.virsh("net-list", "--all", "--name").split()
    left = [
        ("destroy", UUID),
        ("undefine", UUID),
        *((word, name) for name in names for word in ("net-destroy", "net-undefine")),
    ]
    for words in left:
        command = ["virsh", "-q", "-c", qemu.libvirtd.uri, *words]
        subprocess.run(command, check=False, capture_output=True)


def test_a_switch_is_changed_while_it_works_and_for_its_next_start(qemu: Host, lan: CIMInstanceName) -> None:
    told = qemu.xml("lan")
    assert [ip.get("address") for ip in told.iterfind("ip")] == ["10.23.0.1", "fd23::1"]
    assert [(e.tag, e.attrib) for e in told if e.tag in {"mtu", "domain"}] == [
        ("mtu", {"size": "1400"}),
        ("domain", {"name": "lan.example"}),
    ]
    qemu.modify("KVM:switch/lan", StaticLeases=[LEASE])
    for words in ((), ("--inactive",)):
        [lease] = qemu.xml("lan", *words).findall("ip/dhcp/host")
        assert lease.attrib == {"mac": MAC, "name": "user", "ip": "10.23.0.5"}
    one = instance(SETTINGS, InstanceID="KVM:switch/lan", MTU=Uint32(1300))
    code, text = qemu.refusal("ModifySystemSettings", SystemSettings=one)
    assert (code, "lan on QEMU: mtu: " in text, ";stored" in text) == (NOT_SUPPORTED, True, True)
    qemu.modify(
        "KVM:switch/lan;stored", MTU=Uint32(1300), AutomaticStartupAction=Uint16(4), InboundLimit=Uint64(99)
    )
    [mtu] = qemu.xml("lan").findall("mtu")
    [next_mtu] = qemu.xml("lan", "--inactive").findall("mtu")
    assert (mtu.get("size"), next_mtu.get("size")) == ("1400", "1300")
    assert qemu.libvirtd.virsh("net-list", "--autostart", "--name").split() == ["lan"]
    path = CIMInstanceName(SETTINGS, {"InstanceID": "KVM:switch/lan"}, namespace="root/virt")
    assert qemu.connection.GetInstance(path)["MTU"] == 1400
    gone = qemu.call("DestroySystem", AffectedSystem=lan)
    assert (gone[""], qemu.libvirtd.virsh("net-list", "--all", "--name").split()) == (0, [])


def test_a_running_machine_s_interface_is_at_a_port_and_is_moved(
    qemu: Host,
    lan: CIMInstanceName,
    tmp_path: Any,  # noqa: ANN401 - pytest's own
) -> None:
    other = qemu.define(VirtualSystemIdentifier="other")
    assert qemu.switch(other, 2) == 0
    (tmp_path / "guest.xml").write_text(GUEST)
    qemu.libvirtd.virsh("define", str(tmp_path / "guest.xml"))
    qemu.libvirtd.virsh("start", "user", "--paused")
    keys = {
        "SystemCreationClassName": "KVM_ComputerSystem",
        "SystemName": "user",
        "CreationClassName": "KVM_NetworkPort",
        "DeviceID": f"user/{MAC}",
    }
    nic = CIMInstanceName("KVM_NetworkPort", keys, namespace="root/virt")
    [service] = qemu.connection.EnumerateInstanceNames("KVM_ResourcePoolConfigurationService")
    assert service.keybindings["Name"] == "RPCS"

    seen_by_s = time.monotonic() + SEEN_WITHIN_S
    while not qemu.names(lan, AssocClass="KVM_SystemDevice"):
        assert time.monotonic() < seen_by_s
        time.sleep(0.02)

    def switch_of(nic: CIMInstanceName) -> list[str]:
        [end] = qemu.connection.AssociatorNames(nic, AssocClass="KVM_DeviceSAPImplementation")
        [far] = qemu.connection.AssociatorNames(end, AssocClass="KVM_ActiveConnection")
        [port] = qemu.connection.AssociatorNames(far, AssocClass="KVM_DeviceSAPImplementation")
        found = qemu.connection.AssociatorNames(port, AssocClass="KVM_SystemDevice")
        return [one.keybindings["Name"] for one in found]

    assert switch_of(nic) == ["lan"]
    assert qemu.names(lan, AssocClass="KVM_SystemDevice") == ["KVM_EthernetPort"]
    assert qemu.refusal("DestroySystem", AffectedSystem=lan) == (
        FAILED,
        f"network 'lan' is in use: it has interface {MAC} of machine 'user' (paused)",
    )
    qemu.modify_nic(LinkUp=False)
    for words in ((), ("--inactive",)):
        link = qemu.nic(*words).find("link")
        assert link is not None
        assert link.get("state") == "down"
    qemu.modify_nic(LinkUp=True, NetworkName="other")
    source = qemu.nic().find("source")
    assert source is not None
    assert source.get("network") == "other"
    assert switch_of(nic) == ["other"]
    assert qemu.names(lan, AssocClass="KVM_SystemDevice") == []
    demand_limited(qemu)
    stored = instance(
        "KVM_NetResourceAllocationSettingData", InstanceID=f"user/{MAC};stored", MTU=Uint32(1350)
    )
    assert qemu.call("ModifyResourceSettings", ResourceSettings=[stored])[""] == 0
    [mtu] = qemu.nic("--inactive").findall("mtu")
    assert mtu.get("size") == "1350"
    live = instance("KVM_NetResourceAllocationSettingData", InstanceID=f"user/{MAC}", MTU=Uint32(1350))
    code, text = qemu.refusal("ModifyResourceSettings", ResourceSettings=[live])
    assert (code, f"nics[{MAC}].mtu" in text) == (NOT_SUPPORTED, True)


def demand_limited(qemu: Host) -> None:
    """Limit what the machine sends: it is applied where the kernel can, else nothing changes."""
    limited = instance(
        "KVM_NetResourceAllocationSettingData", InstanceID=f"user/{MAC}", OutboundLimit=Uint64(1000)
    )
    refused, expected = "", ["1000"]
    try:
        assert qemu.call("ModifyResourceSettings", ResourceSettings=[limited])[""] == 0
    except CIMError as error:
        refused, expected = error.status_description, []
    assert bool(expected) != (f"nics[{MAC}].outbound" in refused)
    for words in ((), ("--inactive",)):
        told = qemu.nic(*words).findall("bandwidth/outbound")
        assert [one.get("average") for one in told] == expected

"""Virtual networks managed by pywbem and wbemcli; virsh is the second opinion."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMError, CIMInstance, CIMInstanceName, CIMProperty, Uint16

from ..programs import connect, wbemcli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve, ServerProcess

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

FAILED, INVALID_PARAMETER, NOT_FOUND, ALREADY_EXISTS = 1, 4, 6, 11
UUID = "50000000-0000-4000-8000-000000000002"
MAC = "52:54:00:00:00:07"
GUEST = f"""<domain type='qemu'><name>user</name><uuid>{UUID}</uuid><memory unit='MiB'>64</memory>
<vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><devices><interface type='network'>
<mac address='{MAC}'/><source network='lan'/></interface></devices></domain>"""
LAN = (
    "instance of KVM_NetPoolResourceAllocationSettingData "
    '{ PoolID = "NetworkPool/lan"; ForwardMode = 1; Address = "10.19.0.1"; Netmask = "255.255.255.0"; '
    'IPRangeStart = "10.19.0.100"; IPRangeEnd = "10.19.0.199"; Autostart = true; };'
)


@dataclass(frozen=True)
class Host:
    """A hypervisor, its server, and a client of that."""

    libvirtd: Libvirtd
    server: ServerProcess
    connection: Any

    def names(self, *words: str) -> list[str]:
        return sorted(self.libvirtd.virsh("net-list", "--name", *words).split())

    def xml(self, name: str) -> ET.Element:
        return ET.fromstring(self.libvirtd.virsh("net-dumpxml", name))  # noqa: S314 - libvirt's own

    def settings(self, **properties: Any) -> CIMInstance:  # noqa: ANN401 - of every type
        told = {name: CIMProperty(name, value) for name, value in properties.items()}
        return CIMInstance("KVM_NetPoolResourceAllocationSettingData", told)

    def pool(self, name: str) -> CIMInstanceName:
        keys = {"InstanceID": f"NetworkPool/{name}"}
        return CIMInstanceName("KVM_NetworkPool", keys, namespace="root/virt")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        [path] = self.connection.EnumerateInstanceNames("KVM_ResourcePoolConfigurationService")
        returned, out = self.connection.InvokeMethod(method, path, **parameters)
        return {"": returned, **out}

    def refusal(self, method: str, **parameters: object) -> tuple[int, str]:
        with pytest.raises(CIMError) as caught:
            self.call(method, **parameters)
        return caught.value.status_code, caught.value.status_description

    def wbemcli(self, name: str, call: str) -> str:
        path = f'root/virt:KVM_NetworkPool.InstanceID="NetworkPool/{name}"'
        [line] = wbemcli(self.server, "cm", path, call)
        return line.rpartition(": ")[2]


@pytest.fixture(scope="module")
def qemu(libvirtd: Libvirtd, serve: Serve) -> Iterator[Host]:
    with serve(libvirtd.uri) as server, connect(server) as connection:
        yield Host(libvirtd, server, connection)


@pytest.fixture
def lan(qemu: Host) -> Iterator[CIMInstanceName]:
    """A NAT network `lan`; nothing of it stays."""
    made = qemu.call("CreateChildResourcePool", ElementName="lan", Settings=[LAN])
    assert (made[""], made["Pool"].keybindings["InstanceID"]) == (0, "NetworkPool/lan")
    yield qemu.pool("lan")
    left = [
        ("undefine", UUID),
        *((word, name) for name in qemu.names("--all") for word in ("net-destroy", "net-undefine")),
    ]
    for words in left:
        command = ["virsh", "-q", "-c", qemu.libvirtd.uri, *words]
        subprocess.run(command, check=False, capture_output=True)


def test_a_nat_network_is_made_stopped_started_and_removed(qemu: Host, lan: CIMInstanceName) -> None:
    told = qemu.xml("lan")
    forward, ip, leased = told.find("forward"), told.find("ip"), told.find("ip/dhcp/range")
    assert forward is not None
    assert ip is not None
    assert leased is not None
    assert (forward.get("mode"), ip.attrib) == (
        "nat",
        {"family": "ipv4", "address": "10.19.0.1", "prefix": "24"},
    )
    assert leased.attrib == {"start": "10.19.0.100", "end": "10.19.0.199"}
    assert (qemu.names(), qemu.names("--autostart")) == (["lan"], ["lan"])

    pool = qemu.connection.GetInstance(lan)
    expected = {
        "Name": "lan",
        "ResourceSubType": "nat",
        "Description": "nat, 10.19.0.1/24, leases 10.19.0.100 to 10.19.0.199",
        "Autostart": True,
        "OperationalStatus": [2],
    }
    assert {name: pool[name] for name in expected} == expected

    assert qemu.wbemcli("lan", "SetAutostart.Autostart=false") == "0"
    assert qemu.names("--autostart") == []
    assert qemu.wbemcli("lan", "RequestStateChange.RequestedState=3") == "0"
    assert (qemu.names(), qemu.names("--inactive")) == ([], ["lan"])
    assert qemu.connection.GetInstance(lan)["OperationalStatus"] == [10]
    assert qemu.wbemcli("lan", "RequestStateChange.RequestedState=2") == "0"
    assert qemu.names() == ["lan"]
    assert qemu.call("DeleteResourcePool", Pool=lan)[""] == 0
    assert qemu.names("--all") == []
    assert qemu.refusal("DeleteResourcePool", Pool=lan) == (NOT_FOUND, "Pool: there is no network 'lan'")


def test_isolated_and_bridged_networks_stand_beside_it(qemu: Host, lan: CIMInstanceName) -> None:
    quiet = qemu.settings(ForwardMode=Uint16(0), BridgeName="quiet0")
    over = qemu.settings(ForwardMode=Uint16(3), BridgeName="quiet0")
    assert qemu.call("CreateChildResourcePool", ElementName="quiet", Settings=[quiet])[""] == 0
    assert qemu.call("CreateChildResourcePool", ElementName="over", Settings=[over])[""] == 0
    assert qemu.names() == ["lan", "over", "quiet"]
    isolated, bridged = qemu.xml("quiet"), qemu.xml("over")
    assert [child.tag for child in isolated if child.tag in {"forward", "ip"}] == []
    forward, bridge = bridged.find("forward"), bridged.find("bridge")
    assert forward is not None
    assert bridge is not None
    assert (forward.get("mode"), bridge.get("name")) == ("bridge", "quiet0")
    types = {
        pool["Name"]: pool["ResourceSubType"]
        for pool in qemu.connection.EnumerateInstances("KVM_NetworkPool")
        if pool["Name"] in {"lan", "over", "quiet"}
    }
    assert types == {"lan": "nat", "over": "bridge", "quiet": "isolated"}
    assert qemu.refusal("CreateChildResourcePool", ElementName="lan", Settings=[quiet])[0] == ALREADY_EXISTS
    for name in ("over", "quiet"):
        assert qemu.call("DeleteResourcePool", Pool=qemu.pool(name))[""] == 0
    assert qemu.names("--all") == ["lan"]
    assert qemu.connection.GetInstance(lan)["Name"] == "lan"


def test_what_a_machine_is_connected_to_is_refused_by_the_machine_s_name(
    qemu: Host, lan: CIMInstanceName, tmp_path: Path
) -> None:
    (tmp_path / "user.xml").write_text(GUEST)
    qemu.libvirtd.virsh("define", str(tmp_path / "user.xml"))
    assert qemu.refusal("DeleteResourcePool", Pool=lan) == (
        FAILED,
        f"network 'lan' is in use: it has interface {MAC} of machine 'user' (shut off)",
    )
    assert qemu.wbemcli("lan", "RequestStateChange.RequestedState=3") == "0"
    assert qemu.names("--inactive") == ["lan"]


def test_what_makes_no_sense_or_cannot_be_started_is_not_kept(qemu: Host, lan: CIMInstanceName) -> None:
    wrong = qemu.settings(ForwardMode=Uint16(1), Address="10.20.0.1", Netmask="10.20.0.255")
    status, text = qemu.refusal("CreateChildResourcePool", ElementName="bad", Settings=[wrong])
    assert (status, "property Netmask" in text) == (INVALID_PARAMETER, True)
    same = qemu.settings(ForwardMode=Uint16(1), Address="10.19.0.1", Netmask="255.255.255.0")
    status, text = qemu.refusal("CreateChildResourcePool", ElementName="bad", Settings=[same])
    assert (status, "already in use" in text) == (FAILED, True)
    assert qemu.names("--all") == [lan.keybindings["InstanceID"].rpartition("/")[2]]

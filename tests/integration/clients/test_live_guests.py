"""Machines that virsh changes behind the server's back, as clients see them: at once, and exactly.

On real QEMU guests, and on libvirt's test hypervisor behind the same private libvirtd.
"""

from __future__ import annotations

import re
import subprocess
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from .programs import connect, pywbemcli, run_wbemcli, wbemcli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve, ServerProcess

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

SHOWS_WITHIN_S = 1.0
DONE_WITHIN_S = 20.0
DONE, JOB_STARTED = "0", "4096"
ENABLED, DISABLED, QUIESCE = "2", "3", "9"
GUEST = """<domain type='{type}'><name>{name}</name><uuid>40000000-0000-4000-8000-00000000000{n}</uuid>
<memory unit='MiB'>64</memory><vcpu>{n}</vcpu>
<os><type arch='{arch}'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{folder}/{name}.qcow2'/>
<target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
<interface type='user'><mac address='52:54:00:00:00:0{n}'/><model type='virtio'/></interface>
<graphics type='vnc' autoport='yes' passwd='s3same'/></devices></domain>"""


@dataclass(frozen=True)
class Host:
    """A hypervisor, and a server that has never been told by anybody but it."""

    libvirtd: Libvirtd
    uri: str
    prefix: str
    server: ServerProcess
    folder: Path
    domain_type: str
    arch: str

    def virsh(self, *words: str) -> str:
        return self.libvirtd.virsh(*words, uri=self.uri)

    def define(self, name: str, number: int) -> None:
        text = GUEST.format(type=self.domain_type, arch=self.arch, name=name, n=number, folder=self.folder)
        (self.folder / f"{name}.xml").write_text(text)
        self.virsh("define", str(self.folder / f"{name}.xml"))

    def path(self, name: str) -> str:
        cls = f"{self.prefix}_ComputerSystem"
        return f'root/virt:{cls}.CreationClassName="{cls}",Name="{name}"'


@pytest.fixture(scope="module")
def qemu(libvirtd: Libvirtd, serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """QEMU, with two guests that are off."""
    folder = tmp_path_factory.mktemp("guests")
    for name in ("alpha", "beta", "gamma"):
        image = str(folder / f"{name}.qcow2")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "64M"], check=True)
    with serve(libvirtd.uri) as server:
        host = Host(libvirtd, libvirtd.uri, "KVM", server, folder, "qemu", "x86_64")
        host.define("alpha", 1)
        host.define("beta", 2)
        yield host


@pytest.fixture(scope="module")
def test_hypervisor(
    libvirtd: Libvirtd, serve: Serve, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    """libvirt's test hypervisor: its own machine and two that are off; one for the server and for virsh."""
    uri = libvirtd.uri.replace("qemu+unix:///system", "test+unix:///default")
    with serve(uri) as server:
        host = Host(libvirtd, uri, "Xen", server, tmp_path_factory.mktemp("test"), "test", "i686")
        host.define("alpha", 1)
        host.define("beta", 2)
        yield host


@pytest.fixture(params=["qemu", "test_hypervisor"])
def host(request: pytest.FixtureRequest) -> Any:  # noqa: ANN401 - a Host
    return request.getfixturevalue(request.param)


@pytest.fixture
def connection(host: Host) -> Iterator[Any]:
    with connect(host.server, account="reader") as made:
        yield made


def shows(ask: Callable[[], object], expected: object, *, within_s: float = SHOWS_WITHIN_S) -> None:
    """Wait until a client is told what is expected, which must be soon."""
    began_s = time.monotonic()
    while (found := ask()) != expected:
        assert time.monotonic() - began_s < within_s, (found, expected)


def machines(connection: Any, host: Host) -> list[str]:  # noqa: ANN401 - a WBEMConnection
    names = connection.EnumerateInstanceNames(f"{host.prefix}_ComputerSystem")
    return sorted(one.keybindings["Name"] for one in names)


def as_virsh_lists(host: Host) -> list[str]:
    return sorted(name for name in host.virsh("list", "--all", "--name").splitlines() if name)


def state(host: Host, name: str) -> str:
    return wbemcli(host.server, "gp", host.path(name), "EnabledState")[0]


def test_the_same_machines_as_virsh(connection: Any, host: Host) -> None:  # noqa: ANN401 - as above
    listed = as_virsh_lists(host)
    assert {"alpha", "beta"} <= set(listed)
    shows(lambda: machines(connection, host), listed)


def test_a_machine_comes_runs_and_goes(connection: Any, host: Host) -> None:  # noqa: ANN401 - as above
    before = as_virsh_lists(host)
    host.define("gamma", 3)
    shows(lambda: machines(connection, host), sorted([*before, "gamma"]))
    name = next(
        one
        for one in connection.EnumerateInstanceNames(f"{host.prefix}_ComputerSystem")
        if one.keybindings["Name"] == "gamma"
    )
    # Two sets of settings while it runs: as it is, and as it is stored.
    settings = f"{host.prefix}:gamma"
    for words, expected, has in [
        (("start", "gamma"), 2, [settings, f"{settings};stored"]),
        (("suspend", "gamma"), 9, [settings, f"{settings};stored"]),
        (("resume", "gamma"), 2, [settings, f"{settings};stored"]),
        (("destroy", "gamma"), 3, [settings]),
    ]:
        host.virsh(*words)
        shows(lambda: connection.GetInstance(name)["EnabledState"], expected)
        found = connection.EnumerateInstanceNames(f"{host.prefix}_VirtualSystemSettingData")
        ids = sorted(one.keybindings["InstanceID"] for one in found)
        assert [one for one in ids if one.startswith(settings)] == has
    host.virsh("undefine", "gamma")
    shows(lambda: machines(connection, host), before)


def test_devices_are_those_of_the_definition(connection: Any, host: Host) -> None:  # noqa: ANN401 - as above
    for machine in connection.EnumerateInstanceNames(f"{host.prefix}_ComputerSystem"):
        name = machine.keybindings["Name"]
        root = ET.fromstring(host.virsh("dumpxml", name))  # noqa: S314 - from libvirt
        expected = [f"{name}/{number}" for number in range(int(root.findtext("vcpu", "0")))]
        expected += [f"{name}/{one.get('dev')}" for one in root.iterfind("devices/disk/target")]
        expected += [f"{name}/{one.get('address')}" for one in root.iterfind("devices/interface/mac")]
        found = {
            one.keybindings["DeviceID"]: one.classname.partition("_")[2]
            for one in connection.AssociatorNames(machine, AssocClass="CIM_SystemDevice")
        }
        of_these = {"Processor", "LogicalDisk", "NetworkPort"}
        assert sorted(one for one, cls in found.items() if cls in of_these) == sorted(expected)
        assert found[f"{name}/mem"] == "Memory"


def test_pools_and_networks_are_those_of_virsh(connection: Any, host: Host) -> None:  # noqa: ANN401 - as above
    def pools(cls: str) -> list[str]:
        found = connection.EnumerateInstanceNames(f"{host.prefix}_{cls}")
        return sorted(one.keybindings["InstanceID"].partition("/")[2] for one in found)

    def listed(command: str) -> list[str]:
        return [name for name in host.virsh(command, "--all", "--name").splitlines() if name.strip()]

    networks = sorted(["0", *(name.strip() for name in listed("net-list"))])
    assert set(networks) <= set(pools("NetworkPool"))
    stored = sorted(["0", *(name.strip() for name in listed("pool-list"))])
    assert pools("DiskPool") == stored
    host.virsh("pool-define-as", "late", "dir", "--target", str(host.folder))
    shows(lambda: pools("DiskPool"), sorted([*stored, "late"]))
    host.virsh("pool-undefine", "late")
    shows(lambda: pools("DiskPool"), stored)


def test_associations_read_the_same_from_both_ends(connection: Any, host: Host) -> None:  # noqa: ANN401 - as above
    joined = 0
    for cls in ("SystemDevice", "HostedDependency", "SettingsDefineState", "ElementAllocatedFromPool"):
        name = f"{host.prefix}_{cls}"
        others: dict[Any, set[Any]] = {}
        for reference in connection.EnumerateInstances(name):
            one, other = (prop.value for prop in reference.properties.values() if prop.type == "reference")
            others.setdefault(one, set()).add(other)
            others.setdefault(other, set()).add(one)
        for end, expected in others.items():
            assert connection.GetInstance(end).path == _local(end)
            assert set(connection.AssociatorNames(end, AssocClass=name)) == expected
        joined += len(others)
    assert joined > 20


def _local(path: Any) -> Any:  # noqa: ANN401 - a CIMInstanceName
    """Return a path as GetInstance leaves it: without the host."""
    local = path.copy()
    local.host = None
    return local


def test_wbemcli_starts_pauses_and_stops_a_real_guest(qemu: Host) -> None:
    def change(requested: str) -> str:
        path, words = qemu.path("alpha"), f"RequestStateChange.RequestedState={requested}"
        lines = wbemcli(qemu.server, "cm", path, words, account="operator", scheme="https")
        [code] = re.findall(r"RequestStateChange: ([0-9]+)", "\n".join(lines))
        return str(code)

    for requested, seen, virsh_says in [
        ("2", ENABLED, "running"),
        ("9", QUIESCE, "paused"),
        ("2", ENABLED, "running"),
        ("11", ENABLED, "running"),
        ("3", DISABLED, "shut off"),
    ]:
        assert change(requested) in {DONE, JOB_STARTED}  # what a busy machine does not do at once is a job
        shows(lambda: state(qemu, "alpha"), seen, within_s=DONE_WITHIN_S)
        assert qemu.virsh("domstate", "alpha").strip() == virsh_says
    assert change("3") == "4097"


def test_clients_read_everything_of_a_real_host(qemu: Host) -> None:
    qemu.virsh("start", "beta")
    shows(lambda: state(qemu, "beta"), ENABLED)
    with connect(qemu.server) as connection:
        for name in connection.EnumerateClassNames(DeepInheritance=True):
            if name.startswith("KVM_"):
                count = len(connection.EnumerateInstances(name))
                done = run_wbemcli(qemu.server, "ei", f"root/virt:{name}")
                assert (done.returncode, done.stderr) == (0, ""), name
                assert len(re.findall(r"^127\.0\.0\.1:[0-9]+/root/virt:", done.stdout, re.MULTILINE)) == count
                assert "s3same" not in done.stdout
    assert pywbemcli(qemu.server, "server", "brand") == "xencim\n"
    vm = qemu.path("beta").removeprefix("root/virt:")
    shrub = pywbemcli(qemu.server, "instance", "shrub", vm)
    assert re.findall(r"KVM_(\w+)\(AssocClass\)", shrub).count("SystemDevice") == 1
    [sap] = wbemcli(qemu.server, "ain", qemu.path("beta"), options=("-arc", "CIM_KVMRedirectionSAP"))
    port = ET.fromstring(qemu.virsh("dumpxml", "beta")).find("devices/graphics")  # noqa: S314 - from libvirt
    assert port is not None
    assert f'.Name="{port.get("port")}:' in sap
    qemu.virsh("destroy", "beta")
    shows(lambda: state(qemu, "beta"), DISABLED)

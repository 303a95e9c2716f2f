"""A policy from its document to real guests that it keeps apart: by clients, commands and virsh."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from ..programs import connect, pywbemcli, run_pywbemcli, run_wbemcli, wbemcli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve, ServerProcess

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

WITHIN_S = 30.0
ENABLED, DISABLED = 2, 3
GUEST = """<domain type='qemu'><name>{name}</name><uuid>60000000-0000-4000-8000-00000000000{n}</uuid>
<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{folder}/{name}.qcow2'/>
<target dev='vda' bus='virtio'/></disk></devices></domain>"""
CONFLICT = (
    "start of 'blue-1' is refused by policy 'rivals' 1.1: label 'blue' is in conflict with 'red-1' running "
    "with label 'red': conflict set 'rivals' keeps Chinese Wall type 'blue-wall' from starting beside "
    "'red-wall'"
)


class Host:
    """A private libvirtd with two guests that are off, and a server of it."""

    def __init__(self, libvirtd: Libvirtd, server: ServerProcess, folder: Path, policy: str) -> None:
        self.libvirtd = libvirtd
        self.server = server
        self.folder = folder
        self.policy = policy
        with connect(server) as connection:
            [self.service] = connection.EnumerateInstanceNames("KVM_SecurityPolicyService")

    def call(self, method: str, *parameters: str, account: str = "officer") -> str:
        """Call a method of the service with pywbemcli; each parameter is NAME=VALUE."""
        words = [word for one in parameters for word in ("-p", one)]
        path = self.service.to_wbem_uri(format="cimobject")
        told = pywbemcli(self.server, "instance", "invokemethod", path, method, *words, account=account)
        assert told.startswith("ReturnValue=0"), told
        return unfolded(told)

    def start(self, name: str, state: int = ENABLED) -> subprocess.CompletedProcess[str]:
        words = f"RequestStateChange.RequestedState={state}"
        return run_wbemcli(self.server, "cm", f"root/virt:{self.machine(name)}", words, account="operator")

    def machine(self, name: str) -> str:
        return f'KVM_ComputerSystem.CreationClassName="KVM_ComputerSystem",Name="{name}"'

    def running(self) -> list[str]:
        return self.libvirtd.virsh("list", "--name", "--state-running").split()

    def state(self, name: str) -> int:
        return int(wbemcli(self.server, "gp", f"root/virt:{self.machine(name)}", "EnabledState")[0])

    def xencim(self, *words: str, code: int = 0) -> str:
        """Run `xencim` beside the server; return all that it says."""
        command = [sys.executable, "-m", "xencim", *words, "--socket", str(self.server.state_dir / "socket")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def host(
    libvirtd: Libvirtd, serve: Serve, tmp_path_factory: pytest.TempPathFactory, repository: Path
) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("rivals")
    for number, name in enumerate(("red-1", "blue-1"), 1):
        image = str(folder / f"{name}.qcow2")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "16M"], check=True)
        text = GUEST.format(name=name, n=number, folder=folder)
        (folder / f"{name}.xml").write_text(text)
        libvirtd.virsh("define", str(folder / f"{name}.xml"))
    policy = (repository / "tests/data/policies/rivals.xml").read_text()
    with serve(libvirtd.uri, has_socket=True) as server:
        yield Host(libvirtd, server, folder, policy)


@pytest.fixture
def guarded(host: Host) -> Iterator[Host]:
    """The policy in force with both guests and their disks labelled; nothing runs before or after."""
    host.call("LoadPolicy", f"Representation={host.policy}", "ExpectedDigest=")
    for name, label in (("red-1", "red"), ("blue-1", "blue")):
        host.call("AssignLabel", f"Element=root/virt:{host.machine(name)}", f"Label={label}")
    host.call("AssignLabel", f"Resource={host.folder}/red-1.qcow2", "Label=red-disk")
    yield host
    for name in host.libvirtd.virsh("list", "--name").split():
        host.libvirtd.virsh("destroy", name)
    shows(lambda: (host.state("red-1"), host.state("blue-1")), (DISABLED, DISABLED))
    host.call("ResetPolicy")


def shows(ask: Callable[[], object], expected: object) -> None:
    """Wait until a client is told what is expected."""
    began_s = time.monotonic()
    while (found := ask()) != expected:
        assert time.monotonic() - began_s < WITHIN_S, (found, expected)


def unfolded(told: str) -> str:
    """Return what pywbemcli prints with its long strings in one piece."""
    whole = re.sub(r'\\"\\n\s*\\"', "", re.sub(r'"\n\s*"', "", told))
    return whole.replace("\\\\\\'", "'")


def started(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    [code] = re.findall("RequestStateChange: ([0-9]+)", done.stdout)
    assert code in {"0", "4096"}
    return str(code)


def test_rivals_are_kept_apart(guarded: Host) -> None:
    started(guarded.start("red-1"))
    shows(guarded.running, ["red-1"])
    shows(lambda: guarded.state("red-1"), ENABLED)
    refused = guarded.start("blue-1")
    assert (refused.returncode, refused.stdout) == (16, "")
    assert refused.stderr.splitlines()[1] == f"* wbemcli: Cim: (2) CIM_ERR_ACCESS_DENIED: {CONFLICT}"
    assert guarded.running() == ["red-1"]

    asked = guarded.call("CheckCanRun", "Label=blue", account="reader")
    assert "Decision=2" in asked
    explained = guarded.call("ExplainDenial", account="reader")
    assert "start of 'blue-1': refused" in explained
    assert "SuggestedChange=" in explained

    started(guarded.start("red-1", DISABLED))
    shows(guarded.running, [])
    shows(lambda: guarded.state("red-1"), DISABLED)
    started(guarded.start("blue-1"))
    shows(guarded.running, ["blue-1"])


def test_labels_are_read(guarded: Host) -> None:
    def labels(path: str) -> list[str]:
        words = ("instance", "associators", path, "--assoc-class", "KVM_ElementSecurityLabel", "--no")
        return re.findall(
            r"KVM:ACM:[^\s|]+", pywbemcli(guarded.server, "-o", "table", *words, account="reader")
        )

    assert labels(guarded.machine("red-1")) == ["KVM:ACM:rivals:VM:red"]
    with connect(guarded.server) as connection:
        [disk] = [
            one
            for one in connection.EnumerateInstanceNames("KVM_LogicalDisk")
            if one["SystemName"] == "red-1"
        ]
    assert labels(disk.to_wbem_uri(format="cimobject")) == ["KVM:ACM:rivals:RES:red-disk"]


def test_the_same_by_commands(guarded: Host) -> None:
    guarded.xencim("vm", "start", "red-1")
    assert guarded.running() == ["red-1"]
    assert CONFLICT in guarded.xencim("vm", "start", "blue-1", code=1)
    assert "start blue: refused" in guarded.xencim("policy", "explain", "--start", "blue", code=1)
    guarded.xencim("vm", "stop", "red-1")
    guarded.xencim("vm", "start", "blue-1")
    assert guarded.running() == ["blue-1"]
    assert guarded.xencim("policy", "drift") == ""


@pytest.mark.parametrize(
    ("reaction", "virsh_says", "outcome"),
    [("alert", "running", "alert"), ("pause", "paused", "paused"), ("destroy", "shut off", "destroyed")],
)
def test_a_guest_started_past_the_server(guarded: Host, reaction: str, virsh_says: str, outcome: str) -> None:
    guarded.xencim("policy", "reaction", reaction)
    started(guarded.start("red-1"))
    shows(lambda: guarded.state("red-1"), ENABLED)
    guarded.libvirtd.virsh("start", "blue-1")
    past = f"'blue-1' was started past this server: {outcome}"
    shows(lambda: past in run_pywbemcli_denial(guarded), True)
    shows(lambda: guarded.libvirtd.virsh("domstate", "blue-1").strip(), virsh_says)


def run_pywbemcli_denial(host: Host) -> str:
    path = host.service.to_wbem_uri(format="cimobject")
    words = ("instance", "invokemethod", path, "ExplainDenial")
    return unfolded(run_pywbemcli(host.server, *words, account="reader").stdout)

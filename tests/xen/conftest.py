"""Xen hosts under emulation for all tests here: Debian's with the server in dom0, and one with XSM.

What was on the first (logs, xl's and libvirt's view) is left in the folder that XENCIM_XEN_RESULTS names.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pywbem

from xencim.acm.flask.compiler import assemble, compile_source
from xencim.acm.model import Component, Header, Label, LabelKind, Policy, PolicyError, Version

from .emulated_host import Xsm, running
from .image_builder import ImageError, image, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .emulated_host import EmulatedHost
    from .image_builder import Image

STARTS_WITHIN_S = 150
ACCOUNT, PASSWORD = "admin", "pass-admin"
XENCIM = "/opt/xencim/bin/xencim"
PV, PVH = "paravirtual", "pvh-guest"
SIZES = {"memory": 128, "maximum": 144}
BANKS = Policy(
    Header("banks", Version(1, 0)),
    Component.SIMPLE_TYPE_ENFORCEMENT,
    ("A", "B", "C"),
    bootstrap="host",
    machine_labels=tuple(
        Label(name, LabelKind.MACHINE, frozenset(types))
        for name, types in (("host", "AB"), ("a-1", "A"), ("b 1", "B"), ("c", "C"))
    ),
)
GUEST = """<domain type='xen'><name>{name}</name><uuid>50000000-0000-4000-8000-00000000000{number}</uuid>
<memory unit='MiB'>{maximum}</memory><currentMemory unit='MiB'>{memory}</currentMemory>
<vcpu current='1'>2</vcpu>
<os><type arch='x86_64' machine='{machine}'>{kind}</type><kernel>/guest/vmlinuz</kernel>
<initrd>/guest/initrd</initrd><cmdline>console=hvc0 quiet mitigations=off</cmdline></os>
<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash><devices>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/guest/{name}.raw'/>
<target dev='xvda' bus='xen'/></disk>
<interface type='bridge'><mac address='00:16:3e:00:00:0{number}'/><source bridge='br0'/></interface>
<console type='pty'><target type='xen'/></console></devices></domain>"""


@dataclass(frozen=True)
class XenHost:
    """A host with a server on it, and the certificate that clients trust."""

    host: EmulatedHost
    certificate: Path

    def virsh(self, words: str) -> str:
        return self.host.run(f"virsh --quiet --connect xen:///system {words}")

    def define(self, name: str, number: int, *, pvh: bool) -> None:
        """Define a guest by virsh, behind the server's back."""
        kind, machine = ("xenpvh", "xenpvh") if pvh else ("linux", "xenpv")
        xml = GUEST.format(name=name, number=number, kind=kind, machine=machine, **SIZES)
        self.host.run(f"truncate --size 64M /guest/{name}.raw && cat > /guest/{name}.xml", data=xml)
        self.virsh(f"define /guest/{name}.xml")

    def take_away(self, name: str) -> None:
        """Destroy a guest, if it runs, and undefine it."""
        self.host.try_run(f"virsh --quiet --connect xen:///system destroy {name}")
        self.virsh(f"undefine --managed-save {name}")

    def wbemcli(self, command: str, path: str, *more: str) -> list[str]:
        """Run wbemcli in dom0; return the lines that it prints."""
        url = f"http://{ACCOUNT}:{PASSWORD}@127.0.0.1:5988/{path}"
        return self.host.run(shlex.join(["wbemcli", command, url, *more])).splitlines()

    def machines(self) -> list[str]:
        """Return the names that virsh lists."""
        return sorted(self.virsh("list --all --name").split())

    def running(self) -> list[str]:
        """Return the names that Xen's own tool lists, in an order of their own."""
        return sorted(line.split()[0] for line in self.host.run("xl list").splitlines()[1:])


@pytest.fixture(scope="session")
def xen(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[XenHost]:
    """A host whose dom0 serves xen:///system; nobody but its users leaves anything on it."""
    folder = Path(os.environ.get("XENCIM_XEN_RESULTS") or tmp_path_factory.mktemp("xen"))
    folder.mkdir(parents=True, exist_ok=True)
    with running(_image(repository), folder / "console.log") as host:
        served = _served(host, repository, tmp_path_factory.mktemp("server"))
        try:
            yield served
        finally:
            host.run("xl dmesg > /state/xl-dmesg; dmesg > /state/dmesg; xl list > /state/xl-list")
            host.get("/state", "/var/log/xen", "/var/log/libvirt", target=folder / "results.tar.gz")


@pytest.fixture(scope="session")
def xsm_host(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[EmulatedHost]:
    """A host whose hypervisor has XSM, and starts with the policy `BANKS`."""
    hypervisor = os.environ.get("XENCIM_XSM_HYPERVISOR")
    if hypervisor is None:
        pytest.skip("XENCIM_XSM_HYPERVISOR names no hypervisor built with XSM")
    folder = tmp_path_factory.mktemp("flask")
    try:
        policy = assemble(compile_source(BANKS))
    except PolicyError as error:
        pytest.skip(str(error))
    (folder / "policy").write_bytes(policy)
    xsm = Xsm(Path(hypervisor), folder / "policy")
    with running(_image(repository), folder / "console.log", xsm) as host:
        yield host


@pytest.fixture(scope="session")
def xsm(xsm_host: EmulatedHost, tmp_path_factory: pytest.TempPathFactory, repository: Path) -> XenHost:
    """The same with the server in dom0."""
    return _served(xsm_host, repository, tmp_path_factory.mktemp("server"))


@pytest.fixture
def connection(xen: XenHost) -> Iterator[Any]:
    """Pywbem's client of the first host, from outside."""
    with connected(xen) as made:
        yield made


@contextmanager
def connected(xen: XenHost) -> Iterator[Any]:
    """Pywbem's client; it trusts what it is told to, whatever bundle the environment names."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            patch.delenv(name, raising=False)
        made = pywbem.WBEMConnection(
            f"https://127.0.0.1:{xen.host.server_port}",
            (ACCOUNT, PASSWORD),
            default_namespace="root/virt",
            ca_certs=str(xen.certificate),
            timeout=120,
        )
        with closing(made):
            yield made


def shows(ask: Callable[[], object], expected: object, *, within_s: float = 1.0) -> None:
    """Wait until a client is told what is expected.

    On a machine that does other things too, the emulated host has a share of it: what it does takes as
    many times longer as there is work for each processor.
    """
    began_s = time.monotonic()
    while (found := ask()) != expected:
        longer = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        took_s = time.monotonic() - began_s
        assert took_s < within_s * longer, (found, expected, f"not within {took_s:.1f} s, at {longer:.1f}")


def _image(repository: Path) -> Image:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    try:
        return image(repository)
    except ImageError as error:
        pytest.skip(str(error))


def _served(host: EmulatedHost, repository: Path, folder: Path) -> XenHost:
    """Install this project on a host and start its server."""
    _install(host, _wheel(repository, folder))
    _serve(host)
    certificate = folder / "server.crt"
    certificate.write_text(host.run("cat /state/server.crt"))
    return XenHost(host, certificate)


def _wheel(repository: Path, folder: Path) -> Path:
    """Make the project's wheel with what is installed: nothing is fetched."""
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*words, str(repository)], check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    return wheel


def _install(host: EmulatedHost, wheel: Path) -> None:
    host.put(wheel, f"/tmp/{wheel.name}")  # noqa: S108 - dom0's own, where nobody else is
    pip = "/opt/xencim/bin/pip install --quiet --no-index --no-deps --no-compile"
    host.run(f"{pip} /tmp/{wheel.name}")


def _serve(host: EmulatedHost) -> None:
    """Start the server as an administrator would, and wait until it says that it is ready."""
    add_account = f"{XENCIM} user add {ACCOUNT} --group xencim-admin --password-stdin --state-dir /state"
    host.run(f"mkdir /state && {add_account}", data=PASSWORD)
    serve = (
        f"setsid {XENCIM} serve --backend xen:///system --state-dir /state --https 0.0.0.0:5989 "
        "--http 127.0.0.1:5988 --socket /run/xencim.sock >/state/log 2>&1 </dev/null & "
    )
    log = f"timeout {STARTS_WITHIN_S} tail --pid=$! --lines=+1 --follow /state/log 2>/dev/null"
    started = host.try_run(f"{serve} grep --quiet 'xencim: ready: ' < <({log})")
    assert started.status == 0, host.run("cat /state/log")

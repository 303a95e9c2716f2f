"""Each command of `xencim vm` on a QEMU host, virsh looks after each; a dry run before changes nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ..programs import connect
from .actors import Server
from .guests import boot_disk
from .steps import Host, field, shows, words, xml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

MAC = "52:54:00:00:00:0e"
STATE = words("domstate", "cli")
SNAPSHOTS = words("snapshot-list", "cli", "--name")
RUNNING, OFF = ["running"], ["shut", "off"]


def stored(path: str) -> Callable[[Host], object]:
    return xml(path, "dumpxml", "cli", "--inactive")


def listens(host: Host) -> object:
    """Look at whether the guest has begun to listen to its power button (PIIX4's and ICH9's PM1_EN)."""
    return host.virsh("qemu-monitor-command", "cli", "--hmp", "i /h 0x602").split()[-1]


LISTENS = "0x0100"
DISKS, NICS = words("domblklist", "cli", "--inactive"), words("domiflist", "cli", "--inactive")
COMMANDS: tuple[tuple[tuple[str, ...], Callable[[Host], object], object], ...] = (
    (
        ("define", "cli", "--type", "QEMU", "--memory", "64", "--disk", "images/cli.qcow2"),
        words("list", "--all", "--name"),
        ["cli"],
    ),
    (("set", "cli", "--description", "by hand"), stored("description"), ["by hand"]),
    (
        ("set", "cli", "--memory", "48"),
        field("Used memory", "dominfo", "cli"),
        "49152 KiB",
    ),
    (("set", "cli", "--autostart"), field("Autostart", "dominfo", "cli"), "enable"),
    (("set", "cli", "--no-autostart"), field("Autostart", "dominfo", "cli"), "disable"),
    (("attach-disk", "cli", "images/more.raw", "--target", "vdb"), lambda h: "vdb" in str(DISKS(h)), True),
    (("detach", "cli", "vdb"), lambda h: "vdb" in str(DISKS(h)), False),
    (("attach-nic", "cli", "lan", "--mac", MAC), lambda h: MAC in str(NICS(h)), True),
    (("detach", "cli", MAC), lambda h: MAC in str(NICS(h)), False),
    (("start", "cli", "--timeout", "60"), STATE, RUNNING),
    (("pause", "cli"), STATE, ["paused"]),
    (("resume", "cli"), STATE, RUNNING),
    (("suspend", "cli"), words("list", "--all", "--with-managed-save", "--name"), ["cli"]),
    (("start", "cli"), STATE, RUNNING),
    (("snapshot", "create", "cli", "one"), SNAPSHOTS, ["one"]),
    (("snapshot", "apply", "cli", "one"), STATE, RUNNING),
    (("snapshot", "delete", "cli", "one"), SNAPSHOTS, []),
    (("type", "cli", "root", "--enter"), STATE, RUNNING),
    (("dump", "cli", "images", "core"), lambda h: "core" in h.virsh("vol-list", "images"), True),
    (("reset", "cli"), listens, LISTENS),
    (("reboot", "cli", "--timeout", "60"), listens, LISTENS),
    (("shutdown", "cli", "--timeout", "60"), STATE, OFF),
    (("start", "cli"), STATE, RUNNING),
    (("stop", "cli"), STATE, OFF),
    (("delete", "cli"), words("list", "--all", "--name"), []),
)
REHEARSED = {"define", "start", "delete"}


@pytest.fixture
def host(libvirtd: Libvirtd, serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with a pool, in which is the guest's disk, and a network."""
    folder = tmp_path_factory.mktemp("images")
    boot_disk(folder, "cli")
    (folder / "more.raw").write_bytes(bytes(1 << 20))
    libvirtd.virsh("pool-create-as", "images", "dir", "--target", str(folder))
    (folder / "lan.xml").write_text("<network><name>lan</name></network>")
    libvirtd.virsh("net-create", str(folder / "lan.xml"))
    with serve(libvirtd.uri, has_socket=True) as process, connect(process) as connection:
        yield Host(libvirtd, Server(process, connection), folder)
    libvirtd.virsh("net-destroy", "lan")
    libvirtd.virsh("pool-destroy", "images")


def vm(host: Host, *command: str) -> str:
    """Run a command; it must do what it was asked."""
    socket = str(host.server.process.state_dir / "socket")
    done = subprocess.run(
        (sys.executable, "-m", "xencim", "vm", *command, "--socket", socket),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert (done.returncode, "error" in done.stderr) == (0, False), (command, done.stderr)
    return done.stdout


def whole(host: Host) -> object:
    """Look at all that virsh lists and, of the machine, at its definition and state."""
    listed = [host.virsh(word, "--all") for word in ("list", "net-list", "pool-list")]
    return listed, host.virsh("dumpxml", "cli", "--inactive") if "cli" in listed[0] else None


def test_each_command(host: Host) -> None:
    for command, look, expected in COMMANDS:
        if command[0] in REHEARSED:
            before = whole(host)
            assert vm(host, *command, "--dry-run").endswith("nothing speaks against it; nothing was done\n")
            assert whole(host) == before
        vm(host, *command)
        shows(look, host, expected)
        if command[0] == "dump":
            _looked_at(host)


def _looked_at(host: Host) -> None:
    """Let the commands that only look be tried while the machine runs."""
    picture = host.folder / "picture"
    vm(host, "screenshot", "cli", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    listed = vm(host, "list").split()
    # The guest has no driver that would give back what it has above 48 MiB.
    assert listed[-5:] == ["cli", "running", "1", "64", host.virsh("domuuid", "cli").strip()]
    assert "images/cli.qcow2" in vm(host, "show", "cli")
    assert host.virsh("domdisplay", "cli").partition("//")[2].partition(":")[0] in vm(host, "console", "cli")
    assert "one" not in vm(host, "snapshot", "list", "cli")

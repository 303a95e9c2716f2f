"""Debian packages on a Debian machine: installed, used, upgraded, removed and purged."""

from __future__ import annotations

import hashlib
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

import xencim

from .conftest import NEWER, build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Packages
    from .machine import Machine

pytestmark = [pytest.mark.packages, pytest.mark.timeout(900)]

CONFIGURATION = "etc/xencim/xencim.toml"
# As the unit has it run.
AS_SERVICE = (
    *("setpriv", "--reuid=xencim", "--regid=xencim", "--init-groups", "--no-new-privs", "env"),
    *("STATE_DIRECTORY=/var/lib/xencim", "RUNTIME_DIRECTORY=/run/xencim"),
)


@contextmanager
def serving(machine: Machine) -> Iterator[None]:
    """Run the server on a made-up host, as the service's user."""
    machine.run("install", "-d", "-o", "xencim", "-g", "xencim", "/run/xencim")
    server = machine.start(*AS_SERVICE, "xencim", "serve", "--backend", "fake:3")
    said = []
    try:
        assert server.stdout is not None
        for line in server.stdout:
            said.append(line)
            if line.startswith("xencim: ready:"):
                break
        else:
            pytest.fail("".join(said))
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        rest, _ = server.communicate(timeout=30)
    assert server.returncode == 0, "".join([*said, rest])
    assert [line for line in (*said, *rest.splitlines()) if " WARNING " in line or " ERROR " in line] == []


def machines(machine: Machine) -> list[str]:
    """Return the machines that wbemcli lists."""
    url = "http://admin:pass-admin@localhost:5988/root/virt:Xen_ComputerSystem"
    said = machine.run("wbemcli", "-nl", "ei", url, "Name")
    return [line for line in said.splitlines() if line.startswith("-Name")]


def add_account(machine: Machine) -> None:
    words = ("xencim", "user", "add", "admin", "--group", "xencim-admin", "--password-stdin")
    machine.run(*words, data="pass-admin\n")


def test_installed_it_serves_clients(machine: Machine, packages: Packages) -> None:
    machine.install(*packages.both)
    assert machine.run("xencim", "--version") == f"xencim {xencim.__version__}\n"
    assert machine.run("xencim", "doctor", "--backend", "fake:3").endswith("nothing wrong\n")
    add_account(machine)
    with serving(machine):
        assert machines(machine) == ['-Name="vm-00000"', '-Name="vm-00001"', '-Name="vm-00002"']
        # pywbem over the Unix socket.
        assert "vm-00001" in machine.run("xencim", "vm", "list")


def test_it_is_enabled_and_nothing_is_opened(machine: Machine, packages: Packages) -> None:
    machine.install(packages.xencim)
    assert machine.run("systemctl", "is-enabled", "xencim") == "enabled\n"
    assert not (machine.root / "run/xencim").exists()
    assert list((machine.root / "var/lib/xencim").iterdir()) == []


def test_passwords_are_the_systems_by_pam(machine: Machine, packages: Packages) -> None:
    machine.install(packages.xencim)
    (machine.root / CONFIGURATION).write_text('[auth]\nmethod = "pam"\n[access]\nread_users = ["admin"]\n')
    machine.run("useradd", "admin")
    machine.run("chpasswd", data="admin:pass-admin\n")
    # As the drop-in of docs/operations/access.md does.
    machine.run("usermod", "--append", "--groups", "shadow", "xencim")
    with serving(machine):
        assert len(machines(machine)) == 3


def test_libvirts_group_may_come_later(machine: Machine, packages: Packages) -> None:
    machine.install(packages.xencim)
    assert machine.run("id", "-nG", "xencim") == "xencim\n"
    machine.run("groupadd", "--system", "libvirt")
    machine.run("dpkg-trigger", "--by-package=libvirt-daemon", "/usr/sbin/libvirtd")
    machine.run("dpkg", "--triggers-only", "xencim")
    assert machine.run("id", "-nG", "xencim") == "xencim libvirt\n"


def test_an_upgrade_keeps_configuration_accounts_and_state(
    machine: Machine, packages: Packages, newer: Packages
) -> None:
    machine.install(*packages.both)
    add_account(machine)
    configuration = machine.root / CONFIGURATION
    edited = configuration.read_text() + '\n[host]\nname = "host.example"\n'
    configuration.write_text(edited)
    machine.install(*newer.both)
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "xencim") == NEWER
    assert configuration.read_text() == edited
    assert (
        (machine.root / f"{CONFIGURATION}.dpkg-dist").read_text().endswith("# A line of the newer version.\n")
    )
    with serving(machine):
        assert len(machines(machine)) == 3


def test_an_upgrade_brings_configuration_that_nobody_changed(
    machine: Machine, packages: Packages, newer: Packages
) -> None:
    machine.install(packages.xencim)
    machine.install(newer.xencim)
    assert (machine.root / CONFIGURATION).read_text().endswith("# A line of the newer version.\n")


def test_removed_it_keeps_what_is_the_administrators(machine: Machine, packages: Packages) -> None:
    machine.install(*packages.both)
    add_account(machine)
    machine.run("apt-get", "remove", "--yes", "xencim")
    assert not (machine.root / "usr/lib/xencim").exists()
    assert not (machine.root / "usr/bin/xencim").exists()
    assert (machine.root / CONFIGURATION).exists()
    assert (machine.root / "var/lib/xencim/passwords").exists()


def test_purged_it_leaves_nothing(machine: Machine, packages: Packages, newer: Packages) -> None:
    before = machine.files()
    machine.install(*packages.both)
    add_account(machine)
    with serving(machine):
        machines(machine)
    machine.install(*newer.both)
    machine.run("apt-get", "purge", "--yes", "xencim", "xencim-cmpi")
    machine.run("rm", "-r", "/run/xencim")  # systemd does so when the service stops
    after = machine.files()
    assert {path: after.get(path) for path in before | after if before.get(path) != after.get(path)} == {}


def test_the_same_commit_makes_the_same_packages(packages: Packages, repository: Path) -> None:
    again = build(repository, "deb")
    digests = [
        [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)]
        for paths in (packages.both, again)
    ]
    assert digests[0] == digests[1]


def test_lintian_finds_nothing_that_matters(packages: Packages) -> None:
    # No bug of Debian's is closed: these are nobody's uploads.
    words = ["lintian", "--allow-root", "--fail-on=none", "--suppress-tags=initial-upload-closes-no-bugs"]
    said = subprocess.check_output([*words, *packages.both], text=True, stderr=subprocess.STDOUT)
    assert said == ""


def test_the_unit_is_right_and_hard(machine: Machine, packages: Packages) -> None:
    machine.install(packages.xencim)
    assert machine.run("systemd-analyze", "verify", "--man=no", "xencim.service") == ""
    machine.run("systemd-analyze", "security", "--offline=yes", "--threshold=15", "xencim.service")


def test_the_apparmor_profile_is_understood(repository: Path) -> None:
    # What Debian's kernel can do, whatever this one can.
    words = ["apparmor_parser", "--skip-kernel-load", "--Werror", "--features-file=/etc/apparmor.d/abi/3.0"]
    profile = repository / "cimom_glue/packaging/xencim.apparmor"
    done = subprocess.run([*words, profile], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")

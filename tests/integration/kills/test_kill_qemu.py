"""Servers and libvirtd killed in the middle of real work of QEMU's; virsh is the second opinion.

A guest whose process is stopped by a signal keeps whatever is asked of it in the middle until it goes on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pywbem
from tests.conftest import private_libvirtd

from ..clients.migration.hosts import (
    BOOT_IMAGE,
    COMPLETED,
    FAILED,
    JOB_STARTED,
    RUNNING,
    WITHIN_S,
    Host,
    Server,
    machine_path,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

SAVE, PAUSE, ENABLE = 6, 9, 2
MEANWHILE = "the server ended while this went on; "


@pytest.fixture(scope="module")
def _host(shared_dir: Path) -> Iterator[Host]:
    with (
        private_libvirtd(shared_dir) as libvirtd,
        # Not pytest's own folder: a Unix socket's path has 107 characters.
        tempfile.TemporaryDirectory(prefix="xencim-kills-") as folder,
    ):
        boot = Path(folder) / "boot.img"
        boot.write_bytes(BOOT_IMAGE)
        (Path(folder) / "pool").mkdir()
        libvirtd.virsh("pool-create-as", "pool", "dir", "--target", f"{folder}/pool")
        server = Server(Path(folder) / "server", (libvirtd.uri,))
        server.start()
        try:
            yield Host(libvirtd, server, boot)
        finally:
            server.stop()


@pytest.fixture
def host(_host: Host) -> Iterator[Host]:
    """A hypervisor with a pool, and its server; no guest is left."""
    if _host.server.process is None:
        _host.server.start()
    yield _host
    _host.clear()


def process_of(host: Host, guest: str) -> int:
    daemon = int((host.libvirtd.base / "libvirtd.pid").read_text())
    return int(Path(f"/proc/{daemon}/root/run/libvirt/qemu/{guest}.pid").read_text())


def begin(host: Host, path: pywbem.CIMInstanceName, method: str, **given: object) -> pywbem.CIMInstanceName:
    """Ask for something that takes longer than an answer may."""
    code, out = host.server.ask(lambda connection: connection.InvokeMethod(method, path, **given))
    assert int(code) == JOB_STARTED, (int(code), host.server.log)
    job: pywbem.CIMInstanceName = out["Job"]
    return job


def change(host: Host, guest: str, state: int) -> pywbem.CIMInstanceName:
    return begin(host, machine_path(guest), "RequestStateChange", RequestedState=pywbem.Uint16(state))


def kill_and_start(host: Host) -> None:
    host.server.stop(signal.SIGKILL)
    host.server.start()


def until(shows: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + WITHIN_S
    while not shows():
        assert time.monotonic() < end_s, what
        time.sleep(0.05)


def service(host: Host, cls: str) -> pywbem.CIMInstanceName:
    [path] = host.server.ask(lambda connection: connection.EnumerateInstanceNames(f"KVM_{cls}"))
    return path


def test_a_guest_is_saved_by_a_hypervisor_that_goes_on(host: Host) -> None:
    host.define("guest")
    qemu = process_of(host, "guest")
    os.kill(qemu, signal.SIGSTOP)
    job = change(host, "guest", SAVE)
    host.server.stop(signal.SIGKILL)
    os.kill(qemu, signal.SIGCONT)
    host.server.start()
    ended = host.server.ended(job)
    assert (ended["JobState"], ended["ErrorDescription"]) == (COMPLETED, None)
    assert host.domains() == {"guest": "shut off"}
    assert "guest" in host.libvirtd.virsh("list", "--all", "--with-managed-save", "--name").split()


def test_a_guest_that_is_still_being_saved_is_waited_for(host: Host) -> None:
    host.define("guest")
    qemu = process_of(host, "guest")
    os.kill(qemu, signal.SIGSTOP)
    job = change(host, "guest", SAVE)
    kill_and_start(host)
    told = host.server.ask(lambda connection: connection.GetInstance(job))
    os.kill(qemu, signal.SIGCONT)
    ended = host.server.ended(job)
    assert (told["JobState"], ended["JobState"], ended["ErrorDescription"]) == (RUNNING, COMPLETED, None)
    assert host.domains() == {"guest": "shut off"}


def volume(host: Host, name: str, size: str) -> pywbem.CIMInstanceName:
    """Make a volume and return its path as the server has it."""
    host.libvirtd.virsh("vol-create-as", "pool", name, size)
    host.server.ask(
        lambda connection: connection.InvokeMethod(
            "RefreshResourcesInPool",
            service(host, "ResourcePoolConfigurationService"),
            Pool=pywbem.CIMInstanceName(
                "KVM_DiskPool", {"InstanceID": "DiskPool/pool"}, namespace="root/virt"
            ),
        )
    )
    names = host.server.ask(lambda connection: connection.EnumerateInstanceNames("KVM_StorageVolume"))
    [path] = [one for one in names if one["DeviceID"] == f"pool/{name}"]
    return path


def volumes(host: Host) -> list[str]:
    return [line.split()[0] for line in host.libvirtd.virsh("vol-list", "pool").splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("method", "given", "found"),
    [
        ("Wipe", {}, "how far volume 'pool/big' was overwritten cannot be told"),
        (
            "Clone",
            {"VolumeName": "copy"},
            "volume 'pool/copy' is there; whether its content is whole cannot be told",
        ),
    ],
)
def test_work_on_a_volume(host: Host, method: str, given: dict[str, Any], found: str) -> None:
    path = volume(host, "big", "3G")
    try:
        if method == "Clone":
            image = host.boot.parent / "pool" / "big"
            subprocess.run(["fallocate", "-l", "3G", image], check=True)
            with image.open("r+b") as content:
                for _ in range(1536):
                    content.write(b"\1" * (1 << 20))
        job = begin(host, path, method, **given)
        kill_and_start(host)
        ended = host.server.ended(job)
        assert (ended["JobState"], ended["ErrorDescription"]) == (FAILED, MEANWHILE + found)
        assert set(volumes(host)) == {"big", *given.values()}
    finally:
        for name in volumes(host):
            until(lambda name=name: deleted(host, name), f"{name} stays in use")  # type: ignore[misc]


def deleted(host: Host, name: str) -> bool:
    """Delete a volume, unless libvirt still works on it."""
    command = ["virsh", "-q", "-c", host.libvirtd.uri, "vol-delete", name, "--pool", "pool"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_libvirtd_is_killed_while_a_guest_is_saved(host: Host) -> None:
    host.define("guest")
    host.define("other")
    qemu = process_of(host, "guest")
    os.kill(qemu, signal.SIGSTOP)
    job = change(host, "guest", SAVE)
    host.libvirtd.kill()
    ended = host.server.ended(job)
    assert ended["JobState"] == FAILED
    assert ended["ErrorDescription"]
    os.kill(qemu, signal.SIGCONT)
    host.libvirtd.start(keep=True)
    until(lambda: host.domains()["guest"] == "running", "libvirtd does not let the guest run again")

    def pause(connection: Any) -> int:  # noqa: ANN401 - pywbem's own
        state = pywbem.Uint16(PAUSE)
        return int(
            connection.InvokeMethod("RequestStateChange", machine_path("guest"), RequestedState=state)[0]
        )

    until(lambda: host.server.ask(pause) == 0, "the server does not find libvirtd again")
    assert host.domains() == {"guest": "paused", "other": "running"}
    states = host.server.ask(lambda connection: connection.EnumerateInstances("KVM_ComputerSystem"))
    assert {one["Name"]: one["EnabledState"] for one in states} == {"guest": PAUSE, "other": ENABLE}

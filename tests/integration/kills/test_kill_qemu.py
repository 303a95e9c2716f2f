"""Servers and libvirtd killed in the middle of real work of QEMU's; virsh is the second opinion.

A guest whose process is stopped by a signal keeps whatever is asked of it in the middle until it goes on.
"""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

import pytest
import pywbem

from ..clients.migration.hosts import COMPLETED, FAILED, RUNNING, Host, machine_path
from .held import begin, change, kill_and_start, pool_path, process_of, service, until, volume_path, volumes

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

SAVE, PAUSE, ENABLE = 6, 9, 2
MEANWHILE = "the server ended while this went on; "


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
    rpcs = service(host, "ResourcePoolConfigurationService")
    host.server.ask(
        lambda connection: connection.InvokeMethod("RefreshResourcesInPool", rpcs, Pool=pool_path("pool"))
    )
    return volume_path(host, f"pool/{name}")


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

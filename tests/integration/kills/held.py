"""Work of a private libvirtd's that a test holds in the middle, and lets go on when it has seen enough.

What a program does whose arguments have HELD in them waits as long as a file is there: an emulator that
starts, qemu-img. What is asked of a guest whose process is stopped by a signal waits for it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pywbem

from ..clients.migration.hosts import JOB_STARTED, WITHIN_S, Host, machine_path

if TYPE_CHECKING:
    from collections.abc import Callable

HELD = "held"
EMULATOR, IMAGES = "qemu-system-x86_64", "qemu-img"
_WRAPPER = """#!/bin/sh
case "$*" in
*{held}*) echo "$*" >>{calls}; while [ -e {hold} ]; do sleep 0.05; done;;
esac
exec {real} "$@"
"""


class Holding:
    """Holds programs that a daemon runs; ``calls`` has the arguments of each that was held."""

    def __init__(self, host: Host, folder: Path) -> None:
        self._host = host
        self._folder = folder
        self._hold = folder / "hold"
        self.calls = folder / "calls"
        self.emulator = self._wrapper(EMULATOR, shutil.which(EMULATOR) or "")
        self._stopped: list[int] = []

    def hold(self, *programs: str) -> None:
        """Have programs wait from now on; for a daemon that was started meanwhile anew."""
        self._hold.touch()
        self.calls.unlink(missing_ok=True)
        for program in programs:
            found = os.path.realpath(shutil.which(program) or "")
            real = self._folder / f"real-{program}"
            shutil.copy2(found, real)
            self._in_daemon("mount", "--bind", str(self._wrapper(program, str(real))), found)

    def stop(self, *guests: str) -> None:
        """Have nothing done by guests' processes."""
        for guest in guests:
            process = process_of(self._host, guest)
            os.kill(process, signal.SIGSTOP)
            self._stopped.append(process)

    def let_go(self) -> None:
        """Have everything go on."""
        self._hold.unlink(missing_ok=True)
        while self._stopped:
            with suppress(ProcessLookupError):  # libvirt ended it meanwhile
                os.kill(self._stopped.pop(), signal.SIGCONT)

    def held(self) -> list[str]:
        """Return the arguments of what was held."""
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def _wrapper(self, program: str, real: str) -> Path:
        path = self._folder / f"run-{program}"
        path.write_text(_WRAPPER.format(held=HELD, calls=self.calls, hold=self._hold, real=real))
        path.chmod(0o755)
        return path

    def _in_daemon(self, *words: str) -> None:
        daemon = (self._host.libvirtd.base / "libvirtd.pid").read_text()
        subprocess.run(["nsenter", "-t", daemon, "-m", *words], check=True)


def process_of(host: Host, guest: str) -> int:
    daemon = int((host.libvirtd.base / "libvirtd.pid").read_text())
    return int(Path(f"/proc/{daemon}/root/run/libvirt/qemu/{guest}.pid").read_text())


def begin(host: Host, path: pywbem.CIMInstanceName, method: str, **given: object) -> pywbem.CIMInstanceName:
    """Ask for something that takes longer than an answer may."""
    code, out = host.server.ask(lambda connection: connection.InvokeMethod(method, path, **given))
    assert int(code) == JOB_STARTED, (method, int(code), host.server.log)
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


def pool_path(name: str) -> pywbem.CIMInstanceName:
    return pywbem.CIMInstanceName("KVM_DiskPool", {"InstanceID": f"DiskPool/{name}"}, namespace="root/virt")


def volume_path(host: Host, key: str) -> pywbem.CIMInstanceName:
    """Return the path of a volume as the server has it."""
    names = host.server.ask(lambda connection: connection.EnumerateInstanceNames("KVM_StorageVolume"))
    [path] = [one for one in names if one["DeviceID"] == key]
    return path


def volumes(host: Host, pool: str = "pool") -> list[str]:
    return [line.split()[0] for line in host.libvirtd.virsh("vol-list", pool).splitlines() if line.strip()]

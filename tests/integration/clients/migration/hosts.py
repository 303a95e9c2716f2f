"""Hosts side by side: a private libvirtd each, a server over each that may be killed, restless guests."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pywbem
from tests.integration.conftest import plain_environment

from xencim.cimom_glue.server import PasswordFile
from xencim.cimom_glue.server.auth.passwords import Cost

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Libvirtd

WITHIN_S = 60
EMULATOR = "/usr/bin/qemu-system-x86_64"
PASSWORD = "let-me-in"
JOB_STARTED = 4096
RUNNING, COMPLETED, TERMINATED, FAILED = 4, 7, 8, 10  # JobState
# Says so on its serial port, goes to protected mode, and writes 20 MiB of memory over and over: at 1 MiB a
# second such a guest never comes over.
_CODE = (
    "fa31c08ed8baf803b021ee660f0116587c0f20c00c010f22c066ea217c0000080066b810008ed88ec031c0bf"
    "00001000b90000500040f3abebf18db6000000000000000000000000ffff0000009bcf00ffff00000093cf001700407c0000"
)
BOOT_SECTOR = bytes.fromhex(_CODE).ljust(510, b"\0") + b"\x55\xaa"
BOOT_IMAGE = BOOT_SECTOR.ljust(1 << 20, b"\0")  # the firmware starts no disk of one sector
# Says so too, waits for the power button (bit 8 of port 0x600), and switches the machine off (port 0x604).
_OBEDIENT = "faba0206b80001efbaf803b055eeba0006edf6c40174f7ba0406b80020efebfe"
OBEDIENT_IMAGE = (bytes.fromhex(_OBEDIENT).ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0")
SLOWLY = {"Bandwidth": pywbem.Uint16(1), "MaximumDowntime": pywbem.Uint32(50)}

_DOMAIN = """
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>{memory_mib}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact'><model>qemu64</model></cpu>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='{boot}'/><target dev='vda' bus='virtio'/><readonly/>
    </disk>
    <serial type='file'><source path='{serial}'/></serial>{devices}
  </devices>
</domain>
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class Server:
    """A xencim that can be killed and started again at the same address."""

    folder: Path
    backends: tuple[str, ...]
    config: str = ""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "xencim.toml").write_text(self.config)
        (self.folder / "password").write_text(PASSWORD)
        accounts = PasswordFile(self.folder / "passwords", cost=Cost(log2_n=4, r=1, p=1))
        if not accounts.list():
            for name in ("mover", "stranger"):
                accounts.add(name, PASSWORD, ("xencim-admin",))
        words = [sys.executable, "-m", "xencim", "serve", "--config", str(self.folder / "xencim.toml")]
        words += ["--state-dir", str(self.folder), "--http", "off", "--https", f"127.0.0.1:{self.port}"]
        words += ["--socket", "off", *(word for uri in self.backends for word in ("--backend", uri))]
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready,
            (self.folder / "log").open("ab") as log,
        ):
            ready.bind("")  # an abstract name that the kernel chooses
            name = ready.getsockname().decode().replace("\0", "@")
            environment = {**plain_environment(self.folder), "NOTIFY_SOCKET": name}
            self.process = subprocess.Popen(
                words, stdout=log, stderr=log, env=environment, start_new_session=True
            )
            ended = os.pidfd_open(self.process.pid)
            try:
                came, _, _ = select.select([ready.fileno(), ended], [], [], WITHIN_S)
            finally:
                os.close(ended)
            is_ready = ready.fileno() in came
        if not is_ready:
            self.stop(signal.SIGKILL)
            raise AssertionError(self.log)

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """End the process, as a crash does with SIGKILL; return how it ended."""
        if self.process is None:
            return None
        self.process.send_signal(number)
        ended = self.process.wait(WITHIN_S)
        self.process = None
        return ended

    def ask(self, ask: Callable[[Any], Any], account: str = "mover") -> Any:  # noqa: ANN401 - pywbem's own
        """Do something over a connection of its own."""
        with closing(
            pywbem.WBEMConnection(
                self.url,
                (account, PASSWORD),
                default_namespace="root/virt",
                ca_certs=str(self.folder / "server.crt"),
                timeout=WITHIN_S,
            )
        ) as connection:
            return ask(connection)

    def call(
        self,
        method: str,
        *,
        prefix: str = "KVM",
        account: str = "mover",
        namespace: str = "root/virt",
        **given: object,
    ) -> tuple[int, dict[str, Any]]:
        """Call a method of the migration service."""

        def invoke(connection: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - pywbem's own
            [service] = connection.EnumerateInstanceNames(
                f"{prefix}_VirtualSystemMigrationService", namespace
            )
            returned, out = connection.InvokeMethod(method, service, **given)
            return int(returned), dict(out)

        found: tuple[int, dict[str, Any]] = self.ask(invoke, account)
        return found

    def machines(self) -> list[str]:
        """Return the names of the machines that the server knows."""
        names: list[str] = [
            path["Name"]
            for path in self.ask(lambda connection: connection.EnumerateInstanceNames("KVM_ComputerSystem"))
        ]
        return names

    def migrate(
        self,
        machine: str,
        *,
        to: str = "there",
        new: dict[str, Any] | None = None,
        **how: Any,  # noqa: ANN401 - of every type
    ) -> tuple[int, dict[str, Any]]:
        """Ask for a machine of QEMU to be moved; ``new``: parameters that say what it is to be there."""
        settings = pywbem.CIMInstance("KVM_VirtualSystemMigrationSettingData", how)
        return self.call(
            "MigrateVirtualSystemToHost",
            ComputerSystem=machine_path(machine),
            DestinationHost=to,
            MigrationSettingData=settings,
            **(new or {}),
        )

    def begin(self, machine: str, *, to: str = "there", **how: Any) -> pywbem.CIMInstanceName:  # noqa: ANN401 - of every type
        """Ask for a machine to be moved, and return the job when memory is on its way."""
        code, out = self.migrate(machine, to=to, **how)
        assert code == JOB_STARTED, (code, self.log)
        job: pywbem.CIMInstanceName = out["Job"]
        told = self.until(
            job, lambda told: told["JobState"] != RUNNING or "moving" in (told["JobStatus"] or "")
        )
        assert told["JobState"] == RUNNING, (told["ErrorDescription"], self.log)
        return job

    def until(
        self, job: pywbem.CIMInstanceName, shows: Callable[[pywbem.CIMInstance], bool]
    ) -> pywbem.CIMInstance:
        """Ask for a job until it shows something."""
        end_s = time.monotonic() + WITHIN_S

        def look(connection: Any) -> pywbem.CIMInstance:  # noqa: ANN401 - pywbem's own
            while time.monotonic() < end_s:
                told = connection.GetInstance(job)
                if shows(told):
                    return told
                time.sleep(0.1)
            raise AssertionError(f"{told.tomof()}\n{self.log}")

        found: pywbem.CIMInstance = self.ask(look)
        return found

    def cancel(self, job: pywbem.CIMInstanceName) -> int:
        """Have a job terminated."""
        code, _out = self.ask(
            lambda connection: connection.InvokeMethod(
                "RequestStateChange", job, RequestedState=pywbem.Uint16(4)
            )
        )
        return int(code)

    def ended(self, job: pywbem.CIMInstanceName) -> pywbem.CIMInstance:
        return self.until(job, lambda told: told["JobState"] in {COMPLETED, TERMINATED, FAILED})


@dataclass
class Host:
    """A hypervisor and its server."""

    libvirtd: Libvirtd
    server: Server
    boot: Path

    def domains(self) -> dict[str, str]:
        """Return the states of all machines, as virsh tells them."""
        told = self.libvirtd.virsh("list", "--all")
        lines = (line.split(maxsplit=2) for line in told.splitlines() if line.strip())
        return {name: state for _number, name, state in lines}

    def define(
        self,
        name: str,
        *,
        memory_mib: int = 32,
        devices: str = "",
        emulator: Path | str = EMULATOR,
        start: bool = True,
    ) -> None:
        """Define a guest, start it, and wait until it writes memory."""
        xml, serial = self.boot.parent / f"{name}.xml", self.boot.parent / f"{name}.serial"
        serial.unlink(missing_ok=True)
        xml.write_text(
            _DOMAIN.format(
                name=name,
                memory_mib=memory_mib,
                boot=self.boot,
                serial=serial,
                devices=devices,
                emulator=emulator,
            )
        )
        self.libvirtd.virsh("define", str(xml))
        end_s = time.monotonic() + WITHIN_S
        while name not in self.server.machines():
            assert time.monotonic() < end_s, f"the server does not see {name}"
            time.sleep(0.05)
        if start:
            self.libvirtd.virsh("start", name)
            while not (serial.exists() and serial.read_bytes()):
                assert time.monotonic() < end_s, f"{name} does not come up"
                time.sleep(0.05)

    def let_go(self) -> None:
        """Lift the limit that keeps the guest from coming over, once libvirt has set it."""
        end_s = time.monotonic() + WITHIN_S
        while "Memory processed" not in self.libvirtd.virsh("domjobinfo", "guest"):
            assert time.monotonic() < end_s, "no memory is sent"
            time.sleep(0.05)
        self.libvirtd.virsh("migrate-setspeed", "guest", "1000")

    def clear(self) -> None:
        for name, state in self.domains().items():
            if state != "shut off":
                self.libvirtd.virsh("destroy", name)
            if name in self.libvirtd.virsh("list", "--all", "--name").split():
                self.libvirtd.virsh("undefine", "--managed-save", "--snapshots-metadata", name)


def machine_path(name: str, prefix: str = "KVM") -> pywbem.CIMInstanceName:
    class_name = f"{prefix}_ComputerSystem"
    return pywbem.CIMInstanceName(
        class_name, {"CreationClassName": class_name, "Name": name}, namespace="root/virt"
    )

"""A Xen host under emulation: started from an image, commanded through its agent, looked at from outside.

Nothing that a run changes stays: the disk is a snapshot. Errors: HostError.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import shlex
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .image_builder import Image

AGENT_PORT = 7000
SERVER_PORT = 5989
MEMORY_MIB = 3072
DOM0_MIB = 1280
BOOT_WITHIN_S = 420.0
COMMAND_WITHIN_S = 180.0
# Emulation needs none of what protects processors from their guests, and random numbers at once.
LINUX = "root=/dev/vda console=hvc0 quiet loglevel=4 net.ifnames=0 mitigations=off random.trust_cpu=on"
XEN = "console=com1 com1=115200,8n1 dom0_max_vcpus=2 loglvl=info guest_loglvl=info spec-ctrl=no xpti=no"


class HostError(Exception):
    """The host does not start, or a command on it failed; the text holds what was told."""


@dataclass(frozen=True)
class Done:
    """What a command on the host gave."""

    status: int
    out: str
    err: str


class EmulatedHost:
    """A running host."""

    def __init__(self, agent_port: int, server_port: int, token: str) -> None:
        self._agent_port = agent_port
        self._token = token
        self.server_port = server_port

    def try_run(self, command: str, *, data: str = "", within_s: float = COMMAND_WITHIN_S) -> Done:
        """Run a shell command in dom0; return how it ended."""
        request = {"token": self._token, "command": command, "input": data, "within_s": within_s}
        address = ("127.0.0.1", self._agent_port)
        with socket.create_connection(address, timeout=within_s + 30) as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as answered:
                return Done(**json.loads(answered.read()))

    def run(self, command: str, *, data: str = "", within_s: float = COMMAND_WITHIN_S) -> str:
        """Run a shell command in dom0 that must succeed; return what it printed."""
        done = self.try_run(command, data=data, within_s=within_s)
        if done.status:
            raise HostError(f"{command}: {done.status}: {done.err or done.out}")
        return done.out

    def guest_says(self, name: str, pattern: str, *, within_s: int = 150) -> str:
        """Wait for a line on a guest's console; return it."""
        log = shlex.quote(f"/var/log/xen/console/guest-{name}.log")
        follow = f"timeout {within_s} tail --lines=+1 --follow=name --retry {log} 2>/dev/null"
        done = self.try_run(
            f"grep --max-count=1 {shlex.quote(pattern)} < <({follow})", within_s=within_s + 30
        )
        if done.status:
            console = self.try_run(f"tail --lines=40 {log}; xl list").out
            raise HostError(f"{name} does not say {pattern!r} within {within_s} s; its console:\n{console}")
        return done.out.strip()

    def forget_console(self, name: str) -> None:
        """Empty a guest's console before it is started again."""
        self.run(f"rm --force {shlex.quote(f'/var/log/xen/console/guest-{name}.log')}")

    def put(self, source: Path, target: str) -> None:
        """Copy a file into dom0."""
        data = base64.b64encode(source.read_bytes()).decode()
        self.run(f"base64 --decode > {shlex.quote(target)}", data=data)

    def get(self, *sources: str, target: Path) -> None:
        """Bring files and folders of dom0 back, as one archive."""
        packed = self.run(f"tar --create --gzip --absolute-names {shlex.join(sources)} | base64")
        target.write_bytes(base64.b64decode(packed))


@dataclass(frozen=True)
class Xsm:
    """A hypervisor built with XSM, and the policy that it starts with."""

    hypervisor: Path
    policy: Path


@contextlib.contextmanager
def running(image: Image, console: Path, xsm: Xsm | None = None) -> Iterator[EmulatedHost]:
    """Start a host and wait until it answers; its console goes to a file."""
    token = secrets.token_hex(16)
    agent_port, server_port = _free_ports(2)
    words = _command(image, console, token, {agent_port: AGENT_PORT, server_port: SERVER_PORT}, xsm)
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as process:
        try:
            host = EmulatedHost(agent_port, server_port, token)
            _wait(host, process, console)
            yield host
        finally:
            process.kill()


def _command(
    image: Image, console: Path, token: str, forwarded: dict[int, int], xsm: Xsm | None
) -> list[str]:
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:{ours}-:{theirs}" for ours, theirs in forwarded.items())
    modules = f"{image.kernel} {LINUX} agent_token={token},{image.initrd}"
    hypervisor, flags = image.hypervisor, XEN
    if xsm is not None:
        hypervisor, flags = xsm.hypervisor, f"{XEN} xsm=flask flask=enforcing"
        modules += f",{xsm.policy}"
    return [
        "qemu-system-x86_64",
        *("-machine", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "qemu64,+svm,+npt"),
        *("-smp", "2", "-m", str(MEMORY_MIB)),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-monitor", "none"),
        *("-serial", f"file:{console}"),
        *("-kernel", str(hypervisor), "-append", f"dom0_mem={DOM0_MIB}M,max:{DOM0_MIB}M {flags}"),
        *("-initrd", modules),
        *("-drive", f"if=none,id=disk,format=raw,file={image.disk},snapshot=on"),
        *("-device", "virtio-blk-pci,drive=disk"),
        *("-netdev", f"user,id=net,restrict=on{forwards}", "-device", "virtio-net-pci,netdev=net,romfile="),
    ]


def _wait(host: EmulatedHost, process: subprocess.Popen[bytes], console: Path) -> None:
    """Ask until the agent answers: a forwarded port accepts at once and closes while nobody listens."""
    for _ in range(int(BOOT_WITHIN_S)):
        with contextlib.suppress(OSError, ValueError):
            host.run("true", within_s=10)
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
            break
    raise HostError(f"the host does not answer; its console ends with\n{console.read_text()[-4000:]}")


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [one.getsockname()[1] for one in sockets]

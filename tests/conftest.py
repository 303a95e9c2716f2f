"""Fixtures for all tests: data that is no part of the project, a private libvirtd."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parent.parent
REAPED_WITHIN_S = 30


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder that everything is in."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Data that is no part of the project: official archives and DTDs, captures, helper scripts."""
    path = Path(os.environ.get("XENCIM_SHARED", REPOSITORY.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"{path} is not there (XENCIM_SHARED names another place)")
    return path


@dataclass(frozen=True)
class Libvirtd:
    """A system libvirtd in namespaces of its own."""

    tools: Path
    base: Path
    host_uuid: str = ""

    @property
    def uri(self) -> str:
        return f"qemu+unix:///system?socket={self.base}/libvirt-sock"

    def start(self, *, keep: bool = False) -> None:
        environment = {**os.environ, "LV_KEEP": "1" if keep else "0"}
        script = self.tools / "libvirtd-start"
        words: list[str | Path] = [script, self.base, *([self.host_uuid] if self.host_uuid else [])]
        subprocess.run(words, check=True, env=environment, capture_output=True)

    def stop(self) -> None:
        subprocess.run([self.tools / "libvirtd-stop", self.base], check=True, capture_output=True)

    def kill(self) -> None:
        """End the daemon as a crash does; its guests live on."""
        pid = int((self.base / "libvirtd.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        # One that is not yet reaped would be taken for one that runs, and none started.
        until_s = time.monotonic() + REAPED_WITHIN_S
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < until_s, f"libvirtd {pid} does not end"
            time.sleep(0.01)

    def virsh(self, *words: str, uri: str | None = None) -> str:
        """Run virsh on QEMU, or on another URI of the same daemon."""
        command = ["virsh", "-q", "-c", uri or self.uri, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def private_libvirtd(shared_dir: Path, host_uuid: str = "") -> Iterator[Libvirtd]:
    """Run a private libvirtd with QEMU, started from nothing; two on one machine need uuids of their own."""
    if os.geteuid() != 0:
        pytest.skip("a private libvirtd needs root")
    for program in ("libvirtd", "virsh", "qemu-system-x86_64"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    # Not pytest's own folder: a Unix socket's path has 107 characters.
    base = Path(tempfile.mkdtemp(prefix="xencim-libvirtd-"))
    daemon = Libvirtd(shared_dir / "tools", base, host_uuid)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="module")
def libvirtd(shared_dir: Path) -> Iterator[Libvirtd]:
    """A private libvirtd with QEMU, started from nothing."""
    with private_libvirtd(shared_dir) as daemon:
        yield daemon


@pytest.fixture
def loop_device(tmp_path: Path) -> Iterator[str]:
    """An empty block device of 64 MiB, where this machine gives one."""
    image = tmp_path / "device"
    with image.open("wb") as file:
        file.truncate(64 * 1024**2)
    if shutil.which("losetup") is None:
        pytest.skip("losetup is not installed")
    attached = subprocess.run(
        ["losetup", "--show", "-f", str(image)], check=False, capture_output=True, text=True
    )
    if attached.returncode:
        pytest.skip(f"this machine gives no loop device: {attached.stderr.strip()}")
    name = attached.stdout.strip()
    yield name
    subprocess.run(["losetup", "-d", name], check=True)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Undo what a command run in the test's own process did to logging."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    logging.getLogger("asyncio").setLevel(logging.NOTSET)

"""Servers as real processes, on hosts that are made up, libvirt's test hypervisor or real."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.server import PasswordFile
from xencim.cimom_glue.server.auth.passwords import Cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Serve = Callable[..., AbstractContextManager["ServerProcess"]]

START_WITHIN_S = 30
STOP_WITHIN_S = 30
CONFIG = """
[access]
operate_groups = ["operators"]
admin_groups = ["xencim-admin", "chiefs"]
"""
PASSWORD = "pass-{}"
GROUPS = {
    "reader": ("xencim",),
    "operator": ("operators",),
    "admin": ("xencim-admin",),
    "chief": ("chiefs",),
    "officer": ("xencim-policy",),
    "stranger": (),
}


@dataclass(frozen=True)
class ServerProcess:
    """A server that is ready."""

    pid: int
    state_dir: Path
    urls: tuple[str, ...]

    def url(self, scheme: str = "http") -> str:
        return next(url for url in self.urls if url.startswith(f"{scheme}://"))

    @property
    def certificate(self) -> str:
        return str(self.state_dir / "server.crt")

    @property
    def environment(self) -> dict[str, str]:
        """What its clients are started with."""
        return plain_environment(self.state_dir)

    @staticmethod
    def password(account: str) -> str:
        return PASSWORD.format(account)

    @property
    def log(self) -> str:
        return (self.state_dir / "log").read_text()


def plain_environment(home: Path) -> dict[str, str]:
    """Return an environment without anybody's settings: proxies, certificate bundles, XENCIM_…."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "COLUMNS": "200"}


@contextmanager
def serving(state_dir: Path, *backends: str, has_socket: bool = False) -> Iterator[ServerProcess]:
    """Run `xencim serve` with accounts of every right until it is no longer needed; nothing stays."""
    (state_dir / "xencim.toml").write_text(CONFIG)
    words = [sys.executable, "-m", "xencim", "serve", "--config", str(state_dir / "xencim.toml")]
    words += ["--state-dir", str(state_dir), "--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]
    words += ["--socket", str(state_dir / "socket") if has_socket else "off"]
    for backend in backends:
        words += ["--backend", backend]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, (state_dir / "log").open("wb") as log:
        listener.bind("")  # an abstract name that the kernel chooses
        name = listener.getsockname().decode().replace("\0", "@")
        environment = {**plain_environment(state_dir), "NOTIFY_SOCKET": name}
        with subprocess.Popen(
            words, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process:
            try:
                yield _ready(process, listener, state_dir)
            finally:
                _stop(process)
    told = (state_dir / "log").read_text()
    assert (process.returncode, " ERROR " in told) == (0, False), told
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def _ready(process: subprocess.Popen[bytes], listener: socket.socket, state_dir: Path) -> ServerProcess:
    ended = os.pidfd_open(process.pid)
    try:
        came, _, _ = select.select([listener.fileno(), ended], [], [], START_WITHIN_S)
    finally:
        os.close(ended)
    told = (state_dir / "log").read_text()
    assert listener.fileno() in came, told
    assert listener.recv(64) == b"READY=1"
    [line] = re.findall("^xencim: ready: .*$", told, re.MULTILINE)
    return ServerProcess(process.pid, state_dir, tuple(re.findall(r"https?://\S+", line)))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()


@pytest.fixture(scope="session")
def password_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Passwords of all accounts, quick to check."""
    path = tmp_path_factory.mktemp("accounts") / "passwords"
    accounts = PasswordFile(path, cost=Cost(log2_n=4, r=1, p=1))
    for name, groups in GROUPS.items():
        accounts.add(name, PASSWORD.format(name), groups)
    return path


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory, password_file: Path) -> Serve:
    """Run a server that knows all accounts: `with serve("fake:3") as server`."""

    def run(*backends: str, has_socket: bool = False) -> AbstractContextManager[ServerProcess]:
        folder = tmp_path_factory.mktemp("state")
        shutil.copy2(password_file, folder / "passwords")
        return serving(folder, *backends, has_socket=has_socket)

    return run


@pytest.fixture(scope="session")
def fake_server(serve: Serve) -> Iterator[ServerProcess]:
    """A host made up in memory with three machines; nobody changes it."""
    with serve("fake:3") as server:
        yield server


@pytest.fixture(scope="session")
def default_server(serve: Serve) -> Iterator[ServerProcess]:
    """libvirt's test hypervisor as it is built in; nobody changes it."""
    pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
    with serve("test:///default") as server:
        yield server


@pytest.fixture(scope="session")
def node() -> Path:
    """A file of machines for libvirt's test hypervisor, one of an odd name."""
    return Path(__file__).parent.parent / "data" / "libvirt" / "node.xml"


@pytest.fixture(scope="session")
def node_server(serve: Serve, node: Path) -> Iterator[ServerProcess]:
    """libvirt's test hypervisor with machines from a file; nobody changes it."""
    pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
    with serve(f"test://{node}") as server:
        yield server


@pytest.fixture(scope="module")
def own_server(serve: Serve) -> Iterator[ServerProcess]:
    """As fake_server, for tests that change machines."""
    with serve("fake:3") as server:
        yield server


@pytest.fixture(autouse=True, scope="session")
def _plain_clients() -> Iterator[None]:
    """Let clients trust what they are told to, whatever bundle this machine's settings name."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            patch.delenv(name, raising=False)
        yield

"""wbemcli and pywbemcli as real processes, pywbem as a library: how people ask a server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pywbem

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tests.integration.conftest import ServerProcess

WITHIN_S = 60


def _run(server: ServerProcess, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        check=False,
        capture_output=True,
        text=True,
        env=server.environment,
        cwd=server.state_dir,
        timeout=WITHIN_S,
    )


def run_wbemcli(
    server: ServerProcess,
    command: str,
    path: str,
    *more: str,
    options: tuple[str, ...] = (),
    scheme: str = "http",
    account: str = "admin",
) -> subprocess.CompletedProcess[str]:
    """Run wbemcli on an object path (namespace:class.keys)."""
    if shutil.which("wbemcli") is None:
        pytest.skip("wbemcli is not installed")
    url = server.url(scheme).replace("://", f"://{account}:{server.password(account)}@")
    if scheme == "https":
        options = ("-cacert", server.certificate, *options)
    return _run(server, ["wbemcli", *options, command, f"{url}/{path}", *more])


def wbemcli(server: ServerProcess, command: str, path: str, *more: str, **how: Any) -> list[str]:  # noqa: ANN401 - as run_wbemcli takes it
    """Return the lines that wbemcli prints; it must have found nothing to complain about."""
    done = run_wbemcli(server, command, path, *more, **how)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [line for line in done.stdout.splitlines() if line]


def run_pywbemcli(
    server: ServerProcess, *words: str, scheme: str = "https", account: str = "admin", pull: str = "either"
) -> subprocess.CompletedProcess[str]:
    """Run pywbemcli's command."""
    program = Path(sys.executable).with_name("pywbemcli")
    if not program.exists():
        pytest.skip("pywbemcli is not installed")
    general = ["-s", server.url(scheme), "-u", account, "-p", server.password(account)]
    general += ["--no-verify", "--use-pull", pull, "--pull-max-cnt", "2", "-d", "root/virt"]
    return _run(server, [str(program), *general, *words])


def pywbemcli(server: ServerProcess, *words: str, **how: str) -> str:
    """Return what pywbemcli prints; it must have found nothing to complain about."""
    done = run_pywbemcli(server, *words, **how)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def connect(
    server: ServerProcess, *, scheme: str = "http", account: str = "admin", use_pull: bool | None = False
) -> AbstractContextManager[Any]:
    """Return a connection of pywbem's library, closed at the end."""
    credentials = (account, server.password(account))
    connection = pywbem.WBEMConnection(
        server.url(scheme),
        credentials,
        default_namespace="root/virt",
        ca_certs=server.certificate,
        timeout=WITHIN_S,
        use_pull_operations=use_pull,
    )
    return closing(connection)

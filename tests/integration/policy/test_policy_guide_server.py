"""The page on a first policy, its last section: each command as printed, on the host that the page uses."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.conftest import Serve

pytestmark = pytest.mark.clients

HOST = "fake:5"
REFUSED = (
    "denial: label 'B-Bank' is in conflict with 'vm-00004' running with label 'A-Bank': conflict set "
    "'competing-banks' keeps Chinese Wall type 'B-Bank' from starting beside 'A-Bank' [XSERR_VM_IN_CONFLICT]"
)


def test_the_page_tells_the_truth(serve: Serve, repository: Path) -> None:
    page = (repository / "docs" / "usage" / "policy-first.md").read_text("utf-8")
    [lines] = re.findall(r"## 8\..*\Z", page, re.DOTALL)
    commands = re.findall(r"^    \$ (.*)\n((?:    [^$\n].*\n)*)", lines, re.MULTILINE)
    assert commands[1][0].endswith(f"--backend {HOST} &")
    with serve(HOST, has_socket=True) as server:
        (server.state_dir / "banks.xml").write_text(page.partition("```xml\n")[2].partition("```")[0])
        environment = {
            **server.environment,
            "PATH": f"{Path(sys.executable).parent}:{server.environment['PATH']}",
            "XENCIM_STATE_DIR": str(server.state_dir),
            "XENCIM_SERVER_SOCKET": str(server.state_dir / "socket"),
        }

        def run(command: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                ("bash", "-ec", command),
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
                env=environment,
                cwd=server.state_dir,
            )

        at_once = run("xencim policy apply banks.xml")
        assert (at_once.returncode, at_once.stderr.count("stop it before the update")) == (1, 8)
        for command, expected in commands[2:-1]:
            done = run(command)
            assert (done.returncode, done.stderr) == (0, ""), command
            printed = "".join(f"    {line}\n" for line in done.stdout.splitlines())
            assert not expected or printed == expected, command
        assert run("xencim policy drift").stdout == ""
        last = run(commands[-1][0])
        assert (last.returncode, last.stderr) == (1, f"xencim: {REFUSED}\n")

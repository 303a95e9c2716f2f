"""`xencim serve` as a real process: ready, the first account, signals, logs."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUESTION = b"""<?xml version="1.0" encoding="utf-8"?>
<CIM CIMVERSION="2.0" DTDVERSION="2.0"><MESSAGE ID="1" PROTOCOLVERSION="1.0"><SIMPLEREQ>
<IMETHODCALL NAME="EnumerateInstanceNames">
<LOCALNAMESPACEPATH><NAMESPACE NAME="root"/><NAMESPACE NAME="virt"/></LOCALNAMESPACEPATH>
<IPARAMVALUE NAME="ClassName"><CLASSNAME NAME="CIM_ComputerSystem"/></IPARAMVALUE>
</IMETHODCALL></SIMPLEREQ></MESSAGE></CIM>"""
READY = re.compile(r"ready: fake:2 at (http://127\.0\.0\.1:[0-9]+) unix:(\S+)")


class Serving(NamedTuple):
    """A server that is ready."""

    process: subprocess.Popen[str]
    url: str
    socket: str
    told: list[str]  # on standard error until it was ready


@contextmanager
def serving(tmp_path: Path, *flags: str) -> Iterator[Serving]:
    (tmp_path / "empty.toml").touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XENCIM_")}
    environ = {**kept, "XENCIM_STATE_DIR": str(tmp_path / "state"), "XENCIM_CONFIG": f"{tmp_path}/empty.toml"}
    command = (sys.executable, "-m", "xencim", "serve", "--backend", "fake:2", "--https", "off")
    with subprocess.Popen(
        (*command, "--http", "127.0.0.1:0", *flags),
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            told, ready = read_until_ready(process.stderr)
            yield Serving(process, ready[1], ready[2], told)
        finally:
            process.kill()


def read_until_ready(lines: IO[str]) -> tuple[list[str], re.Match[str]]:
    told: list[str] = []
    for line in lines:
        told.append(line)
        if (ready := READY.search(line)) is not None:
            return told, ready
    pytest.fail(f"the server ended: {told}")


def ask(url: str, user: str = "", password: str = "") -> tuple[int, str]:
    request = urllib.request.Request(f"{url}/cimom", QUESTION, {"Content-Type": "application/xml"})  # noqa: S310 - http
    if user:
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {credentials}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""


def test_the_first_account_reads_and_is_made_once(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        assert first.told[-1].startswith("xencim: ready: ")
        assert ask(first.url)[0] == 401
        first.process.send_signal(signal.SIGTERM)
        out, _ = first.process.communicate(timeout=30)
        assert first.process.returncode == 0
    password = re.search(r"user: +admin\n +password: (\S{16})\n", out)
    assert password is not None
    assert password[1] not in "".join(first.told)
    assert stat.S_IMODE((tmp_path / "state" / "passwords").stat().st_mode) == 0o600
    with serving(tmp_path) as second:
        status, answer = ask(second.url, "admin", password[1])
        assert (status, answer.count("<INSTANCENAME ")) == (200, 4)  # two machines, a switch and the host
        assert ask(second.url, "admin", "wrong")[0] == 401
        second.process.send_signal(signal.SIGINT)
        out, _ = second.process.communicate(timeout=30)
        assert (second.process.returncode, out) == (0, "")


def test_hangup_keeps_serving_and_the_socket_goes_at_the_end(tmp_path: Path) -> None:
    with serving(tmp_path, "--anonymous", "read") as server:
        assert stat.S_ISSOCK(os.stat(server.socket).st_mode)  # noqa: PTH116 - a name from the ready line
        server.process.send_signal(signal.SIGHUP)
        assert ask(server.url)[0] == 200
        server.process.send_signal(signal.SIGTERM)
        server.process.communicate(timeout=30)
        assert server.process.returncode == 0
        assert not os.path.exists(server.socket)  # noqa: PTH110 - a name from the ready line


def test_every_line_of_a_json_log_is_json(tmp_path: Path) -> None:
    with serving(tmp_path, "--log-format", "json", "--log-level", "error") as server:
        events = [json.loads(line) for line in server.told]
        assert [event["message"].split(":")[0] for event in events] == ["ready"]
        server.process.send_signal(signal.SIGTERM)
        assert server.process.communicate(timeout=30)[1] == ""


def refused(tmp_path: Path, *flags: str) -> tuple[int, str]:
    (tmp_path / "empty.toml").touch()
    command = (sys.executable, "-m", "xencim", "serve", "--config", f"{tmp_path}/empty.toml")
    done = subprocess.run(
        (*command, "--backend", "fake:1", "--https", "off", "--socket", "off", *flags),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


def test_a_server_that_nobody_could_reach_is_refused(tmp_path: Path) -> None:
    code, told = refused(tmp_path, "--http", "off", "--state-dir", f"{tmp_path}/state")
    assert (code, told.splitlines()) == (
        2,
        [
            "xencim: error: server.http, server.https and server.socket are off: no client could come in",
            "  hint: leave one of them on",
        ],
    )


def test_an_address_in_use_is_named_with_the_cure(tmp_path: Path) -> None:
    with serving(tmp_path, "--socket", f"{tmp_path}/socket") as server:
        address = server.url.removeprefix("http://")
        code, told = refused(tmp_path, "--http", address, "--state-dir", f"{tmp_path}/other")
    assert (code, told.splitlines()[-2:]) == (
        1,
        [
            f"xencim: error: cannot listen on http://{address}: Address already in use",
            "  hint: another server has it: give --http, --https or --socket another one, or off",
        ],
    )


def test_a_state_directory_that_cannot_be_made_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, told = refused(tmp_path, "--http", "127.0.0.1:0", "--state-dir", f"{tmp_path}/file/state")
    assert (code, told.splitlines()[-2:]) == (
        1,
        [
            f"xencim: error: {tmp_path}/file/state/state.sqlite: Not a directory",
            "  hint: --state-dir or XENCIM_STATE_DIR names a folder that this user may write",
        ],
    )

"""A server killed in the middle of each kind of job: the next one tells what became of it, and acts never."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pywbem

from xencim.cimom_glue.cli.client import connected
from xencim.cimom_glue.cli.output import CommandError
from xencim.providers.catalogue import RECONCILERS
from xencim.providers.migration.following import KINDS as MIGRATIONS

from ..killable import serving
from .kinds import CASES, CREATED, ELSEWHERE, NAMESPACE, Case

PREPARED = str(Path(__file__).with_name("prepared_host.py"))
WITHIN_S = 60
HOST = "fake:24"
JOB_STARTED, RUNNING, COMPLETED, FAILED = 4096, 4, 7, 10
UPLOAD = (
    b"PUT /volumes/root/virt/default/written HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 1048576\r\n\r\nsome of it"
)


def refusal(state_dir: Path, case: Case) -> str | None:
    """Ask for a case's work, and return why it was refused; whoever waits may see the server die."""
    try:
        with connected(state_dir / "socket") as connection:
            if case.method == CREATED:
                instance = pywbem.CIMInstance(case.path.classname, case.parameters)
                connection.CreateInstance(instance, NAMESPACE)
                return f"{case.path.classname} was made at once"
            code, _out = connection.InvokeMethod(case.method, case.path, **case.parameters)
    except CommandError as error:
        return None if "no server answers" in str(error) else f"{case.path.classname}: {case.method}: {error}"
    return None if code == JOB_STARTED else f"{case.path.classname}: {case.method} returned {code}"


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a server that was killed while one job of each kind went on."""
    folder = tmp_path_factory.mktemp("killed")
    uploading = socket.socket(socket.AF_UNIX)
    with (
        serving(folder, HOST, (PREPARED, "begin", str(folder / "calls"))) as process,
        uploading,
        ThreadPoolExecutor(len(CASES)) as clients,
    ):
        asked = [clients.submit(refusal, folder, case) for case in CASES.values() if case.method != "Upload"]
        uploading.connect(str(folder / "socket"))
        uploading.sendall(UPLOAD)
        deadline_s = time.monotonic() + WITHIN_S
        while not (is_begun := lines(folder / "calls") == len(CASES)) and time.monotonic() < deadline_s:
            if any(one.done() and one.result() for one in asked):
                break
            time.sleep(0.05)
        process.kill()
    assert [why for one in asked if (why := one.result())] == []
    assert is_begun
    return folder


def told(folder: Path, mode: str, copy: Path) -> dict[str, dict[str, Any]]:
    """Start a server on a copy of what the killed one left; return its jobs by kind. It must do nothing."""
    for name in ("calls", "state.sqlite", "state.sqlite-wal"):
        if (folder / name).exists():
            (copy / name).write_bytes((folder / name).read_bytes())
    prepared = (PREPARED, mode, str(copy / "calls"))
    with serving(copy, HOST, prepared), connected(copy / "socket") as connection:
        jobs = connection.EnumerateInstances("KVM_ConcreteJob", NAMESPACE)
        served = {job["InstanceID"].partition(":")[2]: job for job in jobs}
        with closing(sqlite3.connect(copy / "state.sqlite")) as state:
            kept = [json.loads(row) for (row,) in state.execute("SELECT document FROM jobs")]
    assert sorted(served) == sorted(job["id"] for job in kept)
    assert lines(copy / "calls.again") == 0
    return {job["kind"]: served[job["id"]] for job in kept}


@pytest.fixture(scope="module")
def lost(killed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is told where the host did nothing of what had been asked."""
    return told(killed, "lose", tmp_path_factory.mktemp("lost"))


@pytest.fixture(scope="module")
def made(killed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is told where the host went on without the server."""
    return told(killed, "end", tmp_path_factory.mktemp("made"))


def test_each_kind_of_job_is_killed_here() -> None:
    assert {*CASES, *ELSEWHERE} == {*RECONCILERS, *MIGRATIONS}
    integration = Path(__file__).parent.parent
    assert [name for name in ELSEWHERE.values() if not (integration / name).exists()] == []


def test_each_job_is_told_of_once(lost: dict[str, Any], made: dict[str, Any]) -> None:
    assert set(lost) == set(made) == set(CASES)


@pytest.mark.parametrize("kind", CASES)
def test_what_was_not_done_is_told(lost: dict[str, Any], kind: str) -> None:
    job = lost[kind]
    assert (job["JobState"], job["ErrorDescription"]) == (
        FAILED,
        f"the server ended while this went on; {CASES[kind].lost}",
    )


@pytest.mark.parametrize("kind", CASES)
def test_what_was_done_meanwhile_is_told(made: dict[str, Any], kind: str) -> None:
    expected = CASES[kind].made
    job = made[kind]
    assert (job["JobState"], job["ErrorDescription"]) == (
        (COMPLETED, None)
        if expected is None
        else (FAILED, f"the server ended while this went on; {expected}")
    )

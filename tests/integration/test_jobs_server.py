"""Jobs at a server that is a real process: killed in the middle, started again; and `xencim job`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pywbem

from xencim.cimom_glue.cli.client import connected

from .killable import serving

if TYPE_CHECKING:
    from pathlib import Path

SLOW, QUICK = "fake:3?delay_s=600", "fake:3"
MACHINE = pywbem.CIMInstanceName(
    "Xen_ComputerSystem",
    {"CreationClassName": "Xen_ComputerSystem", "Name": "vm-00000"},
    namespace="root/virt",
)
WAITING, RUNNING, TERMINATED, FAILED = 2, 4, 8, 10


def ask(
    state_dir: Path, path: pywbem.CIMInstanceName, method: str, **parameters: object
) -> tuple[int, dict[str, Any]]:
    """Call a method by the Unix socket."""
    with connected(state_dir / "socket") as connection:
        code, out = connection.InvokeMethod(method, path, **parameters)
    return int(code), dict(out)


def get(state_dir: Path, path: pywbem.CIMInstanceName) -> pywbem.CIMInstance:
    with connected(state_dir / "socket") as connection:
        return connection.GetInstance(path)


def begin(state_dir: Path, state: int) -> pywbem.CIMInstanceName:
    """Ask the machine for a state, and return the job that it becomes."""
    code, out = ask(state_dir, MACHINE, "RequestStateChange", RequestedState=pywbem.Uint16(state))
    assert code == 4096
    return out["Job"]


def xencim(state_dir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "xencim", "job", *words, "--socket", str(state_dir / "socket")),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_killed_server_tells_what_became_of_its_jobs(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW) as process:
        runs, waits = begin(tmp_path, 9), begin(tmp_path, 10)
        assert (get(tmp_path, runs)["JobState"], get(tmp_path, waits)["JobState"]) == (RUNNING, WAITING)
        process.kill()
    with serving(tmp_path, QUICK):
        told = {path["InstanceID"]: get(tmp_path, path) for path in (runs, waits)}
        assert [job["JobState"] for job in told.values()] == [FAILED, FAILED]
        assert [job["ErrorDescription"] for job in told.values()] == [
            "the server ended while this went on; vm-00000 is running now",
            "the server ended before this began: nothing was done",
        ]
        code, out = ask(tmp_path, runs, "GetError")
        assert code == 0
        error = out["Error"]
        assert (error.classname, error["CIMStatusCode"]) == ("CIM_Error", 1)
        assert error["Message"] == "the server ended while this went on; vm-00000 is running now"
        # Nothing was repeated, and the machine can be asked anew.
        code, out = ask(tmp_path, MACHINE, "RequestStateChange", RequestedState=pywbem.Uint16(9))
        assert (code, out) == (0, {})


def test_a_server_that_was_stopped_in_the_middle_does_the_same(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW):
        runs = begin(tmp_path, 9)
    with serving(tmp_path, QUICK):
        assert get(tmp_path, runs)["JobState"] == FAILED


def test_jobs_are_joined_with_their_machine(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW):
        job = begin(tmp_path, 9)
        with connected(tmp_path / "socket") as connection:
            [machine] = connection.AssociatorNames(job, AssocClass="CIM_AffectedJobElement")
            assert machine["Name"] == "vm-00000"
            assert connection.AssociatorNames(machine, ResultClass="CIM_ConcreteJob") == [job]
            [result] = connection.Associators(job, AssocClass="CIM_AssociatedJobMethodResult")
            assert result["PreCallIndication"]["MethodName"] == "RequestStateChange"
            assert result["PostCallIndication"] is None
            system = connection.GetInstance(machine)
            assert (system["RequestedState"], system["TransitioningToState"]) == (9, 9)


def test_the_plug_is_pulled_on_what_goes_on(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW):
        job = begin(tmp_path, 9)
        plug = begin(tmp_path, 3)
        ended = get(tmp_path, job)
        assert ended["JobState"] == TERMINATED
        assert ended["ErrorDescription"].startswith("it was given up for 'RequestStateChange', which ")
        assert get(tmp_path, plug)["JobState"] == RUNNING


def test_the_command_lists_shows_and_cancels(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW):
        number = str(begin(tmp_path, 9)["InstanceID"]).removeprefix("Xen:")
        listed = xencim(tmp_path, "list", "--json")
        [job] = json.loads(listed.stdout)
        assert (job["job"], job["name"], job["state"]) == (number, "RequestStateChange", "running")
        table = xencim(tmp_path, "list").stdout.splitlines()
        assert [line.split()[0] for line in table] == ["JOB", number]
        shown = xencim(tmp_path, "show", number[:8]).stdout
        assert "affected:   //fake.example/root/virt:Xen_ComputerSystem" in shown
        late = xencim(tmp_path, "wait", number, "--timeout", "0")
        assert (late.returncode, late.stdout) == (1, "")
        assert late.stderr == f"xencim: error: job {number} is still running after 0 s\n"
        assert xencim(tmp_path, "cancel", number).returncode == 0
        ended = xencim(tmp_path, "wait", number)
        assert ended.returncode == 1
        assert f"job {number} terminated: it was cancelled by " in ended.stderr
        again = xencim(tmp_path, "cancel", number)
        assert (again.returncode, "it has ended already" in again.stderr) == (1, True)
        unknown = xencim(tmp_path, "show", "nonsense")
        assert unknown.stderr.splitlines()[0] == "xencim: error: there is no job 'nonsense'"


def test_the_command_says_when_no_server_answers(tmp_path: Path) -> None:
    done = xencim(tmp_path, "list")
    assert done.returncode == 1
    assert f"xencim: error: no server answers at {tmp_path / 'socket'}" in done.stderr

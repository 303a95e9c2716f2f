"""A dump as a job of a server that is a real process: cancelled, and killed with the server in the middle."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pywbem

from xencim.cimom_glue.cli.client import connected

from .killable import serving
from .test_jobs_server import FAILED, MACHINE, QUICK, RUNNING, SLOW, TERMINATED, ask, get

if TYPE_CHECKING:
    from pathlib import Path

POOL = pywbem.CIMInstanceName("Xen_DiskPool", {"InstanceID": "DiskPool/default"}, namespace="root/virt")


def begin(state_dir: Path) -> pywbem.CIMInstanceName:
    """Ask for a dump, and return the job that it becomes."""
    with connected(state_dir / "socket") as connection:
        [service] = connection.EnumerateInstanceNames("Xen_VirtualSystemManagementService")
    code, out = ask(state_dir, service, "CreateCoreDump", TargetSystem=MACHINE, Pool=POOL, VolumeName="core")
    assert code == 4096
    return out["Job"]


def volumes(state_dir: Path) -> list[str]:
    with connected(state_dir / "socket") as connection:
        return [path["DeviceID"] for path in connection.EnumerateInstanceNames("Xen_StorageVolume")]


def test_a_dump_is_cancelled_and_leaves_no_volume(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW):
        job = begin(tmp_path)
        assert get(tmp_path, job)["JobState"] == RUNNING
        code, _ = ask(tmp_path, job, "RequestStateChange", RequestedState=pywbem.Uint16(4))
        assert code == 0
        assert get(tmp_path, job)["JobState"] == TERMINATED
        assert "default/core" not in volumes(tmp_path)


def test_a_killed_server_tells_what_became_of_a_dump(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW) as process:
        job = begin(tmp_path)
        process.kill()
    with serving(tmp_path, QUICK):
        told = get(tmp_path, job)
        assert (told["JobState"], told["ErrorDescription"]) == (
            FAILED,
            "the server ended while this went on; there is no volume 'default/core'",
        )


def test_a_command_waits_for_its_job_and_says_how_it_ended(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW):
        words = (sys.executable, "-m", "xencim", "vm", "dump", "vm-00000", "default", "core")
        socket = ("--socket", str(tmp_path / "socket"))
        with subprocess.Popen((*words, *socket), stderr=subprocess.PIPE, text=True) as waiting:
            number = ""
            while not number:
                listed = (sys.executable, "-m", "xencim", "job", "list", "--json", *socket)
                jobs = json.loads(subprocess.run(listed, check=True, capture_output=True).stdout)
                number = jobs[0]["job"] if jobs else ""
            cancel = (sys.executable, "-m", "xencim", "job", "cancel", number, *socket)
            subprocess.run(cancel, check=True)
            _, told = waiting.communicate(timeout=60)
        assert waiting.returncode == 1
        assert told.startswith(f"xencim: error: job {number} terminated: it was cancelled by ")

"""A refusal that a job ends with: its GetError has the reason in words and as data."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pywbem
from tests.integration.killable import serving
from tests.integration.test_jobs_server import ask, get

from xencim.cimom_glue.cli.client import connected

if TYPE_CHECKING:
    from pathlib import Path

SLOW = "fake:3?delay_s=2.5"
RED, BLUE = "vm-00000", "vm-00002"  # running and off
ENABLED, QUIESCE, JOB_STARTED, FAILED, ENDED = 2, 9, 4096, 10, 7
PERMISSIVE, ENFORCING = pywbem.Uint16(2), pywbem.Uint16(3)


def machine(name: str) -> pywbem.CIMInstanceName:
    keys = {"CreationClassName": "Xen_ComputerSystem", "Name": name}
    return pywbem.CIMInstanceName("Xen_ComputerSystem", keys, namespace="root/virt")


def begin(state_dir: Path, state: int) -> pywbem.CIMInstanceName:
    code, out = ask(state_dir, machine(BLUE), "RequestStateChange", RequestedState=pywbem.Uint16(state))
    assert code == JOB_STARTED
    return out["Job"]


def ended(state_dir: Path, job: pywbem.CIMInstanceName) -> pywbem.CIMInstance:
    """Wait until a job has ended."""
    until_s = time.monotonic() + 30
    while (told := get(state_dir, job))["JobState"] < ENDED:
        assert time.monotonic() < until_s
    return told


def test_a_job_that_the_policy_refuses(tmp_path: Path, repository: Path) -> None:
    document = (repository / "tests/data/policies/rivals.xml").read_text()
    with serving(tmp_path, SLOW):
        with connected(tmp_path / "socket") as connection:
            [service] = connection.EnumerateInstanceNames("Xen_SecurityPolicyService")

        def call(method: str, **parameters: object) -> None:
            assert ask(tmp_path, service, method, **parameters)[0] == 0

        call("LoadPolicy", Representation=document)
        for name, label in ((RED, "red"), (BLUE, "blue")):
            call("AssignLabel", Element=machine(name), Label=label)
        call("SetEnforcementMode", Mode=PERMISSIVE)
        ended(tmp_path, begin(tmp_path, ENABLED))
        call("SetEnforcementMode", Mode=ENFORCING)
        # It waits for the pause, and is decided when its turn comes.
        begin(tmp_path, QUIESCE)
        job = ended(tmp_path, begin(tmp_path, ENABLED))
        conflict = (
            f"start of '{BLUE}' is refused by policy 'rivals' 1.1: label 'blue' is in conflict with '{RED}' "
            "running with label 'red': conflict set 'rivals' keeps Chinese Wall type 'blue-wall' from "
            "starting beside 'red-wall'"
        )
        assert (job["JobState"], job["ErrorDescription"]) == (FAILED, conflict)
        code, out = ask(tmp_path, job.path, "GetError")
        error = out["Error"]
        assert (code, error["CIMStatusCode"], error["ErrorType"], error["Message"]) == (0, 2, 7, conflict)
        told = json.loads(error["MessageArguments"][0])
        assert (told["machines"], told["labels"], told["types"]) == ([RED], ["blue", "red"], ["blue-wall"])

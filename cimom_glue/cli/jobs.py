"""`xencim job`: what goes on and went on at the server, as its clients see it.

Source: CIM_ConcreteJob, asked of the running server.
Errors: CommandError when there is no such job, it cannot be cancelled, or it did not end well.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pywbem

from xencim.cimom_glue.cli.client import connected
from xencim.cimom_glue.cli.output import CommandError, Exit, print_json, print_line, print_table
from xencim.cimom_glue.cli.settings import load_settings

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

POLL_S = 0.5
_BAR_CELLS = 30
_COMPLETED = 7
_FIRST_FINAL = 7
_STATES = {
    2: "waiting",
    4: "running",
    6: "cancelling",
    7: "completed",
    8: "terminated",
    9: "killed",
    10: "failed",
}
_TERMINATE, _KILL = 4, 5
_JOB_STARTED = 4096
_REFUSALS = {1: "this work cannot be given up once it has begun", 4097: "it has ended already"}


def list(args: argparse.Namespace) -> int:  # noqa: A001 - the command's name
    """List the jobs, the latest last."""
    with connected(_socket(args)) as connection:
        jobs = [_told(job) for job in _jobs(connection)]
    if args.json:
        print_json(jobs)
    else:
        heads = ("JOB", "NAME", "STATE", "DONE", "TIME", "OWNER", "WHAT")
        print_table(heads, ([*map(str, _line(job))] for job in jobs))
    return Exit.DONE


def show(args: argparse.Namespace) -> int:
    """Show all that is known of a job."""
    with connected(_socket(args)) as connection:
        job = _find(connection, args.job)
        told = _told(job)
        told["affected"] = [
            str(path) for path in connection.AssociatorNames(job.path, AssocClass="CIM_AffectedJobElement")
        ]
    if args.json:
        print_json(told)
    else:
        for name, value in told.items():
            for text in value if name == "affected" else (value,):
                print_line(f"{name + ':':<11} {'' if text is None else text}".rstrip())
    return Exit.DONE


def wait(args: argparse.Namespace) -> int:
    """Wait until a job has ended; failed when it did not end well."""
    with connected(_socket(args)) as connection:
        follow(connection, _find(connection, args.job), args.timeout)
    return Exit.DONE


def follow(connection: pywbem.WBEMConnection, job: Any, timeout_s: float | None = None) -> None:  # noqa: ANN401 - pywbem has no types
    """Wait until a job has ended, and draw how far it is; CommandError when it did not end well."""
    until_s = None if timeout_s is None else time.monotonic() + timeout_s
    while job["JobState"] < _FIRST_FINAL:
        _draw(job)
        if until_s is not None and time.monotonic() >= until_s:
            raise CommandError(f"job {_id(job)} is still {_state(job)} after {timeout_s:g} s")
        time.sleep(POLL_S)
        job = connection.GetInstance(job.path)
    _draw(job, ending="\n")
    if job["JobState"] != _COMPLETED:
        raise CommandError(f"job {_id(job)} {_state(job)}: {job['ErrorDescription']}")


def cancel(args: argparse.Namespace) -> int:
    """End a job."""
    with connected(_socket(args)) as connection:
        job = _find(connection, args.job)
        code, _ = connection.InvokeMethod(
            "RequestStateChange", job.path, RequestedState=pywbem.Uint16(_KILL if args.kill else _TERMINATE)
        )
    if code not in {0, _JOB_STARTED}:
        hint = None if args.kill else "`--kill` leaves the hypervisor to itself where it does not give up"
        raise CommandError(f"job {_id(job)}: {_REFUSALS.get(code, f'the server answers {code}')}", hint=hint)
    return Exit.DONE


def _socket(args: argparse.Namespace) -> Path | None:
    return load_settings(args).config.server.socket


def _jobs(connection: pywbem.WBEMConnection) -> Any:  # noqa: ANN401 - pywbem has no types
    """Return the jobs of all namespaces in the order in which they were asked for."""
    namespaces = connection.EnumerateInstances("CIM_Namespace", namespace="interop", PropertyList=["Name"])
    found = [
        job
        for namespace in namespaces
        if namespace["Name"] != "interop"
        for job in connection.EnumerateInstances("CIM_ConcreteJob", namespace=namespace["Name"])
    ]
    return sorted(found, key=lambda job: job["TimeSubmitted"].datetime)


def _find(connection: pywbem.WBEMConnection, wanted: str) -> Any:  # noqa: ANN401 - pywbem has no types
    """Return the one job whose number begins so."""
    found = [job for job in _jobs(connection) if _id(job).startswith(wanted) or job["InstanceID"] == wanted]
    if len(found) != 1:
        problem = "there is no job" if not found else f"{len(found)} jobs begin with"
        raise CommandError(f"{problem} {wanted!r}", hint="`xencim job list` shows them")
    return found[0]


def _id(job: Any) -> str:  # noqa: ANN401 - pywbem has no types
    return str(job["InstanceID"]).partition(":")[2]


def _state(job: Any) -> str:  # noqa: ANN401 - pywbem has no types
    return _STATES.get(int(job["JobState"]), str(job["JobState"]))


def _told(job: Any) -> dict[str, Any]:  # noqa: ANN401 - pywbem has no types
    elapsed: timedelta = job["ElapsedTime"].timedelta
    return {
        "job": _id(job),
        "name": job["Name"],
        "state": _state(job),
        "percent": int(job["PercentComplete"]),
        "seconds": int(elapsed.total_seconds()),
        "owner": job["Owner"],
        "submitted": job["TimeSubmitted"].datetime.isoformat(timespec="seconds"),
        "status": job["JobStatus"],
        "error": job["ErrorDescription"],
    }


def _line(told: dict[str, Any]) -> tuple[str, ...]:
    elapsed = str(timedelta(seconds=told["seconds"]))
    what = told["error"] or told["status"]
    done = f"{told['percent']} %"
    return (told["job"], told["name"], told["state"], done, elapsed, told["owner"], what)


def _draw(job: Any, ending: str = "") -> None:  # noqa: ANN401 - pywbem has no types
    """Draw how far a job is, over what was drawn before; only for people."""
    if not sys.stderr.isatty():
        return
    percent = int(job["PercentComplete"])
    full = _BAR_CELLS * percent // 100
    bar = "#" * full + "." * (_BAR_CELLS - full)
    sys.stderr.write(f"\r{job['Name']} [{bar}] {percent:3} %  {job['JobStatus']:<20.20}{ending}")
    sys.stderr.flush()

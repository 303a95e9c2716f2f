"""Measure the server: ``make bench``, or with a part's name only that (speed, jobs, libvirt, scale).

Everything runs on this machine, over loopback, with authentication on: the server, its references
and the clients share the cores. A run takes about three minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import decisions
import jobs
import scale
import speed
from client import body_of
from libvirtd import Unavailable
from messages import intrinsic, machine
from processes import Child
from report import Findings, as_json, machine_facts, show

PARTS = ("speed", "jobs", "decisions", "libvirt", "scale")


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], help=f"of {', '.join(PARTS)}; all unless given"
    )
    parser.add_argument("--scale", action="store_true", help="the same as the part scale")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    args = parser.parse_args()
    parts = {*args.parts, *(["scale"] if args.scale else [])} or set(PARTS)
    findings = Findings(machine_facts())
    if "speed" in parts:
        _say(f"{speed.MACHINES} machines made up in memory, against constants …")
        _measure_speed(findings)
    if "jobs" in parts:
        _say("reads beside jobs, and machines changed by many clients at once …")
        _measure_jobs(findings)
    if "decisions" in parts:
        _say(f"decisions of a policy with {decisions.LABELS} labels …")
        findings.decided += decisions.measure()
    if "libvirt" in parts:
        _say(f"{speed.MACHINES} machines of libvirt's test driver, against a plain provider …")
        _measure_plain(findings)
    if "scale" in parts:
        _say("large hosts, every class once …")
        _measure_scale(findings)
    print(show(findings))
    if args.json:
        args.json.write_text(as_json(findings), encoding="utf-8")


def _measure_speed(findings: Findings) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Child("serve.py", folder, f"fake:{speed.MACHINES}", f"fake:{speed.FEW_MACHINES}") as server,
    ):
        findings.first_ms = speed.first_ms(server.address)
        one = body_of(server.address, intrinsic("GetInstance", of_instance=machine(1)))
        findings.properties = one.count(b"<PROPERTY")
        findings.compared += speed.measure_operations(server.address)
        findings.compared += speed.measure_changes(server)


def _measure_jobs(findings: Findings) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Child("serve.py", folder, f"fake:{speed.MACHINES}", f"fake:{speed.FEW_MACHINES}") as server,
    ):
        findings.compared += jobs.measure_beside(server)
    findings.many = jobs.measure_many()


def _measure_plain(findings: Findings) -> None:
    try:
        findings.compared += speed.measure_plain()
    except Unavailable as reason:
        findings.left_out.append(f"the comparison with a plain provider: {reason}")


def _measure_scale(findings: Findings) -> None:
    findings.scaled.append(scale.measure_fake())
    try:
        findings.scaled.append(scale.measure_libvirt())
    except Unavailable as reason:
        findings.left_out.append(f"the test driver's {scale.LIBVIRT_MACHINES} machines: {reason}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

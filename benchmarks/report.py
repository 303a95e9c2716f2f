"""What a run found, as tables for people and as JSON, and what was wanted of it."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from decisions import LABELS, MAY_START
from decisions import MACHINES as RUNNING
from jobs import CALLS
from speed import FEW_MACHINES, MACHINES, PLAIN, PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client import Figure
    from decisions import Decided
    from jobs import Many
    from scale import Scaled
    from speed import Compared

GET = "GetInstance"
NAMES = f"EnumerateInstanceNames of {MACHINES}"
ALL = f"EnumerateInstances of {MACHINES}, all properties"
SOME = f"EnumerateInstances of {MACHINES}, {len(PROPERTIES)} properties"
SOME_OF_FEW = f"EnumerateInstances of {FEW_MACHINES}, {len(PROPERTIES)} properties"
ALL_OF_FEW = f"EnumerateInstances of {FEW_MACHINES}, all properties"

_MOST_MIB = 400
_FASTER_THAN_PLAIN = 50
_DECISION_US = 10
# OpenPegasus in-process with a C provider that holds constant data, on a like machine: milliseconds
# with one connection, requests a second with eight.
_PEGASUS = {GET: (0.19, 12_200), NAMES: (0.96, 1_235), ALL: (7.3, 162)}
_AHEAD = {GET: 1.5, NAMES: 5.0, ALL: 5.0}


@dataclass(slots=True)
class Findings:
    """Everything that a run measured."""

    machine: dict[str, str]
    first_ms: float | None = None  # the first enumeration after a start
    properties: int | None = None  # how many "all properties" are
    compared: list[Compared] = field(default_factory=list)
    scaled: list[Scaled] = field(default_factory=list)
    many: Many | None = None
    decided: list[Decided] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def find(self, what: str, connections: int) -> Compared | None:
        """Return a comparison, None when it was left out."""
        return next((c for c in self.compared if (c.what, c.connections) == (what, connections)), None)


@dataclass(frozen=True, slots=True)
class Target:
    """Something wanted, and whether it was reached."""

    wanted: str
    found: str
    met: bool


def machine_facts() -> dict[str, str]:
    """Tell what the figures were measured on."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")), "?")
    return {
        "processor": model,
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load at the start": f"{os.getloadavg()[0]:.2f}",
    }


def targets(findings: Findings) -> Iterator[Target]:
    """Hold the findings against what is wanted."""
    for what, most in ((ALL, 1.5), (SOME, 1.5), (GET, 2.0)):
        for connections in (1, 8):
            found = findings.find(what, connections)
            if found:
                yield Target(
                    f"{what}: within {most:g} times its constant, {_over(connections)}",
                    f"{found.slower:.2f} times",
                    found.slower <= most,
                )
    found = findings.find(f"{SOME}, on libvirt", 1)
    if found:
        faster = 1 / found.slower
        yield Target(
            f"{SOME}: {_FASTER_THAN_PLAIN} times faster than a plain provider",
            f"{faster:.0f} times",
            faster >= _FASTER_THAN_PLAIN,
        )
    yield from _pegasus_targets(findings)
    for decided in findings.decided:
        if decided.what == MAY_START:
            yield Target(
                f"a decision beside {RUNNING} machines in at most {_DECISION_US} microseconds",
                f"{decided.median_us:.2f} us",
                decided.median_us <= _DECISION_US,
            )
    for scaled in findings.scaled:
        yield Target(
            f"{scaled.what}: every class in at most {_MOST_MIB} MiB",
            f"{scaled.peak_mib:.0f} MiB",
            scaled.peak_mib <= _MOST_MIB,
        )


def _pegasus_targets(findings: Findings) -> Iterator[Target]:
    for what, (ms, per_second) in _PEGASUS.items():
        alone, together = findings.find(what, 1), findings.find(what, 8)
        if not alone or not together:
            continue
        wanted = _AHEAD[what]
        for connections, ahead in (
            (1, ms / alone.ours.median_ms),
            (8, together.ours.per_second / per_second),
        ):
            yield Target(
                f"{what}: {wanted:g} times ahead of OpenPegasus, {_over(connections)}",
                f"{ahead:.1f} times",
                ahead >= wanted,
            )


def _over(connections: int) -> str:
    return "latency alone" if connections == 1 else f"rate over {connections} connections"


# For people ------------------------------------------------------------------------------------


def show(findings: Findings) -> str:
    """Return the report."""
    lines = [", ".join(f"{name}: {value}" for name, value in findings.machine.items()), ""]
    if findings.compared:
        lines += [
            "Milliseconds are medians, in brackets the 10th and 90th percentile. The ratio is that of the",
            "medians with one connection, that of the rates with several.",
        ]
    if findings.first_ms is not None:
        lines.append(f"The first enumeration after a start: {findings.first_ms:.1f} ms.")
    if findings.properties is not None:
        lines.append(f"All properties are {findings.properties}.")
    for against in dict.fromkeys(compared.against for compared in findings.compared):
        lines += ["", *_table([c for c in findings.compared if c.against == against], against)]
    if findings.many:
        lines += ["", _many(findings.many)]
    if findings.decided:
        lines += ["", *_decided(findings.decided)]
    if findings.scaled:
        lines += ["", *map(_scaled, findings.scaled)]
    found = list(targets(findings))
    if found:
        width = max(len(target.wanted) for target in found)
        lines += ["", "Wanted:"]
        lines += [f"  {t.wanted:{width}}  {t.found:>10}  {'met' if t.met else 'NOT MET'}" for t in found]
    lines += ["", *(f"Left out: {what}" for what in findings.left_out)]
    return "\n".join(lines).rstrip()


def _table(compared: list[Compared], against: str) -> Iterator[str]:
    width = max(len(c.what) for c in compared)
    yield (
        f"{'operation':{width}} {'conn':>4} {'KiB':>6} {'ms':>27} {'per s':>7}"
        f"  {f'ms of the {against}':>32} {'per s':>7} {'ratio':>6}"
    )
    for c in compared:
        ratio = f"{c.slower:.2f}" if against != PLAIN else f"1:{1 / c.slower:.0f}"
        yield (
            f"{c.what:{width}} {c.connections:4} {c.reply_bytes / 1024:6.0f} {_times(c.ours):>27}"
            f" {c.ours.per_second:7.0f}  {_times(c.reference):>32} {c.reference.per_second:7.0f} {ratio:>6}"
        )


def _times(figure: Figure) -> str:
    return f"{figure.median_ms:.3f} ({figure.low_ms:.3f}-{figure.high_ms:.3f})"


def _many(many: Many) -> str:
    return (
        f"{many.machines} machines changed by {many.clients} clients at once:"
        f" {many.one.per_second * CALLS:.0f} calls a second;"
        f" a machine started, modified and stopped in {_times(many.one)} ms"
    )


def _decided(decided: list[Decided]) -> Iterator[str]:
    yield f"Decisions of a policy with {LABELS} labels, beside {RUNNING} running machines, in microseconds:"
    width = max(len(d.what) for d in decided)
    for one in decided:
        yield f"  {one.what:{width}} {one.median_us:12.2f}"


def _scaled(scaled: Scaled) -> str:
    name, seconds = scaled.slowest
    return (
        f"{scaled.what}: started in {scaled.start_s:.2f} s; {scaled.classes} classes enumerated once in"
        f" {scaled.enumeration_s:.1f} s ({scaled.reply_bytes / 2**20:.0f} MiB, the slowest {name} in"
        f" {seconds:.1f} s); peak memory {scaled.peak_mib:.0f} MiB; a small request beside it waited at"
        f" most {scaled.longest_wait_ms:.0f} ms"
    )


def as_json(findings: Findings) -> str:
    """Return the findings and targets as JSON."""
    found = [asdict(target) for target in targets(findings)]
    return json.dumps({**asdict(findings), "targets": found}, indent=2)

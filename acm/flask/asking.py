"""What a compiled policy allows, asked of the binary itself by Debian's python3-setools.

That package belongs to the system's Python (the one of that name on PyPI is another), so a process of its own
asks. SETools names Xen's initial identifiers wrongly and fails on the newest; they are not asked for.
Errors: PolicyError where the system has no SETools or the binary cannot be read.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xencim.acm.flask import setools_query
from xencim.acm.flask.names import type_of
from xencim.acm.flask.rules import machine_labels, resource_labels
from xencim.acm.flask.sources import error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.acm.model import Policy

SYSTEM_PYTHON = "/usr/bin/python3"
ANSWERS_WITHIN_S = 300
CONTROL, CONTROL_CHANNEL = "dom0_t", "dom0_t_channel"
GRANTS = frozenset({"map_read", "map_write", "copy"})
CHANNEL = frozenset({"create", "send", "status"})


@dataclass(frozen=True, slots=True)
class Query:
    """What a source type may do to a target type, in a class of objects."""

    source: str
    target: str
    class_name: str


@dataclass(frozen=True, slots=True)
class Enforced:
    """What a hypervisor with a binary decides, in the words of ACM.

    ``shares`` holds the pairs of machines' labels (both orders) that may share pages and event channels,
    ``uses`` those of a machine's and a device's, ``starts`` the labels that the control domain may build;
    ``control_shares`` the machines' labels that may share with it.
    """

    shares: frozenset[tuple[str, str]]
    uses: frozenset[tuple[str, str]]
    starts: frozenset[str]
    control_shares: frozenset[str]


def ask(binary: bytes, queries: Iterable[Query]) -> list[frozenset[str]]:
    """Return the permissions that each query finds, booleans at their defaults."""
    with tempfile.TemporaryDirectory(prefix="xencim-flask-") as folder:
        path = Path(folder, "policy")
        path.write_bytes(binary)
        asked = [(query.source, query.target, query.class_name) for query in queries]
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program with a script of ours
                (SYSTEM_PYTHON, "-I", setools_query.__file__),
                input=json.dumps({"policy": str(path), "queries": asked}),
                capture_output=True,
                text=True,
                check=False,
                timeout=ANSWERS_WITHIN_S,
            )
        except (FileNotFoundError, subprocess.TimeoutExpired) as problem:
            raise error(f"SETools did not answer: {problem}") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise error(f"SETools cannot be asked: {said} (it is in Debian's package python3-setools)")
    return [frozenset(permissions) for permissions in json.loads(done.stdout)]


def enforced(policy: Policy, binary: bytes) -> Enforced:
    """Return what a binary decides for all pairs of a policy's labels."""
    machines = {label.name: type_of(label.name, label.kind) for label in machine_labels(policy)}
    devices = {label.name: type_of(label.name, label.kind) for label in resource_labels(policy)}
    everyone = [*machines.values(), CONTROL]
    ends = [(one, other) for one in everyone for other in everyone]
    queries = [Query(*pair, class_name) for pair in ends for class_name in ("grant", "event")]
    queries += [Query(one, device, "resource") for one in machines.values() for device in devices.values()]
    queries += [Query(CONTROL, one, "domain") for one in machines.values()]
    queries += [Query(one, CONTROL_CHANNEL, "event") for one in everyone]
    queries += [Query(CONTROL_CHANNEL, one, "event") for one in everyone]
    found = dict(zip(queries, ask(binary, queries), strict=True))

    def reaches(one: str, other: str) -> bool:
        """Say whether one may map the other's pages and make an event channel to it."""
        channel = CONTROL_CHANNEL if one == CONTROL else other
        made = found[Query(one, channel, "event")] >= CHANNEL
        bound = "bind" in found[Query(channel, other, "event")]
        return made and bound and found[Query(one, other, "grant")] >= GRANTS

    def share(one: str, other: str) -> bool:
        return reaches(one, other) and reaches(other, one)

    return Enforced(
        frozenset(
            (a, b) for a, one in machines.items() for b, other in machines.items() if share(one, other)
        ),
        frozenset(
            (a, d)
            for a, one in machines.items()
            for d, device in devices.items()
            if "use" in found[Query(one, device, "resource")]
        ),
        frozenset(a for a, one in machines.items() if "create" in found[Query(CONTROL, one, "domain")]),
        frozenset(a for a, one in machines.items() if share(one, CONTROL)),
    )

"""Random policies, and what Simple Type Enforcement decides on them, from its definition."""

from __future__ import annotations

import random
import shutil
import subprocess
from typing import TYPE_CHECKING

from xencim.acm.flask.asking import SYSTEM_PYTHON, Enforced
from xencim.acm.model import UNLABELED, Component, Header, Label, LabelKind, Policy, Version

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = ("A-Bank", "B.Bank", "Auto Corp", "__null", "Sécurité", "x_2d", "x-", "dnl", "T(a,`b')")


def machine(name: str, *ste_types: str) -> Label:
    return Label(name, LabelKind.MACHINE, frozenset(ste_types))


def resource(name: str, ste_type: str) -> Label:
    return Label(name, LabelKind.RESOURCE, frozenset({ste_type}))


def policy(*labels: Label, bootstrap: str, ste_types: tuple[str, ...] | None = TYPES) -> Policy:
    return Policy(
        Header("random", Version(1, 0)),
        Component.SIMPLE_TYPE_ENFORCEMENT,
        ste_types,
        bootstrap=bootstrap,
        machine_labels=tuple(label for label in labels if label.kind is LabelKind.MACHINE),
        resource_labels=tuple(label for label in labels if label.kind is LabelKind.RESOURCE),
    )


def random_policies(seed: int, count: int) -> Iterator[Policy]:
    chance = random.Random(seed)  # noqa: S311 - to try, not to hide
    for _ in range(count):
        types = chance.sample(TYPES, chance.randint(1, len(TYPES)))

        def some(types: list[str] = types) -> list[str]:
            return chance.sample(types, chance.randint(0, len(types)))

        # The host has all types in most policies, as it must to run anything.
        host = machine("host", *(types if chance.random() < 0.6 else some()))
        machines = [machine(f"m {number}", *some()) for number in range(chance.randint(0, 9))]
        nothing = [machine(UNLABELED, *some())] if chance.random() < 0.5 else []
        resources = [resource(f"r {number}", chance.choice(types)) for number in range(5)]
        yield policy(host, *nothing, *machines, *resources, bootstrap="host")


def decided(known: Policy) -> Enforced:
    """Decide all pairs as ACM's hypervisor did."""
    sets = {label.name: label.ste_types for label in known.machine_labels}
    sets.setdefault(UNLABELED, frozenset())
    devices = {label.name: label.ste_types for label in known.resource_labels}
    host = sets[known.bootstrap or ""]
    return Enforced(
        frozenset((a, b) for a, one in sets.items() for b, other in sets.items() if one & other),
        frozenset((a, d) for a, one in sets.items() for d, other in devices.items() if one & other),
        frozenset(a for a, one in sets.items() if host >= one and host & one),
        frozenset(a for a, one in sets.items() if host & one),
    )


def why_not() -> str:
    """Say what is missing to compile and to ask; empty: nothing."""
    if shutil.which("checkpolicy") is None:
        return "checkpolicy is not installed (Debian's package of that name)"
    words = (SYSTEM_PYTHON, "-c", "import setools")
    if subprocess.run(words, check=False, capture_output=True).returncode:
        return "the system's Python has no SETools (Debian's python3-setools)"
    return ""

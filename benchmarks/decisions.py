"""Decisions of the security policy: how long one takes beside how many running machines and labels.

The reference is the same question put to sets, machine by machine and conflict set by conflict set, as the
rule is written.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import TYPE_CHECKING

from xencim.acm.decisions import Rules, RunningSet
from xencim.acm.model import ConflictSet, Header, Label, LabelKind, Policy, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LABELS = MACHINES = 10_000
TYPES = 2_000
MAY_START = "may it start: yes"
_CONFLICT_SETS = 1_000
_IN_A_SET = 3
_ASKED = 2_000
_REFERENCE_ASKED = 5
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Decided:
    """What was asked, and the median time that one answer took, in microseconds."""

    what: str
    median_us: float


def policy() -> Policy:
    """Make a policy of many labels: each has some types, and may be in conflict with some others."""
    random = Random(5)
    ste = tuple(f"s{n:04d}" for n in range(TYPES))
    wall = tuple(f"w{n:04d}" for n in range(TYPES))
    labels = tuple(
        Label(
            f"label{n:05d}",
            LabelKind.MACHINE,
            frozenset(random.sample(ste, 4)),
            frozenset(random.sample(wall, 2)),
        )
        for n in range(LABELS)
    )
    host = Label("host", LabelKind.MACHINE, frozenset(ste))
    sets = tuple(
        ConflictSet(f"set{n:04d}", frozenset(random.sample(wall, _IN_A_SET))) for n in range(_CONFLICT_SETS)
    )
    return Policy(
        Header("benchmark", Version(1, 0)),
        ste_types=ste,
        chinese_wall_types=wall,
        conflict_sets=sets,
        bootstrap="host",
        machine_labels=(host, *labels),
    )


def measure() -> list[Decided]:
    """Measure each sort of question on a full host."""
    random, big = Random(6), policy()
    began = time.perf_counter()
    rules = Rules(big)
    made_us = (time.perf_counter() - began) * 1e6
    names = [label.name for label in big.machine_labels[1:]]
    running = RunningSet(rules)
    quiet = [name for name in names if not rules.bits(name).excluded]  # type: ignore[union-attr]
    for number in range(MACHINES):
        running.start(f"machine{number}", random.choice(quiet if number % 10 else names))
    permitted = [name for name in names if running.may_start(name)]
    refused = [name for name in names if not running.may_start(name)]
    pairs = [(random.choice(names), random.choice(names)) for _ in range(_ASKED)]
    sharing = [pair for pair in pairs if rules.may_share(*pair)] or [(names[0], names[0])]
    turns = [(f"machine{random.randrange(MACHINES)}", random.choice(quiet)) for _ in range(_ASKED)]
    asked = [random.choice(permitted) for _ in range(_ASKED)]
    present = [big.machine_labels[0], *_labels(big, running)]
    by_name = {label.name: label for label in big.machine_labels}
    return [
        Decided("the policy made ready, once", made_us),
        Decided(MAY_START, _median_us(running.may_start, [(name,) for name in asked])),
        Decided("may it start: no, with the reason", _median_us(running.may_start, [(n,) for n in refused])),
        Decided("may the two share", _median_us(rules.may_share, sharing)),
        Decided("a machine stops and starts with another label", _median_us(running.start, turns)),
        Decided(
            "reference: may it start, asked of sets",
            _median_us(
                lambda name: _by_sets(big, present, by_name[name]),
                [(name,) for name in asked[:_REFERENCE_ASKED]],
                batch=1,
            ),
        ),
    ]


def _labels(big: Policy, running: RunningSet) -> list[Label]:
    by_name = {label.name: label for label in big.machine_labels}
    return [by_name[machine.label] for machine in running.machines.values()]


def _by_sets(big: Policy, running: list[Label], starting: Label) -> bool:
    host = big.machine_labels[0]
    return host.ste_types >= starting.ste_types and not any(
        other.chinese_wall_types & a_set.types
        and (a_set.types - other.chinese_wall_types) & starting.chinese_wall_types
        for other in running
        for a_set in big.conflict_sets
    )


def _median_us(
    ask: Callable[..., object], questions: Sequence[tuple[str, ...]], batch: int = _BATCH
) -> float:
    times = []
    for start in range(0, len(questions), batch):
        some = questions[start : start + batch]
        began = time.perf_counter()
        for question in some:
            ask(*question)
        times.append((time.perf_counter() - began) / len(some) * 1e6)
    return median(times)

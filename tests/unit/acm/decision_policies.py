"""Policies for the tests of decisions: the worked example, and random ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.model import (
    UNLABELED,
    ConflictSet,
    Header,
    Label,
    LabelKind,
    Policy,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

A_BANK, B_BANK, AUTO_CORP = "A-Bank", "B-Bank", "AutoCorp"
UNDERWRITING, ANALYSIS = "A-Bank.SecurityUnderwriting", "A-Bank.MarketAnalysis"
MANAGEMENT = "SystemManagement"
ALL = (MANAGEMENT, UNLABELED, A_BANK, UNDERWRITING, ANALYSIS, B_BANK, AUTO_CORP)


def machine(name: str, ste: Iterable[str], wall: Iterable[str] = (), previous: str | None = None) -> Label:
    return Label(name, LabelKind.MACHINE, frozenset(ste), frozenset(wall), previous)


def resource(name: str, ste: str, previous: str | None = None) -> Label:
    return Label(name, LabelKind.RESOURCE, frozenset({ste}), previous=previous)


BANKS = Policy(
    Header("mytest", Version(1, 0)),
    ste_types=ALL,
    chinese_wall_types=ALL,
    conflict_sets=(
        ConflictSet("RER", frozenset({A_BANK, B_BANK, UNLABELED})),
        ConflictSet("RER", frozenset({ANALYSIS, UNDERWRITING, UNLABELED})),
    ),
    bootstrap=MANAGEMENT,
    machine_labels=(
        machine(MANAGEMENT, ALL, {MANAGEMENT}),
        machine(UNLABELED, {UNLABELED}, {UNLABELED}),
        machine(A_BANK, {A_BANK}, {A_BANK}),
        machine(UNDERWRITING, {UNDERWRITING}, {A_BANK, UNDERWRITING}),
        machine(ANALYSIS, {ANALYSIS}, {A_BANK, ANALYSIS}),
        machine(B_BANK, {B_BANK}, {B_BANK}),
        machine(AUTO_CORP, {AUTO_CORP}, {AUTO_CORP}),
    ),
    resource_labels=tuple(resource(name, name) for name in ALL),
)
"""The worked example of the Xen user's manual."""


def random_policy(random: Random) -> Policy:
    """Make a small policy with every sort of overlap, now and then without a component."""
    ste = tuple(f"s{n}" for n in range(random.randint(1, 5)))
    wall = tuple(f"w{n}" for n in range(random.randint(1, 5)))

    def some(of: tuple[str, ...], most: int) -> frozenset[str]:
        return frozenset(random.sample(of, random.randint(0, min(most, len(of)))))

    names = [*(f"l{n}" for n in range(random.randint(1, 4))), *([UNLABELED] if random.random() < 0.4 else [])]
    return Policy(
        Header("random", Version(1, 0)),
        ste_types=ste if random.random() < 0.9 else None,
        chinese_wall_types=wall if random.random() < 0.9 else None,
        conflict_sets=tuple(
            ConflictSet(f"k{n % 2}", some(wall, 4) | {wall[0]}) for n in range(random.randint(0, 3))
        ),
        bootstrap="boot",
        machine_labels=(
            machine("boot", ste if random.random() < 0.7 else some(ste, 5), some(wall, 2)),
            *(machine(name, some(ste, 3), some(wall, 3)) for name in names),
        ),
        resource_labels=tuple(resource(f"r{n}", random.choice(ste)) for n in range(2)),
    )

"""Decisions against an oracle that knows sets and nothing of bits, over random policies and histories."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from xencim.acm.decisions import Rules, RunningSet
from xencim.acm.model import UNLABELED, Label, LabelKind

from .decision_policies import machine, random_policy

if TYPE_CHECKING:
    from xencim.acm.model import Policy

POLICIES = 24_000
STEPS = 12


def labels(policy: Policy) -> dict[str, Label]:
    return {UNLABELED: machine(UNLABELED, ())} | {label.name: label for label in policy.machine_labels}


def may_share(policy: Policy, one: Label, other: Label) -> bool:
    return policy.ste_types is None or bool(one.ste_types & other.ste_types)


def may_run(policy: Policy, label: Label, host: Label) -> bool:
    return policy.ste_types is None or (
        host.ste_types >= label.ste_types and bool(host.ste_types & label.ste_types)
    )


def in_conflict(policy: Policy, running: list[Label], starting: Label) -> bool:
    """Apply the definition to each running machine and each conflict set in turn."""
    if policy.chinese_wall_types is None:
        return False
    return any(
        other.chinese_wall_types & a_set.types
        and (a_set.types - other.chinese_wall_types) & starting.chinese_wall_types
        for other in running
        for a_set in policy.conflict_sets
    )


def test_random_policies_and_histories() -> None:
    random = Random(1105)  # noqa: S311 - policies, no secrets
    answers = set()
    for _ in range(POLICIES):
        policy = random_policy(random)
        rules, known = Rules(policy), labels(policy)
        running, present = RunningSet(rules), {"Domain-0": known["boot"]}
        for step in range(STEPS):
            if len(present) > 1 and random.random() < 0.3:
                gone = random.choice(list(present)[1:])
                running.stop(gone)
                del present[gone]
                continue
            label = random.choice(list(known.values()))
            expected = may_run(policy, label, known["boot"]) and not in_conflict(
                policy, list(present.values()), label
            )
            decision = running.may_start(label.name)
            assert decision.permitted is expected
            assert bool(decision.findings) is not expected
            answers.add(expected)
            if expected or random.random() < 0.1:  # now and then one is started behind our back
                running.start(str(step), label.name)
                present[str(step)] = label
    assert answers == {True, False}


def test_random_sharing() -> None:
    random = Random(1106)  # noqa: S311 - policies, no secrets
    for _ in range(2000):
        policy = random_policy(random)
        rules, known = Rules(policy), labels(policy)
        for one in known.values():
            for other in known.values():
                shared = rules.may_share(one.name, other.name)
                assert shared.permitted is may_share(policy, one, other)
                assert shared.permitted is rules.may_share(other.name, one.name).permitted
            for resource in policy.resource_labels:
                shared = rules.may_share(one.name, resource.name, LabelKind.RESOURCE)
                assert shared.permitted is may_share(policy, one, resource)

"""Updates planned: the version chain, renames, what is left without a label, who must be stopped."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from xencim.acm.decisions import Rules, RunningSet
from xencim.acm.model import (
    UNLABELED,
    ConflictSet,
    FindingKind,
    Header,
    LabelKind,
    Policy,
    PolicyReference,
    Version,
    XsErr,
)
from xencim.acm.planning import (
    HostMachine,
    HostResource,
    HostState,
    LabelName,
    Renaming,
    Touched,
    plan_update,
)

from .decision_policies import (
    A_BANK,
    AUTO_CORP,
    B_BANK,
    BANKS,
    MANAGEMENT,
    UNDERWRITING,
    machine,
    random_policy,
    resource,
)

VM, RES = LabelKind.MACHINE, LabelKind.RESOURCE
NEXT = replace(BANKS, header=Header("mytest", Version(1, 1), previous=PolicyReference("mytest", "1.0")))


def running(name: str, label: str, *uses: str) -> HostMachine:
    return HostMachine(name, name, label, is_running=True, uses=tuple((f"disk of {u}", u) for u in uses))


def changed(policy: Policy, old: str, new: str | None) -> Policy:
    """Rename a label of both kinds, or take it away."""
    machines = [label for label in policy.machine_labels if label.name != old]
    resources = [label for label in policy.resource_labels if label.name != old]
    if new is not None:
        (was,) = (label for label in policy.machine_labels if label.name == old)
        machines.append(replace(was, name=new, previous=old))
        resources.append(resource(new, old, previous=old))
    return replace(policy, machine_labels=tuple(machines), resource_labels=tuple(resources))


def test_an_update_of_nothing() -> None:
    plan = plan_update(BANKS, NEXT)
    assert (plan.from_policy, plan.to_policy) == ("mytest 1.0", "mytest 1.1")
    assert plan.is_feasible
    assert (plan.renamed, plan.deleted, plan.added, plan.findings) == ((), (), (), ())


@pytest.mark.parametrize(
    ("version", "previous", "message"),
    [
        (
            Version(1, 1),
            None,
            (
                "policy mytest 1.1 names no policy before it, and in force is mytest 1.0: its FromPolicy "
                "must name that"
            ),
        ),
        (
            Version(1, 1),
            PolicyReference("mytest", "1"),
            "policy mytest 1.1 follows 'mytest' 1, and in force is mytest 1.0: its FromPolicy must name that",
        ),
        (
            Version(1, 0),
            PolicyReference("mytest", "1.0"),
            "policy mytest 1.0 is no newer than mytest 1.0, which is in force: raise its Version",
        ),
        (
            Version(0, 10),
            PolicyReference("mytest", "1.0"),
            "policy mytest 0.10 is no newer than mytest 1.0, which is in force: raise its Version",
        ),
    ],
)
def test_the_version_chain(version: Version, previous: PolicyReference | None, message: str) -> None:
    plan = plan_update(BANKS, replace(BANKS, header=Header("mytest", version, previous=previous)))
    assert not plan.is_feasible
    (finding,) = plan.findings
    assert (finding.message, finding.xserr) == (message, XsErr.VERSION_PREVENTS_UPDATE)


def test_the_default_policy_needs_no_chain() -> None:
    default = replace(BANKS, header=Header("DEFAULT", Version(1, 0)))
    assert plan_update(default, BANKS).is_feasible
    assert plan_update(BANKS, default).is_feasible
    assert plan_update(None, BANKS).is_feasible


def test_renamed_labels_are_followed() -> None:
    state = HostState((HostMachine("1", "one", A_BANK),), (HostResource("disk", A_BANK),))
    plan = plan_update(BANKS, changed(NEXT, A_BANK, "Alpha"), state)
    assert plan.renamed == (Renaming(VM, A_BANK, "Alpha"), Renaming(RES, A_BANK, "Alpha"))
    assert plan.relabelled == (
        Touched("1", "one", VM, A_BANK, "Alpha"),
        Touched("disk", "disk", RES, A_BANK, "Alpha"),
    )
    assert (plan.added, plan.deleted, plan.invalidated) == ((), (), ())
    assert plan.is_feasible


def test_deleted_labels_leave_what_had_them() -> None:
    state = HostState((HostMachine("1", "one", A_BANK),), (HostResource("disk", A_BANK),))
    plan = plan_update(BANKS, changed(NEXT, A_BANK, None), state)
    assert plan.deleted == (LabelName(VM, A_BANK), LabelName(RES, A_BANK))
    assert plan.invalidated == (
        Touched("1", "one", VM, A_BANK, None),
        Touched("disk", "disk", RES, A_BANK, None),
    )
    assert plan.is_feasible  # the machine does not run


def test_a_label_that_never_was() -> None:
    odd = machine("Odd", {A_BANK}, previous="C-Bank")
    plan = plan_update(BANKS, replace(NEXT, machine_labels=(*NEXT.machine_labels, odd)))
    (finding,) = plan.findings
    assert finding.xserr is XsErr.BAD_LABEL
    assert finding.message == (
        "label 'Odd' was 'C-Bank' by its 'from', which policy mytest 1.0 does not have"
    )
    assert plan.added == (LabelName(VM, "Odd"),)


def test_two_labels_from_one() -> None:
    two = tuple(machine(name, {A_BANK}, previous=A_BANK) for name in ("One", "Two"))
    plan = plan_update(BANKS, replace(NEXT, machine_labels=(*NEXT.machine_labels, *two)))
    assert [finding.message for finding in plan.findings] == [
        "labels 'One' and 'Two' both come from 'A-Bank': one can"
    ]


def test_a_label_in_use_cannot_be_deleted() -> None:
    plan = plan_update(BANKS, changed(NEXT, A_BANK, None), HostState((running("one", A_BANK),)))
    (finding,) = plan.findings
    assert (finding.kind, finding.xserr) == (FindingKind.CONFLICT, XsErr.HV_OP_FAILED)
    assert (finding.hypervisor_code, finding.machines) == (0x104, ("one",))
    assert finding.message == (
        "'one' runs with label 'A-Bank', which policy mytest 1.1 does not have; stop it before the update"
    )
    assert plan.machines_to_stop == ("one",)


def test_a_conflict_that_the_update_brings() -> None:
    new = replace(
        NEXT, conflict_sets=(*NEXT.conflict_sets, ConflictSet("new", frozenset({A_BANK, AUTO_CORP})))
    )
    state = HostState((running("bank", A_BANK), running("car", AUTO_CORP)))
    plan = plan_update(BANKS, new, state)
    (finding,) = plan.findings
    assert (finding.hypervisor_code, finding.rule, finding.types) == (0x103, "conflict set new", (AUTO_CORP,))
    assert plan.machines_to_stop == ("car",)
    backwards = plan_update(BANKS, new, HostState(state.machines[::-1]))
    assert backwards.machines_to_stop == ("bank",)


def test_a_resource_that_is_lost() -> None:
    state = HostState((running("one", A_BANK, A_BANK, UNLABELED),), (HostResource("disk", A_BANK),))
    new = replace(
        NEXT,
        machine_labels=tuple(
            replace(label, ste_types=label.ste_types | {UNLABELED}) for label in NEXT.machine_labels
        ),
        resource_labels=tuple(
            resource(A_BANK, B_BANK) if label.name == A_BANK else label for label in NEXT.resource_labels
        ),
    )
    plan = plan_update(BANKS, new, state)
    assert [(finding.xserr, finding.hypervisor_code) for finding in plan.findings] == [
        (XsErr.RESOURCE_ACCESS, 0)
    ]
    assert plan.findings[0].message.startswith("'one' and disk of A-Bank: a machine labelled 'A-Bank'")
    gone = plan_update(BANKS, replace(new, resource_labels=new.resource_labels[:1]), state)
    assert [finding.message for finding in gone.hindrances] == [
        (
            "'one' uses disk of A-Bank, whose label 'A-Bank' policy mytest 1.1 does not have; stop it before "
            "the update"
        )
    ]


def test_what_the_host_no_longer_shares_or_runs() -> None:
    narrow = tuple(
        replace(label, ste_types=frozenset({A_BANK})) if label.name == MANAGEMENT else label
        for label in NEXT.machine_labels
    )
    both = machine(UNDERWRITING, {A_BANK, UNDERWRITING}, {UNDERWRITING})
    new = replace(NEXT, machine_labels=(*(label for label in narrow if label.name != UNDERWRITING), both))
    plan = plan_update(BANKS, new, HostState((running("b", B_BANK), running("u", UNDERWRITING))))
    stopped, warned = plan.findings
    assert (stopped.hypervisor_code, stopped.rule, stopped.machines) == (0x101, "sharing", ("b",))
    assert (warned.kind, warned.xserr) == (FindingKind.WARNING, XsErr.VM_NOT_AUTHORIZED)
    assert warned.message.startswith("'u' runs on but cannot be started again: label")
    assert plan.machines_to_stop == ("b",)


def test_what_remains_could_start_in_its_order() -> None:
    random = Random(1107)  # noqa: S311 - policies, no secrets
    feasible = 0
    for _ in range(2000):
        old, new = random_policy(random), random_policy(random)
        labels = [label.name for label in old.machine_labels]
        state = HostState(tuple(running(f"m{n}", random.choice(labels)) for n in range(5)))
        plan = plan_update(None, new, state)
        feasible += plan.is_feasible
        assert plan.is_feasible is not bool(plan.machines_to_stop)
        left = [m for m in state.machines if m.name not in plan.machines_to_stop]
        present = RunningSet(Rules(new))
        for one in left:
            assert present.is_apart(one.label)
            present.start(one.key, one.label)
        assert plan_update(None, new, HostState(tuple(left))).is_feasible
    assert feasible > 50


def test_what_a_policy_consists_of_stays() -> None:
    following = Header("mytest", Version(1, 1), previous=PolicyReference("mytest", "1.0"))
    wall_only = replace(
        BANKS,
        header=following,
        ste_types=None,
        machine_labels=tuple(replace(label, ste_types=frozenset()) for label in BANKS.machine_labels),
        resource_labels=(),
    )
    plan = plan_update(BANKS, wall_only)
    assert not plan.is_feasible
    (finding,) = plan.findings
    assert finding.xserr is XsErr.WRONG_POLICY_TYPE
    assert finding.message == (
        "policy mytest 1.1 has ChineseWall, and mytest 1.0, which is in force, has ChineseWall and "
        "SimpleTypeEnforcement: what a policy consists of stays; reset the policy first"
    )
    assert plan_update(None, wall_only).is_feasible

"""What may share, run and start: the worked example, what each answer says, and hypothetical sets."""

from __future__ import annotations

from dataclasses import replace

from xencim.acm.decisions import PERMITTED, Rules, RunningSet
from xencim.acm.decisions.running import HOST, Running, replay
from xencim.acm.model import UNLABELED, ConflictSet, Finding, FindingKind, LabelKind, XsErr

from .decision_policies import (
    A_BANK,
    ANALYSIS,
    AUTO_CORP,
    B_BANK,
    BANKS,
    MANAGEMENT,
    UNDERWRITING,
    machine,
)

RULES = Rules(BANKS)


def test_the_worked_example() -> None:
    running = RunningSet(RULES)
    assert running.may_start(A_BANK) is PERMITTED
    running.start("a", A_BANK)
    assert not running.may_start(B_BANK)
    assert running.may_start(AUTO_CORP) is PERMITTED
    running.start("car", AUTO_CORP)
    assert not running.may_start(UNLABELED)
    assert running.may_start(UNDERWRITING) is PERMITTED
    running.start("under", UNDERWRITING)
    assert not running.may_start(ANALYSIS)
    running.stop("a")
    assert not running.may_start(B_BANK)  # the underwriters carry A-Bank too
    running.stop("under")
    assert running.may_start(B_BANK) is PERMITTED


def test_a_conflict_says_everything() -> None:
    running = RunningSet(RULES)
    running.start("uuid-1", A_BANK, "bank1")
    running.start("uuid-2", A_BANK, "bank2")
    assert running.may_start(B_BANK).findings == (
        Finding(
            FindingKind.DENIAL,
            "label 'B-Bank' is in conflict with 'bank1', 'bank2' running with label 'A-Bank': conflict set "
            "'RER' keeps Chinese Wall type 'B-Bank' from starting beside 'A-Bank'",
            XsErr.VM_IN_CONFLICT,
            hypervisor_code=0x103,
            rule="conflict set RER",
            labels=(B_BANK, A_BANK),
            types=(B_BANK,),
            machines=("bank1", "bank2"),
        ),
    )


def test_of_many_machines_the_text_names_a_few_and_the_data_all() -> None:
    running = RunningSet(RULES, ((str(n), Running(f"m{n}", A_BANK)) for n in range(20)))
    (finding,) = running.may_start(B_BANK).findings
    assert "'m7' and 12 more running" in finding.message
    assert len(finding.machines) == 20


def test_the_chinese_wall_is_not_symmetric() -> None:
    both = machine("both", {A_BANK}, {A_BANK, B_BANK})
    rules = Rules(
        replace(
            BANKS,
            conflict_sets=(ConflictSet("ab", frozenset({A_BANK, B_BANK})),),
            machine_labels=(*BANKS.machine_labels, both),
        )
    )
    first, second = RunningSet(rules), RunningSet(rules)
    first.start("1", "both")
    assert first.may_start(A_BANK)
    second.start("1", A_BANK)
    assert second.may_start("both").findings[0].types == (B_BANK,)
    ab = ("1", Running("1", "both")), ("2", Running("2", A_BANK))
    assert (list(replay(rules, ab)), list(replay(rules, reversed(ab)))) == ([], ["1"])


def test_domain_0_is_always_there() -> None:
    host = replace(BANKS, conflict_sets=(ConflictSet("host", frozenset({MANAGEMENT, AUTO_CORP})),))
    decision = RunningSet(Rules(host)).may_start(AUTO_CORP)
    assert decision.findings[0].machines == (HOST,)


def test_authorization() -> None:
    nothing = machine("nothing", ())
    narrow = replace(
        BANKS, machine_labels=(machine(MANAGEMENT, {A_BANK}), *BANKS.machine_labels[1:], nothing)
    )
    rules = Rules(narrow)
    assert rules.may_run(A_BANK) is PERMITTED
    assert rules.may_run(B_BANK).reason == (
        "label 'B-Bank' is not authorized to run: the host's label 'SystemManagement' lacks its Simple Type "
        "Enforcement types 'B-Bank'"
    )
    (finding,) = rules.may_run("nothing").findings
    assert (finding.xserr, finding.rule) == (XsErr.VM_NOT_AUTHORIZED, "authorization")
    assert finding.message == (
        "label 'nothing' is not authorized to run: it has no Simple Type Enforcement type, and so has "
        "nothing in common with the host"
    )


def test_sharing() -> None:
    assert RULES.may_share(A_BANK, A_BANK) is PERMITTED
    assert RULES.may_share(MANAGEMENT, B_BANK, LabelKind.RESOURCE) is PERMITTED
    (finding,) = RULES.may_share(A_BANK, B_BANK, LabelKind.RESOURCE).findings
    assert finding.message == (
        "a machine labelled 'A-Bank' ('A-Bank') and a resource labelled 'B-Bank' ('B-Bank') have no Simple "
        "Type Enforcement type in common"
    )
    assert (finding.xserr, finding.types) == (XsErr.RESOURCE_ACCESS, (A_BANK, B_BANK))


def test_a_label_that_is_not_there() -> None:
    reason = "policy 'mytest' has no machine label 'C-Bank': assign one that it has"
    running = RunningSet(RULES)
    assert running.may_start("C-Bank").reason == reason
    assert RULES.may_share("C-Bank", A_BANK).findings[0].xserr is XsErr.BAD_LABEL
    assert RULES.may_share(A_BANK, "C-Bank").reason == reason
    running.start("1", "C-Bank")  # behind our back, say
    assert running.may_start(A_BANK) is PERMITTED
    running.stop("1")
    assert list(running.machines) == [HOST]


def test_what_would_be() -> None:
    running = RunningSet(RULES)
    running.start("1", A_BANK)
    assert running.without("1").may_start(B_BANK) is PERMITTED
    assert running.may_start(B_BANK, ignoring="1") is PERMITTED
    running.start("2", A_BANK, "other")
    assert running.may_start(B_BANK, ignoring="1").findings[0].machines == ("other",)
    running.stop("2")
    assert not running.may_start(B_BANK)
    running.start("1", B_BANK)  # the same machine with another label
    assert [other.label for other in running.machines.values()] == [MANAGEMENT, B_BANK]
    assert running.may_start(B_BANK) is PERMITTED

"""The hypervisor's messages about access: both forms read, and explained in ACM's words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xencim.acm.flask.denials import Access, denials, explain, parse
from xencim.acm.flask.names import context_of
from xencim.acm.model import FindingKind, LabelKind

from .policies import machine, policy, resource

BANKS = policy(
    machine("host", "A-Bank", "B.Bank"),
    machine("a", "A-Bank"),
    machine("b", "B.Bank"),
    machine("stranger", "Auto Corp"),
    machine("bare"),
    resource("disk a", "A-Bank"),
    bootstrap="host",
)
A, B = (context_of(name, LabelKind.MACHINE) for name in "ab")
DOM0 = "system_u:system_r:dom0_t"
RELOADED = f"scontext={DOM0} tcontext=system_u:system_r:security_t tclass=security"


def test_a_message_of_today() -> None:
    line = (
        f"(XEN) [   61.1] avc:  denied  {{ map_read map_write }} for source=d3 target=d5 "
        f"scontext={A} tcontext={B} tclass=grant"
    )
    assert parse(line) == Access(
        granted=False,
        permissions=("map_read", "map_write"),
        class_name="grant",
        source_context=A,
        target_context=B,
        source_domain=3,
        target_domain=5,
    )


def test_a_message_of_old() -> None:
    contexts = f"scontext={DOM0} tcontext={A} tclass=resource"
    line = f"avc:  denied  {{ stat_device }} for domid=0 device=0xc800 {contexts}"
    found = parse(line)
    assert found is not None
    assert (found.source_domain, found.target_domain, found.object) == (0, None, "device 0xc800")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("current=d0", (0, None, None)),
        ("current=d[IDLE]", (None, None, None)),
        ("source=d1v0 target=d2 irq=33", (1, 2, "irq 33")),
        ("source=d0 range=0xfebe0-0xfebff", (0, None, "range 0xfebe0-0xfebff")),
        ("source=d0 target=d1 pte=0x1 mfn=0x2", (0, 1, "mfn 0x2")),
        ("source=d0 dtdevice=/soc/uart", (0, None, "dtdevice /soc/uart")),
    ],
)
def test_what_a_message_may_add(words: str, found: tuple[int | None, int | None, str | None]) -> None:
    read = parse(f"avc:  denied  {{ use }} for {words} scontext={A} tcontext={B} tclass=resource")
    assert read is not None
    assert (read.source_domain, read.target_domain, read.object) == found


def test_contexts_that_the_hypervisor_cannot_name_stay_numbers() -> None:
    read = parse("avc:  denied  null for current=d0 ssid=9 tsid=10 tclass=domain")
    assert read is None
    read = parse("avc:  denied  { create } for current=d0 ssid=9 tsid=10 tclass=domain")
    assert read is not None
    assert (read.source_context, read.target_context) == ("9", "10")


def test_only_refusals_are_told_from_a_log() -> None:
    granted = (
        f"avc:  granted  {{ setenforce }} for current=d0 scontext={DOM0} tcontext={DOM0} tclass=security"
    )
    denied = f"avc:  denied  {{ send }} for source=d1 target=d2 scontext={A} tcontext={B} tclass=event"
    assert [found.permissions for found in denials(f"(XEN) hello\n{granted}\n{denied}\n")] == [("send",)]


def refused(class_name: str, permission: str, source: str, target: str) -> Access:
    return Access(False, (permission,), class_name, source, target, 3, 5)


def test_two_machines_without_a_common_type() -> None:
    found = explain(refused("grant", "map_read", A, B), BANKS, {3: "alpha", 5: "beta"})
    assert found.kind is FindingKind.DENIAL
    assert found.message == (
        "The hypervisor refused grant { map_read } from machines with the label a to machines with "
        "the label b (asked by alpha): they may not share pages, for they have no type in common: "
        "A-Bank on one side, B.Bank on the other"
    )
    assert (found.labels, found.types, found.machines) == (
        ("a", "b"),
        ("A-Bank", "B.Bank"),
        ("alpha", "beta"),
    )
    assert found.rule == "Simple Type Enforcement"


def test_a_machine_that_the_host_is_not_authorized_to_run() -> None:
    target = context_of("stranger", LabelKind.MACHINE)
    found = explain(replace(refused("domain", "create", DOM0, target), target_domain=None), BANKS)
    assert "the host lacks the types Auto Corp and is not authorized to run it" in found.message
    assert (found.types, found.machines) == (("Auto Corp",), ("domain 3",))


@pytest.mark.parametrize(
    ("access", "words"),
    [
        (refused("domain", "create", DOM0, context_of("bare", LabelKind.MACHINE)), "a label without types"),
        (refused("resource", "use", B, context_of("disk a", LabelKind.RESOURCE)), "may not use the device"),
        (refused("resource", "use", B, "system_u:object_r:device_t"), "a device without a label"),
        (refused("event", "bind", A, "system_u:system_r:dom0_t_channel"), "another version in force"),
        (refused("grant", "copy", A, context_of("gone", LabelKind.MACHINE)), "does not have that label"),
        (refused("domain", "create", DOM0, DOM0), "its label in FLASK is its alone"),
        (
            refused("mmu", "adjust", DOM0, context_of("stranger", LabelKind.MACHINE)),
            "lacks the types Auto Corp",
        ),
        (replace(refused("resource", "use", A, B), object="irq 3"), "(irq 3, asked by domain 3)"),
        (refused("mmu", "map_read", A, "system_u:system_r:acm_self_t"), "to itself"),
        (refused("xen", "readconsole", A, "system_u:system_r:xen_t"), "the rules of the base only"),
        (refused("grant", "copy", "9", A), "9 of the base"),
    ],
)
def test_other_reasons(access: Access, words: str) -> None:
    assert words in explain(access, BANKS).message


def test_a_policy_that_lets_everything_share_is_not_blamed() -> None:
    known = replace(BANKS, ste_types=None)
    assert "this policy itself does not forbid it" in explain(refused("grant", "copy", A, B), known).message


@given(st.text(), st.text(alphabet="abd=0123456789 :_{}x[]"))
def test_whatever_a_log_holds(text: str, tail: str) -> None:
    for line in (text, f"avc:  denied  {{ {text} }} for {tail} tclass=grant scontext={tail} tcontext={text}"):
        found = parse(line)
        if found is not None:
            explain(found, BANKS)

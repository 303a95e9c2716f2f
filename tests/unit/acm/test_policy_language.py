"""Policy documents read and written: the samples of Xen 4.1, each error with its place, hostile documents."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from xencim.acm.language import document_sha1, lint, read_document, read_policy, write_policy
from xencim.acm.model import (
    Component,
    ConflictSet,
    Header,
    Label,
    LabelKind,
    Policy,
    PolicyError,
    PolicyReference,
    Version,
    XsErr,
)

from .policy_strategies import policies

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES = {
    # What the original tools said of each: the digest of the document that its binary carries.
    "DEFAULT": "6eb1774051d7849c8da44b3fff915fe24c33d32a",
    "client_v1": "da899c3735a891f638db9f18d86d7810790d5627",
    "test": "30864c37012926f251a4df0dba881b4cbcc68e76",
    "xm-test": "46462e3cb0f03970637f61afca7e79c8e7cb4296",
    "mytest": "ef3ec607954d854c4970f565a733dab21d96ba34",
}
DOCUMENT = """\
<?xml version="1.0"?>
<SecurityPolicyDefinition xmlns="http://www.ibm.com">
  <PolicyHeader>
    <PolicyName>two.banks</PolicyName>
    <Version>1.1</Version>
    <FromPolicy><PolicyName>two.banks</PolicyName><Version>1.0</Version></FromPolicy>
  </PolicyHeader>
  <SimpleTypeEnforcement>
    <SimpleTypeEnforcementTypes>
      <Type>a</Type>
      <Type>b</Type>
    </SimpleTypeEnforcementTypes>
  </SimpleTypeEnforcement>
  <ChineseWall priority="PrimaryPolicyComponent">
    <ChineseWallTypes>
      <Type>a</Type>
      <Type>b</Type>
    </ChineseWallTypes>
    <ConflictSets>
      <Conflict name="rivals">
        <Type>a</Type>
        <Type>b</Type>
      </Conflict>
    </ConflictSets>
  </ChineseWall>
  <SecurityLabelTemplate>
    <SubjectLabels bootstrap="host">
      <VirtualMachineLabel>
        <Name>host</Name>
        <SimpleTypeEnforcementTypes>
          <Type>a</Type>
          <Type>b</Type>
        </SimpleTypeEnforcementTypes>
      </VirtualMachineLabel>
      <VirtualMachineLabel>
        <Name from="old">one</Name>
        <SimpleTypeEnforcementTypes>
          <Type>a</Type>
        </SimpleTypeEnforcementTypes>
        <ChineseWallTypes>
          <Type>a</Type>
        </ChineseWallTypes>
      </VirtualMachineLabel>
    </SubjectLabels>
    <ObjectLabels>
      <ResourceLabel>
        <Name>disk</Name>
        <SimpleTypeEnforcementTypes>
          <Type>a</Type>
        </SimpleTypeEnforcementTypes>
      </ResourceLabel>
    </ObjectLabels>
  </SecurityLabelTemplate>
</SecurityPolicyDefinition>
"""
POLICY = Policy(
    Header("two.banks", Version(1, 1), previous=PolicyReference("two.banks", "1.0")),
    Component.CHINESE_WALL,
    ("a", "b"),
    ("a", "b"),
    (ConflictSet("rivals", frozenset("ab")),),
    "host",
    (
        Label("host", LabelKind.MACHINE, frozenset("ab")),
        Label("one", LabelKind.MACHINE, frozenset("a"), frozenset("a"), "old"),
    ),
    (Label("disk", LabelKind.RESOURCE, frozenset("a")),),
)


def errors(document: str | bytes) -> list[tuple[str, int | None, str | None]]:
    """Return what a document is refused for: code, line, element."""
    data = document if isinstance(document, bytes) else document.encode()
    with pytest.raises(PolicyError) as raised:
        read_policy(data, "p.xml")
    assert {finding.file for finding in raised.value.findings} == {"p.xml"}
    return [(finding.xserr.name, finding.line, finding.element) for finding in raised.value.findings]


def test_a_document_is_the_policy_that_it_says() -> None:
    assert read_policy(DOCUMENT.encode()) == POLICY
    assert read_policy(write_policy(POLICY)) == POLICY


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(shared_dir: Path, name: str) -> None:
    data = (shared_dir / "acm" / f"{name}-security_policy.xml").read_bytes()
    document = read_document(data)
    assert (document.warnings, document.is_upgraded) == ((), False)
    assert read_policy(write_policy(document.policy)) == document.policy
    assert document_sha1(data).hex() == SAMPLES[name]


@given(policies())
@settings(deadline=None)
def test_what_is_written_is_read_again(policy: Policy) -> None:
    assert read_policy(write_policy(policy)) == policy


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("two.banks</PolicyName>\n", "two:banks</PolicyName>\n", [("BAD_POLICY_NAME", 4, "PolicyName")]),
        (">two.banks</PolicyName>\n", "></PolicyName>\n", [("BAD_POLICY_NAME", 4, "PolicyName")]),
        ('bootstrap="host"', 'bootstrap="hose"', [("POLICY_INCONSISTENT", 27, "SubjectLabels")]),
        (">one<", ">o:ne<", [("BAD_LABEL", 36, "Name")]),
        ('from="old"', 'from="o:ld"', [("BAD_LABEL", 36, "Name")]),
        (">one<", ">host<", [("POLICY_HAS_DUPLICATES", 36, "Name")]),
        (
            "      <Type>b</Type>\n    </S",
            "      <Type>a</Type>\n    </S",
            [("POLICY_HAS_DUPLICATES", 11, "Type"), ("BAD_LABEL", 32, "Type")],
        ),
        ('name="rivals"', 'name=""', [("BAD_CONFLICTSET", 20, "Conflict")]),
        (' name="rivals"', "", [("BAD_XML", 20, "Conflict")]),
        (">1.1<", ">1x1<", [("BAD_XML", 5, "Version")]),
        (">1.1<", ">100<", [("BAD_XML", 5, "Version")]),
        (">1.1<", ">1<", [("BAD_XML", 5, "Version")]),
        (">1.1<", ">123456789.1<", [("BAD_XML", 5, "Version")]),
        (">1.0<", ">1x0<", [("BAD_XML", 6, "Version")]),
        ("PrimaryPolicyComponent", "Primary", [("BAD_XML", 14, "ChineseWall")]),
        ("<SubjectLabels b", "<SubjectLabels foo='1' b", [("BAD_XML", 27, "SubjectLabels")]),
        ("    <Version>1.1</Version>\n", "", [("BAD_XML", 3, "PolicyHeader")]),
        ("<Type>a</Type>\n      <Type>b</Type>\n    </Chin", "</Chin", [("BAD_XML", 15, "ChineseWallTypes")]),
        ("<Name>disk</Name>", "", [("BAD_XML", 46, "ResourceLabel")]),
        ("<Name>disk</Name>", "<Name>disk</Name>text", [("BAD_XML", 46, "ResourceLabel")]),
        ("<Name>disk</Name>", "<Name>disk</Name><Name>d</Name>", [("BAD_XML", 47, "Name")]),
        ("<Name>disk</Name>", "<Name>d<b/>isk</Name>", [("BAD_XML", 47, "b")]),
        ("xmlns=", "xmlns:x=", [("BAD_XML", 2, "SecurityPolicyDefinition (without namespace)")]),
        ("</SecurityPolicyDefinition>", "", [("BAD_XML", 55, None)]),
    ],
)
def test_every_error_has_its_code_and_line(old: str, new: str, expected: list[tuple[str, int, str]]) -> None:
    assert DOCUMENT.count(old) >= 1
    assert errors(DOCUMENT.replace(old, new, 1)) == expected


def test_a_type_that_is_not_declared() -> None:
    with pytest.raises(PolicyError) as raised:
        read_policy(
            DOCUMENT.replace(
                "<Type>a</Type>\n        </Chinese", "<Type>x</Type>\n        </Chinese"
            ).encode()
        )
    [finding] = raised.value.findings
    assert (finding.xserr, finding.line, finding.labels, finding.types) == (
        XsErr.BAD_LABEL,
        41,
        ("one",),
        ("x",),
    )
    assert finding.message == (
        "the label 'one' has the Chinese Wall type 'x', which the policy does not declare; "
        "declare it or correct its name"
    )


def test_all_errors_are_told_at_once() -> None:
    document = DOCUMENT.replace('bootstrap="host"', 'bootstrap="x"').replace("two.banks<", "two:banks<", 1)
    assert [code for code, _, _ in errors(document.replace(">one<", ">a:b<"))] == [
        "BAD_POLICY_NAME",
        "POLICY_INCONSISTENT",
        "BAD_LABEL",
    ]


def test_elements_out_of_order() -> None:
    start, end = DOCUMENT.index("  <SimpleType"), DOCUMENT.index("  <ChineseWall ")
    at = DOCUMENT.index("  <SecurityLabelTemplate")
    moved = DOCUMENT[:start] + DOCUMENT[end:at] + DOCUMENT[start:end] + DOCUMENT[at:]
    assert errors(moved) == [("BAD_XML", 20, "SimpleTypeEnforcement")]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no xml",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>&undefined;</a>",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b"<a>" * 50 + b"</a>" * 50,
        b"<a>" + b"<b/>" * 500_001 + b"</a>",
        b"<a>" + b" " * (16 << 20) + b"</a>",
        DOCUMENT.encode("utf-16").replace(b"<\0S\0", b"<\0&\0", 1),
    ],
)
def test_hostile_documents_are_refused(document: bytes) -> None:
    assert {code for code, _, _ in errors(document)} == {"BAD_XML"}


def test_errors_without_end_are_cut() -> None:
    found = errors(DOCUMENT.replace("<Name>disk</Name>", "<Name>disk</Name>" + "<x/>" * 100_000))
    assert len(found) == 201


def test_many_warnings_hide_no_error() -> None:
    again = "<ChineseWallTypes><Type>a</Type></ChineseWallTypes>" * 300
    document = DOCUMENT.replace("        <ChineseWallTypes>\n", f"{again}\n        <ChineseWallTypes>\n")
    assert len(read_document(document.encode()).warnings) == 201
    assert [code for code, _, _ in errors(document.replace('bootstrap="host"', 'bootstrap="x"'))] == [
        "POLICY_INCONSISTENT"
    ]


def test_other_encodings_are_read() -> None:
    text = DOCUMENT.replace("disk", "dïsk")
    for encoding in ("utf-16", "iso-8859-1"):
        declared = text.replace("?>", f' encoding="{encoding}"?>', 1)
        assert read_policy(declared.encode(encoding)).resource_labels[0].name == "dïsk"


def test_a_document_of_xen_3_0_4_is_upgraded() -> None:
    old = DOCUMENT.replace("    <Version>1.1</Version>\n", "").replace(' name="rivals"', "")
    start, end = old.index("    <FromPolicy"), old.index("  </PolicyHeader")
    document = read_document((old[:start] + old[end:]).encode())
    assert document.is_upgraded
    assert [warning.line for warning in document.warnings] == [3]
    assert document.policy.header.version == Version(1, 0)
    assert document.policy.conflict_sets == (ConflictSet("Conflict1", frozenset("ab")),)
    written = read_document(write_policy(document.policy))
    assert (written.policy, written.is_upgraded) == (document.policy, False)


def test_an_old_resource_label_of_several_types_is_refused() -> None:
    old = DOCUMENT.replace("    <Version>1.1</Version>\n", "")
    start, end = old.index("    <FromPolicy"), old.index("  </PolicyHeader")
    old = old[:start] + old[end:]
    several = old.replace(
        "<Name>disk</Name>\n        <Simple",
        "<Name>disk</Name><SimpleTypeEnforcementTypes><Type>b</Type></SimpleTypeEnforcementTypes><Simple",
    )
    assert [code for code, _, _ in errors(several)] == ["BAD_LABEL"]


def test_what_no_document_can_hold_is_not_written() -> None:
    for policy in (
        Policy(Header("a\0b", Version(1, 0)), bootstrap="x", machine_labels=(Label("x", LabelKind.MACHINE),)),
        Policy(Header("a", Version(1, 0)), bootstrap="y", machine_labels=(Label("x", LabelKind.MACHINE),)),
    ):
        with pytest.raises(PolicyError):
            write_policy(policy)


def test_the_digest_is_of_the_document_not_of_its_bytes() -> None:
    data = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- c -->\n'
        b"<a z='1' b='\"'><b></b>\"x\"<![CDATA[<]]><?p q?></a>\n"
    )
    canonical = (
        b'<?xml version="1.0" ?><!-- c --><a b="&quot;" z="1"><b/>&quot;x&quot;<![CDATA[<]]><?p q?></a>'
    )
    assert document_sha1(data) == hashlib.sha1(canonical, usedforsecurity=False).digest()


def test_lint() -> None:
    document = (
        DOCUMENT.replace("<Type>b</Type>\n        </Simple", "</Simple", 1)  # the host lacks b
        .replace(">disk<", ">a disk<")
        .replace(">1.1<", ">1.0<")
        .replace("<Type>a</Type>\n        </Chin", "<Type>a</Type><Type>b</Type>\n        </Chin")
    )
    read = read_document(document.encode(), "p.xml")
    in_conflict = (
        "the label 'one' has a, b, which are in conflict (rivals): who starts first decides what is refused"
    )
    assert [str(warning) for warning in lint(read.policy, read.lines, read.file)] == [
        "p.xml:3: version 1.0 is not above that of FromPolicy, 1.0: an update is refused",
        "p.xml:11: no label has the type 'b'; use it or remove it",
        f"p.xml:35: {in_conflict}",
        "p.xml:46: the name 'a disk' has white space: Xen's own tools and map files cannot keep it",
    ]


def test_lint_of_labels_that_never_run() -> None:
    policy = Policy(
        Header("never", Version(1, 0)),
        ste_types=("a", "b"),
        chinese_wall_types=("a", "b", "c"),
        conflict_sets=(
            ConflictSet("k", frozenset("ab")),
            ConflictSet("k", frozenset("ax")),
            ConflictSet("c", frozenset("c")),
        ),
        bootstrap="host",
        machine_labels=(
            Label("host", LabelKind.MACHINE, frozenset("a"), frozenset("a")),
            Label("none", LabelKind.MACHINE),
            Label("more", LabelKind.MACHINE, frozenset("ab")),
            Label("rival", LabelKind.MACHINE, frozenset("a"), frozenset("b"), previous="more"),
            Label("third", LabelKind.MACHINE, frozenset("a"), frozenset("c"), previous="more"),
        ),
        resource_labels=(
            Label("nobody", LabelKind.RESOURCE),
            Label("same", LabelKind.RESOURCE, frozenset("a"), previous="same"),
        ),
    )
    renamed = (
        "labels say from which they were renamed, but the header has no FromPolicy: add the name and version "
        "of the policy that had them"
    )
    never = "no machine with the label {!r} can ever run: {}"
    assert [warning.message for warning in lint(policy)] == [
        renamed,
        "2 labels are renamed from 'more'; one can be",
        "2 labels are renamed from 'more'; one can be",
        "the label 'same' is said to be renamed from itself; remove from",
        "2 conflict sets are named 'k'; a refusal names one",
        "2 conflict sets are named 'k'; a refusal names one",
        "no label can have 'x', which is not declared: this part excludes nothing",
        "the conflict set 'k' has no two types that are declared: it excludes nothing",
        "the conflict set 'c' has no two types that are declared: it excludes nothing",
        never.format("none", "it has no Simple Type Enforcement type"),
        never.format("more", "the bootstrap label 'host' lacks its types b"),
        never.format("rival", "the bootstrap label 'host' is in conflict with it (k)"),
        "nobody can use what has the resource label 'nobody': no machine label has its type",
    ]

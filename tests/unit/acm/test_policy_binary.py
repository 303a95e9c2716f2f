"""Policies compiled and read back: the vectors of Xen's own compiler, maps, hostile binaries."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xencim.acm.binary import compile_policy, decompile, read_binary, write_map
from xencim.acm.language import document_sha1, read_policy
from xencim.acm.model import UNLABELED, ConflictSet, Header, Label, LabelKind, Policy, PolicyError, Version
from xencim.acm.slots import INVALID_SSIDREF, slots_of

from .policy_strategies import WORDS, broken_rules, policies

if TYPE_CHECKING:
    from pathlib import Path

# What Xen 4.1's compiler made of each sample: length, and the beginning of its SHA-256.
VECTORS = {
    "DEFAULT": (148, "2af5080f1c5d37ee"),
    "client_v1": (380, "84b5d3d163fbaec1"),
    "test": (236, "34d8680e6ba33650"),
    "xm-test": (260, "494cd97482b7999a"),
    "mytest": (452, "cc3f2eb3fa65ccd7"),
}
SHA1 = bytes(range(20))
POLICY = Policy(
    Header("p", Version(3, 7)),
    ste_types=("y", "x"),
    chinese_wall_types=("v", "w"),
    conflict_sets=(ConflictSet("k", frozenset("vw")),),
    bootstrap="z",
    machine_labels=(
        Label("a", LabelKind.MACHINE, frozenset("x"), frozenset("v")),
        Label("z", LabelKind.MACHINE, frozenset("xy")),
    ),
    resource_labels=(Label("d", LabelKind.RESOURCE, frozenset("y")),),
)
# By hand, from the layout: sections as 16-bit words.
REFERENCE = "00000002 70000000"
WALL = (
    "00000001 00000001 00000002 00000003 00000001 00000024 00000030 00000000 00000000"
    "0000 0000  0000 0000  0001 0000   0001 0001   0000 0000"
)
STE = "00000001 00000002 00000002 00000004 00000014   0000 0000  0001 0001  0001 0000  0000 0001  00000000"


def compilable(policy: Policy) -> bool:
    return bool(policy.ste_types or policy.chinese_wall_types)


@pytest.mark.parametrize("name", VECTORS)
def test_samples_compile_as_xen_compiled_them(shared_dir: Path, name: str) -> None:
    data = (shared_dir / "acm" / f"{name}-security_policy.xml").read_bytes()
    policy = read_policy(data)
    compiled = compile_policy(policy, xml_sha1=document_sha1(data))
    assert (len(compiled), hashlib.sha256(compiled).hexdigest()[:16]) == VECTORS[name]
    assert read_binary(compiled).xml_sha1 == document_sha1(data)
    assert compile_policy(decompile(compiled), xml_sha1=document_sha1(data)) == compiled


def test_the_default_policy_is_the_one_built_into_the_hypervisor(shared_dir: Path) -> None:
    data = (shared_dir / "acm" / "DEFAULT-security_policy.xml").read_bytes()
    binary = read_binary(compile_policy(read_policy(data)))
    assert binary.chinese_wall is not None
    assert binary.ste is not None
    assert (binary.ste.types, binary.ste.rows) == (2, (frozenset({1}), frozenset({0, 1})))
    assert (binary.chinese_wall.types, binary.chinese_wall.rows) == (1, (frozenset(), frozenset()))


@pytest.mark.parametrize(
    ("version", "header"),
    [
        (2, "0001debc 00000002 {0:08x} 00000020 00000001 00000028 00000002 {1:08x}"),
        (3, "0001debc 00000003 {0:08x} 00000028 00000001 00000030 00000002 {1:08x} 00000003 00000007"),
        (
            4,
            "0001debc 00000004 {0:08x} 0000003c 00000001 00000044 00000002 {1:08x} 00000003 00000007"
            + SHA1.hex(),
        ),
    ],
)
def test_formats(version: int, header: str) -> None:
    wall, ste = bytes.fromhex(WALL), bytes.fromhex(STE)
    first = {2: 0x28, 3: 0x30, 4: 0x44}[version]
    whole = bytes.fromhex(header.format(first + len(wall) + len(ste), first + len(wall)))
    compiled = compile_policy(POLICY, version=version, xml_sha1=SHA1)
    assert compiled.hex(" ", 4) == (whole + bytes.fromhex(REFERENCE) + wall + ste).hex(" ", 4)
    back = decompile(compiled)
    assert back.header.version == (Version(1, 0) if version == 2 else Version(3, 7))
    assert compile_policy(back, version=version, xml_sha1=SHA1) == compiled


def test_only_simple_type_enforcement() -> None:
    labels = tuple(
        dataclasses.replace(label, chinese_wall_types=frozenset()) for label in POLICY.machine_labels
    )
    policy = dataclasses.replace(POLICY, chinese_wall_types=None, conflict_sets=(), machine_labels=labels)
    compiled = compile_policy(policy)
    codes = struct.unpack_from(">4I", compiled, 16)
    assert codes == (2, 0x44, 0, len(compiled))
    assert compiled[0x44:] == bytes.fromhex(STE)
    # Without a map, nothing tells resource labels from machine labels.
    assert len(decompile(compiled).machine_labels) == 3
    mapped = decompile(compiled, write_map(policy, policy_file="p.xml", binary_file="p.bin"))
    assert {*mapped.machine_labels} == {*labels}
    assert mapped.resource_labels == policy.resource_labels
    assert compile_policy(mapped)[40:] == compiled[40:]


def test_what_xens_compiler_wrote_for_only_simple_type_enforcement_is_read() -> None:
    empty_wall = struct.pack(">9I4x", 1, 1, 0, 3, 0, 36, 36, 0, 0)
    ste = bytes.fromhex(STE)
    reference = bytes.fromhex(REFERENCE)
    length = 60 + len(reference) + len(empty_wall) + len(ste)
    header = struct.pack(">10I", 0x1DEBC, 4, length, 60, 2, 68, 15, 68 + len(ste), 3, 7) + SHA1
    binary = read_binary(header + reference + empty_wall + ste)
    assert binary.chinese_wall is None
    assert binary.ste is not None
    assert (binary.ste.types, len(binary.ste.rows)) == (2, 4)


def test_a_dump_of_the_policy_in_force_is_read() -> None:
    # A hypervisor leaves the words for the formats unset, and puts its counters behind the conflict sets.
    wall = bytearray(bytes.fromhex(WALL))
    struct.pack_into(">I", wall, 0, 0)
    struct.pack_into(">2I", wall, 28, 52, 56)
    ste = bytearray(bytes.fromhex(STE))
    struct.pack_into(">I", ste, 0, 0xDEADBEEF)
    reference = bytes.fromhex(REFERENCE)
    length = 60 + len(reference) + len(wall) + 8 + len(ste)
    header = struct.pack(">10I", 0x1DEBC, 0, length, 60, 1, 68, 2, 76 + len(wall), 3, 7) + SHA1
    dump = header + reference + bytes(wall) + bytes(8) + bytes(ste)
    assert compile_policy(decompile(dump), xml_sha1=SHA1) == compile_policy(POLICY, xml_sha1=SHA1)


def test_slots_and_references() -> None:
    slots = slots_of(POLICY)
    assert (slots.machines, slots.resources) == ((UNLABELED, "z", "a"), ("d",))
    machine, resource = LabelKind.MACHINE, LabelKind.RESOURCE
    assert [slots.ssidref(name, machine) for name in (UNLABELED, "z", "a", "d")] == [
        0,
        0x10001,
        0x20002,
        INVALID_SSIDREF,
    ]
    assert [slots.ssidref(name, resource) for name in (UNLABELED, "d", "a")] == [0, 0x30000, INVALID_SSIDREF]
    one = slots_of(dataclasses.replace(POLICY, chinese_wall_types=None))
    assert [one.ssidref("a", machine), one.ssidref("d", resource)] == [2, 3]


def test_the_map() -> None:
    text = write_map(POLICY, policy_file="/p.xml", binary_file="/p.bin").decode()
    assert text == (
        "POLICYREFERENCENAME    p\nMAGIC                  0001debc\nPOLICFILE              /p.xml\n"
        "BINARYFILE             /p.bin\nMAX-CHWALL-TYPES       00000002\nMAX-CHWALL-SSIDS       00000003\n"
        "MAX-CHWALL-LABELS      00000003\nMAX-STE-TYPES          00000002\nMAX-STE-SSIDS          00000004\n"
        "MAX-STE-LABELS         00000004\n\nPRIMARY                CHWALL\nSECONDARY              STE\n\n"
        "LABEL->SSID ANY CHWALL __NULL_LABEL__       0\nLABEL->SSID VM  CHWALL z                    1\n"
        "LABEL->SSID VM  CHWALL a                    2\n\n"
        "LABEL->SSID ANY STE    __NULL_LABEL__       00000000\n"
        "LABEL->SSID VM  STE    z                    1\n"
        "LABEL->SSID VM  STE    a                    2\nLABEL->SSID RES STE    d                    3\n\n"
        "SSID->TYPE CHWALL      00000000\nSSID->TYPE CHWALL      00000001\n"
        "SSID->TYPE CHWALL      00000002 v\n\n"
        "SSID->TYPE STE         00000000\nSSID->TYPE STE         00000001 x y\n"
        "SSID->TYPE STE         00000002 x\nSSID->TYPE STE         00000003 y\n\n"
        "TYPE CHWALL            v                    0\nTYPE CHWALL            w                    1\n\n"
        "TYPE STE               x                    0\nTYPE STE               y                    1\n\n\n"
    )


@given(policies(WORDS))
@settings(deadline=None)
def test_compiled_and_back(policy: Policy) -> None:
    if not compilable(policy):
        with pytest.raises(PolicyError):
            compile_policy(policy)
        return
    compiled = compile_policy(policy, xml_sha1=SHA1)
    assert compile_policy(decompile(compiled), xml_sha1=SHA1) == compiled
    mapped = decompile(compiled, write_map(policy, policy_file="p", binary_file="p"))
    assert compile_policy(mapped, xml_sha1=SHA1) == compiled
    assert (mapped.name, mapped.header.version) == (policy.name, policy.header.version)
    known = {
        (label.name, label.kind, label.ste_types)
        for label in policy.resource_labels
        if label.name != UNLABELED
    }
    assert {(label.name, label.kind, label.ste_types) for label in mapped.resource_labels} == known


@given(policies(WORDS).filter(compilable), st.data())
@settings(deadline=None)
def test_broken_binaries_are_refused_or_keep_all_rules(policy: Policy, data: st.DataObject) -> None:
    compiled = bytearray(compile_policy(policy))
    at = data.draw(st.integers(0, len(compiled) - 1))
    if data.draw(st.booleans()):
        del compiled[at:]
        with pytest.raises(PolicyError):
            decompile(bytes(compiled))
        return
    compiled[at] = data.draw(st.integers(0, 255))
    try:
        back = decompile(bytes(compiled))
    except PolicyError:
        return
    assert broken_rules(back) == []


@pytest.mark.parametrize(
    ("offset", "word", "message"),
    [
        (0, 0, "it starts with 00000000, not with 0001debc"),
        (8, 1, "it says that it has 1 bytes, and has 164"),
        (12, 61, "its name begins at 61, which no format has (its own is 4)"),
        (4, 3, "its name begins at 60, which no format has (its own is 3)"),
        (16, 7, "component 7 is not known, or is there twice"),
        (16, 2, "component 1 stands where Simple Type Enforcement should"),
        (24, 1, "component 1 is not known, or is there twice"),
        (20, 0xFFFFFFFF, "it ends too early"),
        (60, 0, "its name is not what ends with one NUL"),
        (68 + 8, 0xFFFFFFFF, "3 rows of 4294967295 types at 104 go beyond its end"),
        (68 + 12, 0xFFFFFFFF, "4294967295 rows of 2 types at 104 go beyond its end"),
        (68 + 12, 0, "it has no slot, not even that of what has no label"),
        (104, 2, "the flags at 104 are neither 0 nor 1"),
    ],
)
def test_hostile_binaries(offset: int, word: int, message: str) -> None:
    compiled = bytearray(compile_policy(POLICY))
    struct.pack_into(">I", compiled, offset, word)
    with pytest.raises(PolicyError) as raised:
        decompile(bytes(compiled))
    assert raised.value.findings[0].message == f"this is no binary policy: {message}"


def test_a_binary_of_rows_without_types_needs_no_memory() -> None:
    section = struct.pack(">5I4x", 1, 2, 0, 0xFFFFFFFF, 20)
    header = struct.pack(">8I", 0x1DEBC, 2, 40 + len(section), 32, 2, 40, 0, 64)
    with pytest.raises(PolicyError):
        read_binary(header + bytes.fromhex(REFERENCE) + section)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"POLICYREFERENCENAME    p\n", b""),
        (b"POLICYREFERENCENAME    p\n", b"POLICYREFERENCENAME    q\n"),
        (
            b"LABEL->SSID VM  STE    a                    2\n",
            b"LABEL->SSID VM  STE    b                    2\n",
        ),
        (b"LABEL->SSID VM  STE    a ", b"LABEL->SSID XX  STE    a "),
        (
            b"LABEL->SSID VM  STE    a                    2",
            b"LABEL->SSID VM  STE    a                    xyz",
        ),
        (b"LABEL->SSID RES STE    d                    3\n", b""),
        (
            b"LABEL->SSID RES STE    d                    3\n",
            b"LABEL->SSID RES STE    d                    4\n",
        ),
        (b"TYPE STE               y                    1\n", b""),
        (
            b"TYPE STE               y                    1\n",
            b"TYPE STE               x                    1\n",
        ),
        (b"TYPE STE               y", b"TYPE STE               \xff"),
        (b"LABEL->SSID ANY STE    __NULL_LABEL__", b"LABEL->SSID ANY STE    other"),
        (b"LABEL->SSID ANY STE    __NULL_LABEL__       00000000\n", b"LABEL->SSID VM STE a:b 9\n"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(old: bytes, new: bytes) -> None:
    text = write_map(POLICY, policy_file="p", binary_file="p")
    assert old in text
    with pytest.raises(PolicyError):
        decompile(compile_policy(POLICY), text.replace(old, new, 1))


def test_what_cannot_be_compiled_is_refused() -> None:
    spaced = dataclasses.replace(POLICY, ste_types=("x", "y", "a b"))
    with pytest.raises(PolicyError, match="white space"):
        write_map(spaced, policy_file="p", binary_file="p")
    with pytest.raises(PolicyError, match="no binary format 5"):
        compile_policy(POLICY, version=5)
    with pytest.raises(PolicyError, match="none of the machine labels"):
        compile_policy(dataclasses.replace(POLICY, bootstrap="nobody"))
    many = tuple(Label(f"m{number}", LabelKind.MACHINE) for number in range(70_000))
    with pytest.raises(PolicyError, match="70004 labels"):
        compile_policy(dataclasses.replace(POLICY, machine_labels=(*POLICY.machine_labels, *many)))
    types = tuple(f"t{number}" for number in range(10_000))
    large = dataclasses.replace(
        POLICY, ste_types=(*types, "x", "y"), machine_labels=(*POLICY.machine_labels, *many[:9000])
    )
    with pytest.raises(PolicyError, match="are the most"):
        compile_policy(large)

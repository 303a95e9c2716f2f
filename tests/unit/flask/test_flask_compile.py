"""Policies compiled for FLASK: names, our own base and an administrator's, what is refused and said."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xencim.acm.flask import compiler
from xencim.acm.flask.asking import Query, ask
from xencim.acm.flask.compiler import DeviceKind, DeviceLabel, FlaskSource, assemble, compile_source
from xencim.acm.flask.names import context_of, decode, encode, label_of
from xencim.acm.flask.vectors import access_vectors
from xencim.acm.model import ConflictSet, LabelKind, PolicyError, XsErr

from .policies import machine, policy, resource, why_not

if TYPE_CHECKING:
    from pathlib import Path

needs_tools = pytest.mark.skipif(bool(why_not()), reason=why_not() or "all is there")
ONE = policy(machine("host", "x-"), machine("a", "x-"), resource("nic", "x-"), bootstrap="host")


@given(st.text(), st.text())
def test_names_come_back_and_never_meet(one: str, other: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in one + other):
        return
    assert re.fullmatch(r"\w*", encode(one), re.ASCII)
    assert decode(encode(one)) == one
    assert (encode(one) == encode(other)) is (one == other)


def test_contexts_tell_their_labels() -> None:
    assert context_of("A-Bank.SU", LabelKind.MACHINE) == "system_u:system_r:acm_vm_A_2dBank_2eSU_t"
    assert context_of("disk 1", LabelKind.RESOURCE) == "system_u:object_r:acm_res_disk_201_t"
    assert label_of("system_u:object_r:acm_res_disk_201_t") == ("disk 1", LabelKind.RESOURCE)
    assert label_of("user_1:vm_r:acm_vm_x_t:s0-s0:c1") == ("x", LabelKind.MACHINE)


@pytest.mark.parametrize(
    "context",
    ["", "dom0_t", "system_u:system_r:dom0_t", "u:r:acm_vm_a_c3_t", "u:r:acm_vm_A_41_t", "u:r:acm_self_t"],
)
def test_other_contexts_have_none(context: str) -> None:
    assert label_of(context) is None


def test_classes_of_releases() -> None:
    old, new = access_vectors((4, 17)), access_vectors((4, 22))
    assert list(old) == list(new)
    assert "privprofile" in old["xen"]
    assert "privprofile" not in new["xen"]
    assert all(len(permissions) <= 32 for permissions in old.values())


def test_no_rule_grows_with_pairs() -> None:
    def rules(count: int) -> int:
        labels = [machine(f"m{number}", "x-") for number in range(count)]
        return compile_source(policy(machine("host", "x-"), *labels, bootstrap="host")).text.count("\nallow ")

    assert rules(1) == rules(50)


def test_the_chinese_wall_is_said_to_be_left_out() -> None:
    [finding] = compile_source(replace(ONE, conflict_sets=(ConflictSet("Banks", frozenset("ab")),))).findings
    assert "FLASK cannot express the Chinese Wall (Banks)" in finding.message
    assert finding.types == ("a", "b")
    assert compile_source(ONE).findings == ()


def test_devices_have_their_label_from_boot_on() -> None:
    devices = (
        DeviceLabel(DeviceKind.PCI, 0xC800, "nic"),
        DeviceLabel(DeviceKind.MEMORY, 0xFEBE0, "nic", 0xFEBFF),
    )
    lines = compile_source(ONE, devices=devices).text.splitlines()[-2:]
    assert lines == [
        "pcidevicecon 0xc800 system_u:object_r:acm_res_nic_t",
        "iomemcon 0xfebe0-0xfebff system_u:object_r:acm_res_nic_t",
    ]


def test_a_device_with_a_label_that_is_not_there() -> None:
    with pytest.raises(PolicyError, match="has no resource label gone") as caught:
        compile_source(ONE, devices=(DeviceLabel(DeviceKind.PCI, 1, "gone"),))
    assert caught.value.findings[0].xserr is XsErr.BAD_LABEL


def test_older_hypervisors_are_refused() -> None:
    with pytest.raises(PolicyError, match=r"Xen 4\.17 and newer, not 4\.16"):
        compile_source(ONE, release=(4, 16))


@needs_tools
@pytest.mark.parametrize("release", [(4, 17), (4, 22)])
def test_the_binary_is_one_of_xen(release: tuple[int, int]) -> None:
    binary = assemble(compile_source(ONE, release=release))
    assert binary.startswith(compiler.MAGIC)
    assert binary[16:20] == (30).to_bytes(4, "little")


@needs_tools
def test_a_machine_is_apart_from_others_of_its_label() -> None:
    binary = assemble(compile_source(ONE))
    same = "acm_vm_a_t"
    on_others, on_itself = ask(binary, [Query(same, same, "mmu"), Query(same, "acm_self_t", "mmu")])
    assert on_others == frozenset()
    assert {"map_read", "map_write", "adjust"} <= on_itself


@needs_tools
def test_the_bootstrap_label_gives_a_machine_no_privileges() -> None:
    binary = assemble(compile_source(ONE))
    queries = [Query("acm_vm_host_t", "xen_t", "xen"), Query("acm_vm_host_t", "acm_vm_a_t", "domain"),
               Query("acm_vm_host_t", "security_t", "security")]  # fmt: skip
    assert ask(binary, queries) == [{"writeconsole"}, set(), set()]


@needs_tools
def test_text_that_checkpolicy_refuses() -> None:
    with pytest.raises(PolicyError, match=r"checkpolicy refuses the policy: .*syntax error"):
        assemble(FlaskSource("class xen\nno policy\n"))


@needs_tools
def test_a_binary_that_is_none() -> None:
    with pytest.raises(PolicyError, match="SETools cannot be asked"):
        ask(b"no policy", [Query("a", "b", "grant")])


def test_without_checkpolicy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        PolicyError, match="checkpolicy is not installed: it is in Debian's package checkpolicy"
    ):
        assemble(compile_source(ONE))


def made_up_tree(root: Path) -> Path:
    """Make a source tree of as little as a base needs; its rules are those of ours."""
    lines = compile_source(ONE).text.split("attribute acm_machine;")[0].splitlines()
    declared = next(number for number, line in enumerate(lines) if line.startswith("attribute"))
    classes = [line for line in lines[:declared] if re.fullmatch(r"class \w+", line)]
    vectors = [line for line in lines[:declared] if line.startswith("class") and line not in classes]
    sids = [line for line in lines[:declared] if line.startswith("sid")]
    own = [f"{line} system_u:system_r:xen_t" for line in sids]
    rules = [
        *lines[declared:],
        "type domU_t, domain_type;",
        "role system_r; role system_r types domain_type;",
    ]
    files = {
        "xen/xsm/flask/policy/security_classes": classes,
        "xen/xsm/flask/policy/initial_sids": sids,
        "xen/xsm/flask/policy/access_vectors": vectors,
        "tools/flask/policy/policy/users": ["user system_u roles system_r;"],
        "tools/flask/policy/policy/initial_sids": own,
        "tools/flask/policy/modules/modules.conf": ["# all", "everything = on", "other = off"],
        "tools/flask/policy/modules/everything.te": [*rules, "role system_r types xen_type;"],
        "tools/flask/policy/modules/everything.if": ["define(`unused', `')"],
    }
    files |= {
        f"tools/flask/policy/policy/{name}": []
        for name in ("security_classes", "access_vectors", "global_tunables", "device_contexts")
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("\n".join((*content, "")))
    return root


@needs_tools
@pytest.mark.skipif(shutil.which("m4") is None, reason="m4 is not installed")
def test_on_an_administrators_base(tmp_path: Path) -> None:
    source = compile_source(ONE, base=made_up_tree(tmp_path))
    [finding] = source.findings
    assert "Machines with labels of the base (domU_t) are governed by the base alone" in finding.message
    assert "sid domU system_u:system_r:acm_vm__5f_5fUNLABELED_5f_5f_t\n" in source.text
    [grants] = ask(assemble(source), [Query("acm_vm_a_t", "acm_vm_host_t", "grant")])
    assert grants == {"map_read", "map_write", "copy", "unmap"}


def test_a_folder_that_is_no_source_tree(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="name the root of a Xen source tree") as caught:
        compile_source(ONE, base=tmp_path)
    assert caught.value.findings[0].xserr is XsErr.FILE_ERROR

"""`xencim policy`: what each command prints and with which exit code it ends."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from xencim.acm.language import read_policy
from xencim.cimom_glue.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = """\
<SecurityPolicyDefinition xmlns="http://www.ibm.com">
  <PolicyHeader><PolicyName>bank</PolicyName><Version>1.0</Version></PolicyHeader>
  <SimpleTypeEnforcement><SimpleTypeEnforcementTypes>
    <Type>a</Type><Type>b</Type>
  </SimpleTypeEnforcementTypes></SimpleTypeEnforcement>
  <ChineseWall><ChineseWallTypes><Type>a</Type><Type>b</Type></ChineseWallTypes>
    <ConflictSets><Conflict name="rivals"><Type>a</Type><Type>b</Type></Conflict></ConflictSets>
  </ChineseWall>
  <SecurityLabelTemplate>
    <SubjectLabels bootstrap="host">
      <VirtualMachineLabel><Name>host</Name>
        <SimpleTypeEnforcementTypes><Type>a</Type><Type>b</Type></SimpleTypeEnforcementTypes>
      </VirtualMachineLabel>
      <VirtualMachineLabel><Name>A</Name>
        <SimpleTypeEnforcementTypes><Type>a</Type></SimpleTypeEnforcementTypes>
        <ChineseWallTypes><Type>a</Type></ChineseWallTypes>
      </VirtualMachineLabel>
      <VirtualMachineLabel><Name>B</Name>
        <SimpleTypeEnforcementTypes><Type>b</Type></SimpleTypeEnforcementTypes>
        <ChineseWallTypes><Type>b</Type></ChineseWallTypes>
      </VirtualMachineLabel>
    </SubjectLabels>
    <ObjectLabels>
      <ResourceLabel><Name>disk</Name>
        <SimpleTypeEnforcementTypes><Type>a</Type></SimpleTypeEnforcementTypes>
      </ResourceLabel>
    </ObjectLabels>
  </SecurityLabelTemplate>
</SecurityPolicyDefinition>
"""
NEXT = DOCUMENT.replace(
    "<Version>1.0</Version>",
    "<Version>1.1</Version><FromPolicy><PolicyName>bank</PolicyName><Version>1.0</Version></FromPolicy>",
).replace("<Name>B</Name>", '<Name from="B">Beta</Name>')


class Command:
    """Runs `xencim policy` in this process."""

    def __init__(self, capture: pytest.CaptureFixture[bytes]) -> None:
        self._capture = capture

    def __call__(self, *words: str | Path) -> tuple[int, str, str]:
        code = main(["policy", *map(str, words)])
        out, err = self._capture.readouterr()
        return code, out.decode(), err.decode()

    def json(self, *words: str | Path) -> tuple[int, Any]:
        code, out, err = self(*words, "--json")
        assert err == ""
        return code, json.loads(out)


@pytest.fixture
def policy(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    path = tmp_path / "bank.xml"
    path.write_text(DOCUMENT)
    return path


@pytest.fixture
def following(tmp_path: Path) -> Path:
    path = tmp_path / "bank-2.xml"
    path.write_text(NEXT)
    return path


def test_check(policy: Command, bank: Path, tmp_path: Path) -> None:
    assert policy("check", bank) == (0, f"{bank}: bank 1.0 is valid\n", "")
    doubtful, wrong = tmp_path / "doubtful.xml", tmp_path / "wrong.xml"
    doubtful.write_text(DOCUMENT.replace("disk", "a disk"))
    wrong.write_text(DOCUMENT.replace(">A<", ">A:B<"))
    spaced = "has white space: Xen's own tools and map files cannot keep it"
    parts = "which separates the parts of ACM:policy:label; take another, such as 'A.B'"
    code, out, _ = policy("check", bank, doubtful, wrong)
    assert (code, out.splitlines()) == (
        1,
        [
            f"{bank}: bank 1.0 is valid",
            f"{doubtful}:24: warning: the name 'a disk' {spaced}",
            f"{doubtful}: bank 1.0 is valid",
            f"{wrong}:14: error: the label 'A:B' has a ':', {parts} [XSERR_BAD_LABEL]",
        ],
    )
    assert policy("check", doubtful)[0] == 0
    assert policy("check", "--strict", doubtful)[0] == 1
    code, [result] = policy.json("check", wrong)
    [finding] = result.pop("findings")
    assert (code, result) == (1, {"file": str(wrong), "valid": False, "policy": None, "version": None})
    assert (finding["line"], finding["xserr"], finding["labels"]) == (14, "XSERR_BAD_LABEL", ["A:B"])


def test_files_that_cannot_be_read_or_written(policy: Command, bank: Path, tmp_path: Path) -> None:
    missing = tmp_path / "no.xml"
    told = f"xencim: error: {missing}: No such file or directory\n"
    assert policy("check", missing) == (2, "", told)
    code, _, err = policy("compile", bank, "-o", tmp_path / "no" / "x")
    assert (code, err) == (2, f"xencim: error: {tmp_path}/no/x: No such file or directory\n")


def test_show(policy: Command, bank: Path) -> None:
    code, out, _ = policy("show", bank)
    assert (code, out.splitlines()) == (
        0,
        [
            "policy: bank 1.0",
            "bootstrap label: host",
            "types: a, b",
            "Chinese Wall types: a, b",
            "conflict set rivals: a, b",
            "",
            "FOR  LABEL  SSIDREF   TYPES  CHINESE WALL TYPES",
            "VM   host   00010001  a, b   -",
            "VM   A      00020002  a      a",
            "VM   B      00030003  b      b",
            "RES  disk   00040000  a      -",
        ],
    )
    code, shown = policy.json("show", bank)
    assert (code, shown["conflict_sets"]) == (0, [{"name": "rivals", "types": ["a", "b"]}])
    assert shown["machine_labels"][1] == {
        "name": "A",
        "renamed_from": None,
        "ssidref": 0x20002,
        "types": ["a"],
        "chinese_wall_types": ["a"],
    }


def test_compiled_and_back(policy: Command, bank: Path, tmp_path: Path) -> None:
    binary, names, back = tmp_path / "b.bin", tmp_path / "b.map", tmp_path / "b.xml"
    assert policy("compile", bank, "-o", binary) == (0, "", "")
    assert policy("compile", bank, "--format", "map", "-o", names) == (0, "", "")
    assert policy("decompile", binary, "--map", names, "-o", back) == (0, "", "")
    assert policy("diff", binary, bank)[0] == 1  # without the map, names are made up
    read = read_policy(back.read_bytes())
    assert [label.name for label in read.machine_labels] == ["host", "A", "B"]
    again = tmp_path / "again.bin"
    assert policy("compile", binary, "-o", again)[0] == 0
    assert again.read_bytes() == binary.read_bytes()
    for number, size in (("2", 32), ("3", 40)):
        assert policy("compile", bank, "--format", number, "-o", again)[0] == 0
        assert int.from_bytes(again.read_bytes()[12:16]) == size
    code, told = policy.json("compile", bank, "-o", again)
    assert (code, told) == (0, {"file": str(again), "bytes": again.stat().st_size, "findings": []})
    assert policy("compile", bank, "--json")[0] == 2
    binary.write_bytes(binary.read_bytes()[:-8])
    code, out, err = policy("show", binary)
    assert (code, out) == (1, "")
    assert err.startswith(f"xencim: {binary}: error: this is no binary policy: it says that it has ")


def test_only_types_is_told(policy: Command, bank: Path, tmp_path: Path) -> None:
    start, end = DOCUMENT.index("  <ChineseWall>"), DOCUMENT.index("  <SecurityLabelTemplate>")
    text = DOCUMENT[:start] + DOCUMENT[end:]
    for name in "ab":
        text = text.replace(f"        <ChineseWallTypes><Type>{name}</Type></ChineseWallTypes>\n", "")
    bank.write_text(text)
    code, _, err = policy("compile", bank, "-o", tmp_path / "x")
    assert code == 0
    assert "the policy has no ChineseWall: Xen's own compiler makes a binary of it that the hypervisor" in err


def test_results_go_through_a_pipe(bank: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m xencim policy"
    script = f"{command} compile - < {bank} | {command} show -"
    done = subprocess.run(("sh", "-c", script), capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("policy: bank 1.0\n")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(("cat", fifo), stdout=subprocess.PIPE) as reader:
        assert main(["policy", "compile", str(bank), "-o", str(fifo)]) == 0
        assert reader.communicate(timeout=60)[0].startswith(b"\0\x01\xde\xbc")
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.skipif(shutil.which("checkpolicy") is None, reason="checkpolicy is not installed")
def test_flask(policy: Command, bank: Path, tmp_path: Path) -> None:
    target = tmp_path / "xenpolicy"
    code, out, err = policy("compile", bank, "--format", "flask", "-o", target)
    assert (code, out) == (0, "")
    assert "FLASK cannot express the Chinese Wall (rivals)" in err
    assert target.read_bytes()[8:16] == b"XenFlask"
    code, out, _ = policy("compile", bank, "--format", "flask-source")
    assert code == 0
    assert "sid domU " in out
    code, _, err = policy("compile", bank, "--format", "flask", "--xen-release", "4", "-o", target)
    assert (code, err) == (2, "xencim: error: --xen-release 4: not two numbers such as 4.17\n")


def test_diff(policy: Command, bank: Path, following: Path) -> None:
    assert policy("diff", bank, bank) == (0, "", "")
    expected = "policy version: +1.1 -1.0\nmachine label B renamed Beta\n"
    assert policy("diff", bank, following) == (1, expected, "")
    code, changes = policy.json("diff", bank, following)
    assert (code, changes[1]) == (
        1,
        {"kind": "renamed", "what": "machine label", "name": "Beta", "before": ["B"], "after": ["Beta"]},
    )


def test_explain(policy: Command, bank: Path) -> None:
    assert policy("explain", bank, "--start", "A") == (0, "start A: permitted\n", "")
    apart = "have no Simple Type Enforcement type in common"
    code, out, err = policy("explain", bank, "--running", "A,A", "--start", "B", "--resource", "disk")
    assert (code, err) == (1, "")
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "start B",
        "  label 'B' is in conflict with 'A', 'A' running with label 'A'",
        "use disk",
        f"  a machine labelled 'B' ('b') and a resource labelled 'disk' ('a') {apart}",
    ]
    code, told = policy.json("explain", bank, "--running", "A", "--start", "B")
    assert (code, told["permitted"], told["running"]) == (1, False, ["A"])
    [finding] = told["decisions"][0]["findings"]
    assert (finding["xserr"], finding["types"]) == ("XSERR_VM_IN_CONFLICT", ["b"])
    code, out, err = policy("explain", bank, "--running", "A", "--running", "B", "--start", "A")
    assert (code, err.startswith("xencim: B is taken to run, though it could not have started")) == (1, True)
    code, _, err = policy("explain", bank, "--start", "C")
    assert (code, err.splitlines()[1]) == (2, "  hint: `xencim policy show` lists the labels of a policy")


def test_plan(policy: Command, bank: Path, following: Path) -> None:
    expected = "bank 1.0 -> bank 1.1: feasible\nrenamed VM label B to Beta\n"
    assert policy("plan", bank, following, "--running", "B") == (0, expected, "")
    code, plan = policy.json("plan", following, bank)
    assert (code, plan["feasible"]) == (1, False)
    assert {finding["xserr"] for finding in plan["findings"]} == {"XSERR_VERSION_PREVENTS_UPDATE"}
    code, _, err = policy("plan", bank, following, "--running", "X")
    assert (code, err) == (2, f"xencim: error: {bank} has no machine label X\n")


def test_graph(policy: Command, bank: Path, tmp_path: Path) -> None:
    drawing = tmp_path / "bank.svg"
    assert policy("graph", bank, "-o", drawing) == (0, "", "")
    assert drawing.read_text().endswith("</svg>\n")
    code, out, _ = policy("graph", bank, "--format", "dot")
    assert (code, out.splitlines()[0]) == (0, 'graph "bank 1.0" {')
    code, shown = policy.json("graph", bank)
    assert (code, len(shown["nodes"]), len(shown["edges"])) == (0, 7, 7)


def test_bundles(policy: Command, bank: Path, following: Path, tmp_path: Path) -> None:
    key, trust, bundle = tmp_path / "alice.pem", tmp_path / "trust", tmp_path / "b.bundle"
    assert policy("keygen", key)[0] == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert policy("keygen", key) == (2, "", f"xencim: error: {key}: File exists\n")
    trust.mkdir(mode=0o755)
    shutil.copy(tmp_path / "alice.pub.pem", trust / "alice.pem")
    assert policy("export", following, "--key", key, "-o", bundle) == (0, "", "")
    code, told = policy.json("verify", bundle, "--trust", trust, "--in-force", bank)
    assert (code, told.pop("created")[:2]) == (0, "20")
    assert told == {
        "policy": "bank",
        "version": "1.1",
        "signer": "alice",
        "files": ["policy.bin", "policy.map", "policy.xml"],
    }
    out = tmp_path / "out.xml"
    assert policy("verify", bundle, "--trust", trust, "-o", out)[0] == 0
    assert out.read_text() == NEXT
    code, _, err = policy("verify", bundle, "--trust", trust, "--in-force", following)
    assert code == 1
    assert "[XSERR_VERSION_PREVENTS_UPDATE]" in err
    bundle.write_bytes(bundle.read_bytes().replace(b"rivals", b"livars"))
    code, out_, err = policy("verify", bundle, "--trust", trust)
    assert (code, out_) == (1, "")
    assert "is not what was signed" in err

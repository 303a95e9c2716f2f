"""`xencim policy denials`: a real hypervisor's log, told in the policy's words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xencim.acm.language import write_policy
from xencim.cimom_glue.cli.main import main

from .policies import machine, policy

LOG = Path(__file__).parent.parent.parent / "data" / "xen-flask" / "xl-dmesg.txt"


@pytest.fixture
def document(tmp_path: Path) -> str:
    path = tmp_path / "bank.xml"
    known = policy(machine("host", "A-Bank"), machine("none"), bootstrap="host", ste_types=("A-Bank",))
    path.write_bytes(write_policy(known))
    return str(path)


def test_each_refusal_is_told_once(document: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "denials", document, str(LOG)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines))
    creation = (
        "denial: The hypervisor refused domain { create } from the control domain (label host) to machines "
        "with the label none (asked by domain 0): a label without types is authorized nowhere; give it one"
    )
    assert lines.count(creation) == 1


def test_as_data(document: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "denials", document, str(LOG), "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert ["host", "__UNLABELED__"] in [finding["labels"] for finding in findings]


def test_a_log_without_refusals(document: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text("(XEN) Flask:  Starting in enforcing mode.\n")
    assert main(["policy", "denials", document, str(tmp_path / "log")]) == 0
    assert capsys.readouterr().out == ""

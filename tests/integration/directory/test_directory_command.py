"""`xencim policy publish` and `fetch` as an administrator runs them, with a real slapd."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from xencim.acm.directory.connection import connected
from xencim.cimom_glue.cli.main import main

from .slapd import ADMIN, BASE, PASSWORD, SLAPD, Authority, Slapd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    SLAPD is None, reason="slapd is not installed (Debian's package of that name)"
)
DOCUMENT = """<?xml version="1.0"?>
<SecurityPolicyDefinition xmlns="http://www.ibm.com">
<PolicyHeader><PolicyName>banks</PolicyName><Version>1.0</Version></PolicyHeader>
<SimpleTypeEnforcement><SimpleTypeEnforcementTypes><Type>A</Type></SimpleTypeEnforcementTypes>
</SimpleTypeEnforcement>
<SecurityLabelTemplate><SubjectLabels bootstrap="host"><VirtualMachineLabel><Name>host</Name>
<SimpleTypeEnforcementTypes><Type>A</Type></SimpleTypeEnforcementTypes></VirtualMachineLabel></SubjectLabels>
</SecurityLabelTemplate></SecurityPolicyDefinition>
"""


@pytest.fixture
def slapd(tmp_path: Path) -> Iterator[Slapd]:
    (tmp_path / "slapd").mkdir()
    server = Slapd(tmp_path / "slapd", Authority(tmp_path / "authority"))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def words(slapd: Slapd, tmp_path: Path) -> list[str]:
    """Lay out keys, files and the flags that both commands have."""
    (tmp_path / "banks.xml").write_text(DOCUMENT)
    (tmp_path / "labels.json").write_text('{"machine:1": "host"}')
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "trust").mkdir(mode=0o755)
    assert main(["policy", "keygen", str(tmp_path / "office.pem")]) == 0
    (tmp_path / "office.pub.pem").rename(tmp_path / "trust" / "office.pem")
    settings = slapd.settings()
    return ["--directory", settings.url, "--base", BASE, "--ca", str(settings.ca_file)]


def publish(folder: Path, words: list[str], serial: int) -> int:
    files = [str(folder / "banks.xml"), "--labels", str(folder / "labels.json")]
    account = [
        "--key",
        str(folder / "office.pem"),
        "--bind",
        ADMIN,
        "--password-file",
        str(folder / "password"),
    ]
    return main(["policy", "publish", *files, "--serial", str(serial), *account, *words])


def fetch(folder: Path, words: list[str]) -> int:
    files = ["-o", str(folder / "got.xml"), "--labels", str(folder / "got.json"), "--json"]
    trust = ["--trust", str(folder / "trust"), "--kept", str(folder / "kept")]
    return main(["policy", "fetch", "banks", *trust, *files, *words])


def test_published_and_fetched(
    tmp_path: Path, words: list[str], slapd: Slapd, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(tmp_path, words, 1) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "name banks, serial 1, labels 1"
    assert fetch(tmp_path, words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"name": "banks", "serial": 1, "signer": "office", "new": True, "findings": []}
    assert (tmp_path / "got.xml").read_text() == DOCUMENT
    assert json.loads((tmp_path / "got.json").read_text()) == {"machine:1": "host"}
    with connected(slapd.settings()) as session:
        session.replace(f"cn=banks,{BASE}", {"xencimPolicyDocument": b"<evil/>"}, was={})
    assert fetch(tmp_path, words) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["serial"], told["new"]) == (1, False)
    assert "banks 1 stays in use" in told["findings"][0]["message"]
    assert (tmp_path / "got.xml").read_text() == DOCUMENT


def test_what_is_refused(tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch(tmp_path, words) == 1
    assert "has no such publication" in json.loads(capsys.readouterr().out)["findings"][0]["message"]
    assert not (tmp_path / "got.xml").exists()
    assert publish(tmp_path, words, 2) == 0
    assert publish(tmp_path, words, 2) == 1
    assert "take a greater one" in capsys.readouterr().err
    assert publish(tmp_path, words, 0) == 2
    (tmp_path / "labels.json").write_text("[1]")
    assert publish(tmp_path, words, 3) == 2
    assert "not an object of elements and their labels" in capsys.readouterr().err

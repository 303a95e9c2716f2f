"""The page on a first policy: its document is valid, and each command on files prints what the page shows."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

MADE = re.compile(r"\((\d{4}-\d\d-\d\dT[\d:]+\+00:00)\)")


@pytest.fixture
def page(repository: Path) -> str:
    return (repository / "docs" / "usage" / "policy-first.md").read_text("utf-8")


def between(page: str, start: str, end: str) -> str:
    return page.partition(start)[2].partition(end)[0]


def shown(page: str) -> list[tuple[list[str], str]]:
    """Return the commands of the page with what they are shown to print."""
    found: list[tuple[list[str], str]] = []
    for block in re.findall(r"(?:^    .*\n)+", page, re.MULTILINE):
        lines = [line.removeprefix("    ") for line in block.splitlines()]
        for line in lines:
            if line.startswith("$ xencim "):
                found.append((shlex.split(line)[2:], ""))
            elif found and lines[0].startswith("$"):
                words, output = found[-1]
                found[-1] = words, f"{output}{line}\n"
    return found


def test_the_page_tells_the_truth(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = between(page, "```xml\n", "```")
    header = between(page, "the header becomes\n\n", "\n\n")
    renamed = between(page, "gets another name:\n\n", "\n").strip()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "banks.xml").write_text(document)
    following = document.replace("    <Version>1.0</Version>", header)
    (tmp_path / "banks-2.xml").write_text(following.replace("<Name>AutoCorp</Name>", renamed, 1))
    (tmp_path / "trusted-keys").mkdir(mode=0o755)
    commands = shown(page.partition("## 8.")[0])  # what follows needs a server
    assert len(commands) == 12
    for words, expected in commands:
        main(words)
        printed = capsys.readouterr().out
        if words[1] == "keygen":
            (tmp_path / "alice.pub.pem").rename(tmp_path / "trusted-keys" / "alice.pem")
        elif expected or words[1] in {"export", "compile", "graph"}:
            assert MADE.sub("", printed) == MADE.sub("", expected)
        else:
            assert printed.startswith("<?xml")


def test_the_error_of_the_page(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = between(page, "```xml\n", "```").splitlines()
    [expected] = re.findall(r"^    banks\.xml:\d+: error.*$", page, re.MULTILINE)
    number = int(expected.split(":")[1])
    lines[number - 1] = lines[number - 1].replace("A-Bank", "A-Bnak")
    path = tmp_path / "banks.xml"
    path.write_text("\n".join(lines))
    assert main(["policy", "check", str(path)]) == 1
    assert capsys.readouterr().out.replace(f"{tmp_path}/", "") == f"{expected.strip()}\n"

"""The commands as real processes: what they print, and with which exit code they end."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from xencim import __version__
from xencim.cimom_glue.config import kinds

if TYPE_CHECKING:
    from pathlib import Path

POLICY_ACTIONS = (
    "check",
    "show",
    "compile",
    "decompile",
    "diff",
    "graph",
    "explain",
    "plan",
    "keygen",
    "export",
    "verify",
)
COMMANDS = (
    "serve",
    "doctor",
    "classes",
    "user",
    "user add",
    "user passwd",
    "user remove",
    "user list",
    "subscription",
    "subscription list",
    "subscription test",
    "policy",
    *(f"policy {action}" for action in POLICY_ACTIONS),
    "config",
    "config show",
    "completion",
)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which a command finds nobody's configuration or state."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XENCIM_")}
    empty = tmp_path / "empty.toml"
    empty.touch()
    return {**kept, "XENCIM_STATE_DIR": str(tmp_path / "state"), "XENCIM_CONFIG": str(empty)}


def run(environ: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "xencim", *arguments),
        env=environ,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_teaches_by_examples(environ: dict[str, str], command: str) -> None:
    done = run(environ, *command.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"  xencim {(command or 'serve').split()[0]} " in done.stdout
    assert "exit codes: 0 done, 1 failed" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 110


def test_the_version_is_told(environ: dict[str, str]) -> None:
    assert run(environ, "--version").stdout == f"xencim {__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("serv",), ("serve", "--htt", "off"), ("user",), ("user", "add")])
def test_wrong_words_end_with_2(environ: dict[str, str], arguments: tuple[str, ...]) -> None:
    done = run(environ, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: xencim")


def test_a_wrong_setting_ends_with_2_and_says_what_is_allowed(environ: dict[str, str]) -> None:
    done = run(environ, "serve", "--http", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "xencim: error: flag --http: server.http: 'nowhere' is not ADDR:PORT",
        f"  hint: server.http must be {kinds.ADDRESSES.allowed}",
    ]


def test_anonymous_reading_for_other_machines_is_refused(environ: dict[str, str]) -> None:
    done = run(environ, "serve", "--backend", "fake:1", "--anonymous", "read", "--http", "0.0.0.0:0")
    assert done.returncode == 2
    assert "server.http 0.0.0.0:0 is no loopback address" in done.stderr


def test_a_hypervisor_that_cannot_be_reached_ends_with_3(environ: dict[str, str]) -> None:
    done = run(environ, "serve", "--backend", "vbox:///session", "--http", "off", "--https", "off")
    assert done.returncode == 3
    assert done.stderr.startswith("xencim: error: vbox:///session is of no libvirt driver that is served\n")
    assert "Traceback" not in done.stderr


def test_an_address_in_use_ends_with_1(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(environ, "serve", "--backend", "fake:1", "--https", "off", "--http", address)
    assert done.returncode == 1
    assert f"xencim: error: cannot listen on http://{address}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_config_show_tells_where_values_came_from(environ: dict[str, str]) -> None:
    arguments = ("config", "show", "--backend", "qemu+tcp://u:secret@h/system", "--http", "off")
    shown = json.loads(run(environ, *arguments, "--json").stdout)
    assert shown["file"] == environ["XENCIM_CONFIG"]
    assert shown["settings"]["backends"] == {
        "value": ["qemu+tcp://u:***@h/system"],
        "from": "flag --backend",
    }
    assert shown["settings"]["state_dir"]["from"] == "environment XENCIM_STATE_DIR"
    assert shown["settings"]["server.http"] == {"value": "off", "from": "flag --http"}
    assert shown["settings"]["logging.level"] == {"value": "info", "from": "default"}
    text = run(environ, *arguments).stdout
    assert "secret" not in text
    assert [line.split() for line in text.splitlines() if line.startswith("server.http ")] == [
        ["server.http", '"off"', "flag", "--http"]
    ]


def test_accounts_are_kept(environ: dict[str, str], tmp_path: Path) -> None:
    groups = ("--group", "xencim", "--group", "ops")
    added = run(environ, "user", "add", "alice", *groups, "--password-stdin", stdin="one\n")
    assert (added.returncode, added.stdout, added.stderr) == (0, "", "")
    assert run(environ, "user", "add", "bob", "--password-stdin", stdin="two").returncode == 0
    assert json.loads(run(environ, "user", "list", "--json").stdout) == [
        {"name": "alice", "groups": ["ops", "xencim"]},
        {"name": "bob", "groups": []},
    ]
    assert run(environ, "user", "list").stdout == "NAME   GROUPS\nalice  ops xencim\nbob\n"
    before = (tmp_path / "state" / "passwords").read_text()
    assert run(environ, "user", "passwd", "alice", "--password-stdin", stdin="three").returncode == 0
    assert (tmp_path / "state" / "passwords").read_text() != before
    assert run(environ, "user", "remove", "alice").returncode == 0
    assert json.loads(run(environ, "user", "list", "--json").stdout) == [{"name": "bob", "groups": []}]


def test_account_mistakes_are_told(environ: dict[str, str], tmp_path: Path) -> None:
    unknown = run(environ, "user", "passwd", "nobody", "--password-stdin", stdin="x")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith(
        f"xencim: error: there is no user 'nobody' in {tmp_path}/state/passwords\n"
    )
    empty = run(environ, "user", "add", "alice", "--password-stdin")
    assert (empty.returncode, empty.stderr) == (1, "xencim: error: a password cannot be empty\n")
    untold = run(environ, "user", "add", "alice")
    assert untold.returncode == 1
    assert untold.stderr.splitlines()[1] == "  hint: --password-stdin reads it from standard input"
    pam = run({**environ, "XENCIM_AUTH_METHOD": "pam"}, "user", "list")
    assert (pam.returncode, pam.stdout) == (1, "")


def test_classes_are_listed(environ: dict[str, str]) -> None:
    listed = json.loads(run(environ, "classes", "--json", "--backend", "fake:1").stdout)
    machine = next(one for one in listed if one["class"] == "Xen_ComputerSystem")
    assert machine["namespace"] == "root/virt"
    assert machine["superclass"] == "CIM_ComputerSystem"
    assert "VirtualMachine" in machine["from"]
    assert "DSP1057" in machine["profiles"]
    table = run(environ, "classes", "--backend", "fake:1", "--backend", "fake:1").stdout.splitlines()
    assert table[0].split() == ["NAMESPACE", "CLASS", "SUPERCLASS", "PROFILES", "FROM"]
    assert {line.split()[0] for line in table[1:]} == {"interop", "root/virt", "root/virt-2"}


def test_a_reader_that_goes_away_is_no_error(environ: dict[str, str]) -> None:
    pipe = f"{sys.executable} -m xencim classes --json | head -n 1"
    piped = subprocess.run(
        ("bash", "-c", pipe), env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert (piped.stdout, piped.stderr) == ("[\n", "")


def test_what_the_terminal_cannot_show_is_escaped(environ: dict[str, str]) -> None:
    odd = {**environ, "PYTHONIOENCODING": "ascii:strict", "XENCIM_STATE_DIR": "/é"}
    shown = run(odd, "config", "show")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert '"/\\xe9"' in shown.stdout


def complete_in_bash(environ: dict[str, str], *words: str) -> list[str]:
    script = run(environ, "completion", "bash").stdout
    quoted = " ".join(f"'{word}'" for word in ("xencim", *words))
    asked = f'{script}\nCOMP_WORDS=({quoted})\nCOMP_CWORD={len(words)}\n_xencim\necho "${{COMPREPLY[@]}}"\n'
    done = subprocess.run(("bash",), input=asked, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes(environ: dict[str, str]) -> None:
    assert complete_in_bash(environ, "d") == ["doctor"]
    assert complete_in_bash(environ, "user", "") == ["--help", "add", "passwd", "remove", "list"]
    assert complete_in_bash(environ, "serve", "--http", "127.0.0.1:5988", "--so") == ["--socket"]
    assert complete_in_bash(environ, "completion", "z") == ["zsh"]
    assert complete_in_bash(environ, "serve", "--anonymous", "") == ["none", "read"]
    assert complete_in_bash(environ, "serve", "--http", "off", "--log-level", "d") == ["debug"]
    assert complete_in_bash(environ, "serve", "--backend", "") == []


def test_other_shells_have_a_script(environ: dict[str, str]) -> None:
    assert run(environ, "completion", "zsh").stdout.startswith("#compdef xencim\n")
    fish = run(environ, "completion", "fish").stdout.splitlines()
    serve = "complete -c xencim -n '__fish_seen_subcommand_from serve'"
    assert f"{serve} -l backend -r -F" in fish
    assert f"{serve} -l anonymous -x -a 'none read'" in fish
    assert run(environ, "completion", "tcsh").returncode == 2

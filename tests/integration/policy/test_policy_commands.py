"""`xencim policy` through the running server of a made-up host."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.integration.killable import serving
from tests.integration.test_jobs_server import QUICK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[..., subprocess.CompletedProcess[str]]

RED, BLUE = "vm-00002", "vm-00001"  # off and running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server whose configuration trusts one who signs policies."""
    folder = tmp_path_factory.mktemp("policy")
    (folder / "trust").mkdir(mode=0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XENCIM_POLICY_TRUST", str(folder / "trust"))
        with serving(folder, QUICK):
            yield folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """Run `xencim` with words; it must end with ``code``."""

    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "xencim", *words)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=folder)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done

    return run


@pytest.fixture(scope="module")
def policy(run: Run, folder: Path) -> Run:
    """Run an action of `xencim policy` that the server carries out."""

    def asked(action: str, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return run("policy", action, *words, "--socket", str(folder / "socket"), code=code)

    return asked


@pytest.fixture
def reset(policy: Run) -> Iterator[None]:
    """Leave no policy in force."""
    yield
    policy("reset")


@pytest.fixture(scope="module")
def vm(run: Run, folder: Path) -> Run:
    """Run an action of `xencim vm`."""

    def asked(action: str, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return run("vm", action, *words, "--socket", str(folder / "socket"), code=code)

    return asked


@pytest.fixture(scope="module")
def rivals(repository: Path) -> str:
    return str(repository / "tests/data/policies/rivals.xml")


@pytest.fixture(scope="module")
def newer(rivals: str, folder: Path) -> str:
    """The next version, in which a label has another name and one is gone."""
    text = Path(rivals).read_text(encoding="utf-8")
    text = text.replace("<Version>1.1<", "<Version>1.2<").replace("<Version>1.0<", "<Version>1.1<")
    text = text.replace('<Name from="crimson">red</Name>', '<Name from="red">scarlet</Name>')
    (folder / "newer.xml").write_text(text)
    return str(folder / "newer.xml")


def as_json(policy: Run, *words: str, code: int = 0) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(policy(*words, "--json", code=code).stdout)


def test_without_a_policy(policy: Run) -> None:
    assert policy("mode").stdout == "mode: none\n"
    assert as_json(policy, "history") == []
    nothing = policy("show", code=1)
    assert nothing.stderr.splitlines() == [
        "xencim: error: no policy is in force",
        "  hint: `xencim policy apply FILE` puts one in force",
    ]
    refused = policy("label", f"machine:{RED}", "red", code=1)
    assert "no policy is in force: put one in force first" in refused.stderr


@pytest.mark.usefixtures("reset")
def test_a_policys_life(policy: Run, vm: Run, rivals: str, newer: str) -> None:
    vm("stop", BLUE)
    tried = as_json(policy, "apply", rivals, "--dry-run", "--expect", "")
    assert (tried["feasible"], tried["digest"], tried["to"]) == (True, None, "rivals 1.1")
    first = as_json(policy, "apply", rivals, "--expect", "")["digest"]
    lost = policy("apply", newer, "--expect", "", code=1)
    assert f"the policy in force has digest {first}, and none was expected" in lost.stderr
    assert as_json(policy, "show")["version"] == "1.1"

    tried_label = policy("label", f"machine:{RED}", "red", "--dry-run").stdout
    assert tried_label == f"machine:{RED} could have label red\n"
    assert as_json(policy, "labels") == []
    policy("label", f"machine:{RED}", "red", "--old", "")
    policy("label", f"machine:{BLUE}", "blue")
    policy("label", "/srv/red.img", "red-disk")
    listed = as_json(policy, "labels")
    assert [(one["kind"], one["object"], one["label"]) for one in listed] == [
        ("machine", BLUE, "blue"),
        ("machine", RED, "red"),
        ("disk", "file:/srv/red.img", "red-disk"),
    ]
    assert as_json(policy, "explain", "--start", "blue")["permitted"] is True

    vm("start", RED)
    refused = policy("explain", "--start", "blue", code=1).stdout
    assert refused.startswith("start blue: refused\n  label 'blue' is in conflict with 'vm-00002'")
    start = vm("start", BLUE, code=1)
    assert "is refused by policy 'rivals' 1.1" in start.stderr
    explained = as_json(policy, "explain")
    assert (explained["findings"][0]["machines"], explained["permitted"]) == ([RED], None)

    assert "renamed label red to scarlet" in policy("plan", newer).stdout
    assert policy("diff", newer, code=1).stdout
    second = as_json(policy, "apply", newer, "--expect", first)["digest"]
    assert [one["label"] for one in as_json(policy, "labels") if one["object"] == RED] == ["scarlet"]
    assert as_json(policy, "drift") == []
    vm("stop", RED)
    vm("start", BLUE)
    vm("stop", BLUE)

    for word in ("permissive", "off", "enforcing"):
        assert policy("mode", word, "--reason", "a try").stdout == f"mode: {word}\n"
    assert policy("reaction", "pause").stdout == "reaction: pause\n"
    policy("unlabel", f"machine:{RED}")
    back = policy("rollback", first[:10], "--expect", second)
    assert back.stdout == f"policy: rivals\nversion: 1.1\ndigest: {first}\n"
    told = as_json(policy, "history", "--most", "3")
    assert [one["action"] for one in told] == ["rolled back", "labelled", "reaction"]
    policy("reset", "--expect", second, code=1)
    assert policy("reset", "--expect", first).stdout == "policy: none\n"


@pytest.mark.usefixtures("reset")
def test_signed_bundles(policy: Run, run: Run, folder: Path, rivals: str) -> None:
    run("policy", "keygen", "officer.pem")
    (folder / "officer.pub.pem").rename(folder / "trust" / "officer.pem")
    run("policy", "export", rivals, "--key", "officer.pem", "-o", "rivals.bundle")
    told = as_json(policy, "apply", "rivals.bundle")
    assert (told["signer"], told["to"]) == ("officer", "rivals 1.1")
    run("policy", "keygen", "mallory.pem")
    run("policy", "export", rivals, "--key", "mallory.pem", "-o", "mallory.bundle")
    refused = policy("apply", "mallory.bundle", code=1)
    assert "signed by nobody who is trusted (trusted: officer)" in refused.stderr


@pytest.mark.usefixtures("reset")
def test_old_hosts_labels(policy: Run, folder: Path, rivals: str) -> None:
    policy("apply", rivals)
    old = folder / "resource_labels"
    old.write_text("resources = {'file:/srv/x.img': ('ACM', 'rivals', 'red-disk'), 'odd': ('rivals', 'red')}")
    tried = as_json(policy, "import-labels", str(old), "--dry-run", code=1)
    assert tried["labelled"] == ["file:/srv/x.img ACM:rivals:red-disk"]
    taken = policy("import-labels", str(old), code=1)
    assert taken.stdout == "file:/srv/x.img ACM:rivals:red-disk\n"
    assert "odd with label 'red': policy 'rivals' has no resource label 'red'" in taken.stderr
    policy("unlabel", "/srv/x.img", "--old", "red-disk")


def test_what_is_not_asked_well(policy: Run, rivals: str) -> None:
    assert policy("apply", "/nowhere.xml", code=2).stderr.startswith("xencim: error: /nowhere.xml: ")
    assert policy("explain", rivals, code=2).stderr.startswith("xencim: error: --start says which label")
    other = policy("drift", "--namespace", "root/other", code=1)
    assert other.stderr.splitlines() == [
        "xencim: error: no host is at 'root/other'",
        "  hint: --namespace names one of root/virt",
    ]
    broken = as_json(policy, "apply", "/dev/null", code=1)
    assert broken["findings"][0]["kind"] == "error"

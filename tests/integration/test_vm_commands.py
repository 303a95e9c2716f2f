"""`xencim vm` on a made-up host: each command's effect is seen by another client."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from xencim.cimom_glue.cli.client import connected

from .killable import serving
from .test_jobs_server import QUICK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

RUNNING, OFF = "vm-00000", "vm-00002"


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("vm")
    with serving(folder, QUICK):
        yield folder


@pytest.fixture(scope="module")
def vm(state_dir: Path) -> Run:
    """Run a command; it must do what it was asked, unless ``code`` says otherwise."""

    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "xencim", "vm", *words, "--socket", str(state_dir / "socket"))
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == code, (words, done.stderr)
        return done

    return run


def listed(vm: Run) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(vm("list", "--json").stdout)}


def shown(vm: Run, name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(vm("show", name, "--json").stdout)
    return told


def test_machines_are_listed(vm: Run) -> None:
    heads, *lines = vm("list").stdout.splitlines()
    assert heads.split() == ["NAME", "STATE", "CPUS", "MEMORY", "UUID"]
    assert lines[0].split()[:4] == [RUNNING, "running", "1", "1024"]
    assert listed(vm)[OFF]["state"] == "off"


def test_a_machines_life(vm: Run, state_dir: Path) -> None:
    vm(
        *("define", "made", "--cpus", "2", "--memory", "512", "--description", "by hand"),
        *("--disk", "default/vm-00001.qcow2", "--network", "default"),
    )
    assert (listed(vm)["made"]["state"], listed(vm)["made"]["memory_mib"]) == ("off", 512)
    states = {"start": "running", "pause": "paused", "resume": "running", "suspend": "saved"}
    for word, state in states.items():
        vm(word, "made")
        assert listed(vm)["made"]["state"] == state
    vm("start", "made", "--timeout", "5")
    vm("set", "made", "--cpus", "1", "--memory", "256", "--description", "changed", "--autostart")
    vm("set", "made", "--memory", "384", "--stored")
    with connected(state_dir / "socket") as connection:
        found = {
            one["InstanceID"]: one["VirtualQuantity"]
            for one in connection.EnumerateInstances("Xen_MemResourceAllocationSettingData")
        }
    assert (found["made/mem"], found["made/mem;stored"]) == (256 * 1024, 384 * 1024)
    assert shown(vm, "made")["description"] == "changed"
    vm("reboot", "made")
    vm("stop", "made")
    vm("delete", "made")
    assert "made" not in listed(vm)


def test_devices_come_and_go(vm: Run) -> None:
    vm("attach-disk", OFF, "default/vm-00001.qcow2", "--target", "xvdb")
    vm("attach-nic", OFF, "default", "--mac", "00:16:3e:aa:bb:cc")
    resources = [line.split()[0] for line in shown(vm, OFF)["resources"]]
    assert {"xvdb", "00:16:3e:aa:bb:cc"} <= set(resources)
    vm("detach", OFF, "xvdb")
    vm("detach", OFF, "00:16:3e:aa:bb:cc")
    left = [line.split()[0] for line in shown(vm, OFF)["resources"]]
    assert not {"xvdb", "00:16:3e:aa:bb:cc"} & set(left)
    gone = vm("detach", OFF, "xvdb", code=1)
    assert gone.stderr.splitlines() == [
        f"xencim: error: {OFF} has no device 'xvdb'",
        f"  hint: `xencim vm show {OFF}` shows them",
    ]


def test_snapshots(vm: Run) -> None:
    vm("snapshot", "create", RUNNING, "first", "--description", "the first")
    vm("snapshot", "create", RUNNING, "second", "--disk-only")
    found = json.loads(vm("snapshot", "list", RUNNING, "--json").stdout)
    assert [(one["name"], one["keeps"], one["current"]) for one in found] == [
        ("first", "full", False),
        ("second", "disk", True),
    ]
    vm("snapshot", "apply", RUNNING, "first")
    quiesced = vm("snapshot", "create", RUNNING, "third", "--quiesce", code=1)
    assert "no agent in vm-00000 answers" in quiesced.stderr
    vm("snapshot", "delete", RUNNING, "first", "--tree")
    assert json.loads(vm("snapshot", "list", RUNNING, "--json").stdout) == []
    unknown = vm("snapshot", "apply", RUNNING, "first", code=1)
    assert unknown.stderr.startswith("xencim: error: vm-00000 has no snapshot 'first'\n")


def test_guests(vm: Run, tmp_path: Path) -> None:
    assert vm("screenshot", RUNNING, str(tmp_path / "picture")).stdout == (
        f"{tmp_path / 'picture'}: image/x-portable-pixmap\n"
    )
    assert (tmp_path / "picture").read_bytes().startswith(b"P6\n")
    vm("type", RUNNING, "root", "--enter", "--ctrl-alt-del")
    vm("dump", RUNNING, "default", "core", "--live")
    taken = vm("dump", RUNNING, "default", "core", code=1)
    assert "there is a volume 'core' in pool 'default' already" in taken.stderr
    points = json.loads(vm("console", RUNNING, "--json").stdout)
    assert [(point["kind"], point["name"]) for point in points] == [
        ("display", "-1:-1"),
        ("text", "charconsole:0"),
    ]


def test_a_dry_run_is_checked_and_changes_nothing(vm: Run) -> None:
    told = vm("delete", RUNNING, "--dry-run").stdout.splitlines()
    assert told[0].startswith("DestroySystem of ")
    assert told[1].startswith("  AffectedSystem = ")
    assert told[2:] == ["nothing speaks against it; nothing was done"]
    vm("stop", RUNNING, "--dry-run")
    vm("snapshot", "create", RUNNING, "rehearsed", "--dry-run")
    vm("screenshot", RUNNING, "/nowhere/picture", "--dry-run")
    assert listed(vm)[RUNNING]["state"] == "running"
    assert "rehearsed" not in vm("snapshot", "list", RUNNING).stdout
    refused = {
        ("pause", OFF): "RequestStateChange: the machine is not in a state for it",
        ("define", RUNNING): f"Guest '{RUNNING}' is already defined",
        ("attach-nic", RUNNING, "nowhere"): "there is no network 'nowhere'",
    }
    for words, said in refused.items():
        assert said in vm(*words, "--dry-run", code=1).stderr


def test_refusals_are_told(vm: Run) -> None:
    assert vm("start", "nobody", code=1).stderr.splitlines() == [
        "xencim: error: there is no machine 'nobody'",
        "  hint: `xencim vm list` shows them",
    ]
    assert vm("pause", OFF, code=1).stderr == (
        "xencim: error: RequestStateChange: the machine is not in a state for it\n"
    )
    assert "nothing is to be changed" in vm("set", OFF, code=1).stderr

"""FLASK controlled by Xen's tools: programs that print what a real host's tools printed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from xencim.acm.flask.denials import denials
from xencim.acm.flask.names import label_of
from xencim.acm.model import LabelKind
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.xen import tools as xen_tools
from xencim.providers.backends.xen.flask import FlaskControl
from xencim.providers.backends.xen.flask_text import Boolean, MachineContext, Mode, booleans, machines
from xencim.providers.backends.xen.tools import Tools

DATA = Path(__file__).parent.parent.parent / "data" / "xen-flask"
A = "system_u:system_r:acm_vm_A_2dBank_t"
B = "system_u:system_r:acm_vm_B_2dBank_t"
# A hypervisor in three files: its mode, a boolean, the last policy; each tool is a script of a line or two.
XL = """case $1 in
getenforce) cat mode ;;
setenforce) [ $2 = 1 ] && echo Enforcing >mode || echo Permissive >mode ;;
loadpolicy) grep -q XenFlask $2 && cp $2 policy || {
    echo 'Unable to load new Flask policy: Operation not permitted' >&2; exit 255; } ;;
list) cat machines ;;
dmesg) cat log ;;
esac"""
GET_BOOLEAN = 'echo "guest_writeconsole: $(cat boolean)"'
SET_BOOLEAN = "echo $2 >boolean"
LABEL = "[ -e device ] || { echo Unable to find device $1 >&2; exit 1; }"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host's tools and the state of its hypervisor."""
    scripts = {
        "xl": XL,
        "flask-get-bool": GET_BOOLEAN,
        "flask-set-bool": SET_BOOLEAN,
        "flask-label-pci": LABEL,
    }
    for name, script in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\ncd {tmp_path}\n{script}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "mode").write_text("Enforcing\n")
    (tmp_path / "boolean").write_text("1\n")
    shutil.copy(DATA / "xl-list-Z.txt", tmp_path / "machines")
    shutil.copy(DATA / "xl-dmesg.txt", tmp_path / "log")
    return tmp_path


@pytest.fixture
def control(host: Path) -> FlaskControl:
    return FlaskControl(Tools(str(host)))


def test_machines_of_a_real_host() -> None:
    assert machines((DATA / "xl-list-Z.txt").read_text()) == (
        MachineContext("Domain-0", 0, "system_u:system_r:dom0_t"),
        MachineContext("a", 1, A),
        MachineContext("b", 2, B),
        MachineContext("h", 3, A),
    )
    dying = [machine for machine in machines((DATA / "xl-list-Z-dying.txt").read_text()) if machine.is_dying]
    assert dying == [MachineContext("(null)", 5, "system_u:system_r:acm_vm_none_t", is_dying=True)]


def test_machines_of_captured_hosts(shared_dir: Path) -> None:
    captures = shared_dir / "xen" / "captures"
    assert machines((captures / "flask/flask-xl-list-Z.txt").read_text())[1] == MachineContext(
        "v1", 1, "system_u:system_r:domU_t"
    )
    assert {machine.context for machine in machines((captures / "xl/xl-list-Z.txt").read_text())} == {None}


def test_names_with_spaces_and_booleans_that_wait() -> None:
    [machine] = machines(f"my  machine 1   12   128     1     -b----       7.5 {A}\n")
    assert (machine.name, machine.number) == ("my  machine 1", 12)
    assert booleans("one: 1\ntwo: 0 (pending 1)\nnonsense\n") == (
        Boolean("one", value=True, pending=True),
        Boolean("two", value=False, pending=True),
    )


def test_refusals_of_a_real_host() -> None:
    found = list(denials((DATA / "xl-dmesg.txt").read_text()))
    creations = [refusal.target_context for refusal in found if refusal.permissions == ("create",)]
    assert [label_of(context) for context in creations] == [
        ("none", LabelKind.MACHINE),
        ("__UNLABELED__", LabelKind.MACHINE),
        None,
        ("none", LabelKind.MACHINE),
    ]
    assert ("map_read", "map_write") in {refusal.permissions for refusal in found}
    assert all(refusal.source_domain == 0 for refusal in found)


async def test_the_mode_is_read_and_set(control: FlaskControl) -> None:
    assert await control.mode() is Mode.ENFORCING
    await control.set_enforcing(enforcing=False)
    assert await control.mode() is Mode.PERMISSIVE


async def test_a_mode_that_does_not_take(control: FlaskControl, host: Path) -> None:
    (host / "xl").write_text("#!/bin/sh\n[ $1 = getenforce ] && echo Permissive\n")
    with pytest.raises(BackendError, match="FLASK is Permissive, not Enforcing"):
        await control.set_enforcing(enforcing=True)


async def test_a_policy_is_loaded_whole_or_not(control: FlaskControl, host: Path) -> None:
    (host / "device").touch()
    await control.label_device("0000:03:00.0", A)
    with pytest.raises(BackendError, match="keeps the policy it had: Unable to load") as refused:
        await control.load(b"no policy")
    assert refused.value.kind == "refused"
    assert control.devices == {"0000:03:00.0": A}
    assert [machine.name for machine in await control.load(b"....XenFlask....")] == [
        "Domain-0",
        "a",
        "b",
        "h",
    ]
    assert (host / "policy").read_bytes() == b"....XenFlask...."
    assert control.devices == {}


async def test_booleans_are_read_and_set(control: FlaskControl) -> None:
    assert await control.booleans() == (Boolean("guest_writeconsole", value=True, pending=True),)
    await control.set_boolean("guest_writeconsole", value=False)
    assert [boolean.value for boolean in await control.booleans()] == [False]
    with pytest.raises(BackendError, match="has no boolean -a; it has guest_writeconsole"):
        await control.set_boolean("-a", value=True)


async def test_a_boolean_that_does_not_take(control: FlaskControl, host: Path) -> None:
    (host / "flask-set-bool").write_text("#!/bin/sh\necho no >&2\n")
    with pytest.raises(BackendError, match="guest_writeconsole was not set: no"):
        await control.set_boolean("guest_writeconsole", value=False)


async def test_a_start_is_verified(control: FlaskControl, host: Path) -> None:
    await control.verify("a", A)
    with pytest.raises(BackendError, match=f"b runs with {B}, not with {A}"):
        await control.verify("b", A)
    with pytest.raises(BackendError, match="The machine gone does not run"):
        await control.verify("gone", A)
    shutil.copy(DATA / "xl-list-Z-dying.txt", host / "machines")
    with pytest.raises(BackendError, match="does not run"):
        await control.verify("(null)", A)


@pytest.mark.parametrize(
    ("address", "context", "message"),
    [
        ("-h", A, "no PCI address"),
        ("0000:03:00.0", "-h", "no security context"),
        ("0000:03:00.0", A, "was not labelled .*: Unable to find device 0000:03:00.0"),
    ],
)
async def test_devices_that_cannot_be_labelled(
    control: FlaskControl, address: str, context: str, message: str
) -> None:
    with pytest.raises(BackendError, match=message):
        await control.label_device(address, context)
    assert control.devices == {}


async def test_a_hypervisor_without_xsm(control: FlaskControl, host: Path) -> None:
    (host / "mode").write_text("Flask XSM Disabled\n")
    assert await control.mode() is Mode.ABSENT
    for refused in (
        control.load(b""),
        control.set_enforcing(enforcing=True),
        control.booleans(),
        control.verify("a", A),
        control.label_device("0000:03:00.0", A),
    ):
        with pytest.raises(BackendError, match="not built with XSM") as caught:
            await refused
        assert caught.value.kind == "unsupported"


async def test_tools_that_are_absent_or_fail(control: FlaskControl, host: Path) -> None:
    (host / "xl").write_text("#!/bin/sh\necho no privcmd >&2\nexit 1\n")
    for failing in (control.mode(), control.machines(), control.log()):
        with pytest.raises(BackendError, match="no privcmd"):
            await failing
    (host / "xl").unlink()
    with pytest.raises(BackendError, match="xl is not installed") as caught:
        await control.mode()
    assert caught.value.kind == "absent"


async def test_a_tool_that_hangs_is_killed(
    control: FlaskControl, host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xen_tools, "DEADLINE_S", 0.2)
    (host / "xl").write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(BackendError, match="did not end within"):
        await control.log()

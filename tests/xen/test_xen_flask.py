"""A hypervisor with XSM that starts with a policy of ours: what it lets run, says and takes.

Debian's build has no XSM: XENCIM_XSM_HYPERVISOR names one that has, as an uncompressed ELF file.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xencim.acm.flask.compiler import assemble, compile_source
from xencim.acm.flask.denials import denials, explain
from xencim.acm.flask.names import context_of
from xencim.acm.model import UNLABELED, LabelKind
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.xen.flask import FlaskControl
from xencim.providers.backends.xen.flask_text import Boolean, Mode
from xencim.providers.backends.xen.tools import Ended, Tools

from .conftest import BANKS

if TYPE_CHECKING:
    from .emulated_host import EmulatedHost

pytestmark = [pytest.mark.xen, pytest.mark.timeout(1800)]

GUEST = """name="{name}"
type="{kind}"
kernel="/guest/vmlinuz"
ramdisk="/guest/initrd"
extra="console=hvc0 quiet mitigations=off"
memory=128
{label}
"""


class RemoteTools(Tools):
    """Xen's tools, run in dom0."""

    def __init__(self, host: EmulatedHost) -> None:
        super().__init__()
        self._host = host

    async def run(self, name: str, *words: str) -> Ended:
        if words[0] == "loadpolicy":
            self._host.put(Path(words[1]), words[1])
        done = self._host.try_run(shlex.join((name, *words)))
        return Ended(done.status, done.out, done.err)


@pytest.fixture
def host(xsm_host: EmulatedHost) -> EmulatedHost:
    return xsm_host


@pytest.fixture
def control(host: EmulatedHost) -> FlaskControl:
    return FlaskControl(RemoteTools(host))


def create(host: EmulatedHost, name: str, label: str | None, kind: str = "pv") -> int:
    """Start a guest with a label; return how xl ended."""
    words = "" if label is None else f'seclabel="{context_of(label, LabelKind.MACHINE)}"'
    text = GUEST.format(name=name, kind=kind, label=words)
    return host.try_run("cat > /guest/flask.cfg && xl create /guest/flask.cfg", data=text).status


async def test_labelled_guests_run_others_do_not(host: EmulatedHost, control: FlaskControl) -> None:
    assert await control.mode() is Mode.ENFORCING
    assert create(host, "alpha", "a-1") == 0
    assert create(host, "beta", "b 1", "pvh") == 0
    await control.verify("alpha", context_of("a-1", LabelKind.MACHINE))
    await control.verify("beta", context_of("b 1", LabelKind.MACHINE))
    assert create(host, "gamma", "c") != 0
    assert create(host, "nobody", None) != 0
    found = [refusal for refusal in denials(await control.log()) if refusal.permissions == ("create",)]
    told = [explain(refusal, BANKS) for refusal in found]
    assert [finding.labels for finding in told] == [("host", "c"), ("host", UNLABELED)]
    assert "the host lacks the types C and is not authorized to run it" in told[0].message
    host.run("xl destroy alpha && xl destroy beta")
    assert {machine.name for machine in await control.machines()} == {"Domain-0"}


async def test_guests_of_a_label_are_saved_and_restored(host: EmulatedHost, control: FlaskControl) -> None:
    host.forget_console("alpha")
    assert create(host, "alpha", "a-1") == 0
    # Before its first program runs, a guest's kernel ignores that it is to be saved.
    host.guest_says("alpha", "guest is up")
    host.run("xl save alpha /guest/saved && xl restore /guest/saved")
    await control.verify("alpha", context_of("a-1", LabelKind.MACHINE))
    host.run("xl destroy alpha && rm /guest/saved")


async def test_permissive_lets_run_and_tells(host: EmulatedHost, control: FlaskControl) -> None:
    await control.set_enforcing(enforcing=False)
    assert create(host, "gamma", "c") == 0
    await control.set_enforcing(enforcing=True)
    await control.verify("gamma", context_of("c", LabelKind.MACHINE))
    # What ran before is stopped without a rest, though the policy no longer lets it share with the host.
    host.run("xl destroy gamma")
    assert {machine.name for machine in await control.machines()} == {"Domain-0"}


async def test_a_policy_is_loaded_whole_or_not(control: FlaskControl) -> None:
    await control.load(assemble(compile_source(BANKS)))
    with pytest.raises(BackendError, match="keeps the policy it had"):
        await control.load(b"no policy")
    assert await control.mode() is Mode.ENFORCING


async def test_booleans_are_set(control: FlaskControl) -> None:
    await control.set_boolean("guest_writeconsole", value=False)
    assert await control.booleans() == (Boolean("guest_writeconsole", value=False, pending=False),)
    await control.set_boolean("guest_writeconsole", value=True)

"""The hypervisor that enforces the policy in force too: it is given it, and asked when machines start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.acm.flask.names import context_of
from xencim.acm.language import write_policy
from xencim.acm.model import UNLABELED, LabelKind, PolicyError
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Action, Denial, PowerState, Reaction
from xencim.providers.backends.xen.flask_text import Mode as FlaskMode
from xencim.providers.core.state import State
from xencim.providers.security.applying import apply, reset, roll_back, set_reaction
from xencim.providers.security.stores.store import digest_of

from .made_up_flask import MadeUpFlask
from .security_world import A_BANK, B_BANK, OFF, OFF_TOO, RUNNING, banks, secured

if TYPE_CHECKING:
    from pathlib import Path

    from .security_world import Secured

FIRST, SECOND = banks(), banks("1.1", previous="1.0")
A_TYPE, A_ATTRIBUTE = b"acm_vm_A_2dBank_t", b"acm_ste_A_2dBank"


def with_flask(host: Secured, **labels: str) -> MadeUpFlask:
    host.fake.flask = flask = MadeUpFlask({OFF: A_BANK, **labels})
    return flask


async def test_a_policy_in_force_is_given_to_the_hypervisor() -> None:
    async with secured() as host:
        flask = with_flask(host)
        await host.put_in_force(FIRST)
        (binary,) = flask.loaded
        assert binary[8:16] == b"XenFlask"
        assert A_TYPE in binary
        assert A_ATTRIBUTE in binary
        await host.put_in_force(SECOND)
        await roll_back(host.security, digest_of(write_policy(FIRST)), principal="alice")
        assert [load == binary for load in flask.loaded] == [True, True, True]


async def test_without_a_policy_labels_stay_and_nothing_is_refused() -> None:
    async with secured(policy=FIRST) as host:
        flask = with_flask(host)
        await host.put_in_force(SECOND)
        await reset(host.security, principal="alice")
        assert A_TYPE in flask.loaded[-1]
        assert A_ATTRIBUTE not in flask.loaded[-1]


async def test_what_cannot_be_kept_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with secured(policy=FIRST) as host:
        flask = with_flask(host)
        await host.security.hypervisor.load(FIRST)

        async def fails(_change: object) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr(host.security.store, "apply", fails)
        with pytest.raises(OSError, match="full"):
            await reset(host.security, principal="alice")
        assert [A_ATTRIBUTE in load for load in flask.loaded] == [True, False, True]
        assert host.security.in_force is not None


async def test_one_without_xsm_is_given_nothing() -> None:
    async with secured() as host:
        flask = with_flask(host)
        flask.now = FlaskMode.ABSENT
        await host.put_in_force(FIRST)
        assert flask.loaded == []
        assert await host.security.drift.look() == ()


async def test_a_policy_that_cannot_be_compiled_is_not_put_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    async with secured() as host:
        flask = with_flask(host)
        monkeypatch.setenv("PATH", "/nonexistent")
        with pytest.raises(PolicyError, match="checkpolicy"):
            await apply(host.security, write_policy(FIRST), principal="alice")
        assert (flask.loaded, host.security.in_force) == ([], None)


async def test_a_hypervisor_that_started_anew_is_given_the_policy(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    async with secured(state=State.open(file), policy=FIRST):
        pass
    async with secured(state=State.open(file)) as host:
        flask = with_flask(host)
        await host.security.hypervisor.take_up(was_changing=False)
        assert [A_ATTRIBUTE in load for load in flask.loaded] == [True]
        flask.refuses = True
        await host.security.hypervisor.take_up(was_changing=False)
        assert host.security.in_force is not None


def context(host: Secured, name: str = OFF) -> str | None:
    machine = host.vm(name)
    return (machine.stored or machine.current).security_context


async def test_a_definition_names_the_label_that_the_machine_has() -> None:
    a_bank, b_bank = (context_of(name, LabelKind.MACHINE) for name in (A_BANK, B_BANK))
    async with secured(policy=FIRST) as host:
        with_flask(host)
        assert context(host) is None
        await host.security.hypervisor.take_up(was_changing=False)
        assert (context(host), context(host, OFF_TOO)) == (a_bank, b_bank)
        await host.label(OFF, B_BANK)
        assert context(host) == b_bank
        await host.label(OFF, None)
        assert context(host) is None


async def test_a_machine_is_started_by_its_label_and_defined_with_it() -> None:
    async with secured(policy=FIRST) as host:
        with_flask(host)
        await host.site.backend.control(host.vm(OFF).uuid, Action.START, None)
        await host.security.settled()
        assert host.vm(OFF).current.security_context == context_of(A_BANK, LabelKind.MACHINE)
        uuid = await host.site.backend.define("copy", host.vm(OFF).current)
        assert context(host, "copy") is None
        await host.site.backend.undefine(uuid)


async def test_what_is_none_of_ours_stays() -> None:
    theirs = "system_u:system_r:domU_t"
    async with secured(policy=FIRST) as host:
        with_flask(host)
        stored = replace(host.vm(RUNNING).current, security_context=theirs)
        await host.fake.reconfigure(host.vm(RUNNING).uuid, stored=stored)
        await host.security.hypervisor.take_up(was_changing=False)
        assert context(host, RUNNING) == theirs


async def test_a_start_that_cannot_be_labelled_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise BackendError("lost", "libvirt is gone")

    async with secured(policy=FIRST) as host:
        with_flask(host)
        monkeypatch.setattr(host.fake, "reconfigure", fails)
        with pytest.raises(BackendError, match="libvirt is gone"):
            await host.site.backend.control(host.vm(OFF).uuid, Action.START, None)
        assert host.vm(OFF).state is PowerState.SHUT_OFF
        await host.label(OFF, B_BANK)
        assert context(host) is None


@pytest.mark.parametrize(
    ("reaction", "state", "outcome"),
    [
        (Reaction.ALERT, PowerState.RUNNING, "alert"),
        (Reaction.PAUSE, PowerState.PAUSED, "paused"),
        (Reaction.DESTROY, PowerState.SHUT_OFF, "destroyed"),
    ],
)
async def test_a_machine_that_starts_under_another_label(
    reaction: Reaction, state: PowerState, outcome: str
) -> None:
    async with secured(policy=FIRST) as host:
        await set_reaction(host.security, reaction, principal="alice")
        with_flask(host)
        await host.site.backend.control(host.vm(OFF).uuid, Action.START, None)
        await host.security.settled()
        assert (host.vm(OFF).state, host.inventory.view.all(Denial)) == (PowerState.RUNNING, {})
        await host.site.backend.control(host.vm(OFF).uuid, Action.DESTROY, None)
        with_flask(host, **{OFF: UNLABELED})
        await host.site.backend.control(host.vm(OFF).uuid, Action.START, None)
        await host.security.settled()
        assert host.vm(OFF).state is state
        (denial,) = host.inventory.view.all(Denial).values()
        assert (denial.action, denial.outcome) == (f"{OFF!r} was started", outcome)
        assert [reason.message for reason in denial.reasons] == [
            f"machine {OFF!r} runs with label '{UNLABELED}' by its hypervisor, and has label '{A_BANK}'"
        ]


async def test_tools_that_fail_are_told() -> None:
    class Late(MadeUpFlask):
        async def mode(self) -> FlaskMode:
            raise BackendError("timeout", "xl did not end within 30 s")

    async with secured() as host:
        host.fake.flask = Late({OFF: B_BANK})
        with pytest.raises(BackendError, match="did not end"):
            await host.put_in_force(FIRST)
        assert host.security.in_force is None

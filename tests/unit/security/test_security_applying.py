"""Policies put in force: planned, all or nothing, only by who knows what is in force; and brought back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.acm.language import write_policy
from xencim.acm.model import UNLABELED, FindingKind, PolicyError, XsErr
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import (
    Action,
    AssignedLabel,
    Labelled,
    Mode,
    PolicyLabel,
    PowerState,
    Reaction,
    SecurityPolicy,
)
from xencim.providers.core.state import State
from xencim.providers.security.applying import apply, reset, roll_back, set_mode, set_reaction
from xencim.providers.security.enforcement.refusals import DeniedError
from xencim.providers.security.labelling import Target, assign
from xencim.providers.security.stores.store import NO_POLICY, digest_of

from .made_up_flask import MadeUpFlask
from .security_world import A_BANK, B_BANK, IMAGES, OFF, OFF_TOO, Secured, banks, secured, without_b_bank

if TYPE_CHECKING:
    from pathlib import Path

    from xencim.acm.model import Policy

ONLY = "vm-00000"
FIRST, SECOND = banks(), banks("1.1", previous="1.0")


def digest(policy: Policy) -> str:
    return digest_of(write_policy(policy))


def in_force(host: Secured) -> SecurityPolicy:
    (policy,) = host.inventory.view.all(SecurityPolicy).values()
    return policy


async def refused(host: Secured, policy: Policy, expected: str | None = None) -> XsErr:
    with pytest.raises(PolicyError) as error:
        await host.put_in_force(policy, expected)
    return error.value.findings[0].xserr


async def test_what_is_in_force_is_told() -> None:
    async with secured() as host:
        assert not host.inventory.view.all(SecurityPolicy)
        await host.put_in_force(FIRST, NO_POLICY)
        told = in_force(host)
        assert (told.name, told.version, told.digest) == ("banks", "1.0", digest(FIRST))
        assert (told.mode, told.reaction, told.principal) == (Mode.ENFORCING, Reaction.ALERT, "alice")
        assert told.conflict_sets == (("RER", (A_BANK, B_BANK)),)
        assert len(host.inventory.view.all(PolicyLabel)) == 6
        await set_mode(host.security, Mode.PERMISSIVE, principal="bob", reason="looking")
        await set_reaction(host.security, Reaction.PAUSE, principal="bob")
        assert (in_force(host).mode, in_force(host).reaction) == (Mode.PERMISSIVE, Reaction.PAUSE)
        history = await host.security.store.history()
        assert [(entry.action, entry.principal, entry.detail) for entry in history] == [
            ("reaction", "bob", "pause"),
            ("mode", "bob", "permissive: looking"),
            ("applied", "alice", "from no policy to banks 1.0"),
        ]
        assert (history[-1].from_digest, history[-1].to_digest) == (None, digest(FIRST))


async def test_only_who_knows_what_is_in_force_changes_it() -> None:
    async with secured() as host:
        assert await refused(host, FIRST, digest(FIRST)) is XsErr.VERSION_PREVENTS_UPDATE
        await host.put_in_force(FIRST, NO_POLICY)
        with pytest.raises(PolicyError, match="somebody else has changed it"):
            await host.put_in_force(SECOND, NO_POLICY)
        await host.put_in_force(SECOND, digest(FIRST))
        assert in_force(host).version == "1.1"
        with pytest.raises(PolicyError, match="somebody else has changed it"):
            await reset(host.security, principal="alice", expected=digest(FIRST))
        await reset(host.security, principal="alice", expected=digest(SECOND))
        assert not host.inventory.view.all(SecurityPolicy)
        assert not host.inventory.view.all(PolicyLabel)


async def test_a_document_that_is_none() -> None:
    async with secured(policy=FIRST) as host:
        with pytest.raises(PolicyError):
            await apply(host.security, b"<x/>", principal="alice")
        assert in_force(host).version == "1.0"


async def test_labels_follow_an_update() -> None:
    async with secured(policy=FIRST) as host:
        renamed = replace(
            SECOND,
            machine_labels=tuple(
                replace(label, name="Alpha", previous=A_BANK) if label.name == A_BANK else label
                for label in SECOND.machine_labels
                if label.name != B_BANK
            ),
        )
        await host.put_in_force(renamed)
        labels = host.inventory.view.all(AssignedLabel)
        one, other = (labels[f"machine {host.vm(name).uuid}"] for name in (OFF, OFF_TOO))
        assert (str(one), str(other)) == ("ACM:banks:Alpha", "INV_ACM:banks:B-Bank")
        with pytest.raises(DeniedError, match="its label 'B-Bank' was of policy 'banks'"):
            await host.site.backend.control(host.vm(OFF_TOO).uuid, Action.START, None)
        # A label of that name in a later policy is another label.
        await host.put_in_force(banks("1.2", previous="1.1"))
        assert not host.inventory.view.all(AssignedLabel)[other.key].is_valid


async def test_what_runs_stands_against_an_update() -> None:
    async with secured(policy=FIRST) as host:
        await host.site.backend.control(host.vm(OFF_TOO).uuid, Action.START, None)
        second = write_policy(without_b_bank(SECOND))
        plan = await apply(host.security, second, principal="alice", dry_run=True)
        assert (plan.is_feasible, plan.machines_to_stop) == (False, (OFF_TOO,))
        with pytest.raises(PolicyError, match="stop it before the update"):
            await apply(host.security, second, principal="alice")
        assert in_force(host).version == "1.0"
        await host.site.backend.control(host.vm(OFF_TOO).uuid, Action.DESTROY, None)
        await apply(host.security, second, principal="alice")
        assert in_force(host).version == "1.1"


async def test_a_policy_is_brought_back() -> None:
    async with secured(policy=FIRST) as host:
        await host.put_in_force(without_b_bank(SECOND))
        target = Target(Labelled.MACHINE, host.vm(OFF_TOO).uuid)
        assert host.security.label_is_valid(target.name).permitted is False
        await roll_back(host.security, digest(FIRST), principal="bob", expected=in_force(host).digest)
        assert in_force(host).digest == digest(FIRST)
        assert host.security.label_is_valid(target.name).permitted
        with pytest.raises(PolicyError, match="was ever in force here"):
            await roll_back(host.security, digest(SECOND), principal="bob")
        with pytest.raises(PolicyError, match="no machine label"):
            await assign(host.security, target, "C-Bank", principal="bob")


async def test_a_hypervisor_that_does_not_take_it_keeps_the_old_one() -> None:
    async with secured(policy=FIRST) as host:
        host.fake.flask = flask = MadeUpFlask()
        flask.refuses = True
        with pytest.raises(BackendError, match="says no"):
            await apply(host.security, write_policy(SECOND), principal="alice")
        assert flask.loaded == []
        assert in_force(host).version == "1.0"
        latest = (await host.security.store.history())[0]
        assert (latest.action, latest.to_digest) == ("failed", digest(SECOND))
        assert latest.detail == "from banks 1.0 to banks 1.1: the hypervisor says no"


async def test_it_outlives_the_server(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    async with secured(state=State.open(file)) as host:
        await host.put_in_force(FIRST)
        await set_mode(host.security, Mode.PERMISSIVE, principal="alice")
        before = in_force(host)
    async with secured(state=State.open(file)) as host:
        assert in_force(host) == before


def strict() -> Policy:
    """The same policy, by which nothing without a label may run."""
    return replace(FIRST, machine_labels=tuple(one for one in FIRST.machine_labels if one.name != UNLABELED))


async def test_a_host_on_which_machines_run_gets_its_first_policy_where_nothing_is_refused_yet() -> None:
    async with secured(machines=1) as host:
        assert host.vm(ONLY).state is PowerState.RUNNING
        assert await refused(host, strict()) is XsErr.HV_OP_FAILED
        await set_mode(host.security, Mode.PERMISSIVE, principal="alice")
        plan = await apply(host.security, write_policy(strict()), principal="alice", dry_run=True)
        assert (plan.is_feasible, plan.machines_to_stop) == (True, (ONLY,))
        assert {finding.kind for finding in plan.findings} == {FindingKind.WARNING}
        await host.put_in_force(strict())
        assert len(await host.security.drift.look()) == len(plan.findings) == 2
        await host.label(ONLY, A_BANK)
        await host.label_disk(f"{IMAGES}/{ONLY}.qcow2", A_BANK)
        assert await host.security.drift.look() == ()
        await set_mode(host.security, Mode.ENFORCING, principal="alice")
        with pytest.raises(PolicyError, match="is in use by 'vm-00000', which runs: stop it first"):
            await host.label_disk(f"{IMAGES}/{ONLY}.qcow2", B_BANK)


async def test_a_hypervisor_that_enforces_refuses_whatever_the_mode() -> None:
    async with secured(machines=1) as host:
        host.fake.flask = flask = MadeUpFlask()
        await set_mode(host.security, Mode.PERMISSIVE, principal="alice")
        assert await refused(host, strict()) is XsErr.HV_OP_FAILED
        await flask.set_enforcing(enforcing=False)
        await host.put_in_force(strict())


async def test_what_is_wrong_with_a_policy_itself_is_refused_in_every_mode() -> None:
    async with secured(policy=SECOND) as host:
        await set_mode(host.security, Mode.OFF, principal="alice")
        assert await refused(host, FIRST) is XsErr.VERSION_PREVENTS_UPDATE

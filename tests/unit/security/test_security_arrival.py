"""A machine that has its label before it is there."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from xencim.acm.model import PolicyError
from xencim.providers.backends.records import Action, Labelled, VirtualMachine
from xencim.providers.core.reservations import Stage
from xencim.providers.security.enforcement.refusals import DeniedError
from xencim.providers.security.labelling import Target, assign

from .security_world import A_BANK, B_BANK, OFF, OFF_TOO, RUNNING, banks, secured

UUID_OF_NEW = str(UUID(int=7))


async def test_a_machine_is_defined_with_the_label_that_waits_for_it() -> None:
    async with secured(policy=banks()) as host:
        await host.label_disk("/srv/b.img", B_BANK)
        await assign(host.security, Target(Labelled.MACHINE, UUID_OF_NEW), B_BANK, principal="alice")
        config = host.vm(OFF).current
        config = replace(config, disks=(replace(config.disks[0], source="/srv/b.img"),))
        backend = host.site.backend
        await backend.control(host.vm(OFF).uuid, Action.START, None)
        assert await backend.define("new", config, uuid=UUID_OF_NEW) == UUID_OF_NEW
        with pytest.raises(DeniedError, match="conflict set 'RER'"):
            await backend.control(UUID_OF_NEW, Action.START, None)
        await backend.control(host.vm(OFF).uuid, Action.DESTROY, None)
        await backend.control(UUID_OF_NEW, Action.START, None)
        assert host.inventory.view.all(VirtualMachine)[UUID_OF_NEW].state.is_active


@pytest.mark.parametrize("stage", [Stage.PREPARED, Stage.COMMITTED])
async def test_a_machine_that_is_to_come_counts_as_running(stage: Stage) -> None:
    async with secured(policy=banks()) as host:
        await assign(host.security, Target(Labelled.MACHINE, UUID_OF_NEW), B_BANK, principal="alice")
        reservations = host.site.reservations
        token = await reservations.make(UUID_OF_NEW, "coming", 1024, "bob")
        if stage is Stage.COMMITTED:
            await reservations.advance(reservations.find(token, "bob", Stage.PREPARED), stage)
        backend = host.site.backend
        with pytest.raises(DeniedError, match="'coming'"):
            await backend.control(host.vm(OFF).uuid, Action.START, None)
        await backend.control(host.vm(OFF_TOO).uuid, Action.START, None)
        assert host.security.may_start(UUID_OF_NEW).permitted
        assert UUID_OF_NEW not in host.security.running.machines  # type: ignore[union-attr]
        await backend.control(host.vm(OFF_TOO).uuid, Action.DESTROY, None)
        await reservations.advance(reservations.find(token, "bob", stage), Stage.CANCELLED)
        await backend.control(host.vm(OFF).uuid, Action.START, None)


async def test_a_machine_that_comes_switched_off_is_in_nobodys_way() -> None:
    async with secured(policy=banks()) as host:
        await assign(host.security, Target(Labelled.MACHINE, UUID_OF_NEW), B_BANK, principal="alice")
        await host.site.reservations.make(UUID_OF_NEW, "coming", 0, "bob")
        assert host.security.may_start(host.vm(OFF).uuid).permitted


async def test_a_running_machine_gets_no_label_that_one_to_come_excludes() -> None:
    async with secured(policy=banks()) as host:
        await assign(host.security, Target(Labelled.MACHINE, UUID_OF_NEW), B_BANK, principal="alice")
        await host.site.reservations.make(UUID_OF_NEW, "coming", 1024, "bob")
        with pytest.raises(PolicyError, match="'coming'"):
            await host.label(RUNNING, A_BANK)

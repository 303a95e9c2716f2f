"""A machine that has its label before it is there."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from xencim.providers.backends.records import Action, Labelled, VirtualMachine
from xencim.providers.security.enforcement.refusals import DeniedError
from xencim.providers.security.labelling import Target, assign

from .security_world import B_BANK, OFF, banks, secured

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

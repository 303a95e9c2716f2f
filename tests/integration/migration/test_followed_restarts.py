"""What becomes of a machine that starts anew elsewhere when its server is killed in the midst."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.records import PowerState
from xencim.providers.backends.records.jobs import RESULT
from xencim.providers.core.errors import CimError
from xencim.providers.core.reservations import Stage
from xencim.providers.migration.following import followers

from .made_up import OFF_VM

if TYPE_CHECKING:
    from .made_up import Host

KIND = "MigrateVirtualSystemToHost"


class Silent:
    """The progress of a job that nobody looks at."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}

    def tell(self, percent: int, status: str | None = None) -> None:
        """Say nothing."""

    async def remember(self, **facts: str) -> None:
        self.facts |= facts


async def follow(here: Host, **facts: str) -> dict[str, str]:
    """Go on with a migration that an earlier server of this host began; return what it remembers."""
    known = {"name": OFF_VM, "destination": "there", "was_active": "False", "restart": "True"}
    followed = await followers(here.site)[KIND](known | facts)
    assert followed is not None
    progress = Silent()
    await followed.work(progress)  # type: ignore[arg-type] # as much as is used
    return progress.facts


async def test_one_that_was_shut_down_and_not_moved_is_started_here_again(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    token = await there.prepare(here, OFF_VM)
    machine = here.vm(OFF_VM)
    with pytest.raises(CimError, match=f"{OFF_VM} was not moved: it is shut off here"):
        await follow(here, machine=machine.uuid, token=token)
    assert here.vm(OFF_VM).state is PowerState.RUNNING
    assert [one.stage for one in there.site.reservations._all.values()] == [Stage.CANCELLED]


async def test_one_that_has_arrived_is_changed_and_started_there(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    machine = here.vm(OFF_VM)
    token = await there.prepare(here, OFF_VM)
    await there.call("CommitIncomingMigration", Token=token)
    there.put(machine)
    here.remove(OFF_VM)
    facts = await follow(here, machine=machine.uuid, token=token, autostart="True")
    assert facts[RESULT] == f"{OFF_VM} is at there now"
    found = there.vm(OFF_VM)
    assert (found.state, found.autostart) == (PowerState.RUNNING, True)

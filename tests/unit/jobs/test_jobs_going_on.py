"""What a hypervisor goes on with after its server was killed: waited for, then told as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from xencim.providers.backends.base import Backend, BackendError
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import Network, StoragePool, VirtualMachine, Volume
from xencim.providers.core.errors import CimError
from xencim.providers.core.jobs import going_on as module
from xencim.providers.core.jobs.going_on import going_on, things

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.jobs.recovery import Followed


class Hypervisor:
    """Works on its machine as long as there are answers that say so."""

    def __init__(self, *answers: bool | BackendError) -> None:
        self.answers = list(answers)
        self.read_anew = 0

    async def is_busy(self, _kind: object, _key: str) -> bool:
        answer = self.answers.pop(0)
        if isinstance(answer, BackendError):
            raise answer
        return answer

    async def percent_done(self, _uuid: str) -> int | None:
        return None

    async def resync(self) -> None:
        self.read_anew += 1


async def follow(
    hypervisor: Hypervisor, found: str | None = None, facts: Mapping[str, str] = {"machine": "m"}
) -> Followed | None:
    follower = going_on(cast("Backend", hypervisor), Inventory(), lambda _view, _facts: found)
    return await follower(facts)


async def work(followed: Followed | None) -> object:
    assert followed is not None
    return await followed.work(cast("Progress", None))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0)


async def test_nothing_goes_on() -> None:
    assert await follow(Hypervisor(False)) is None
    assert await follow(Hypervisor(BackendError("not_found", "it is gone"))) is None


async def test_it_is_waited_for() -> None:
    hypervisor = Hypervisor(True, True, BackendError("timeout", "it is stuck"), False)
    assert await work(await follow(hypervisor)) == {}
    assert (hypervisor.answers, hypervisor.read_anew) == ([], 1)


async def test_a_machine_that_has_no_time_to_answer_is_waited_for() -> None:
    assert await work(await follow(Hypervisor(BackendError("timeout", "it is stuck"), False))) == {}


async def test_what_is_found_afterwards_is_told() -> None:
    with pytest.raises(CimError, match="the server ended while this went on; it runs"):
        await work(await follow(Hypervisor(True, False), "it runs"))


async def test_a_hypervisor_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_S", 0)
    with pytest.raises(CimError, match="the hypervisor does not answer"):
        await work(await follow(Hypervisor(True)))


async def test_each_thing_that_a_job_works_on_is_asked_about() -> None:
    facts = {"volumes": "p/one, p/two", "network": "n", "pool": "p", "machine": "m", "state": "on"}
    assert things(facts) == [
        (VirtualMachine, "m"),
        (StoragePool, "p"),
        (Network, "n"),
        (Volume, "p/one"),
        (Volume, "p/two"),
    ]
    hypervisor = Hypervisor(False, True, False, False)
    assert await work(await follow(hypervisor, facts={"machine": "m", "volume": "p/v"})) == {}
    assert hypervisor.answers == []


async def test_work_on_storage_is_not_given_up() -> None:
    followed = await follow(Hypervisor(True), facts={"volume": "p/v"})
    assert followed is not None
    with pytest.raises(BackendError, match="does not give up what it does to storage") as caught:
        await followed.cancel()
    assert caught.value.kind == "unsupported"

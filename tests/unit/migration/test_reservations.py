"""Room kept for machines that are to come: tokens are good once, for their owner, and for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.reservations import PREPARED_FOR, Reservations, Stage
from xencim.providers.core.state import State

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


def refusal(one: Reservations, token: str, principal: str, *stages: Stage) -> tuple[Status, str]:
    with pytest.raises(CimError) as caught:
        one.find(token, principal, *stages)
    return caught.value.status, caught.value.message


async def test_a_token_is_good_once() -> None:
    kept = Reservations()
    token = await kept.make("uuid", "vm", 1024, "mover")
    assert [(one.name, one.memory_kib) for one in kept.open()] == [("vm", 1024)]
    await kept.advance(kept.find(token, "mover", Stage.PREPARED), Stage.COMMITTED)
    assert refusal(kept, token, "mover", Stage.PREPARED) == (
        Status.FAILED,
        "the token for vm has been used already",
    )
    await kept.advance(kept.find(token, "mover", Stage.COMMITTED), Stage.FINISHED)
    assert list(kept.open()) == []
    assert refusal(kept, token, "mover", Stage.PREPARED)[1].endswith(
        "used already, and its machine has arrived"
    )


async def test_unknown_and_other_people_s_tokens_look_alike() -> None:
    kept = Reservations()
    token = await kept.make("uuid", "vm", 1024, "mover")
    assert refusal(kept, "made up", "mover", Stage.PREPARED)[0] is Status.NOT_FOUND
    assert refusal(kept, token, "stranger", Stage.PREPARED) == (
        Status.NOT_FOUND,
        "the token is not known here to be 'stranger''s",
    )


async def test_a_token_expires_and_so_does_the_room() -> None:
    clock = Clock()
    kept = Reservations(clock)
    token = await kept.make("uuid", "vm", 1024, "mover")
    clock.time += PREPARED_FOR
    assert list(kept.open()) == []
    assert refusal(kept, token, "mover", Stage.PREPARED)[1] == (
        "the token for vm has expired at 2030-01-01 00:02:00 UTC"
    )
    clock.time += timedelta(days=2)
    await kept.make("other", "other", 0, "mover")
    assert refusal(kept, token, "mover", Stage.PREPARED)[0] is Status.NOT_FOUND


async def test_a_new_promise_replaces_the_one_that_was_not_used() -> None:
    kept = Reservations()
    first = await kept.make("uuid", "vm", 1024, "mover")
    second = await kept.make("uuid", "vm", 1024, "mover")
    assert refusal(kept, first, "mover", Stage.PREPARED)[1] == "the token for vm was cancelled"
    assert kept.find(second, "mover", Stage.PREPARED).name == "vm"
    assert len(list(kept.open())) == 1


async def test_promises_outlive_the_server(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    state = State.open(path)
    kept = Reservations()
    await kept.start(state, "site")
    token = await kept.make("uuid", "vm", 1024, "mover")
    await kept.advance(kept.find(token, "mover", Stage.PREPARED), Stage.COMMITTED)
    state.close()
    assert token.encode() not in path.read_bytes()
    state = State.open(path)
    again, elsewhere = Reservations(), Reservations()
    await again.start(state, "site")
    await elsewhere.start(state, "another site")
    state.close()
    arriving = again.arriving("uuid")
    assert arriving is not None
    assert (arriving.name, arriving.stage) == ("vm", Stage.COMMITTED)
    assert elsewhere.arriving("uuid") is None

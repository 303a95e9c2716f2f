"""Contexts of pulled enumerations: pages, owners, deadlines and bounds."""

from __future__ import annotations

from typing import Any

import pytest

from xencim.providers.core.access import Principal
from xencim.providers.core.carrying import pull
from xencim.providers.core.carrying.pull import Contexts
from xencim.providers.core.carrying.reading import Found
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import WHOLE, Page

ANN = Principal("ann")
BOB = Principal("bob")
ROWS: Any = [Found("served", (number,)) for number in range(5)]  # type: ignore[arg-type]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def contexts(clock: Clock) -> Contexts:
    return Contexts(clock)


def numbers(page: Page) -> list[int]:
    return [row[0] for batch in page.content.batches for row in batch.rows]


def opened(contexts: Contexts, count: int, *, kind: str = "instance", timeout_s: int | None = None) -> Page:
    return contexts.open(ANN, "root/virt", ROWS, kind, WHOLE, timeout_s, count)


def status_of(error: pytest.ExceptionInfo[CimError]) -> Status:
    return error.value.status


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 6, 10_000_000])
def test_pages_hold_every_row_once_and_say_the_end_with_the_last(contexts: Contexts, size: int) -> None:
    page = opened(contexts, size)
    seen = numbers(page)
    while not page.end_of_sequence:
        assert page.context
        page = contexts.pull(ANN, "root/virt", page.context, "instance", max(size, 1))
        assert numbers(page)
        seen += numbers(page)
    assert seen == [0, 1, 2, 3, 4]
    assert page.context == ""
    assert len(contexts) == 0


def test_an_empty_enumeration_ends_at_open(contexts: Contexts) -> None:
    page = contexts.open(ANN, "root/virt", [], "path", WHOLE, None, 0)
    assert (page.end_of_sequence, page.context) == (True, "")


def test_pulling_nothing_keeps_the_context(contexts: Contexts) -> None:
    page = opened(contexts, 0)
    again = contexts.pull(ANN, "root/virt", page.context, "instance", 0)
    assert (numbers(again), again.end_of_sequence) == ([], False)
    assert numbers(contexts.pull(ANN, "root/virt", page.context, "instance", 9)) == [0, 1, 2, 3, 4]


def test_a_context_belongs_to_its_owner_namespace_and_kind(contexts: Contexts) -> None:
    token = opened(contexts, 1).context
    for owner, namespace, kind in (
        (BOB, "root/virt", "instance"),
        (ANN, "interop", "instance"),
        (ANN, "root/virt", "path"),
    ):
        with pytest.raises(CimError) as error:
            contexts.pull(owner, namespace, token, kind, 1)
        assert status_of(error) is Status.INVALID_ENUMERATION_CONTEXT
    with pytest.raises(CimError) as error:
        contexts.close(BOB, "root/virt", token)
    assert status_of(error) is Status.INVALID_ENUMERATION_CONTEXT
    contexts.close(ANN, "root/virt", token)
    assert len(contexts) == 0


def test_a_context_ends_when_nobody_pulls_in_time(contexts: Contexts, clock: Clock) -> None:
    token = opened(contexts, 1, timeout_s=30).context
    clock.now = 29
    contexts.pull(ANN, "root/virt", token, "instance", 1)
    clock.now = 29 + 30
    with pytest.raises(CimError) as error:
        contexts.pull(ANN, "root/virt", token, "instance", 1)
    assert status_of(error) is Status.INVALID_ENUMERATION_CONTEXT
    assert len(contexts) == 0


@pytest.mark.parametrize("timeout_s", [0, -1, pull.MAX_TIMEOUT_S + 1])
def test_timeouts_are_capped(contexts: Contexts, timeout_s: int) -> None:
    with pytest.raises(CimError) as error:
        opened(contexts, 1, timeout_s=timeout_s)
    assert status_of(error) is Status.INVALID_OPERATION_TIMEOUT


def test_contexts_are_bounded_per_user_and_in_total(
    contexts: Contexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(pull.MAX_PER_PRINCIPAL):
        opened(contexts, 1)
    with pytest.raises(CimError) as error:
        opened(contexts, 1)
    assert status_of(error) is Status.SERVER_LIMITS_EXCEEDED
    contexts.open(BOB, "root/virt", ROWS, "path", WHOLE, None, 1)
    monkeypatch.setattr(pull, "MAX_CONTEXTS", pull.MAX_PER_PRINCIPAL + 1)
    with pytest.raises(CimError) as error:
        contexts.open(BOB, "root/virt", ROWS, "path", WHOLE, None, 1)
    assert status_of(error) is Status.SERVER_LIMITS_EXCEEDED

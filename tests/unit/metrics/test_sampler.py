"""One question at a time, its answer everybody's; log lines keep their numbers."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import cast

import pytest

from xencim.providers.backends.base import Backend, BackendError
from xencim.providers.backends.records import FreeMemory, LogLine, Sample
from xencim.providers.core.asking import sampler
from xencim.providers.core.asking.log_lines import MOST_LINES, numbered
from xencim.providers.core.asking.sampler import Sampler
from xencim.providers.core.asking.samples import Asked


class MadeUpBackend:
    """Counts what it is asked; answers once ``gate`` is open."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.log = "a\n"
        self.error: BackendError | None = None

    async def sample(self) -> Sample:
        self.asked.append("sample")
        self.begun.set()
        await self.gate.wait()
        return Sample(taken=datetime.now(UTC), taken_s=float(len(self.asked)), machines={})

    async def free_memory(self) -> FreeMemory:
        self.asked.append("memory")
        if self.error is not None:
            raise self.error
        return FreeMemory(free_kib=5)

    async def read_log(self) -> str:
        self.asked.append("log")
        return self.log


@pytest.fixture
def backend() -> MadeUpBackend:
    return MadeUpBackend()


@pytest.fixture
def asking(backend: MadeUpBackend, monkeypatch: pytest.MonkeyPatch) -> Sampler:
    monkeypatch.setattr(sampler, "BASELINE_S", 0.0)
    return Sampler(lambda: cast("Backend", backend))


async def test_the_first_to_ask_takes_two_samples_and_all_others_none(
    backend: MadeUpBackend, asking: Sampler
) -> None:
    backend.gate.clear()
    waiting = [asyncio.create_task(asking.ask(Asked.METRICS)) for _ in range(50)]
    await backend.begun.wait()
    backend.gate.set()
    await asyncio.gather(*waiting)
    await asking.ask(Asked.METRICS)
    assert backend.asked == ["sample", "sample"]
    before, now = asking.samples.before, asking.samples.now
    assert before is not None
    assert now is not None
    assert (before.taken_s, now.taken_s) == (1.0, 2.0)
    asking.forget(Asked.METRICS)
    await asking.ask(Asked.METRICS)
    assert (backend.asked, asking.samples.before) == (["sample"] * 3, now)


async def test_who_asked_has_the_picture_of_then(backend: MadeUpBackend, asking: Sampler) -> None:
    await asking.ask(Asked.LOG)
    seen = asking.samples
    backend.log = "a\nb\n"
    asking.forget(Asked.LOG)
    await asking.ask(Asked.LOG)
    assert seen.log == (LogLine(number=1, text="a"),)
    assert asking.samples.log == (*seen.log, LogLine(number=2, text="b"))
    assert asking.samples.log[0] is seen.log[0]


@pytest.mark.parametrize(("kind", "level"), [("unsupported", logging.INFO), ("failed", logging.WARNING)])
async def test_what_does_not_answer_keeps_its_last_answer(
    backend: MadeUpBackend, asking: Sampler, caplog: pytest.LogCaptureFixture, kind: str, level: int
) -> None:
    caplog.set_level(logging.INFO)
    await asking.ask(Asked.MEMORY)
    backend.error = BackendError(kind, "it does not say")
    asking.forget(Asked.MEMORY)
    await asking.ask(Asked.MEMORY)
    assert asking.samples.memory == FreeMemory(free_kib=5)
    assert [(one.levelno, one.message) for one in caplog.records] == [
        (level, "the free memory: not told: it does not say")
    ]


async def test_a_hypervisor_that_is_stuck_is_waited_for_only_so_long(
    backend: MadeUpBackend, asking: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "WAIT_S", 0.01)
    backend.gate.clear()
    await asking.ask(Asked.METRICS)
    await asking.ask(Asked.METRICS)
    assert (backend.asked, asking.samples.now) == (["sample"], None)
    await asking.stop()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


def texts(lines: tuple[LogLine, ...]) -> list[tuple[int, str]]:
    return [(line.number, line.text) for line in lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\nb\n", [(1, "a"), (2, "b"), (3, "b")]),  # nothing new
        ("a\nb\nb\nc\n", [(1, "a"), (2, "b"), (3, "b"), (4, "c")]),
        ("b\nb\nc\n", [(2, "b"), (3, "b"), (4, "c")]),  # the oldest has fallen out
        ("b\nc\n", [(3, "b"), (4, "c")]),
        ("x\ny\n", [(4, "x"), (5, "y")]),  # all of them have, or it was cleared
        ("", []),
        ("a\n\n  \nb\nb\n", [(1, "a"), (2, "b"), (3, "b")]),  # empty lines are none
    ],
)
def test_lines_keep_their_numbers(text: str, expected: list[tuple[int, str]]) -> None:
    known = numbered((), "a\nb\nb\n", 1)
    assert texts(known) == [(1, "a"), (2, "b"), (3, "b")]
    assert texts(numbered(known, text, 4)) == expected


def test_a_log_is_bounded() -> None:
    text = "".join(f"{number}\n" for number in range(MOST_LINES + 5))
    lines = numbered((), f"{'x' * 9999}\n{text}", 1)
    assert len(lines) == MOST_LINES
    assert texts(lines)[-1] == (MOST_LINES + 6, str(MOST_LINES + 4))
    assert len(numbered((), "x" * 9999, 1)[0].text) == 4096

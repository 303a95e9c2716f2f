"""How often somebody may fail."""

from __future__ import annotations

from dataclasses import dataclass

from xencim.cimom_glue.server.auth.ratelimit import FailureLimiter


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_one_at_a_time() -> None:
    clock = Clock()
    limiter = FailureLimiter(3, 30.0, clock=clock)
    for _ in range(3):
        assert limiter.wait_seconds("a") == 0.0
        limiter.take("a")
    assert limiter.wait_seconds("a") == 10.0
    assert limiter.wait_seconds("b") == 0.0
    clock.now = 10.0
    assert limiter.wait_seconds("a") == 0.0
    limiter.take("a")
    assert limiter.wait_seconds("a") == 10.0


def test_an_attempt_that_succeeded_does_not_count() -> None:
    limiter = FailureLimiter(1, 60.0, clock=Clock())
    limiter.take("a")
    assert limiter.wait_seconds("a") == 60.0
    limiter.give_back("a")
    assert limiter.wait_seconds("a") == 0.0
    assert len(limiter) == 0


def test_the_table_is_bounded() -> None:
    limiter = FailureLimiter(1, 60.0, clock=Clock())
    for number in range(10_000):
        limiter.take(number)
    assert len(limiter) == 4096
    assert limiter.wait_seconds(9_999) == 60.0

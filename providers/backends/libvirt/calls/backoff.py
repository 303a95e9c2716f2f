"""How long to wait before trying again: longer each time, never in step with others."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential delays with jitter, capped."""

    first_s: float = 0.25
    factor: float = 2.0
    cap_s: float = 30.0
    jitter: float = 0.5
    """The share of a delay that is left to chance."""

    def delays_s(self) -> Iterator[float]:
        """Yield one delay after the other, for ever."""
        delay_s = self.first_s
        while True:
            yield delay_s * (1 - self.jitter * random.random())  # noqa: S311 - no secret
            delay_s = min(delay_s * self.factor, self.cap_s)

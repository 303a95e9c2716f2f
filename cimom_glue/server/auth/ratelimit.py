"""How often somebody may fail: a bounded table of token buckets."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_MOST_KEYS = 4096  # a few hundred kilobytes; beyond, the one longest untouched is forgotten


class FailureLimiter:
    """Lets each key fail ``burst`` times at once and as often again in each ``window_seconds``."""

    def __init__(
        self, burst: int, window_seconds: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst = float(burst)
        self._per_second = burst / window_seconds
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, key: Hashable) -> float:
        """Return how long the key must wait before its next attempt; 0 for not at all."""
        return max(0.0, (1.0 - self._tokens(key)) / self._per_second)

    def take(self, key: Hashable) -> None:
        """Count an attempt as failed until `give_back` says otherwise."""
        self._set(key, self._tokens(key) - 1.0)

    def give_back(self, key: Hashable) -> None:
        """Take an attempt's failure back."""
        self._set(key, self._tokens(key) + 1.0)

    def __len__(self) -> int:
        return len(self._buckets)

    def _tokens(self, key: Hashable) -> float:
        tokens, since = self._buckets.get(key, (self._burst, 0.0))
        return min(self._burst, tokens + (self._clock() - since) * self._per_second)

    def _set(self, key: Hashable, tokens: float) -> None:
        if tokens >= self._burst:
            self._buckets.pop(key, None)
            return
        self._buckets[key] = (tokens, self._clock())
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)

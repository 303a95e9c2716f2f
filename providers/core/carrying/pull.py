"""Server-side contexts of pulled enumerations.

A context holds an iterator over a snapshot's rows: nothing is made before it is pulled, and all
pages show the host as it was at Open. It belongs to the principal that opened it.

Source: DSP0200 1.4, 5.4.2 (Open…, Pull…, CloseEnumeration).
Errors: INVALID_ENUMERATION_CONTEXT, INVALID_OPERATION_TIMEOUT, SERVER_LIMITS_EXCEEDED.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING

from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Batch, Instances, Page, Paths, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.providers.core.access import Principal
    from xencim.providers.core.carrying.reading import Found

DEFAULT_TIMEOUT_S = 60
MAX_TIMEOUT_S = 600  # a context keeps the records of its snapshot alive
MAX_PER_PRINCIPAL = 32
MAX_CONTEXTS = 512
MAX_PAGE = 10_000  # rows of one page are collected before the reply's first byte


@dataclass(slots=True)
class _Context:
    owner: Principal
    namespace: str
    rows: Iterator[Found]
    kind: str
    shape: Shape
    timeout_s: int
    deadline_s: float
    ahead: Found | None = None


class Contexts:
    """All open contexts of a server."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, _Context] = {}

    def __len__(self) -> int:
        self._expire()
        return len(self._open)

    def open(  # noqa: PLR0917 - the parts of an enumeration
        self,
        owner: Principal,
        namespace: str,
        rows: Iterable[Found],
        kind: str,
        shape: Shape,
        timeout_s: int | None,
        count: int,
    ) -> Page:
        """Begin an enumeration of a kind (path, instance, query) and return its first page."""
        timeout = self._timeout(timeout_s)
        self._make_room(owner)
        context = _Context(owner, namespace, iter(rows), kind, shape, timeout, self._clock() + timeout)
        return self._page(secrets.token_urlsafe(18), context, count)

    def pull(self, owner: Principal, namespace: str, token: str, kind: str, count: int) -> Page:
        """Return the next page; ``kind`` must be that of the Open operation."""
        context = self._find(owner, namespace, token)
        if context.kind != kind:
            raise CimError(
                Status.INVALID_ENUMERATION_CONTEXT,
                f"the enumeration context was opened for {context.kind} results, not for {kind} results",
            )
        context.deadline_s = self._clock() + context.timeout_s
        return self._page(token, context, count)

    def close(self, owner: Principal, namespace: str, token: str) -> None:
        """End an enumeration before its end."""
        self._find(owner, namespace, token)
        del self._open[token]

    def _page(self, token: str, context: _Context, count: int) -> Page:
        taken = [context.ahead] if context.ahead is not None and count else []
        taken += islice(context.rows, max(0, min(count, MAX_PAGE) - len(taken)))
        if taken or context.ahead is None:
            context.ahead = next(context.rows, None)
        batches = [
            Batch(served, [found.row for found in group])
            for served, group in groupby(taken, key=lambda found: found.served)
        ]
        content = Paths(batches) if context.kind == "path" else Instances(batches, context.shape)
        if context.ahead is None:
            self._open.pop(token, None)
            return Page(content, "", end_of_sequence=True)
        self._open[token] = context
        return Page(content, token, end_of_sequence=False)

    def _find(self, owner: Principal, namespace: str, token: str) -> _Context:
        self._expire()
        context = self._open.get(token)
        # Somebody else's context is not told from one that does not exist.
        if context is None or context.owner != owner or context.namespace != namespace:
            raise CimError(
                Status.INVALID_ENUMERATION_CONTEXT,
                "the enumeration context does not exist, has ended or has timed out",
                hint="begin again with the Open operation",
            )
        return context

    def _expire(self) -> None:
        now = self._clock()
        for token in [t for t, context in self._open.items() if context.deadline_s <= now]:
            del self._open[token]

    def _make_room(self, owner: Principal) -> None:
        self._expire()
        own = sum(context.owner == owner for context in self._open.values())
        if own >= MAX_PER_PRINCIPAL or len(self._open) >= MAX_CONTEXTS:
            raise CimError(
                Status.SERVER_LIMITS_EXCEEDED,
                f"{own} enumerations of {owner.name!r} and {len(self._open)} in all are open",
                hint=f"close some: {MAX_PER_PRINCIPAL} are allowed per user and {MAX_CONTEXTS} in all",
            )

    @staticmethod
    def _timeout(timeout_s: int | None) -> int:
        if timeout_s is None:
            return DEFAULT_TIMEOUT_S
        if not 0 < timeout_s <= MAX_TIMEOUT_S:
            raise CimError(
                Status.INVALID_OPERATION_TIMEOUT,
                f"OperationTimeout {timeout_s} is not between 1 and {MAX_TIMEOUT_S} seconds",
            )
        return timeout_s

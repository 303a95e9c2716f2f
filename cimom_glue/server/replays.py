"""Answers to GetInstance, for clients that ask the same again and again, as monitors do.

An answer is good while nothing has changed on any host: one generation for all. It is kept by the
decoded request, which the codec gives again for an equal body, and by who asked. Only the message's
id differs between replays.

Source: docs/architecture.md, "Fragments".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.operations import GetInstance
from xencim.providers.core.results import Instances
from xencim.providers.core.served import ServedClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xencim.cimom_glue.wire import Message
    from xencim.providers.core.access import Principal
    from xencim.providers.core.results import Result

# Each is a few KB; any change lets all of them go.
_MOST_KEPT = 1024
_ID = b'<MESSAGE ID="'
_ANSWER, _HEAD_BYTES = b"<IRETURNVALUE>", 512


class Replays:
    """Answers of one generation; ``generation`` tells the present one."""

    def __init__(self, generation: Callable[[], int]) -> None:
        self._generation = generation
        self._of = -1
        # The message keeps the operation alive whose id is the key.
        self._kept: dict[tuple[int, Principal], tuple[Message, bytes, bytes]] = {}

    def find(self, message: Message, principal: Principal) -> bytes | None:
        """Return the answer that was kept, with this message's id."""
        if self._of != self._generation():
            return None
        kept = self._kept.get((id(message.operation), principal))
        if kept is None or not message.id.isalnum():
            return None
        _, before, after = kept
        return b"".join((before, message.id.encode(), after))

    def kept(
        self, message: Message, principal: Principal, result: Result, pieces: Iterator[bytes]
    ) -> Iterator[bytes]:
        """Yield an answer's pieces; keep the answer where it is one that may be kept."""
        if not (isinstance(message.operation, GetInstance) and message.id.isalnum() and _lasts(result)):
            return pieces
        # What the answer is made from was read in the same step of the event loop.
        return self._keep(message, principal, self._generation(), b"".join(pieces))

    def _keep(self, message: Message, principal: Principal, generation: int, body: bytes) -> Iterator[bytes]:
        if _ANSWER not in body[:_HEAD_BYTES]:  # the instance failed
            return iter((body,))
        if self._of != generation or len(self._kept) >= _MOST_KEPT:
            self._of, self._kept = generation, {}
        start = body.index(_ID) + len(_ID)
        self._kept[id(message.operation), principal] = (
            message,
            body[:start],
            body[start + len(message.id.encode()) :],
        )
        return iter((body,))


def _lasts(result: Result) -> bool:
    """Tell whether an instance's values change with the generation only."""
    return isinstance(result, Instances) and all(
        isinstance(batch.served, ServedClass)
        and batch.served.cacheable
        and not batch.served.spec.refreshes_storage
        for batch in result.batches
    )

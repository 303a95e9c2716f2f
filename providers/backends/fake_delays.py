"""Actions of a made-up host that take as long as its delay says before they begin."""

from __future__ import annotations

import asyncio
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine


class Slow(Protocol):
    """A host whose actions take seconds."""

    delay_s: float


H = TypeVar("H", bound=Slow)
P = ParamSpec("P")
T = TypeVar("T")


def late(
    act: Callable[Concatenate[H, P], Awaitable[T]],
) -> Callable[Concatenate[H, P], Coroutine[Any, Any, T]]:
    """Have an action wait before it looks at anything, as in a hypervisor's own queue."""

    @wraps(act)
    async def later(host: H, /, *args: P.args, **kwargs: P.kwargs) -> T:
        await asyncio.sleep(host.delay_s)
        return await act(host, *args, **kwargs)

    return later

"""Which domains Xen runs, and what they do: one call for all of them.

By Xen's own Python module where it is installed (one hypercall), else by ``xl list -v``.
Source: xen.lowlevel.xc, domain_getinfo; xen/include/public/sched.h, SHUTDOWN_*.
Errors: BackendError: failed, and those of `Tools`.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import PowerState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xencim.providers.backends.xen.hypervisor import Hypervisor
    from xencim.providers.backends.xen.tools import Tools

_SUSPENDED, _CRASHED = 2, 3
_LISTED = re.compile(
    r".+?\s+(?P<number>\d+)\s+\d+\s+\d+\s+(?P<state>[a-z-]{6})\s+[\d.]+\s+(?P<uuid>[0-9a-f-]{36})\s.*"
)


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain as the hypervisor has it."""

    number: int
    uuid: str
    state: PowerState
    pool: int | None = None  # the CPU pool that it runs on


def read_hypercall(told: Sequence[Mapping[str, Any]]) -> tuple[Domain, ...]:
    """Read what domain_getinfo returns; what is only being taken down is left out."""
    return tuple(
        Domain(one["domid"], str(UUID(bytes=bytes(one["handle"]))), _state(one), one["cpupool"])
        for one in told
        if not one["dying"]
    )


def _state(one: Mapping[str, Any]) -> PowerState:
    if one["shutdown"]:
        states = {_SUSPENDED: PowerState.PAUSED, _CRASHED: PowerState.CRASHED}
        return states.get(one["shutdown_reason"], PowerState.SHUTTING_DOWN)
    return PowerState.PAUSED if one["paused"] else PowerState.RUNNING


async def asked(hypervisor: Hypervisor) -> tuple[Domain, ...]:
    """Return what the hypervisor tells."""
    return read_hypercall(await asyncio.to_thread(hypervisor.domains))


async def listed(tools: Tools) -> tuple[Domain, ...]:
    """Return what ``xl`` lists."""
    ended = await tools.run("xl", "list", "-v")
    if ended.status:
        raise BackendError("failed", f"xl cannot list the domains: {ended.said}")
    return read_listed(ended.out)


def read_listed(out: str) -> tuple[Domain, ...]:
    """Read what ``xl list -v`` prints."""
    found = []
    for line in out.splitlines():
        match = _LISTED.fullmatch(line)
        if match and "d" not in match["state"]:
            letters = match["state"]
            state = PowerState.PAUSED if "p" in letters else PowerState.RUNNING
            if "c" in letters:
                state = PowerState.CRASHED
            elif "s" in letters:
                state = PowerState.SHUTTING_DOWN
            found.append(Domain(int(match["number"]), match["uuid"], state))
    return tuple(found)

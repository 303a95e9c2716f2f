"""Xen's CPU pools: the hypervisor tells what they are, xenstore their names, ``xl`` their scheduler's limit.

Source: xen/include/public/domctl.h, XEN_SCHEDULER_*; ``xl sched-credit2 -s``.
Errors: BackendError of `Hypervisor` and `Xenstore`.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import CpuPool

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.backends.xen.hypervisor import Hypervisor
    from xencim.providers.backends.xen.tools import Tools
    from xencim.providers.backends.xen.xenstore import Xenstore

WATCHED = "/local/pool"
"""Under it a pool's name is written when it is made, and taken away with it."""
_SCHEDULERS = {4: "sedf", 5: "credit", 6: "credit2", 7: "arinc653", 8: "rtds", 9: "null"}
_WITH_LIMIT = {"credit", "credit2"}
_LIMIT = re.compile(r"^Cpupool (?P<pool>\S+):.*\bratelimit=(?P<limit>\d+)us", re.MULTILINE)


async def read(hypervisor: Hypervisor, store: Xenstore) -> dict[int, CpuPool]:
    """Return all pools by their numbers; what `rate_limits` tells is not among it."""
    told = await asyncio.to_thread(hypervisor.pools)
    names = await asyncio.gather(*(store.read(f"{WATCHED}/{one['cpupool']}/name") for one in told))
    return {
        one["cpupool"]: CpuPool(
            name=name or f"Pool-{one['cpupool']}",
            number=one["cpupool"],
            scheduler=_SCHEDULERS.get(one["sched"], f"number {one['sched']}"),
            cpus=tuple(one["cpulist"]),
        )
        for one, name in zip(told, names, strict=True)
    }


async def rate_limits(tools: Tools, pools: Iterable[CpuPool]) -> dict[str, int]:
    """Return, by the pools' names, how many microseconds a virtual processor runs at least.

    Asked once for all pools of a scheduler; nothing is told without ``xl``.
    """
    found: dict[str, int] = {}
    for scheduler in sorted(_WITH_LIMIT & {pool.scheduler for pool in pools}):
        with suppress(BackendError):
            found |= read_limits((await tools.run("xl", f"sched-{scheduler}", "-s")).out)
    return found


def read_limits(out: str) -> dict[str, int]:
    """Read what ``xl sched-credit2 -s`` prints."""
    return {match["pool"]: int(match["limit"]) for match in _LIMIT.finditer(out)}

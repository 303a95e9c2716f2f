"""Xen's domains followed: which there are, what each has, what each was made with.

Belongs to the event loop. Xenstore announces what comes, goes, grows and gets devices; a pause it does
not, so the hypervisor is asked for all domains, by one call, every POLL_S.
Errors: BackendError from `look`; sources that are not there are told in ``missing``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.xen import cpu_pools, domains, hypervisor, live, merging
from xencim.providers.backends.xen.merging import Around
from xencim.providers.backends.xen.xenstore import SOCKETS, Xenstore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from xencim.providers.backends.records import CpuPool
    from xencim.providers.backends.xen.domains import Domain
    from xencim.providers.backends.xen.hypervisor import Hypervisor
    from xencim.providers.backends.xen.live import Live
    from xencim.providers.backends.xen.tools import Tools

    Lister = Callable[[], Awaitable[tuple[Domain, ...]]]

log = logging.getLogger(__name__)

POLL_S = 0.4
"""A pause shows within a second: this, and the time of a look."""
LISTED_S = 1.0
"""Instead of it where ``xl`` has to be run to ask."""
GAP_S = 0.05
"""Between looks: a machine that is made announces a hundred things."""
SWEEP_S = 60.0
"""What nothing announces, a scheduler's weight say, is read anew after this."""
_WATCHED = ("@introduceDomain", "@releaseDomain", "/libxl", cpu_pools.WATCHED)
_OF_DOMAIN = re.compile(r"/(?:libxl|local/domain)/(\d+)(?:/.*)?")


class Following:
    """What Xen tells at the moment; ``changed`` is called after each look."""

    def __init__(self, tools: Tools, changed: Callable[[], None], sockets: tuple[str, ...] = SOCKETS) -> None:
        self.domains: Mapping[int, Domain] = {}
        self.lives: dict[int, Live] = {}
        self.made_with: Mapping[int, Mapping[str, Any]] = {}
        self.pools: Mapping[int, CpuPool] = {}
        self.rate_limits: Mapping[str, int] = {}
        self.hypervisor: Hypervisor | None = None
        self.missing: dict[str, BackendError] = {}
        self.looks = 0
        self.store: Xenstore | None = None
        self._tools = tools
        self._changed = changed
        self._sockets = sockets
        self._list: Lister | None = None
        self._pools_are_old = True
        self._poll_s = POLL_S
        self._dirty: set[int] = set()
        self._watched: set[int] = set()
        self._wake = asyncio.Event()
        self._looking = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._swept_s = float("-inf")

    async def start(self, lister: Lister | None = None) -> None:
        """Find the sources that there are, look once, and follow."""
        self._list = lister or await self._find_lister()
        await self._find_store()
        if self._list is None or self.store is None:
            return
        try:
            await self.look()
        except BackendError as error:
            log.warning("Xen's domains were not read: %s", error)
        self._swept_s = asyncio.get_running_loop().time()
        self._begin(self._follow(), "follow Xen's domains")

    async def stop(self) -> None:
        """Let go of all sources."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.store is not None:
            await self.store.close()
            self.store = None

    async def look(self) -> None:
        """Look at all domains: one call to the hypervisor, and xenstore for what changed."""
        async with self._looking:
            if self._list is None:
                return
            found = {domain.number: domain for domain in await self._list()}
            if self.store is not None:
                await self._read(self.store, found)
                await self._read_pools(self.store, found)
            self.domains = found
            self.looks += 1
        self._changed()

    def around(self, domain: Domain) -> Around:
        """Return what a domain has of others."""
        pool = None if domain.pool is None else self.pools.get(domain.pool)
        live = self.lives.get(domain.number)
        needed = [self.domains.get(number) for number in live.needs] if live else []
        return Around(pool.name if pool else None, tuple(one.uuid for one in needed if one is not None))

    def known_pools(self) -> list[CpuPool]:
        """Return the CPU pools with all that is known of them."""
        limits = self.rate_limits
        return [replace(pool, rate_limit_us=limits.get(pool.name)) for pool in self.pools.values()]

    def want_definitions(self) -> None:
        """Have what domains were made with read, unless that goes on."""
        if not any(task.get_name() == "xl list -l" for task in self._tasks):
            self._begin(self.read_definitions(), "xl list -l")

    async def read_definitions(self) -> None:
        """Read what all domains were made with, by one run of ``xl``."""
        try:
            ended = await self._tools.run("xl", "list", "-l")
            self.made_with = merging.definitions(ended.out)
        except (BackendError, json.JSONDecodeError) as error:
            log.warning("xl does not tell what machines were made with: %s", error)
        self.rate_limits = await cpu_pools.rate_limits(self._tools, self.pools.values())
        self._changed()

    # Sources ----------------------------------------------------------------------------------

    async def _find_lister(self) -> Lister | None:
        try:
            self.hypervisor = await asyncio.to_thread(hypervisor.found)
        except BackendError as error:
            self.missing["hypercalls"] = error
        else:
            return partial(domains.asked, self.hypervisor)
        self._poll_s = LISTED_S
        try:
            await domains.listed(self._tools)
        except BackendError as error:
            self.missing["xl"] = error
            return None
        return partial(domains.listed, self._tools)

    async def _find_store(self) -> None:
        store = Xenstore(self._told, self._ended)
        try:
            await store.connect(self._sockets)
            for path in _WATCHED:
                await store.watch(path)
        except BackendError as error:
            self.missing["xenstore"] = error
            await store.close()
        else:
            self.missing.pop("xenstore", None)
            self.store = store

    def _told(self, path: str) -> None:
        match = _OF_DOMAIN.fullmatch(path)
        if match:
            self._dirty.add(int(match[1]))
        elif path.startswith(cpu_pools.WATCHED):
            self._pools_are_old = True
        self._wake.set()

    def _ended(self) -> None:
        log.warning("xenstore's daemon is gone")
        self.missing["xenstore"] = BackendError("lost", "xenstore's daemon is gone")
        self._watched.clear()
        self._swept_s = float("-inf")

    # Looking ----------------------------------------------------------------------------------

    async def _read(self, store: Xenstore, found: Mapping[int, Domain]) -> None:
        dirty, self._dirty = self._dirty, set()
        gone = (self._watched | self.lives.keys()) - found.keys()
        for number in gone:
            self.lives.pop(number, None)
        ended = [path for number in gone & self._watched for path in live.watched(number)]
        new = found.keys() - self._watched
        begun = [path for number in new for path in live.watched(number)]
        self._watched = set(found)
        # A watch that ended with its domain is none any more: the daemon says so, and it does not matter.
        await asyncio.gather(*map(store.unwatch, ended), return_exceptions=True)
        await asyncio.gather(*map(store.watch, begun))
        due = [number for number in found if number in new | dirty or number not in self.lives]
        read = await asyncio.gather(*(live.read(store, number) for number in due))
        for number, now in zip(due, read, strict=True):
            if now is None:
                self.lives.pop(number, None)
            elif now != self.lives.get(number):
                self.lives[number] = now

    async def _read_pools(self, store: Xenstore, found: Mapping[int, Domain]) -> None:
        """Read the CPU pools where one was made or taken away."""
        is_new = any(domain.pool not in self.pools for domain in found.values())
        if self.hypervisor is not None and (self._pools_are_old or is_new):
            self._pools_are_old = False
            self.pools = await cpu_pools.read(self.hypervisor, store)

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        failed = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._wake.wait()
            self._wake.clear()
            try:
                if loop.time() >= self._swept_s + SWEEP_S:
                    self._swept_s = loop.time()
                    await self._sweep()
                await self.look()
                failed = False
            except BackendError as error:
                if not failed:
                    log.warning("Xen's domains were not read: %s", error)
                failed = True
            except Exception:
                log.exception("Xen's domains were not read")
            await asyncio.sleep(GAP_S)

    async def _sweep(self) -> None:
        if "xenstore" in self.missing:
            if self.store is not None:
                await self.store.close()
                self.store = None
            await self._find_store()
        self._dirty |= self.domains.keys()
        self._pools_are_old = True
        self.want_definitions()

    def _begin(self, work: Any, name: str) -> None:  # noqa: ANN401 - a coroutine
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

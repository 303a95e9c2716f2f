"""The volumes of storage pools in the inventory, read when they are asked for.

Belongs to the event loop; reads run on workers. Volumes announce nothing: they are read with everything
else at the start, after what this server does to a pool, when libvirt says that a pool was refreshed,
and when somebody asks. A pool that does not answer keeps the volumes it had, and is not asked again
before it does.

Errors: BackendError (lost); others are logged.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls.workers import StuckError
from xencim.providers.backends.libvirt.xml import storage_xml
from xencim.providers.backends.records import PoolState, StoragePool, Volume

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers

log = logging.getLogger(__name__)

_WITH_CONTENT = frozenset({PoolState.RUNNING, PoolState.DEGRADED})


class Volumes:
    """Keeps the inventory's volumes while a session lasts."""

    def __init__(self, session: Session, inventory: Inventory, workers: Workers) -> None:
        self._session = session
        self._inventory = inventory
        self._workers = workers
        self._stuck: set[str] = set()
        # One look at a time: an older one must not put back what a newer one saw gone.
        self._reading = asyncio.Lock()

    async def read(self, pools: Iterable[str] | None = None) -> None:
        """Read the volumes of some pools, of all when none are named."""
        async with self._reading:
            await self._read(pools)

    async def _read(self, pools: Iterable[str] | None) -> None:
        known = self._inventory.view.all(StoragePool)
        names = tuple(known) if pools is None else tuple(pools)
        active = [name for name in names if name in known and known[name].state in _WITH_CONTENT]
        for name in names:
            if name not in active:
                self._replace(name, ())
        asked = [name for name in active if name not in self._stuck]
        for name, answer in await self._workers.each(partial(_volumes, self._session), asked):
            if not isinstance(answer, BackendError):
                self._replace(name, answer)
            elif answer.kind == "lost":
                raise answer
            else:
                self._not_read(name, answer)

    def _replace(self, pool: str, volumes: Iterable[Volume]) -> None:
        fresh = {volume.key: volume for volume in volumes}
        gone = [old.key for old in self._inventory.view.volumes_by("in", pool) if old.key not in fresh]
        for key in gone:
            self._inventory.remove(Volume, key)
        for volume in fresh.values():
            self._inventory.put(volume)

    def _not_read(self, pool: str, error: BackendError) -> None:
        log.warning("the volumes of storage pool %s were not read: %s", pool, error)
        if isinstance(error, StuckError):
            self._stuck.add(pool)
            error.late.add_done_callback(lambda _late: self._stuck.discard(pool))


def _volumes(session: Session, pool: str) -> list[Volume]:
    """Return the volumes of a pool that runs."""
    found = session.call(session.connection.storagePoolLookupByName, pool)
    volumes = []
    for volume in session.call(found.listAllVolumes, 0):
        try:
            volumes.append(storage_xml.volume(session.call(volume.XMLDesc, 0), pool))
        except BackendError as error:
            if error.kind in {"lost", "timeout"}:
                raise
            log.info("volume %s of pool %s was left out: %s", volume.name(), pool, error)
    return volumes

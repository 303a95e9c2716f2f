"""The network filters in the inventory, and their changes.

Belongs to the event loop; reads run on workers. Filters announce nothing: they are read with everything
else at the start, with what is swept for, after what this server does to one, and when somebody asks. A
driver without network filters has none.

Errors: BackendError (lost); others are logged.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls.workers import StuckError
from xencim.providers.backends.libvirt.xml.filter_xml import network_filter
from xencim.providers.backends.records import NetworkFilter

if TYPE_CHECKING:
    from libvirt import virNWFilter

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers

log = logging.getLogger(__name__)


class Filters:
    """Keeps the inventory's network filters while a session lasts."""

    def __init__(self, session: Session, inventory: Inventory, workers: Workers) -> None:
        self._session = session
        self._inventory = inventory
        self._workers = workers
        self._is_stuck = False
        # A read that began before a change must not be the last to end.
        self._reading = asyncio.Lock()

    async def read(self) -> None:
        """Read all filters; one that does not answer stays as it was."""
        async with self._reading:
            if not self._is_stuck:
                await self._read_all()

    async def _read_all(self) -> None:
        try:
            listed = await self._workers.run("the network filters", partial(_listed, self._session))
            found = []
            for item, answer in await self._workers.each(partial(_read, self._session), listed):
                if isinstance(answer, BackendError):
                    last = self._inventory.view.get(NetworkFilter, item.name())
                    found += [last] if last and self._not_read(answer) else []
                else:
                    found.append(answer)
        except BackendError as error:
            self._not_read(error)
        else:
            self._inventory.replace_all(NetworkFilter, found)

    def _not_read(self, error: BackendError) -> bool:
        """Take note of an error; tell whether what could not be read may still be there."""
        if error.kind == "lost":
            raise error
        if isinstance(error, StuckError):
            self._is_stuck = True
            error.late.add_done_callback(lambda _late: self._free())
        if error.kind != "not_found":
            log.warning("network filters were not read: %s", error)
        return error.kind != "not_found"

    def _free(self) -> None:
        self._is_stuck = False


def _listed(session: Session) -> list[virNWFilter]:
    return session.offered(session.connection.listAllNWFilters, 0) or []


def _read(session: Session, found: virNWFilter) -> NetworkFilter:
    return network_filter(session.call(found.XMLDesc, 0))

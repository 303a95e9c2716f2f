"""The made-up host's virtual networks: they run as soon as they are made, and nothing is connected.

Errors: BackendError: not_found, exists.
"""

from __future__ import annotations

import asyncio
import uuid as uuids
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Network

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import Inventory


class FakeNetworks:
    """The virtual networks of a host made up in memory."""

    _inventory: Inventory | None = None
    delay_s: float

    async def create_network(self, wanted: Network) -> None:
        """Add a network that runs, with the next free bridge unless it names one."""
        networks = self._networks().view.all(Network)
        if wanted.name in networks:
            raise BackendError("exists", f"there is a network {wanted.name!r} already")
        await asyncio.sleep(self.delay_s)
        taken = {network.bridge for network in networks.values()}
        bridge = wanted.bridge or next(name for name in map("virbr{}".format, count()) if name not in taken)
        made = replace(
            wanted, uuid=str(uuids.uuid4()), active=True, autostart=bool(wanted.autostart), bridge=bridge
        )
        self._networks().put(made)

    async def delete_network(self, name: str) -> None:
        """Take a network away."""
        self._networks().remove(Network, self._network(name).name)

    async def set_network_active(self, name: str, active: bool) -> None:  # noqa: FBT001 - as `Backend` has it
        """Note it."""
        self._networks().put(replace(self._network(name), active=active))

    async def set_network_autostart(self, name: str, autostart: bool) -> None:  # noqa: FBT001 - as `Backend` has it
        """Note it."""
        self._networks().put(replace(self._network(name), autostart=autostart))

    def _network(self, name: str) -> Network:
        network = self._networks().view.get(Network, name)
        if network is None:
            raise BackendError("not_found", f"there is no network {name!r}")
        return network

    def _networks(self) -> Inventory:
        if self._inventory is None:
            raise BackendError("lost", "the made-up host was stopped")
        return self._inventory

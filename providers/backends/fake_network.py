"""The made-up host's virtual networks: nothing is connected.

Errors: BackendError: not_found, exists, unsupported.
"""

from __future__ import annotations

import asyncio
import uuid as uuids
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake_delays import late
from xencim.providers.backends.records import HostAddress, Network

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import Inventory


class FakeNetworks:
    """The virtual networks of a host made up in memory."""

    _inventory: Inventory | None = None
    delay_s: float

    async def create_network(self, wanted: Network, *, start: bool = True) -> None:
        """Add a network, with the next free bridge unless it names one."""
        networks = self._networks().view.all(Network)
        if wanted.name in networks:
            raise BackendError("exists", f"there is a network {wanted.name!r} already")
        await asyncio.sleep(self.delay_s)
        taken = {network.bridge for network in networks.values()}
        bridge = wanted.bridge or next(name for name in map("virbr{}".format, count()) if name not in taken)
        made = replace(
            wanted,
            uuid=wanted.uuid or str(uuids.uuid4()),
            active=False,
            autostart=bool(wanted.autostart),
            bridge=bridge,
        )
        self._networks().put(_started(made) if start else made)

    @late
    async def reconfigure_network(
        self, name: str, *, current: Network | None = None, stored: Network | None = None
    ) -> None:
        """Note it; an active network takes other leases only."""
        network = self._network(name)
        if not network.active:
            self._networks().put(_defined(network, stored or current or network))
            return
        if current is not None and _without_leases(current) != _without_leases(network):
            raise BackendError("unsupported", "an active network takes other leases only")
        kept = (
            network.stored if stored is None or network.stored is None else _defined(network.stored, stored)
        )
        self._networks().put(replace(_defined(network, current or network), stored=kept))

    @late
    async def delete_network(self, name: str) -> None:
        """Take a network away."""
        self._networks().remove(Network, self._network(name).name)

    @late
    async def set_network_active(self, name: str, active: bool) -> None:  # noqa: FBT001 - as `Backend` has it
        """Note it; a network that starts does so by what is stored of it."""
        network = self._network(name)
        self._networks().put(_started(network) if active else _stopped(network))

    @late
    async def set_network_autostart(self, name: str, autostart: bool) -> None:  # noqa: FBT001 - as `Backend` has it
        """Note it."""
        network = self._network(name)
        stored = network.stored and replace(network.stored, autostart=autostart)
        self._networks().put(replace(network, autostart=autostart, stored=stored))

    def _network(self, name: str) -> Network:
        network = self._networks().view.get(Network, name)
        if network is None:
            raise BackendError("not_found", f"there is no network {name!r}")
        return network

    def _networks(self) -> Inventory:
        if self._inventory is None:
            raise BackendError("lost", "the made-up host was stopped")
        return self._inventory


def _started(network: Network) -> Network:
    stopped = _stopped(network)
    return replace(stopped, active=True, stored=stopped)


def _stopped(network: Network) -> Network:
    return replace(network.stored or network, active=False, stored=None)


def _defined(network: Network, wanted: Network) -> Network:
    """Return a network with another definition, and otherwise as it was."""
    return replace(
        wanted,
        uuid=network.uuid,
        active=network.active,
        autostart=network.autostart,
        persistent=network.persistent,
        stored=network.stored,
    )


def _without_leases(network: Network) -> Network:
    addresses = tuple(replace(one, ranges=(), leases=()) for one in network.addresses)
    return replace(network, addresses=addresses, autostart=None, stored=None)


DEFAULT_NETWORK = _started(
    Network(
        name="default",
        uuid="fd492a8a-24fc-57dc-8aef-fde00d07ca40",
        active=False,
        autostart=True,
        bridge="virbr0",
        forward_mode="nat",
        addresses=(
            HostAddress(address="192.168.122.1", prefix=24, ranges=(("192.168.122.2", "192.168.122.254"),)),
        ),
    )
)
"""What a host has from the beginning."""

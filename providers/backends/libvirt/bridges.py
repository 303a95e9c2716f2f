"""The bridges that the host has or machines use, without those that networks own, in the inventory.

Belongs to the event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Bridge, Network, VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.backends.inventory import Inventory


class Bridges:
    """Keeps the inventory's bridges; ``of_host`` is set before anything is read."""

    def __init__(self, inventory: Inventory) -> None:
        self.of_host: frozenset[str] = frozenset()
        self._inventory = inventory

    def read(self) -> None:
        """Tell of all bridges, when machines and networks have been read."""
        names = set(self.of_host)
        for machine in self._inventory.view.all(VirtualMachine).values():
            names |= bridges_of(machine)
        owned = {net.bridge for net in self._inventory.view.all(Network).values()}
        self._inventory.replace_all(Bridge, [Bridge(name=name) for name in sorted(names - owned)])

    def settle(self, names: Iterable[str]) -> None:
        """Tell of some bridges, whose networks or users have changed."""
        view = self._inventory.view
        for name in names:
            used = name in self.of_host or any(True for _ in view.machines_by("bridge", name))
            if used and all(net.bridge != name for net in view.all(Network).values()):
                self._inventory.put(Bridge(name=name))
            else:
                self._inventory.remove(Bridge, name)


def bridges_of(machine: VirtualMachine | None) -> set[str]:
    """Return the names of the bridges that a machine uses, now or when it is started again."""
    configs = (machine.current, machine.stored) if machine else ()
    return {nic.bridge for config in configs if config for nic in config.nics if nic.bridge}

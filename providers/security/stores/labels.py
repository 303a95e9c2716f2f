"""The labels of a host's objects as they are in the inventory, found by name and by what an object is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import AssignedLabel, Labelled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.security.stores.objects import Thing

HOST_OBJECT = "host"


class Labels:
    """What has a label. The inventory holds the records; only this changes them."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._by_identity: dict[str, dict[str, None]] = {}

    def get(self, kind: Labelled, name: str) -> AssignedLabel | None:
        """Return an object's label by its name."""
        return self._inventory.view.get(AssignedLabel, f"{kind.value} {name}")

    def all(self) -> tuple[AssignedLabel, ...]:
        """Return all labels."""
        return tuple(self._inventory.view.all(AssignedLabel).values())

    def of_disk(self, thing: Thing) -> tuple[AssignedLabel, ...]:
        """Return the labels of a disk: that of its name, and those of its other names."""
        found = {}
        named = self.get(Labelled.DISK, thing.object)
        if named is not None:
            found[named.key] = named
        for key in self._by_identity.get(thing.identity or "", ()):
            other = self._inventory.view.get(AssignedLabel, key)
            if other is not None:
                found[key] = other
        return tuple(found.values())

    def put(self, labels: Iterable[AssignedLabel]) -> None:
        """Give objects these labels."""
        for label in labels:
            self._forget_identity(label.key)
            if label.identity:
                self._by_identity.setdefault(label.identity, {})[label.key] = None
            self._inventory.put(label)

    def remove(self, label: AssignedLabel) -> None:
        """Take an object's label away."""
        self._forget_identity(label.key)
        self._inventory.remove(AssignedLabel, label.key)

    def _forget_identity(self, key: str) -> None:
        old = self._inventory.view.get(AssignedLabel, key)
        if old is None or old.identity is None:
            return
        keys = self._by_identity[old.identity]
        keys.pop(key, None)
        if not keys:
            del self._by_identity[old.identity]

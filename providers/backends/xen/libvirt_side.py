"""The inventory as libvirt's side of a Xen host sees it: what it tells of machines is merged first."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import Record, VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xencim.providers.backends.inventory import View

R = TypeVar("R", bound=Record)


class LibvirtSide(Inventory):
    """Another's tables; ``told`` are the machines as libvirt has them, by uuid."""

    def __init__(
        self,
        inventory: Inventory,
        merged: Callable[[Record], Record],
        removed: Callable[[str], None],
    ) -> None:
        self.told: dict[str, VirtualMachine] = {}
        self._inventory = inventory
        self._merged = merged
        self._removed = removed

    @property
    def view(self) -> View:
        """The live view, merged."""
        return self._inventory.view

    def snapshot(self) -> View:
        """Return a view that later changes do not touch."""
        return self._inventory.snapshot()

    def subscribe(self, listener: Callable[[Record | None, Record | None], None]) -> Callable[[], None]:
        """Call ``listener(old, new)`` after each change."""
        return self._inventory.subscribe(listener)

    def put(self, record: Record) -> None:
        """Add or replace a record, merged."""
        if isinstance(record, VirtualMachine):
            self.told[record.uuid] = record
        self._inventory.put(self._merged(record))

    def remove(self, kind: type[R], key: str) -> None:
        """Take a record away; of a machine, what libvirt told."""
        if kind is not VirtualMachine:
            self._inventory.remove(kind, key)
        elif self.told.pop(key, None) is not None:
            self._removed(key)

    def replace_all(self, kind: type[R], records: Iterable[R]) -> None:
        """Make ``records`` all that there is of a kind; machines come one by one."""
        self._inventory.replace_all(kind, records)

"""The made-up host's guests: a screen without a picture, keys that nobody reads, dumps of nothing.

Errors: BackendError: not_found, exists, invalid_state.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import (
    AfterDump,
    Picture,
    PowerState,
    StoragePool,
    Volume,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.records import DumpWish, VirtualMachine

SCREEN = Picture(media_type="image/x-portable-pixmap", data=b"P6\n2 1\n255\n\x00\x00\x00\xff\xff\xff")
"""What every screen shows: a black point and a white one."""


class FakeGuests:
    """The guests of a host made up in memory."""

    delay_s: float
    pressed: list[tuple[str, str, tuple[int, ...]]]
    """What was pressed: the machine's uuid, the set of codes, the keys."""

    def _filled(self) -> Inventory:
        raise NotImplementedError

    def _machine(self, uuid: str) -> VirtualMachine:
        raise NotImplementedError

    async def _take_time(self, machine_uuid: str, timeout_s: float | None) -> None:
        raise NotImplementedError

    async def create_volume(self, wanted: Volume) -> None:
        """Add a volume where there is room."""
        raise NotImplementedError

    async def screenshot(self, machine_uuid: str, screen: int) -> Picture:
        """Return the picture that every first screen shows."""
        machine = self._running_guest(machine_uuid)
        if screen:
            raise BackendError("invalid", f"{machine.name} has one screen, number 0")
        return SCREEN

    async def send_keys(self, machine_uuid: str, code_set: str, keys: Sequence[int], hold_ms: int) -> None:
        """Note what was pressed."""
        del hold_ms
        self.pressed.append((self._running_guest(machine_uuid).uuid, code_set, tuple(keys)))

    async def dump_core(self, machine_uuid: str, volume: Volume, wanted: DumpWish) -> None:
        """Make a volume as large as the memory that is dumped."""
        machine = self._running_guest(machine_uuid)
        if self._filled().view.get(Volume, volume.key) is not None:
            raise BackendError("exists", f"there is a volume {volume.name!r} in pool {volume.pool!r} already")
        if self._filled().view.get(StoragePool, volume.pool) is None:
            raise BackendError("not_found", f"there is no storage pool {volume.pool!r}")
        if self.delay_s:
            await self._take_time(machine_uuid, None)
        size = machine.current.memory.current_kib * 1024
        await self.create_volume(
            Volume(
                pool=volume.pool, name=volume.name, capacity_bytes=size, allocation_bytes=size, format="raw"
            )
        )
        machine = self._machine(machine_uuid)
        if wanted.afterwards is AfterDump.OFF:
            definition = machine.stored or machine.current
            off = replace(machine, state=PowerState.SHUT_OFF, current=definition, stored=None, id=None)
            self._filled().put(off)

    def _running_guest(self, uuid: str) -> VirtualMachine:
        machine = self._machine(uuid)
        if not machine.state.is_active:
            raise BackendError("invalid_state", f"{machine.name} does not run")
        return machine

"""The made-up host's storage: pools of every type that hold what is said to be in them.

Nothing is on any disk; content that is written is kept in memory, what was not is zeros. Capacity is counted
as a file system would: a volume takes what is allocated, and what does not fit is refused.

Errors: BackendError: not_found, exists, invalid, invalid_state, failed (no room).
"""

from __future__ import annotations

import asyncio
import uuid as uuids
from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake_delays import late
from xencim.providers.backends.records import PoolBuild, PoolState, StoragePool, Volume

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from xencim.providers.backends.base import Told
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.records import Disk

POOL_CAPACITY_BYTES = 1024**4
"""Of pools that are made later."""
BLOCK_BYTES = 64 * 1024
_NOTHING = bytes(BLOCK_BYTES)
_STEPS = 10
_TARGETS = {"logical": "/dev", "disk": "/dev", "iscsi": "/dev/disk/by-path", "scsi": "/dev/disk/by-path"}


class FakeStorage:
    """The storage of a host made up in memory."""

    _inventory: Inventory | None = None
    _hidden: dict[str, tuple[Volume, ...]]  # of pools that are stopped
    _contents: dict[str, dict[int, bytes]]  # by volume, blocks that were written
    _built: frozenset[str] = frozenset()  # devices
    delay_s: float

    @late
    async def create_pool(self, wanted: StoragePool, build: PoolBuild | None = None) -> None:
        """Add a pool that runs and is empty; a device that was built on once has something on it."""
        inventory = self._storage()
        if inventory.view.get(StoragePool, wanted.name):
            raise BackendError("exists", f"there is a storage pool {wanted.name!r} already")
        if build:
            used = self._built.intersection(wanted.source_devices)
            if used and build is PoolBuild.NEW:
                raise BackendError("failed", f"there is something on {', '.join(sorted(used))} already")
            self._built |= frozenset(wanted.source_devices)
        inventory.put(
            replace(
                wanted,
                uuid=wanted.uuid or str(uuids.uuid4()),
                state=PoolState.RUNNING,
                autostart=bool(wanted.autostart),
                capacity_bytes=POOL_CAPACITY_BYTES,
                allocation_bytes=0,
                available_bytes=POOL_CAPACITY_BYTES,
                target_path=wanted.target_path or _TARGETS.get(wanted.type),
            )
        )

    @late
    async def find_pool_sources(self, pool_type: str, host: str | None) -> Sequence[StoragePool]:
        """Find one directory on any server, and one volume group."""
        found = StoragePool(name="", uuid="", type=pool_type, state=PoolState.INACTIVE)
        if pool_type == "netfs" and host:
            return (replace(found, source_host=host, source_path="/export"),)
        if pool_type == "logical":
            return (replace(found, source_name="spare", source_devices=("/dev/sdb",)),)
        raise BackendError("unsupported", f"pools of type {pool_type} are not found on a made-up host")

    @late
    async def delete_pool(self, name: str, *, with_content: bool = False) -> None:
        """Take a pool away; its volumes are seen no more, and their content is kept by nobody."""
        if with_content:
            self._running(name)
        self._storage().remove(StoragePool, self._pool(name).name)
        for volume in (*self._hide_volumes(name), *self._hidden.pop(name, ())):
            self._contents.pop(volume.key, None)

    @late
    async def set_pool_active(self, name: str, active: bool) -> None:  # noqa: FBT001 - as `Backend` has it
        """Start or stop a pool; stopped, it shows no volumes."""
        pool = self._pool(name)
        if active == (pool.state is PoolState.RUNNING):
            return
        if active:
            for volume in self._hidden.pop(name, ()):
                self._storage().put(volume)
        else:
            self._hidden[name] = self._hide_volumes(name)
        self._storage().put(replace(pool, state=PoolState.RUNNING if active else PoolState.INACTIVE))

    @late
    async def set_pool_autostart(self, name: str, autostart: bool) -> None:  # noqa: FBT001 - as `Backend` has it
        """Note it."""
        self._storage().put(replace(self._pool(name), autostart=autostart))

    @late
    async def refresh_pool(self, name: str) -> None:
        """Find that nothing changed by itself."""
        self._running(name)

    async def create_volume(self, wanted: Volume) -> None:
        """Add a volume where there is room."""
        pool = self._running(wanted.pool)
        self._demand_free(wanted)
        await asyncio.sleep(self.delay_s)
        allocation = min(wanted.allocation_bytes or 0, wanted.capacity_bytes or 0)
        self._take(pool, allocation)
        self._storage().put(_settled(wanted, pool, allocation))

    async def clone_volume(
        self,
        source: Volume,
        wanted: Volume,
        told: Told | None = None,
        *,
        compact: bool = False,  # noqa: ARG002 - a made-up volume takes what it takes
    ) -> None:
        """Add a volume that takes as much as the other."""
        original, pool = self._volume(source), self._running(wanted.pool)
        self._demand_free(wanted)
        await self._work(original, told)
        allocation = original.allocation_bytes or 0
        self._take(pool, allocation)
        copy = replace(wanted, capacity_bytes=wanted.capacity_bytes or original.capacity_bytes)
        self._contents[copy.key] = dict(self._contents.get(source.key, {}))
        self._storage().put(_settled(copy, pool, allocation))

    @late
    async def delete_volume(self, volume: Volume) -> None:
        """Take a volume away and give back its room."""
        known = self._volume(volume)
        self._take(self._running(known.pool), -(known.allocation_bytes or 0))
        self._storage().remove(Volume, known.key)
        self._contents.pop(known.key, None)

    @late
    async def resize_volume(self, volume: Volume, capacity_bytes: int) -> None:
        """Make a volume larger, and with it the disks of machines that are off."""
        inventory, known = self._storage(), self._volume(volume)
        if capacity_bytes < (known.capacity_bytes or 0):
            raise BackendError("invalid", f"volume {known.key} would lose content")
        inventory.put(replace(known, capacity_bytes=capacity_bytes))

        def grown(disk: Disk) -> Disk:
            is_it = disk.source == known.path or (disk.pool, disk.volume) == (known.pool, known.name)
            return replace(disk, capacity_bytes=capacity_bytes) if is_it else disk

        for machine in inventory.view.machines_with(known):
            disks = tuple(map(grown, machine.current.disks))
            inventory.put(replace(machine, current=replace(machine.current, disks=disks)))

    async def wipe_volume(self, volume: Volume, told: Told | None = None) -> None:
        """Forget a volume's content."""
        await self._work(self._volume(volume), told)
        self._contents.pop(volume.key, None)

    async def read_content(self, volume: Volume, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield a part of a volume's content."""
        self._running(self._volume(volume).pool)
        end = min(offset + length, volume.content_bytes)
        while offset < end:
            number, start = divmod(offset, BLOCK_BYTES)
            piece = self._contents.get(volume.key, {}).get(number, _NOTHING)[start : start + end - offset]
            offset += len(piece)
            yield piece

    async def write_content(
        self, volume: Volume, offset: int, pieces: AsyncIterator[bytes], told: Told | None = None
    ) -> None:
        """Keep what is written."""
        self._running(self._volume(volume).pool)
        blocks, done = self._contents.setdefault(volume.key, {}), 0
        async for piece in pieces:
            left = piece
            while left:
                number, start = divmod(offset + done, BLOCK_BYTES)
                part, left = left[: BLOCK_BYTES - start], left[BLOCK_BYTES - start :]
                block = blocks.get(number, _NOTHING)
                blocks[number] = block[:start] + part + block[start + len(part) :]
                done += len(part)
            if told:
                told(done)

    async def _work(self, volume: Volume, told: Told | None) -> None:
        """Take as long as a disk would, in steps."""
        for step in range(_STEPS):
            if told:
                told(volume.content_bytes * step // _STEPS)
            await asyncio.sleep(self.delay_s / _STEPS)

    def _hide_volumes(self, pool: str) -> tuple[Volume, ...]:
        inventory = self._storage()
        volumes = tuple(inventory.view.volumes_by("in", pool))
        for volume in volumes:
            inventory.remove(Volume, volume.key)
        return volumes

    def _demand_free(self, wanted: Volume) -> None:
        if self._storage().view.get(Volume, wanted.key):
            raise BackendError("exists", f"there is a volume {wanted.name!r} in pool {wanted.pool!r} already")

    def _take(self, pool: StoragePool, size_bytes: int) -> None:
        if size_bytes > (pool.available_bytes or 0):
            raise BackendError(
                "failed", f"pool {pool.name!r} has {pool.available_bytes} bytes left, not {size_bytes}"
            )
        self._storage().put(
            replace(
                pool,
                allocation_bytes=(pool.allocation_bytes or 0) + size_bytes,
                available_bytes=(pool.available_bytes or 0) - size_bytes,
            )
        )

    def _storage(self) -> Inventory:
        if self._inventory is None:
            raise BackendError("lost", "the made-up host was stopped")
        return self._inventory

    def _pool(self, name: str) -> StoragePool:
        pool = self._storage().view.get(StoragePool, name)
        if pool is None:
            raise BackendError("not_found", f"there is no storage pool {name!r}")
        return pool

    def _running(self, name: str) -> StoragePool:
        pool = self._pool(name)
        if pool.state is not PoolState.RUNNING:
            raise BackendError("invalid_state", f"storage pool {name!r} is {pool.state.value}")
        return pool

    def _volume(self, volume: Volume) -> Volume:
        known = self._storage().view.get(Volume, volume.key)
        if known is None:
            raise BackendError("not_found", f"there is no volume {volume.name!r} in pool {volume.pool!r}")
        return known


def _settled(wanted: Volume, pool: StoragePool, allocation_bytes: int) -> Volume:
    """Return a volume as a hypervisor tells it back."""
    return replace(
        wanted,
        path=f"{pool.target_path}/{wanted.name}",
        allocation_bytes=allocation_bytes,
        format=wanted.format or "raw",
    )

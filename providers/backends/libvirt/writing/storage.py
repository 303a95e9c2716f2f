"""The libvirt backend's storage pools and volumes told what to do.

Source: libvirt's API reference, "storage"; what the calls are is in `storage_actions`.
Errors: BackendError of every kind.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls import uris
from xencim.providers.backends.libvirt.writing import storage_actions as actions
from xencim.providers.backends.libvirt.writing import streams
from xencim.providers.backends.libvirt.writing.streams import Streams
from xencim.providers.backends.records import StoragePool, Volume

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from xencim.providers.backends.base import Told
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers
    from xencim.providers.backends.libvirt.machines import ConfigCache
    from xencim.providers.backends.libvirt.mirror import Mirror
    from xencim.providers.backends.records import PoolBuild

STORAGE_TIMEOUT_S = 24 * 3600.0
"""Wiping or copying a large disk takes hours."""
STORAGE_ACTIONS_AT_A_TIME = 8
"""Disks gain nothing from more at once; storage that hangs must leave room for what does not."""
_WITH_STREAMS = frozenset({"dir", "fs", "netfs", "vstorage", "logical", "disk", "iscsi", "scsi", "mpath"})
"""Pools whose volumes are files or devices of the host: of others, content is not read or written."""


def _untold(_done_bytes: int) -> None:
    """Tell nobody."""


class StorageManagement:
    """What a connected backend can do with storage."""

    _inventory: Inventory
    _configs: ConfigCache
    _storage_actions: Workers
    _content_pieces: Workers
    uri: str

    def _connected(self) -> tuple[Session, Mirror]:
        raise NotImplementedError

    async def create_pool(self, wanted: StoragePool, build: PoolBuild | None = None) -> None:
        """Define a pool, make its devices ready if so wished, and start it."""
        await self._act(wanted.name, f"pool {wanted.name} created", actions.create_pool, wanted, build)

    async def find_pool_sources(self, pool_type: str, host: str | None) -> Sequence[StoragePool]:
        """Return what pools of a type could be made from."""
        session, _mirror = self._connected()
        find = partial(actions.find_pool_sources, session, pool_type, host)
        return await self._storage_actions.run(f"sources of {pool_type} pools", find)

    async def delete_pool(self, name: str, *, with_content: bool = False) -> None:
        """Stop a pool and forget it; its content stays unless it is to go first."""
        function = actions.delete_pool_with_content if with_content else actions.delete_pool
        await self._act(name, f"pool {name} removed", function, self._pool(name).name)

    async def set_pool_active(self, name: str, active: bool) -> None:  # noqa: FBT001 - as `Backend` has it
        """Start or stop a pool."""
        what = f"pool {name} {'started' if active else 'stopped'}"
        function = partial(actions.set_pool_active, active=active)
        await self._act(name, what, function, self._pool(name).name)

    async def set_pool_autostart(self, name: str, autostart: bool) -> None:  # noqa: FBT001 - as `Backend` has it
        """Have a pool started with its host, or not."""
        function = partial(actions.set_pool_autostart, autostart=autostart)
        await self._act(name, f"autostart of pool {name} set", function, self._pool(name).name)

    async def refresh_pool(self, name: str) -> None:
        """Have a pool's content looked at anew."""
        await self._act(name, f"pool {name} refreshed", actions.refresh_pool, self._pool(name).name)

    async def create_volume(self, wanted: Volume) -> None:
        """Make a volume."""
        self._pool(wanted.pool)
        await self._act(wanted.pool, f"volume {wanted.key} created", actions.create_volume, wanted)

    async def clone_volume(
        self, source: Volume, wanted: Volume, told: Told | None = None, *, compact: bool = False
    ) -> None:
        """Make a volume with the content of another; what comes to nothing does not stay."""
        self._pool(wanted.pool)
        # libvirt has qemu-img write it anew; a backing image's bytes would go on referring to it.
        is_anew = compact or source.backing_path is not None or wanted.format != source.format
        if is_anew or not self._is_streamed(source):
            await self._act(wanted.pool, f"volume {source.key} cloned", actions.clone_volume, source, wanted)
            return
        await self.create_volume(wanted)
        try:
            await streams.copy(self._streams(), source, wanted, told or _untold)
        except BaseException:
            with suppress(BackendError):
                await self.delete_volume(wanted)
            raise
        await self.refresh_pool(wanted.pool)

    async def delete_volume(self, volume: Volume) -> None:
        """Delete a volume and its content."""
        what = f"volume {volume.key} deleted"
        await self._act(volume.pool, what, actions.delete_volume, volume.pool, volume.name)

    async def resize_volume(self, volume: Volume, capacity_bytes: int) -> None:
        """Make a volume larger, and see the disks that are on it anew."""
        what = f"volume {volume.key} resized"
        await self._act(volume.pool, what, actions.resize_volume, volume.pool, volume.name, capacity_bytes)
        _session, mirror = self._connected()
        for uuid in [machine.uuid for machine in self._inventory.view.machines_with(volume)]:
            self._configs.forget(uuid)
            await mirror.read(uuid)

    async def wipe_volume(self, volume: Volume, told: Told | None = None) -> None:
        """Overwrite a volume with zeros."""
        is_sparse = (volume.allocation_bytes or 0) < volume.content_bytes
        if is_sparse or not self._is_streamed(volume):
            # libvirt cuts a sparse file off and makes it anew, at once.
            what = f"volume {volume.key} wiped"
            await self._act(volume.pool, what, actions.wipe_volume, volume.pool, volume.name)
        else:
            await self.write_content(volume, 0, streams.zeros(volume.content_bytes), told)

    def read_content(self, volume: Volume, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield a part of a volume's content."""
        return streams.pieces_of(self._streams(), volume, offset, length)

    async def write_content(
        self, volume: Volume, offset: int, pieces: AsyncIterator[bytes], told: Told | None = None
    ) -> None:
        """Write pieces to a volume, and see what it has become."""
        try:
            await streams.write_pieces(self._streams(), volume, offset, pieces, told or _untold)
        finally:
            await self.refresh_pool(volume.pool)

    def _streams(self) -> Streams:
        session, _mirror = self._connected()
        return Streams(session, self._content_pieces)

    def _is_streamed(self, volume: Volume) -> bool:
        """Tell whether content is moved by streams: where libvirt has them, and over no network."""
        return (
            uris.driver(self.uri) != "test"
            and uris.is_local(self.uri)
            and self._pool(volume.pool).type in _WITH_STREAMS
        )

    def _pool(self, name: str) -> StoragePool:
        pool = self._inventory.view.get(StoragePool, name)
        if pool is None:
            raise BackendError("not_found", f"there is no storage pool {name!r}")
        return pool

    async def _act(self, pool: str, what: str, function: Callable[..., None], *arguments: object) -> None:
        """Call a function on a worker; the pool is read anew whatever became of it."""
        session, mirror = self._connected()
        try:
            await self._storage_actions.run(what, partial(function, session, *arguments))
        finally:
            await mirror.read_pool(pool)

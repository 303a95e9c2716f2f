"""The libvirt backend's way to guests past their own programs: pictures, keys, dumps of memory.

A dump is written over a volume that is made for it first: so its name is taken, the pool's owner and mode
are kept, and a daemon that was asked before knows of it whatever becomes of the server.

Source: libvirt's API reference, virDomainScreenshot, virDomainSendKey, virDomainCoreDumpWithFormat.
Errors: BackendError of every kind.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls.unsupported import hypervisor_named
from xencim.providers.backends.libvirt.writing import storage_actions
from xencim.providers.backends.records import AfterDump, DumpFormat, Picture, Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libvirt import virDomain

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers
    from xencim.providers.backends.libvirt.mirror import Mirror
    from xencim.providers.backends.records import DumpWish, VirtualMachine

T = TypeVar("T")

DUMP_TIMEOUT_S = 24 * 3600.0
"""A large memory on a slow disk takes hours."""
_FORMATS = {  # virDomainCoreDumpFormat
    DumpFormat.RAW: 0,
    DumpFormat.KDUMP_ZLIB: 1,
    DumpFormat.KDUMP_LZO: 2,
    DumpFormat.KDUMP_SNAPPY: 3,
    DumpFormat.WINDOWS: 4,
}


class GuestManagement:
    """What a connected backend can do with guests that run."""

    _actions: Workers
    _inventory: Inventory

    def _connected(self) -> tuple[Session, Mirror]:
        raise NotImplementedError

    def _known(self, uuid: str) -> VirtualMachine:
        raise NotImplementedError

    async def screenshot(self, machine_uuid: str, screen: int) -> Picture:
        """Return what one of a machine's screens shows."""
        return await self._ask(machine_uuid, "its picture taken", _screenshot, screen)

    async def send_keys(self, machine_uuid: str, code_set: str, keys: Sequence[int], hold_ms: int) -> None:
        """Press keys together and let them go."""
        await self._ask(machine_uuid, "keys pressed", _send_keys, code_set, keys, hold_ms)

    async def dump_core(self, machine_uuid: str, volume: Volume, wanted: DumpWish) -> None:
        """Write a machine's memory into a new volume."""
        _session, mirror = self._connected()
        try:
            await self._ask(
                machine_uuid, f"dumped to {volume.key}", _dump, volume, wanted, deadline_s=DUMP_TIMEOUT_S
            )
        finally:
            await mirror.read_pool(volume.pool)
            await mirror.read(machine_uuid)

    async def _ask(
        self,
        uuid: str,
        what: str,
        function: Callable[..., T],
        *arguments: object,
        deadline_s: float | None = None,
    ) -> T:
        session, _mirror = self._connected()
        name = self._known(uuid).name
        with hypervisor_named(session, self._inventory.view.host.hypervisor):
            return await self._actions.run(
                f"{name}: {what}", partial(function, session, uuid, *arguments), deadline_s=deadline_s
            )


def _domain(session: Session, uuid: str) -> virDomain:
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    if not session.call(domain.isActive):
        raise BackendError("invalid_state", f"{domain.name()} does not run")
    return domain


def _screenshot(session: Session, uuid: str, screen: int) -> Picture:
    domain = _domain(session, uuid)
    stream = session.call(session.connection.newStream, 0)
    media_type: str = session.call(domain.screenshot, stream, screen, 0)
    pieces: list[bytes] = []
    try:
        session.call(stream.recvAll, lambda _stream, piece, _nothing: pieces.append(piece), None)
        session.call(stream.finish)
    except BackendError:
        with suppress(BackendError):
            session.call(stream.abort)
        raise
    return Picture(media_type=media_type, data=b"".join(pieces))


def _send_keys(session: Session, uuid: str, code_set: str, keys: Sequence[int], hold_ms: int) -> None:
    number = getattr(session.libvirt, f"VIR_KEYCODE_SET_{code_set.upper()}", None)
    if number is None:
        raise BackendError("invalid", f"libvirt knows no set of key codes {code_set!r}")
    session.call(_domain(session, uuid).sendKey, number, hold_ms, list(keys), len(keys), 0)


def _dump(session: Session, uuid: str, volume: Volume, wanted: DumpWish) -> None:
    domain = _domain(session, uuid)
    place = Volume(pool=volume.pool, name=volume.name, capacity_bytes=0, allocation_bytes=0, format="raw")
    storage_actions.create_volume(session, place)
    pool = session.call(session.connection.storagePoolLookupByName, volume.pool)
    made = session.call(pool.storageVolLookupByName, volume.name)
    try:
        _write(session, domain, session.call(made.path), wanted)
    except BackendError:
        with suppress(BackendError):
            session.call(made.delete, 0)
        raise
    finally:
        with suppress(BackendError):
            session.call(pool.refresh, 0)


def _write(session: Session, domain: virDomain, path: str, wanted: DumpWish) -> None:
    libvirt, flags = session.libvirt, 0
    if wanted.memory_only:
        flags |= libvirt.VIR_DUMP_MEMORY_ONLY
    if wanted.live:
        flags |= libvirt.VIR_DUMP_LIVE
    if wanted.afterwards is AfterDump.OFF:
        flags |= libvirt.VIR_DUMP_CRASH
    if wanted.afterwards is AfterDump.RESET:
        flags |= libvirt.VIR_DUMP_RESET
    if wanted.format is DumpFormat.RAW:
        session.call(domain.coreDump, path, flags)  # libxl has no other
    else:
        session.call(domain.coreDumpWithFormat, path, _FORMATS[wanted.format], flags)

"""Machines read from libvirt: all of them in bulk, or one.

Functions here run on worker threads. A machine's XML is parsed only when its text changed; sizes
of disks are asked for only then.

Errors: BackendError, of `Session.call` and of the XML.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls.uris import driver
from xencim.providers.backends.libvirt.snapshot_reading import SnapshotCache, with_snapshots
from xencim.providers.backends.libvirt.states import power_state, reason
from xencim.providers.backends.libvirt.xml.machine_xml import machine_config
from xencim.providers.backends.records import MachineConfig, PowerState, VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from libvirt import virDomain

    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.records import Disk

_MANAGEMENT_DOMAIN_ID = 0
_ARRIVING = frozenset({"migrating", "starting up"})
"""Why a machine is paused that is not ready yet: whoever asks QEMU waits until it is, and must not."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A machine and what lists tell of it."""

    domain: virDomain
    state: tuple[int, int] | None  # None: ask the machine
    persistent: bool
    autostart: bool | None
    saved: bool


class ConfigCache:
    """Each machine's parsed definitions by the digest of their text, and whether disks are sized."""

    def __init__(self) -> None:
        self._configs: dict[str, dict[bytes, tuple[MachineConfig, bool]]] = {}
        self.snapshots = SnapshotCache()

    def config(self, uuid: str, digest: bytes) -> MachineConfig | None:
        """Return the definition of that text."""
        entry = self._configs.get(uuid, {}).get(digest)
        return entry[0] if entry else None

    def keep(self, uuid: str, configs: Mapping[bytes, MachineConfig]) -> None:
        """Make ``configs`` all that is known of a machine; sizes stay where the text is the same."""
        old = self._configs.get(uuid, {})
        self._configs[uuid] = {digest: old.get(digest, (config, False)) for digest, config in configs.items()}

    def size(self, uuid: str, old: MachineConfig, new: MachineConfig) -> None:
        """Put the definition with its disks' sizes in the place of the one without."""
        entries = self._configs.get(uuid, {})
        for digest, (config, _sized) in tuple(entries.items()):
            if config is old:
                entries[digest] = (new, True)

    def is_sized(self, uuid: str, config: MachineConfig | None) -> bool:
        """Tell whether the sizes of a definition's disks were asked for (there may be no definition)."""
        entries = self._configs.get(uuid, {}).values()
        return config is None or any(sized for known, sized in entries if known is config)

    def forget(self, uuid: str) -> None:
        """Drop a machine that is gone."""
        self._configs.pop(uuid, None)


def list_all(session: Session) -> list[Listed]:
    """Return all machines, by a number of calls that does not grow with them.

    libxl has no bulk statistics: there each machine is asked for its state.
    """
    libvirt, connection = session.libvirt, session.connection

    def chosen(flag: int) -> set[str]:
        return {domain.UUIDString() for domain in session.call(connection.listAllDomains, flag)}

    persistent = chosen(libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT)
    autostart = chosen(libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART)
    saved = chosen(libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)
    stats = session.offered(connection.getAllDomainStats, libvirt.VIR_DOMAIN_STATS_STATE) or []
    states = {
        domain.UUIDString(): (figures["state.state"], figures.get("state.reason", 0))
        for domain, figures in stats
        if "state.state" in figures
    }
    return [
        Listed(domain, states.get(uuid), uuid in persistent, uuid in autostart, uuid in saved)
        for domain in session.call(connection.listAllDomains, 0)
        for uuid in (domain.UUIDString(),)
    ]


def look_up(session: Session, uuid: str) -> Listed:
    """Return one machine."""
    domain = session.call(session.connection.lookupByUUIDString, uuid)
    persistent = bool(session.call(domain.isPersistent))
    return Listed(
        domain=domain,
        state=None,
        persistent=persistent,
        autostart=bool(session.offered(domain.autostart)) if persistent else False,
        saved=bool(session.offered(domain.hasManagedSaveImage)) if persistent else False,
    )


def read(session: Session, cache: ConfigCache, listed: Listed) -> VirtualMachine:
    """Return a machine's record; its disks may be without sizes yet."""
    domain = listed.domain
    uuid = domain.UUIDString()
    number, why = listed.state or session.call(domain.state)
    state = power_state(number, saved=listed.saved)
    management = driver(session.uri) == "xen" and domain.ID() == _MANAGEMENT_DOMAIN_ID
    configs: dict[bytes, MachineConfig] = {}
    current = _config(session, cache, domain, configs, flags=0)
    stored = None
    if state.is_active and listed.persistent and not management:
        stored = _config(session, cache, domain, configs, flags=session.libvirt.VIR_DOMAIN_XML_INACTIVE)
    cache.keep(uuid, configs)
    machine = VirtualMachine(
        uuid=uuid,
        name=domain.name(),
        state=state,
        current=current,
        stored=stored,
        id=domain.ID() if domain.ID() >= 0 else None,
        state_reason=reason(number, why),
        persistent=listed.persistent,
        autostart=listed.autostart,
        is_management_domain=management,
    )
    return with_snapshots(session, cache.snapshots, domain, machine)


def _config(
    session: Session,
    cache: ConfigCache,
    domain: virDomain,
    configs: dict[bytes, MachineConfig],
    *,
    flags: int,
) -> MachineConfig:
    xml: str = session.call(domain.XMLDesc, flags)
    scheduler = _scheduler(session, domain) if flags == 0 else {}
    digest = blake2b(f"{xml}{scheduler}".encode("utf-8", "replace"), digest_size=16).digest()
    config = cache.config(domain.UUIDString(), digest)
    if config is None:
        config = machine_config(xml)
        if scheduler:
            cpu = replace(config.cpu, weight=scheduler.get("weight"), cap_percent=scheduler.get("cap"))
            config = replace(config, cpu=cpu)
    configs[digest] = config
    return config


def _scheduler(session: Session, domain: virDomain) -> dict[str, int]:
    """Return weight and cap, which Xen's XML does not tell; only machines that run have them."""
    if driver(session.uri) != "xen" or domain.ID() < 0:
        return {}
    try:
        return session.offered(domain.schedulerParameters) or {}
    except BackendError as error:
        if error.kind in {"lost", "timeout"}:
            raise
        return {}  # a scheduler without weights (null, rtds), or the machine just stopped


def bulk_sizes(session: Session) -> dict[str, dict[str, int]]:
    """Return the sizes of all disks by machine and target, where one call tells them (QEMU)."""
    if driver(session.uri) != "qemu":
        return {}
    libvirt = session.libvirt
    stats = session.call(
        session.connection.getAllDomainStats,
        libvirt.VIR_DOMAIN_STATS_BLOCK,
        libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT,
    )
    return {
        domain.UUIDString(): {
            figures[f"block.{n}.name"]: figures[f"block.{n}.capacity"]
            for n in range(figures.get("block.count", 0))
            if f"block.{n}.capacity" in figures
        }
        for domain, figures in stats
    }


def is_sized(cache: ConfigCache, machine: VirtualMachine) -> bool:
    """Tell whether nothing is left for `size_disks` to do now; what arrives is sized when it is here."""
    if machine.state is PowerState.PAUSED and machine.state_reason in _ARRIVING:
        return True
    return all(cache.is_sized(machine.uuid, config) for config in (machine.current, machine.stored))


def size_disks(
    session: Session, cache: ConfigCache, domain: virDomain, machine: VirtualMachine, known: Mapping[str, int]
) -> VirtualMachine:
    """Return the machine with its disks' sizes, ``known`` by target or asked for once per medium."""
    sizes: dict[tuple[str | None, ...], int | None] = {}

    def sized(disk: Disk) -> Disk:
        medium = (disk.source, disk.pool, disk.volume)
        if not any(medium):
            return disk
        if medium not in sizes:
            sizes[medium] = known.get(disk.target) or _size(session, domain, disk)
        return replace(disk, capacity_bytes=sizes[medium])

    def sized_config(config: MachineConfig) -> MachineConfig:
        if cache.is_sized(machine.uuid, config):
            return config
        new = replace(config, disks=tuple(sized(disk) for disk in config.disks)) if config.disks else config
        cache.size(machine.uuid, config, new)
        return new

    current = sized_config(machine.current)
    stored = machine.stored and sized_config(machine.stored)
    return replace(machine, current=current, stored=stored)


def _size(session: Session, domain: virDomain, disk: Disk) -> int | None:
    """Ask the machine (libxl cannot), then the storage pools: each may be stuck."""
    with session.apart():
        return _size_told(session, domain, disk)


def _size_told(session: Session, domain: virDomain, disk: Disk) -> int | None:
    connection = session.connection
    with contextlib.suppress(BackendError):
        if domain.connect() is not connection:
            domain = session.call(connection.lookupByUUIDString, domain.UUIDString())
        info = session.offered(domain.blockInfo, disk.target)
        if info:
            return int(info[0]) or None
    with contextlib.suppress(BackendError):
        if disk.pool and disk.volume:
            pool = session.call(connection.storagePoolLookupByName, disk.pool)
            volume = session.call(pool.storageVolLookupByName, disk.volume)
        else:
            volume = session.call(connection.storageVolLookupByPath, disk.source)
        return int(session.call(volume.info)[1]) or None
    return None

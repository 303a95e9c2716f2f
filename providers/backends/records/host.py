"""The host, and the pools that it offers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from xencim.providers.backends.records.guests import GuestAccess
    from xencim.providers.backends.records.samples import Counted
    from xencim.providers.backends.records.snapshots import SnapshotKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What machines of one kind can be given: none, where it is empty; None is not told."""

    firmwares: tuple[str, ...] | None = None  # bios, efi: those whose image the hypervisor finds by itself
    secure_boot: bool = False
    tpm_versions: tuple[str, ...] = ()  # that the host emulates
    cpu_modes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestSupport:
    """One kind of machine that the host can run."""

    os_type: str
    arch: str
    domain_types: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    max_vcpus: int | None = None
    platform: Platform | None = None  # None: the hypervisor does not tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The host; ``prefix`` (Xen, KVM, LXC) is the organisation in class names and InstanceIDs."""

    name: str  # fully qualified, never localhost
    prefix: str
    hypervisor: str  # Xen, QEMU, Test, …
    uuid: str | None = None
    hypervisor_version: str | None = None  # 4.17.5
    library: str | None = None  # libvirt
    library_version: str | None = None
    uri: str = ""  # without a password
    arch: str | None = None
    cpu_model: str | None = None
    cpu_vendor: str | None = None
    cpu_mhz: int | None = None
    cpu_count: int = 0  # logical
    sockets: int | None = None
    cores_per_socket: int | None = None
    threads_per_core: int | None = None
    numa_nodes: int | None = None
    node_memory_kib: tuple[int, ...] = ()  # of each NUMA node
    memory_kib: int = 0
    max_vcpus: int | None = None  # per machine
    vendor: str | None = None
    product: str | None = None
    serial: str | None = None
    guests: tuple[GuestSupport, ...] = ()
    migration_uris: tuple[str, ...] = ()  # transports the hypervisor takes: tcp, xenmigr, …
    snapshot_kinds: tuple[SnapshotKind, ...] = ()  # what it can take; none while it is not known
    guest_access: tuple[GuestAccess, ...] = ()  # as snapshot_kinds
    pool_types: tuple[str, ...] | None = None  # storage pools that can be; None: the hypervisor does not tell
    scheduler: str | None = None  # of the hypervisor's own, where it has one
    capabilities: tuple[str, ...] = ()  # the kinds of guests by the hypervisor's own names
    command_line: str | None = None  # what the hypervisor was started with
    counted: tuple[Counted, ...] = ()  # what is counted of machines that run
    has_log: bool = False  # whether what the hypervisor writes to its console can be read
    no_contact_since: datetime | None = None

    @property
    def key(self) -> str:
        """The inventory's key: there is one host in an inventory."""
        return "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUsage:
    """What all machines together take; kept by the inventory."""

    active_vcpus: int = 0
    active_memory_kib: int = 0
    graphics: int = 0
    inputs: int = 0
    controllers: int = 0
    nics: int = 0
    pool_vcpus: tuple[tuple[str, int], ...] = ()  # active_vcpus by CPU pool

    @property
    def key(self) -> str:
        """The inventory's key: there is one in an inventory."""
        return "usage"


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuPool:
    """Some of the host's processors with a scheduler of their own, and the machines that run on them."""

    name: str
    number: int
    scheduler: str  # credit2, credit, rtds, null, …
    cpus: tuple[int, ...]
    rate_limit_us: int | None = None  # how long a virtual processor runs at least before another may

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name


class PoolState(Enum):
    """What a storage pool does."""

    INACTIVE = "inactive"
    BUILDING = "building"
    RUNNING = "running"
    DEGRADED = "degraded"
    INACCESSIBLE = "inaccessible"


class PoolBuild(Enum):
    """How a pool's devices are made ready when it is created: all that was on them is lost."""

    NEW = "new"  # refused where something is on them
    OVERWRITE = "overwrite"


_FOLDERS = frozenset({"dir", "fs", "netfs"})
"""Types of pools whose volumes are files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoragePool:
    """A storage pool; sizes are those of its last refresh."""

    name: str
    uuid: str
    type: str  # dir, fs, netfs, disk, iscsi, logical, scsi, …
    state: PoolState
    autostart: bool | None = None
    persistent: bool = True
    capacity_bytes: int | None = None
    allocation_bytes: int | None = None
    available_bytes: int | None = None
    target_path: str | None = None
    source_host: str | None = None  # of rbd, servers with commas between
    source_host_port: int | None = None
    source_path: str | None = None
    source_devices: tuple[str, ...] = ()
    source_name: str | None = None
    source_format: str | None = None  # of the file system, partition table or share; None: the default
    source_initiator: str | None = None  # of an iscsi-direct pool: the name of who logs in
    source_adapter: str | None = None
    source_port: str | None = None  # of a Fibre Channel adapter: its world wide port name
    source_node: str | None = None  # and its world wide node name
    auth_user: str | None = None  # who logs in there, with a secret that the hypervisor keeps
    secret_uuid: str | None = None
    secret_usage: str | None = None

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name

    @property
    def is_folder(self) -> bool:
        """Whether its volumes are files of a folder, ``target_path``."""
        return self.type in _FOLDERS

"""What a virtualization host is made of: frozen records, as plain as the hypervisor tells them.

No CIM and no libvirt objects. Units are in the names. ``None`` is "the hypervisor does not tell".
Records are compared by identity when answers are cached: a backend makes a new record only where
something changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime


class PowerState(Enum):
    """What a machine does; SAVED is off with its memory kept on disk (managed save)."""

    RUNNING = "running"
    PAUSED = "paused"
    SHUTTING_DOWN = "shutting down"
    SHUT_OFF = "shut off"
    SAVED = "saved"
    CRASHED = "crashed"
    GUEST_SUSPENDED = "guest suspended"  # the guest put itself to sleep (ACPI S3)
    UNKNOWN = "unknown"

    @property
    def is_active(self) -> bool:
        """Whether the machine holds resources of the host."""
        return self not in {PowerState.SHUT_OFF, PowerState.SAVED, PowerState.UNKNOWN, PowerState.CRASHED}


class Action(Enum):
    """What a machine can be told to do."""

    START = "start"  # also resumes a paused one and restores a saved one
    SHUT_DOWN = "shut down"  # asks the guest
    DESTROY = "destroy"  # pulls the plug
    PAUSE = "pause"
    SAVE = "save"  # managed save: memory to disk, off
    REBOOT = "reboot"  # asks the guest
    RESET = "reset"


# Devices ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Vcpu:
    """One virtual processor."""

    index: int
    pinned_to: tuple[int, ...] | None = None  # host processors; None: anywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuAllocation:
    """A machine's processors as a whole."""

    count: int
    maximum: int
    weight: int | None = None  # the scheduler's own unit: credit weight on Xen, cpu_shares on QEMU
    cap_percent: int | None = None  # of one host processor; None or 0: no cap
    model: str | None = None
    mode: str | None = None  # libvirt: custom, host-model, host-passthrough
    features_required: tuple[str, ...] = ()
    features_hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryAllocation:
    """A machine's memory."""

    current_kib: int
    maximum_kib: int
    huge_page_kib: int | None = None
    dump_core: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk, CD-ROM or floppy; ``target`` (vda) is unique in its machine."""

    target: str
    device: str = "disk"  # disk, cdrom, floppy, lun
    bus: str | None = None
    source_type: str | None = None  # file, block, volume, network, dir
    source: str | None = None  # path, or name for network; None: no medium
    pool: str | None = None  # source_type volume
    volume: str | None = None
    driver_name: str | None = None
    driver_type: str | None = None  # raw, qcow2, …
    cache: str | None = None
    readonly: bool = False
    shareable: bool = False
    capacity_bytes: int | None = None
    serial: str | None = None
    boot_order: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth:
    """Limits of one direction of an interface; libvirt's units."""

    average_kib_s: int | None = None
    peak_kib_s: int | None = None
    burst_kib: int | None = None
    floor_kib_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """A network interface; ``mac`` is unique in its machine (lower case, colons)."""

    mac: str
    source_type: str = "user"  # network, bridge, user, direct, ethernet, hostdev, …
    network: str | None = None
    bridge: str | None = None
    source_dev: str | None = None
    mode: str | None = None  # of source_type direct: vepa, bridge, private, passthrough
    model: str | None = None
    target_dev: str | None = None
    link_up: bool | None = None
    boot_order: int | None = None
    filter_ref: str | None = None
    profile_id: str | None = None
    vlan_ids: tuple[int, ...] = ()
    inbound: Bandwidth | None = None
    outbound: Bandwidth | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Graphics:
    """A remote display; its password is never read."""

    type: str  # vnc, spice, sdl, …
    index: int = 0  # among those of its type
    listen: str | None = None
    port: int | None = None  # -1: chosen at start
    autoport: bool = False
    keymap: str | None = None
    video_model: str | None = None
    video_memory_kib: int | None = None
    video_heads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputDevice:
    """A mouse, tablet or keyboard."""

    type: str  # mouse, tablet, keyboard, …
    bus: str | None = None
    index: int = 0  # among those of its type and bus


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """A character device that an administrator can talk to."""

    index: int
    source_type: str | None = None  # pty, tcp, unix, file, …
    source_path: str | None = None
    target_type: str | None = None  # serial, xen, virtio, …
    connect: str | None = None  # host:service of tcp and udp
    bind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerDevice:
    """A bus controller."""

    type: str  # pci, usb, scsi, ide, sata, virtio-serial, xenbus, …
    index: int = 0
    model: str | None = None
    ports: int | None = None
    vectors: int | None = None
    queues: int | None = None


# Machines --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineConfig:
    """One definition of a machine: what it runs with now, or what is stored for its next start."""

    cpu: CpuAllocation
    memory: MemoryAllocation
    title: str | None = None
    description: str | None = None
    domain_type: str = ""  # xen, kvm, qemu, test, …
    os_type: str = "hvm"  # hvm, linux (Xen PV), xenpvh, exe
    arch: str | None = None
    machine: str | None = None
    emulator: str | None = None
    loader: str | None = None  # firmware image
    firmware: str | None = None  # bios, efi
    secure_boot: bool | None = None
    kernel: str | None = None
    initrd: str | None = None
    command_line: str | None = None
    bootloader: str | None = None
    bootloader_args: str | None = None
    init_path: str | None = None
    boot_devices: tuple[str, ...] = ()  # hd, cdrom, network, fd
    acpi: bool = False
    apic: bool = False
    pae: bool = False
    clock_offset: str | None = None  # utc, localtime, timezone, variable
    on_poweroff: str | None = None  # destroy, restart, preserve, rename-restart
    on_reboot: str | None = None
    on_crash: str | None = None
    vcpus: tuple[Vcpu, ...] = ()
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    graphics: tuple[Graphics, ...] = ()
    inputs: tuple[InputDevice, ...] = ()
    consoles: tuple[Console, ...] = ()
    controllers: tuple[ControllerDevice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualMachine:
    """A machine. ``current`` is what it runs with or, off, what is stored.

    ``stored`` is only there for a running persistent machine: its definition for the next start.
    """

    uuid: str
    name: str  # unique on its host
    state: PowerState
    current: MachineConfig
    stored: MachineConfig | None = None
    id: int | None = None  # the hypervisor's number while it runs
    state_reason: str | None = None
    persistent: bool = True
    autostart: bool | None = None
    is_management_domain: bool = False  # Xen's Domain-0
    no_contact_since: datetime | None = None  # the last call about it did not come back

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOperation:
    """What a client asked of a machine, while it happens and after."""

    machine: str  # uuid
    requested_state: int  # CIM RequestedState
    in_progress: bool

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.machine


# The host and what it offers -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestSupport:
    """One kind of machine that the host can run."""

    os_type: str
    arch: str
    domain_types: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    max_vcpus: int | None = None


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
    memory_kib: int = 0
    max_vcpus: int | None = None  # per machine
    vendor: str | None = None
    product: str | None = None
    serial: str | None = None
    guests: tuple[GuestSupport, ...] = ()
    migration_uris: tuple[str, ...] = ()  # transports the hypervisor takes: tcp, xenmigr, …
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

    @property
    def key(self) -> str:
        """The inventory's key: there is one in an inventory."""
        return "usage"


class PoolState(Enum):
    """What a storage pool does."""

    INACTIVE = "inactive"
    BUILDING = "building"
    RUNNING = "running"
    DEGRADED = "degraded"
    INACCESSIBLE = "inaccessible"


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
    source_host: str | None = None
    source_path: str | None = None
    source_devices: tuple[str, ...] = ()
    source_name: str | None = None
    source_adapter: str | None = None

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A virtual network of libvirt."""

    name: str
    uuid: str
    active: bool
    autostart: bool | None = None
    persistent: bool = True
    bridge: str | None = None
    forward_mode: str | None = None  # None: isolated
    forward_dev: str | None = None
    domain_name: str | None = None
    address: str | None = None
    netmask: str | None = None
    dhcp_start: str | None = None
    dhcp_end: str | None = None

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """A bridge of the host that machines use and no network owns."""

    name: str

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name


# The server itself (namespace interop) ---------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectManager:
    """This server."""

    system_name: str  # the host it is hosted by, in CIM terms
    system_class: str  # that host's class, with prefix
    name: str
    version: str
    started: datetime | None = None

    @property
    def key(self) -> str:
        """The inventory's key: there is one."""
        return "manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A namespace that the server answers for."""

    name: str
    is_interop: bool = False

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A socket on which the server answers CIM-XML requests."""

    url: str  # https://host:5989, http://…, unix:/path
    scheme: str  # https, http, unix

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A DMTF profile that is conformed to."""

    number: str  # DSP1042
    name: str  # System Virtualization
    version: str
    organization: int = 2  # CIM_RegisteredProfile.RegisteredOrganization: DMTF

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.number


Record: TypeAlias = (
    VirtualMachine
    | MachineOperation
    | Host
    | HostUsage
    | StoragePool
    | Network
    | Bridge
    | ObjectManager
    | Namespace
    | Listener
    | Profile
)

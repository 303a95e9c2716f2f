"""What machines are made of."""

from __future__ import annotations

from dataclasses import dataclass, field


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
    pool: str | None = None  # the CPU pool that it runs on, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryAllocation:
    """A machine's memory."""

    current_kib: int
    maximum_kib: int
    hot_plug_limit_kib: int | None = None  # what modules may bring it to while it runs; None: none come
    huge_page_kib: int | None = None
    is_locked: bool = False  # never swapped out by the host, so nobody else's
    dump_core: bool | None = None
    numa_mode: str | None = None  # strict, preferred, interleave, restrictive
    numa_nodes: tuple[int, ...] = ()  # of the host, that it is taken from; none: any


@dataclass(frozen=True, slots=True, kw_only=True)
class NumaCell:
    """One NUMA node that a guest sees."""

    cpus: tuple[int, ...]
    memory_kib: int


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
    # What it may do a second; None: without limit. The total excludes the two others.
    total_bytes_s: int | None = None
    read_bytes_s: int | None = None
    write_bytes_s: int | None = None
    total_iops: int | None = None
    read_iops: int | None = None
    write_iops: int | None = None


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
    mtu: int | None = None  # bytes; None: the network's
    boot_order: int | None = None
    filter_ref: str | None = None
    profile_id: str | None = None
    # Of a virtual station interface (IEEE 802.1Qbg): what the switch beside the host knows it by.
    vsi_manager_id: int | None = None
    vsi_type_id: int | None = None
    vsi_type_version: int | None = None
    vsi_instance_id: str | None = None  # a uuid; None: libvirt makes one up
    vlan_ids: tuple[int, ...] = ()
    inbound: Bandwidth | None = None
    outbound: Bandwidth | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Graphics:
    """A remote display; its password is never read: None says nothing of it, an empty one: it has none."""

    type: str  # vnc, spice, sdl, …
    index: int = 0  # among those of its type
    listen: str | None = None
    port: int | None = None  # -1: chosen at start
    autoport: bool = False
    keymap: str | None = None
    video_model: str | None = None
    video_memory_kib: int | None = None
    video_heads: int | None = None
    password: str | None = field(default=None, repr=False)


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

"""Machines: what they do and what they are defined as."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from xencim.providers.backends.records.devices import (
        Console,
        ControllerDevice,
        CpuAllocation,
        Disk,
        Graphics,
        InputDevice,
        MemoryAllocation,
        Nic,
        NumaCell,
        Vcpu,
    )
    from xencim.providers.backends.records.snapshots import Snapshot


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineConfig:
    """One definition of a machine: what it runs with now, or what is stored for its next start."""

    cpu: CpuAllocation
    memory: MemoryAllocation
    title: str | None = None
    description: str | None = None
    is_template: bool = False  # there to be copied, never started by us
    domain_type: str = ""  # xen, kvm, qemu, test, …
    os_type: str = "hvm"  # hvm, linux (Xen PV), xenpvh, exe
    arch: str | None = None
    machine: str | None = None
    emulator: str | None = None
    loader: str | None = None  # firmware image
    firmware: str | None = None  # bios, efi
    secure_boot: bool | None = None
    tpm_version: str | None = None  # 1.2, 2.0: a TPM that the host emulates
    numa_cells: tuple[NumaCell, ...] = ()
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
    security_context: str | None = None  # by which Xen's FLASK is to know it
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
    needs: tuple[str, ...] = ()  # uuids of machines that serve or emulate its devices
    no_contact_since: datetime | None = None  # the last call about it did not come back
    snapshots: tuple[Snapshot, ...] = ()  # parents before those taken after them
    current_snapshot: str | None = None  # the one that the machine's present state follows from
    applied_snapshot: str | None = None  # the one that the machine was last returned to, if known

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

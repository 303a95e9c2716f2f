"""A host made up in memory, with any number of machines: for demonstrations and tests.

`fake:1000` is a host with 1,000 machines, `fake:3?delay_s=5` one whose actions take five seconds each. It
is public: tests of other projects may start one, change its inventory as a hypervisor would, and see what
clients get. Everything is derived from a machine's number, so two hosts of the same size are equal.
Records are shared between machines wherever the machines are alike, so that large hosts stay small.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError, Check
from xencim.providers.backends.fake_filters import FILTERING_PREFIXES, FILTERS, FakeFilters, filtered
from xencim.providers.backends.fake_guests import FakeGuests
from xencim.providers.backends.fake_manage import FakeManagement
from xencim.providers.backends.fake_migration import FakeMigration
from xencim.providers.backends.fake_network import DEFAULT_NETWORK, FakeNetworks
from xencim.providers.backends.fake_samples import LOG, FakeSamples
from xencim.providers.backends.fake_snapshots import FakeSnapshots
from xencim.providers.backends.fake_storage import FakeStorage
from xencim.providers.backends.fake_xen import CPU_POOLS, as_on_xen
from xencim.providers.backends.records import (
    Action,
    Bandwidth,
    Console,
    ControllerDevice,
    Counted,
    CpuAllocation,
    Disk,
    Graphics,
    GuestAccess,
    GuestSupport,
    Host,
    IncomingMachine,
    InputDevice,
    MachineConfig,
    MemoryAllocation,
    Nic,
    Platform,
    PoolState,
    PowerState,
    SnapshotKind,
    StoragePool,
    Vcpu,
    VirtualMachine,
    Volume,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.xen.flask import FlaskControl

FAKE_URI = re.compile(r"fake:([0-9]+)(?:\?delay_s=([0-9]+(?:\.[0-9]+)?))?")
"""How a user names such a host: the number of machines, and how long each action takes."""

SPACE = uuid.UUID("5c1d3c5e-8d0b-5c57-9f0e-f8d2a7a8c1b4")
IMAGES = "/var/lib/xen/images"
GIB = 1024**3
VCPUS = tuple(Vcpu(index=i) for i in range(4))
# Of every eight machines: what they do.
STATES = (
    PowerState.RUNNING,
    PowerState.RUNNING,
    PowerState.SHUT_OFF,
    PowerState.RUNNING,
    PowerState.PAUSED,
    PowerState.RUNNING,
    PowerState.SAVED,
    PowerState.RUNNING,
)
_CPUS = tuple(CpuAllocation(count=n, maximum=4, weight=256, cap_percent=0) for n in (1, 2, 4))
_MEMORIES = tuple(
    MemoryAllocation(current_kib=n * 1024 * 1024, maximum_kib=8 * 1024 * 1024) for n in (1, 2, 4)
)
_GRAPHICS = (Graphics(type="vnc", listen="127.0.0.1", port=-1, autoport=True, keymap="en-us"),)
_INPUTS = (InputDevice(type="mouse", bus="xen"), InputDevice(type="keyboard", bus="xen"))
_CONSOLES = (Console(index=0, source_type="pty", target_type="xen"),)
_CONTROLLERS = (ControllerDevice(type="xenbus"),)
_CDROM = Disk(target="hdc", device="cdrom", bus="ide", readonly=True)
_LIMIT = Bandwidth(average_kib_s=12_800)
_PLATFORM = Platform(
    firmwares=("bios", "efi"),
    secure_boot=True,
    tpm_versions=("1.2", "2.0"),
    cpu_modes=("host-passthrough", "host-model", "custom"),
)

_MOVES: dict[Action, tuple[frozenset[PowerState], PowerState]] = {
    Action.START: (
        frozenset({PowerState.SHUT_OFF, PowerState.SAVED, PowerState.PAUSED, PowerState.CRASHED}),
        PowerState.RUNNING,
    ),
    Action.SHUT_DOWN: (frozenset({PowerState.RUNNING}), PowerState.SHUT_OFF),
    Action.DESTROY: (frozenset({PowerState.RUNNING, PowerState.PAUSED}), PowerState.SHUT_OFF),
    Action.PAUSE: (frozenset({PowerState.RUNNING}), PowerState.PAUSED),
    Action.SAVE: (frozenset({PowerState.RUNNING, PowerState.PAUSED}), PowerState.SAVED),
    Action.REBOOT: (frozenset({PowerState.RUNNING}), PowerState.RUNNING),
    Action.RESET: (frozenset({PowerState.RUNNING, PowerState.PAUSED}), PowerState.RUNNING),
}


def fake_host(machines: int, name: str = "fake.example", prefix: str = "Xen") -> Host:
    """Make the record of a host that has room for that many machines."""
    return Host(
        name=name,
        prefix=prefix,
        hypervisor="Fake",
        uuid=str(uuid.uuid5(SPACE, name)),
        hypervisor_version="1.0.0",
        uri=f"fake:{machines}",
        arch="x86_64",
        cpu_model="Made up",
        cpu_mhz=2400,
        cpu_count=64,
        sockets=2,
        cores_per_socket=16,
        threads_per_core=2,
        numa_nodes=2,
        memory_kib=max(machines, 64) * 8 * 1024 * 1024,
        node_memory_kib=(max(machines, 64) * 4 * 1024 * 1024,) * 2,
        max_vcpus=128,
        guests=(
            GuestSupport(
                os_type="hvm", arch="x86_64", domain_types=("xen",), max_vcpus=128, platform=_PLATFORM
            ),
            GuestSupport(os_type="linux", arch="x86_64", domain_types=("xen",), max_vcpus=128),
        ),
        migration_uris=("tcp",),
        snapshot_kinds=tuple(SnapshotKind),
        guest_access=tuple(GuestAccess),
        scheduler="credit2",
        capabilities=("hvm-3.0-x86_64", "xen-3.0-x86_64"),
        command_line="dom0_mem=4G loglvl=info",
        counted=tuple(Counted),
        has_log=prefix == "Xen",
    )


def fake_config(number: int) -> MachineConfig:
    """Make the definition of the machine with a number."""
    name = fake_name(number)
    size = number % 3
    disk = Disk(
        target="xvda",
        bus="xen",
        source_type="file",
        source=f"{IMAGES}/{name}.qcow2",
        driver_name="qemu",
        driver_type="qcow2",
        capacity_bytes=20 * GIB,
        boot_order=1,
    )
    nic = Nic(
        mac=f"00:16:3e:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
        source_type="network",
        network="default",
        bridge="virbr0",
        model="netfront",
        link_up=True,
        outbound=_LIMIT if size == 0 else None,
    )
    return MachineConfig(
        cpu=_CPUS[size],
        memory=_MEMORIES[size],
        vcpus=VCPUS[: _CPUS[size].count],
        disks=(disk, _CDROM),
        nics=(nic,),
        description=f"Machine {number} of a host made up in memory",
        domain_type="xen",
        os_type="linux" if size else "hvm",
        arch="x86_64",
        machine="xenpv" if size else "xenfv",
        emulator="/usr/lib/xen/bin/qemu-system-i386",
        boot_devices=("hd",),
        acpi=not size,
        apic=not size,
        pae=not size,
        clock_offset="utc",
        on_poweroff="destroy",
        on_reboot="restart",
        on_crash="restart",
        graphics=_GRAPHICS,
        inputs=_INPUTS,
        consoles=_CONSOLES,
        controllers=_CONTROLLERS,
    )


def fake_name(number: int) -> str:
    """Return the name of the machine with a number."""
    return f"vm-{number:05d}"


def fake_machine(number: int) -> VirtualMachine:
    """Make the machine with a number; a running one has a stored definition like its current one."""
    config = fake_config(number)
    state = STATES[number % len(STATES)]
    name = fake_name(number)
    return VirtualMachine(
        uuid=str(uuid.uuid5(SPACE, name)),
        name=name,
        state=state,
        current=config,
        stored=config if state.is_active else None,
        id=number + 1 if state.is_active else None,
        autostart=number % 2 == 0,
    )


def fake_volume(number: int) -> Volume:
    """Make the volume behind the disk of the machine with a number."""
    name = f"{fake_name(number)}.qcow2"
    return Volume(
        pool="default",
        name=name,
        path=f"{IMAGES}/{name}",
        capacity_bytes=20 * GIB,
        allocation_bytes=5 * GIB,
        format="qcow2",
    )


class FakeBackend(
    FakeManagement,
    FakeMigration,
    FakeSnapshots,
    FakeStorage,
    FakeGuests,
    FakeFilters,
    FakeNetworks,
    FakeSamples,
):
    """A host made up in memory; actions take effect at once, or as late as `delay_s` says."""

    def __init__(self, machines: int, *, prefix: str = "Xen", host_name: str = "fake.example") -> None:
        self.uri = f"fake:{machines}"
        self.prefix = prefix
        self._machines = machines
        self._host_name = host_name
        self._hidden = {}
        self._contents = {}
        self._paused = set()
        self.pressed = []
        self.samples_taken = 0
        self.log = LOG
        self.delay_s = 0.0
        """How long each action takes; may be changed at any time."""
        self.flask: FlaskControl | None = None
        """The made-up hypervisor's access control, where a test gives it one."""
        self._definitions: list[IncomingMachine] = []
        self._slow: dict[str, tuple[float, asyncio.Future[None]]] = {}

    async def start(self, inventory: Inventory) -> None:
        """Fill the inventory."""
        inventory.put(fake_host(self._machines, self._host_name, self.prefix))
        has_filters = self.prefix in FILTERING_PREFIXES
        is_xen, driver = self.prefix == "Xen", str(uuid.uuid5(SPACE, fake_name(0)))
        for cpu_pool in CPU_POOLS if is_xen else ():
            inventory.put(cpu_pool)
        for network_filter in FILTERS if has_filters else ():
            inventory.put(network_filter)
        for number in range(self._machines):
            machine = as_on_xen(fake_machine(number), driver) if is_xen else fake_machine(number)
            inventory.put(filtered(machine) if has_filters else machine)
            inventory.put(fake_volume(number))
        used = self._machines * 20 * GIB // 4
        capacity = max(self._machines, 64) * 20 * GIB
        inventory.put(
            StoragePool(
                name="default",
                uuid=str(uuid.uuid5(SPACE, "pool")),
                type="dir",
                state=PoolState.RUNNING,
                autostart=True,
                capacity_bytes=capacity,
                allocation_bytes=used,
                available_bytes=capacity - used,
                target_path=IMAGES,
            )
        )
        inventory.put(DEFAULT_NETWORK)
        self._inventory = inventory
        self._hosts[self._host_name] = self

    async def stop(self) -> None:
        """Nothing is held."""
        self._inventory = None

    async def refresh_storage(self) -> None:
        """Nothing changes by itself."""

    async def resync(self) -> None:
        """Nothing changes by itself."""

    async def control(self, machine_uuid: str, action: Action, timeout_s: float | None) -> None:
        """Carry out an action as a hypervisor would."""
        if self.delay_s:
            await self._take_time(machine_uuid, timeout_s)
        inventory, machine = self._filled(), self._machine(machine_uuid)
        allowed, after = _MOVES[action]
        if machine.state not in allowed:
            raise BackendError(
                "invalid_state",
                f"machine {machine.name!r} is {machine.state.value}: it cannot {action.value}",
            )
        definition = machine.stored or machine.current
        if after.is_active:
            stored = definition if machine.persistent else None
            inventory.put(replace(machine, state=after, stored=stored, id=machine.id or 1))
        elif not machine.persistent:
            inventory.remove(VirtualMachine, machine_uuid)
        else:
            inventory.put(replace(machine, state=after, current=definition, stored=None, id=None))

    async def abort(self, machine_uuid: str) -> None:
        """Have the action that goes on end without effect."""
        if machine_uuid not in self._slow:
            raise BackendError("invalid_state", f"nothing goes on at {self._machine(machine_uuid).name}")
        _, aborted = self._slow[machine_uuid]
        if not aborted.done():
            aborted.set_exception(BackendError("failed", "the action was given up"))

    async def percent_done(self, machine_uuid: str) -> int | None:
        """Tell how much of the time that the action takes has gone by."""
        if machine_uuid not in self._slow:
            return None
        began_s, _ = self._slow[machine_uuid]
        return min(100, int(100 * (asyncio.get_running_loop().time() - began_s) / self.delay_s))

    async def _take_time(self, machine_uuid: str, timeout_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        aborted: asyncio.Future[None] = loop.create_future()
        self._slow[machine_uuid] = loop.time(), aborted
        delay_s = self.delay_s if timeout_s is None else min(self.delay_s, timeout_s)
        try:
            await asyncio.wait({aborted}, timeout=delay_s)
            if aborted.done():
                aborted.result()
        finally:
            self._slow.pop(machine_uuid, None)
        if delay_s < self.delay_s:
            raise BackendError("timeout", f"{self._machine(machine_uuid).name} did not obey in time")

    def checks(self) -> Sequence[Check]:
        """Tell what doctor should know."""
        return (Check("hypervisor", ok=True, detail=f"a host made up in memory, {self._machines} machines"),)

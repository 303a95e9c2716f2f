"""Where the classes of machines have their instances.

A machine's row is ``(machine, operation or None, host)``, a device's ``(machine, device, host)``, a
setting's ``(machine, device, origin)``; the settings of disks and network interfaces also hold the
record of the pool that they are taken from. A running persistent machine has two sets of settings:
the current ones, and the stored ones of its next start. Every other machine has only current ones.

Source: DSP1057 (virtual system configurations); docs/architecture.md, "Names".
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from xencim.providers.backends.records import (
    Bridge,
    Disk,
    Host,
    MachineConfig,
    MachineOperation,
    Network,
    Nic,
    Snapshot,
    StoragePool,
    VirtualMachine,
)
from xencim.providers.core.spec import Context, Keys, Row, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_STORED_SUFFIX = ";stored"
SNAPSHOT_MARK = ";snapshot/"


class Origin(Enum):
    """Which definition of a machine a setting belongs to."""

    CURRENT = ""
    STORED = _STORED_SUFFIX


Taken: TypeAlias = "Origin | Snapshot"
"""A definition of a machine, or what it was when a snapshot was taken."""


def origins(machine: VirtualMachine) -> tuple[Origin, ...]:
    """Return the sets of settings that a machine has."""
    return (Origin.CURRENT,) if machine.stored is None else (Origin.CURRENT, Origin.STORED)


def config_of(machine: VirtualMachine, taken: Taken) -> MachineConfig | None:
    """Return one of a machine's definitions, None when it has no such one."""
    if isinstance(taken, Snapshot):
        return taken.config
    return machine.current if taken is Origin.CURRENT else machine.stored


def _suffix(taken: Taken) -> str:
    return f"{SNAPSHOT_MARK}{taken.name}" if isinstance(taken, Snapshot) else taken.value


def device_id(machine: VirtualMachine, ident: str) -> str:
    """Return a device's DeviceID."""
    return f"{machine.name}/{ident}"


def setting_id(machine: VirtualMachine, ident: str, origin: Taken) -> str:
    """Return the InstanceID of a resource allocation's settings.

    A semicolon in the machine's name is doubled: a machine called ``a;stored`` is not the stored
    definition of ``a``.
    """
    return f"{_escaped(machine.name)}/{ident}{_suffix(origin)}"


def system_setting_id(machine: VirtualMachine, host: Host, origin: Taken) -> str:
    """Return the InstanceID of a machine's settings as a whole."""
    return f"{host.prefix}:{_escaped(machine.name)}{_suffix(origin)}"


def _escaped(name: str) -> str:
    return name.replace(";", ";;")


def _readings(instance_id: str) -> Iterator[tuple[str, Origin]]:
    """Yield what an InstanceID may mean; only one of them can be an instance's own."""
    if instance_id.endswith(_STORED_SUFFIX):
        yield instance_id.removesuffix(_STORED_SUFFIX), Origin.STORED
    yield instance_id, Origin.CURRENT


# Machines --------------------------------------------------------------------------------------


def machine_row(context: Context, machine: VirtualMachine) -> Row:
    """Return a machine's row."""
    view = context.view
    return (machine, view.get(MachineOperation, machine.uuid), view.host)


def _all_machines(context: Context) -> Iterator[Row]:
    view = context.view
    operations, host = view.all(MachineOperation), view.host
    return ((machine, operations.get(uuid), host) for uuid, machine in view.all(VirtualMachine).items())


def _machine(context: Context, keys: Keys, key: str) -> VirtualMachine | None:
    return context.view.machine_named(str(keys.get(key)))


def _find_machine(context: Context, keys: Keys) -> Row | None:
    machine = _machine(context, keys, "name")
    return machine_row(context, machine) if machine else None


MACHINES = Rows(
    kinds=(VirtualMachine, MachineOperation, Host),
    all=_all_machines,
    find=_find_machine,
)


def capabilities_row(context: Context, machine: VirtualMachine) -> Row:
    """Return the row of a machine's capabilities: ``(machine, host)``."""
    return (machine, context.view.host)


def _all_capabilities(context: Context) -> Iterator[Row]:
    return (capabilities_row(context, machine) for machine in context.view.all(VirtualMachine).values())


def _find_capabilities(context: Context, keys: Keys) -> Row | None:
    machine = _machine(context, keys, "instanceid")
    return capabilities_row(context, machine) if machine else None


CAPABILITIES = Rows(kinds=(VirtualMachine, Host), all=_all_capabilities, find=_find_capabilities)


# Settings of machines as a whole ---------------------------------------------------------------


def system_settings_row(context: Context, machine: VirtualMachine, origin: Origin) -> Row | None:
    """Return the row of one of a machine's definitions: ``(machine, config, origin, host)``."""
    config = config_of(machine, origin)
    return (machine, config, origin, context.view.host) if config else None


def _all_system_settings(context: Context) -> Iterator[Row]:
    for machine in context.view.all(VirtualMachine).values():
        for origin in origins(machine):
            row = system_settings_row(context, machine, origin)
            if row is not None:
                yield row


def _find_system_settings(context: Context, keys: Keys) -> Row | None:
    wanted = str(keys.get("instanceid"))
    host = context.view.host
    for text, origin in _readings(wanted.removeprefix(f"{host.prefix}:")):
        machine = context.view.machine_named(text.replace(";;", ";"))
        if machine is not None and system_setting_id(machine, host, origin) == wanted:
            return system_settings_row(context, machine, origin)
    return None


SYSTEM_SETTINGS = Rows(
    kinds=(VirtualMachine, Host),
    all=_all_system_settings,
    find=_find_system_settings,
)


# Devices and their settings --------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A kind of part that machines are made of.

    ``of`` tells a definition's parts, ``ident`` what one is called in its machine, ``tail`` what its
    settings' row holds beyond machine, part and origin.
    """

    of: Callable[[MachineConfig], Sequence[Any]]
    ident: Callable[[Any], str]
    tail: Callable[[Context], Callable[[Any], tuple[Any, ...]]] = lambda _context: lambda _part: ()
    tail_kinds: tuple[type, ...] = ()

    def devices(self, context: Context, machine: VirtualMachine) -> Iterator[Row]:
        """Yield the rows of a machine's devices."""
        host = context.view.host
        return ((machine, part, host) for part in self.of(machine.current))

    def settings(self, context: Context, machine: VirtualMachine, origin: Taken) -> Iterator[Row]:
        """Yield the rows of one set of a machine's settings."""
        return self._settings(self.tail(context), machine, origin)

    def settings_like(self, context: Context, row: Row, origin: Origin) -> Iterator[Row]:
        """Yield the settings of the part that ``row`` (a device's or setting's) is about, in one set."""
        machine, part, *_ = row
        yield from self._named(context, machine, self.ident(part), origin)

    def devices_like(self, context: Context, row: Row) -> Iterator[Row]:
        """Yield the device that a setting's row is about."""
        machine, part, *_ = row
        ident = self.ident(part)
        return (row for row in self.devices(context, machine) if self.ident(row[1]) == ident)

    def device_rows(self) -> Rows:
        """Return where the devices' class has its instances."""
        return Rows(kinds=(VirtualMachine, Host), all=self._all_devices, find=self._find_device)

    def setting_rows(self) -> Rows:
        """Return where the settings' class has its instances."""
        return Rows(kinds=(VirtualMachine, *self.tail_kinds), all=self._all_settings, find=self._find_setting)

    def _settings(
        self, tail: Callable[[Any], tuple[Any, ...]], machine: VirtualMachine, origin: Taken
    ) -> Iterator[Row]:
        config = config_of(machine, origin)
        if config is not None:
            for part in self.of(config):
                yield (machine, part, origin, *tail(part))

    def _named(self, context: Context, machine: VirtualMachine, ident: str, origin: Origin) -> Iterator[Row]:
        return (row for row in self.settings(context, machine, origin) if self.ident(row[1]) == ident)

    def _all_devices(self, context: Context) -> Iterator[Row]:
        for machine in context.view.all(VirtualMachine).values():
            yield from self.devices(context, machine)

    def _find_device(self, context: Context, keys: Keys) -> Row | None:
        machine = _machine(context, keys, "systemname")
        if machine is None:
            return None
        wanted = str(keys.get("deviceid"))
        found = self.devices(context, machine)
        return next((row for row in found if device_id(machine, self.ident(row[1])) == wanted), None)

    def _all_settings(self, context: Context) -> Iterator[Row]:
        tail = self.tail(context)
        for machine in context.view.all(VirtualMachine).values():
            for origin in origins(machine):
                yield from self._settings(tail, machine, origin)

    def _find_setting(self, context: Context, keys: Keys) -> Row | None:
        wanted = str(keys.get("instanceid"))
        for text, origin in _readings(wanted):
            # No part's own name has a slash, a machine's may.
            name, _, ident = text.rpartition("/")
            machine = context.view.machine_named(name.replace(";;", ";"))
            if machine is not None and setting_id(machine, ident, origin) == wanted:
                return next(self._named(context, machine, ident, origin), None)
        return None


def storage_pool_of(context: Context) -> Callable[[Disk], StoragePool | None]:
    """Return a function that tells the storage pool which a disk is taken from."""
    pools = context.view.all(StoragePool)
    folders = {p.target_path.rstrip("/"): p for p in pools.values() if p.target_path}

    def find(disk: Disk) -> StoragePool | None:
        if disk.pool:
            return pools.get(disk.pool)
        return folders.get(posixpath.dirname(disk.source)) if disk.source else None

    return find


def network_of(context: Context) -> Callable[[Nic], Network | Bridge | None]:
    """Return a function that tells the network, or the bridge, which an interface is connected to.

    libvirt reports both for a running machine: the network is the one that was asked for.
    """
    networks = context.view.all(Network)
    by_bridge = {network.bridge: network for network in networks.values()}
    bridges = context.view.all(Bridge)

    def find(nic: Nic) -> Network | Bridge | None:
        if nic.network is not None and nic.network in networks:
            return networks[nic.network]
        if nic.bridge is None:
            return None
        return by_bridge.get(nic.bridge) or bridges.get(nic.bridge)

    return find


def _storage_tail(context: Context) -> Callable[[Disk], tuple[Any, ...]]:
    find = storage_pool_of(context)
    return lambda disk: (find(disk),)


def _network_tail(context: Context) -> Callable[[Nic], tuple[Any, ...]]:
    find = network_of(context)
    return lambda nic: (find(nic),)


def _numbered(name: str, index: int) -> str:
    """Tell the second and later ones of a kind apart; the first keeps the plain name."""
    return f"{name}:{index}" if index else name


VCPUS = Parts(of=lambda config: config.vcpus, ident=lambda vcpu: str(vcpu.index))
CPU_ALLOCATIONS = Parts(of=lambda config: (config.cpu,), ident=lambda _cpu: "proc")
MEMORY = Parts(of=lambda config: (config.memory,), ident=lambda _memory: "mem")
DISKS = Parts(
    of=lambda config: config.disks,
    ident=lambda disk: disk.target,
    tail=_storage_tail,
    tail_kinds=(StoragePool,),
)
NICS = Parts(
    of=lambda config: config.nics,
    ident=lambda nic: nic.mac,
    tail=_network_tail,
    tail_kinds=(Network, Bridge),
)
GRAPHICS = Parts(
    of=lambda config: config.graphics, ident=lambda graphics: _numbered(graphics.type, graphics.index)
)


def _input_ident(device: Any) -> str:  # noqa: ANN401 - Parts are of every kind of record
    return _numbered(f"{device.type}:{device.bus}" if device.bus else device.type, device.index)


INPUTS = Parts(of=lambda config: config.inputs, ident=_input_ident)
KEYBOARDS = Parts(
    of=lambda config: [device for device in config.inputs if device.type == "keyboard"], ident=_input_ident
)
POINTERS = Parts(
    of=lambda config: [device for device in config.inputs if device.type != "keyboard"], ident=_input_ident
)
CONSOLES = Parts(of=lambda config: config.consoles, ident=lambda console: f"charconsole:{console.index}")
CONTROLLERS = Parts(
    of=lambda config: config.controllers,
    ident=lambda controller: f"controller:{controller.type}:{controller.index}",
)

"""Where the classes of virtual switches have their instances.

A virtual network is a switch, and so is a bridge of the host that no network owns. A switch's row is
``(source, host)``, its settings' ``(source, definition, origin, host)``. A port is there for each interface
of a machine that runs: its row is ``(source, machine, nic, host)``, and so is that of both endpoints of
the connection between them.

Source: DSP1097 1.0 (the switch, its settings, its ports and endpoints).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from xencim.providers.backends.records import Bridge, Host, Network, VirtualMachine
from xencim.providers.core.spec import Rows
from xencim.providers.vm.rows import NICS, Origin, device_id, machine_row, network_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.core.spec import Context, Keys, Row

Source: TypeAlias = Network | Bridge

_BRIDGE = "bridge/"  # no network's name has a slash


def switch_name(source: Source) -> str:
    """Return a switch's Name."""
    return f"{_BRIDGE}{source.name}" if isinstance(source, Bridge) else source.name


def switch_named(context: Context, name: str) -> Source | None:
    """Return what a switch is made from by its Name, None where there is none."""
    if name.startswith(_BRIDGE):
        return context.view.get(Bridge, name.removeprefix(_BRIDGE))
    return context.view.get(Network, name)


def _sources(context: Context) -> Iterator[Source]:
    yield from context.view.all(Network).values()
    yield from context.view.all(Bridge).values()


def switch_row(context: Context, source: Source) -> Row:
    """Return a switch's row."""
    return (source, context.view.host)


def all_switches(context: Context) -> Iterator[Row]:
    """Yield the rows of all switches."""
    return (switch_row(context, source) for source in _sources(context))


def _find_switch(context: Context, keys: Keys) -> Row | None:
    source = switch_named(context, str(keys.get("name")))
    return switch_row(context, source) if source else None


SWITCHES = Rows(kinds=(Network, Bridge, Host), all=all_switches, find=_find_switch)


# Settings --------------------------------------------------------------------------------------


def settings_id(source: Source, host: Host, origin: Origin) -> str:
    """Return the InstanceID of a switch's settings; as for machines, a semicolon in a name is doubled."""
    return f"{host.prefix}:switch/{switch_name(source).replace(';', ';;')}{origin.value}"


def settings_row(context: Context, source: Source, origin: Origin) -> Row | None:
    """Return the row of one of a switch's definitions, None when it has no such one."""
    stored = source.stored if isinstance(source, Network) else None
    found = source if origin is Origin.CURRENT else stored
    return (source, found, origin, context.view.host) if found else None


def _all_settings(context: Context) -> Iterator[Row]:
    for source in _sources(context):
        for origin in Origin:
            row = settings_row(context, source, origin)
            if row is not None:
                yield row


def _find_settings(context: Context, keys: Keys) -> Row | None:
    wanted, host = str(keys.get("instanceid")), context.view.host
    for origin in Origin:
        name = wanted.removeprefix(f"{host.prefix}:switch/").removesuffix(origin.value).replace(";;", ";")
        source = switch_named(context, name)
        if source is not None and settings_id(source, host, origin) == wanted:
            return settings_row(context, source, origin)
    return None


SETTINGS = Rows(kinds=(Network, Bridge, Host), all=_all_settings, find=_find_settings)


# Ports -----------------------------------------------------------------------------------------


def machines_on(context: Context, source: Source) -> Iterable[VirtualMachine]:
    """Return the machines that may have an interface on a switch, at a cost that grows with them."""
    bridge = source.name if isinstance(source, Bridge) else source.bridge
    found = {machine.uuid: machine for machine in context.view.machines_by("bridge", bridge or "")}
    if isinstance(source, Network):
        found |= {machine.uuid: machine for machine in context.view.machines_by("network", source.name)}
    return found.values()


def ports_of(context: Context, source: Source) -> Iterator[Row]:
    """Yield the rows of a switch's ports."""
    find, host = network_of(context), context.view.host
    for machine in machines_on(context, source):
        if machine.state.is_active:
            for nic in machine.current.nics:
                if find(nic) is source:
                    yield (source, machine, nic, host)


def port_at(context: Context, machine: VirtualMachine, ident: str) -> Row | None:
    """Return the row of the port that one of a machine's interfaces is connected to."""
    if not machine.state.is_active:
        return None
    nic = next((nic for nic in machine.current.nics if NICS.ident(nic) == ident), None)
    source = network_of(context)(nic) if nic else None
    return (source, machine, nic, context.view.host) if source else None


def _all_ports(context: Context) -> Iterator[Row]:
    for source in _sources(context):
        yield from ports_of(context, source)


def _find_port(context: Context, keys: Keys) -> Row | None:
    name, _, ident = str(keys.get("deviceid") or keys.get("name")).rpartition("/")
    machine = context.view.machine_named(name)
    return port_at(context, machine, ident) if machine else None


def port_id(machine: VirtualMachine, nic_ident: str) -> str:
    """Return what a port and its endpoints are called: as the interface that is connected to it."""
    return device_id(machine, nic_ident)


PORTS = Rows(kinds=(VirtualMachine, Network, Bridge, Host), all=_all_ports, find=_find_port)


def the_port(_context: Context, row: Row) -> tuple[Row, ...]:
    """Return a port's own row: its endpoints are made from the same."""
    return (row,)


def switch_of(context: Context, row: Row) -> tuple[Row, ...]:
    """Return the switch that a port or settings belong to."""
    return (switch_row(context, row[0]),)


def machine_of(context: Context, row: Row) -> tuple[Row, ...]:
    """Return the machine that is connected to a port."""
    return (machine_row(context, row[1]),)

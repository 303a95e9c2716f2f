"""Where snapshots have their instances.

A row is ``(machine, definition, snapshot, host)``: like that of a machine's settings, with the snapshot in
the place of the set that they belong to.

Source: DSP1042 1.0, section 7 (snapshots are virtual system configurations).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Host, VirtualMachine
from xencim.providers.core.spec import Context, Keys, Row, Rows
from xencim.providers.vm.rows import Origin, system_setting_id

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = ";snapshot/"


def snapshot_id(machine: VirtualMachine, host: Host, name: str) -> str:
    """Return a snapshot's InstanceID.

    No other settings have such a one: a semicolon in a machine's name is doubled.
    """
    return f"{system_setting_id(machine, host, Origin.CURRENT)}{_MARK}{name}"


def snapshots_of(context: Context, machine: VirtualMachine) -> Iterator[Row]:
    """Yield a machine's snapshots, those that others follow from first."""
    host = context.view.host
    return ((machine, one.config, one, host) for one in machine.snapshots)


def snapshot_named(context: Context, machine: VirtualMachine, name: str | None) -> Iterator[Row]:
    """Yield a machine's snapshot of that name, if there is one."""
    return (row for row in snapshots_of(context, machine) if row[2].name == name)


def _all(context: Context) -> Iterator[Row]:
    for machine in context.view.all(VirtualMachine).values():
        yield from snapshots_of(context, machine)


def _find(context: Context, keys: Keys) -> Row | None:
    wanted = str(keys.get("instanceid"))
    host = context.view.host
    text = wanted.removeprefix(f"{host.prefix}:")
    at = text.find(_MARK)
    while at >= 0:
        machine = context.view.machine_named(text[:at].replace(";;", ";"))
        name = text[at + len(_MARK) :]
        if machine is not None and snapshot_id(machine, host, name) == wanted:
            return next(snapshot_named(context, machine, name), None)
        at = text.find(_MARK, at + 1)
    return None


SNAPSHOTS = Rows(kinds=(VirtualMachine, Host), all=_all, find=_find)

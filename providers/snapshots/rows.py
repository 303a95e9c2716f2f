"""Where snapshots have their instances.

A row is ``(machine, definition, snapshot, host)``: like that of a machine's settings, with the snapshot in
the place of the set that they belong to.

Source: DSP1042 1.0, section 7 (snapshots are virtual system configurations).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Host, VirtualMachine
from xencim.providers.core.spec import Context, Keys, Row, Rows
from xencim.providers.vm.rows import SNAPSHOT_MARK, system_setting_id

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def named_snapshots(instance_id: str) -> Iterator[tuple[str, str]]:
    """Yield what the InstanceID of a snapshot's settings may be made of: a setting, and a snapshot's name.

    A name may hold the mark too; a semicolon in a machine's own is doubled.
    """
    at = instance_id.find(SNAPSHOT_MARK)
    while at >= 0:
        yield instance_id[:at], instance_id[at + len(SNAPSHOT_MARK) :]
        at = instance_id.find(SNAPSHOT_MARK, at + 1)


def _find(context: Context, keys: Keys) -> Row | None:
    wanted, host = str(keys.get("instanceid")), context.view.host
    for setting, name in named_snapshots(wanted):
        machine = context.view.machine_named(setting.removeprefix(f"{host.prefix}:").replace(";;", ";"))
        row = machine and next(snapshot_named(context, machine, name), None)
        if row and system_setting_id(row[0], host, row[2]) == wanted:
            return row
    return None


SNAPSHOTS = Rows(kinds=(VirtualMachine, Host), all=_all, find=_find)

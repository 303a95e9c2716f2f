"""`xencim vm snapshot list|create|apply|delete`.

Source: CIM_VirtualSystemSnapshotService.
Errors: CommandError where a machine has no such snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pywbem

from xencim.cimom_glue.cli.output import CommandError, Exit, print_json, print_line, print_table
from xencim.cimom_glue.cli.vm.asking import invoke, machine

if TYPE_CHECKING:
    import argparse

    from pywbem import CIMInstance

    from xencim.cimom_glue.cli.vm.asking import Machine

_FULL, _DISK = 2, 3
_APPLICATION_CONSISTENT = 2


def list(args: argparse.Namespace) -> int:  # noqa: A001 - the command's name
    """List a machine's snapshots, those that others follow from first."""
    with machine(args) as one:
        now = {
            path["InstanceID"]
            for path in one.host.connection.AssociatorNames(
                one.path, AssocClass="CIM_MostCurrentSnapshotInBranch"
            )
        }
        found = [
            {
                "name": snapshot["ElementName"],
                "taken": None if snapshot["CreationTime"] is None else str(snapshot["CreationTime"].datetime),
                "keeps": str(snapshot["VirtualSystemType"]).rpartition(":")[2].lower(),
                "current": snapshot["InstanceID"] in now,
                "description": snapshot["Description"],
            }
            for snapshot in _snapshots(one)
        ]
    if args.json:
        print_json(found)
    else:
        heads = ("NAME", "TAKEN", "KEEPS", "CURRENT", "DESCRIPTION")
        print_table(heads, ([*map(_cell, line.values())] for line in found))
    return Exit.DONE


def create(args: argparse.Namespace) -> int:
    """Take a snapshot."""
    with machine(args) as one:
        level = _APPLICATION_CONSISTENT if args.quiesce else None
        settings = one.host.settings(
            "VirtualSystemSnapshotSettingData",
            ElementName=args.name,
            Description=args.description,
            ConsistencyLevel=None if level is None else pywbem.Uint16(level),
        )
        kind = _DISK if args.disk_only or args.quiesce else _FULL
        out = invoke(
            args,
            one.host,
            one.host.service("Snapshot"),
            "CreateSnapshot",
            AffectedSystem=one.path,
            SnapshotSettings=settings,
            SnapshotType=pywbem.Uint16(kind),
        )
    if out.get("ResultingSnapshot") is not None and args.name is None:
        print_line(str(out["ResultingSnapshot"]["InstanceID"]).partition(";snapshot/")[2])
    return Exit.DONE


def apply(args: argparse.Namespace) -> int:
    """Return a machine to a snapshot; what it was meanwhile is lost."""
    return _act(args, "ApplySnapshot", "Snapshot")


def delete(args: argparse.Namespace) -> int:
    """Forget a snapshot, or with --tree all that follow from it too."""
    return _act(args, "DestroySnapshotTree" if args.tree else "DestroySnapshot", "AffectedSnapshot")


def _act(args: argparse.Namespace, method: str, parameter: str) -> int:
    with machine(args) as one:
        found = [snapshot.path for snapshot in _snapshots(one) if snapshot["ElementName"] == args.name]
        if not found:
            raise CommandError(
                f"{one.name} has no snapshot {args.name!r}",
                hint=f"`xencim vm snapshot list {one.name}` shows them",
            )
        invoke(args, one.host, one.host.service("Snapshot"), method, **{parameter: found[0]})
    return Exit.DONE


def _snapshots(one: Machine) -> tuple[CIMInstance, ...]:
    return tuple(one.parts("CIM_SnapshotOfVirtualSystem", "CIM_VirtualSystemSettingData"))


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else str(value)

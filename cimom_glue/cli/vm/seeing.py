"""`xencim vm list|show|console`: machines as clients see them.

Source: CIM_ComputerSystem and what is joined with it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.cli.output import CommandError, Exit, print_json, print_line, print_table, tell
from xencim.cimom_glue.cli.vm import terminal
from xencim.cimom_glue.cli.vm.asking import hosts, machine

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pywbem import CIMInstance

    from xencim.cimom_glue.cli.vm.asking import Host, Machine

_STATES = {2: "running", 3: "off", 4: "shutting down", 6: "saved", 9: "paused", 10: "starting"}
_TEXT = "text"
_POINTS = {"KVMRedirectionSAP": "display", "TextRedirectionSAP": _TEXT}
_LISTENING = 6


def list(args: argparse.Namespace) -> int:  # noqa: A001 - the command's name
    """List the machines of all hosts."""
    with hosts(args) as served:
        found = [line for host in served for line in _lines(host)]
    if args.json:
        print_json(found)
    else:
        heads = ("NAME", "STATE", "CPUS", "MEMORY", "UUID")
        print_table(heads, ([*map(_cell, line.values())][:5] for line in found))
    return Exit.DONE


def show(args: argparse.Namespace) -> int:
    """Show what a machine is made of, and what can be asked of it."""
    with machine(args) as one:
        told = _told(one)
    if args.json:
        print_json(told)
        return Exit.DONE
    for name, value in told.items():
        for text in value if isinstance(value, tuple) else (value,):
            print_line(f"{name + ':':<13} {_cell(text)}".rstrip())
    return Exit.DONE


def console(args: argparse.Namespace) -> int:
    """Show where a machine's displays and text consoles are reached now."""
    with machine(args) as one:
        points = [
            {
                "kind": kind,
                "name": point["Name"],
                "address": point["AccessInfo"],
                "open": point["EnabledState"] == _LISTENING,
            }
            for class_name, kind in _POINTS.items()
            for point in one.parts("CIM_SAPAvailableForElement", f"CIM_{class_name}")
        ]
    if args.attach:
        _attach(args.machine, [point["address"] for point in points if point["kind"] == _TEXT])
    elif args.json:
        print_json(points)
    else:
        heads = ("KIND", "NAME", "ADDRESS")
        print_table(heads, ((p["kind"], p["name"], p["address"] or "not open now") for p in points))
    return Exit.DONE


def _attach(name: str, addresses: Sequence[str | None]) -> None:
    """Talk to the first text console that can be talked to now."""
    address = next(filter(None, addresses), None)
    if address is None:
        raise CommandError(
            f"{name} has no text console that is open", hint="a running machine with a serial line has one"
        )
    with terminal.opened(address) as console:
        tell(f"{name} at {address}; Ctrl-] leaves")
        with terminal.raw(sys.stdin.fileno()):
            terminal.talk(console, sys.stdin.fileno(), sys.stdout.fileno())


def state_of(system: CIMInstance) -> str:
    """Return what a machine does, in a word."""
    return _STATES.get(int(system["EnabledState"]), "unknown")


def _lines(host: Host) -> tuple[dict[str, Any], ...]:
    cpus = _quantities(host, "ProcResourceAllocationSettingData", "/proc")
    memory = _quantities(host, "MemResourceAllocationSettingData", "/mem")
    systems = [one for one in host.instances("ComputerSystem") if one.classname.endswith("_ComputerSystem")]
    return tuple(
        {
            "name": system["Name"],
            "state": state_of(system),
            "cpus": cpus.get(system["Name"]),
            "memory_mib": (memory[system["Name"]] or 0) // 1024 if system["Name"] in memory else None,
            "uuid": system["UUID"],
            "namespace": host.namespace,
        }
        for system in sorted(systems, key=lambda one: str(one["Name"]))
    )


def _quantities(host: Host, class_name: str, ending: str) -> dict[str, int]:
    """Return the current quantities by machines' names; of memory in KiB, its unit where none is asked."""
    return {
        str(one["InstanceID"]).removesuffix(ending).replace(";;", ";"): int(one["VirtualQuantity"])
        for one in host.instances(class_name)
        if str(one["InstanceID"]).endswith(ending) and one["VirtualQuantity"] is not None
    }


def _told(one: Machine) -> dict[str, Any]:
    connection = one.host.connection
    system = connection.GetInstance(one.path)
    whole = one.host.setting_path("VirtualSystemSettingData", f"{one.host.prefix}:{one.setting_name}")
    settings = connection.Associators(whole, AssocClass="CIM_VirtualSystemSettingDataComponent")
    return {
        "name": one.name,
        "state": state_of(system),
        "uuid": system["UUID"],
        "description": system["Description"],
        "namespace": one.host.namespace,
        "resources": tuple(sorted(map(_resource, settings))),
        "snapshots": tuple(
            snapshot["ElementName"]
            for snapshot in one.parts("CIM_SnapshotOfVirtualSystem", "CIM_VirtualSystemSettingData")
        ),
    }


def _resource(setting: CIMInstance) -> str:
    """Return a device's name in its machine, and what it is made of."""
    name = str(setting["InstanceID"]).rpartition("/")[2]
    quantity = setting.get("VirtualQuantity")
    amount = f"{quantity} {setting.get('VirtualQuantityUnits') or setting.get('AllocationUnits') or ''}"
    where = setting.get("Address") or setting.get("PoolID") or setting.get("SourcePath") or ""
    return " ".join(f"{name} {amount if quantity is not None else ''} {where}".split())


def _cell(value: object) -> str:
    return "" if value is None else str(value)

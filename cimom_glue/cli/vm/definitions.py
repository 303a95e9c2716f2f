"""`xencim vm define|delete|set`: machines made, taken away, and changed as a whole.

Source: CIM_VirtualSystemManagementService.
Errors: CommandError where it is not said which host is meant, or nothing is to be changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pywbem

from xencim.cimom_glue.cli.output import CommandError, Exit
from xencim.cimom_glue.cli.vm.asking import hosts, invoke, machine
from xencim.cimom_glue.cli.vm.devices import disk_settings, nic_settings

if TYPE_CHECKING:
    import argparse

    from pywbem import CIMInstance

    from xencim.cimom_glue.cli.vm.asking import Host

_UNIT = "MegaBytes"
_STARTED_WITH_HOST, _NOT_STARTED = 4, 2  # AutomaticStartupAction


def define(args: argparse.Namespace) -> int:
    """Define a machine; it is not started."""
    with hosts(args) as served:
        found = [host for host in served if args.namespace in {None, host.namespace}]
        if len(found) != 1:
            names = ", ".join(host.namespace for host in served)
            raise CommandError(
                f"{len(found)} hosts are meant", hint=f"--namespace names one of those served: {names}"
            )
        [host] = found
        resources = [
            *_amounts(host, args),
            *(disk_settings(host, source) for source in args.disk),
            *(nic_settings(host, network) for network in args.network),
        ]
        whole = host.settings(
            "VirtualSystemSettingData",
            VirtualSystemIdentifier=args.machine,
            VirtualSystemType=args.type,
            Description=args.description,
        )
        service = host.service("Management")
        invoke(args, host, service, "DefineSystem", SystemSettings=whole, ResourceSettings=resources)
    return Exit.DONE


def delete(args: argparse.Namespace) -> int:
    """Take a machine away, also one that runs; the content of its disks stays."""
    with machine(args) as one:
        invoke(args, one.host, one.host.service("Management"), "DestroySystem", AffectedSystem=one.path)
    return Exit.DONE


def set(args: argparse.Namespace) -> int:  # noqa: A001 - the command's name
    """Change a machine's memory, processors, description or automatic start."""
    with machine(args) as one:
        host, service = one.host, one.host.service("Management")
        suffix = ";stored" if args.stored else ""
        resources = _amounts(host, args, one.setting_name, suffix)
        startup = {None: None, True: _STARTED_WITH_HOST, False: _NOT_STARTED}[args.autostart]
        if args.description is None and startup is None and not resources:
            raise CommandError("nothing is to be changed", hint="`xencim vm set --help` shows what can be")
        if args.description is not None or startup is not None:
            whole = host.settings(
                "VirtualSystemSettingData",
                InstanceID=f"{host.prefix}:{one.setting_name}{suffix}",
                Description=args.description,
                AutomaticStartupAction=None if startup is None else pywbem.Uint16(startup),
            )
            invoke(args, host, service, "ModifySystemSettings", SystemSettings=whole)
        if resources:
            invoke(args, host, service, "ModifyResourceSettings", ResourceSettings=resources)
    return Exit.DONE


def _amounts(
    host: Host, args: argparse.Namespace, machine: str | None = None, suffix: str = ""
) -> list[CIMInstance]:
    """Return the settings of processors and memory that are asked for, of a machine that is there or new."""
    found = []
    if args.cpus is not None:
        found.append(
            host.settings(
                "ProcResourceAllocationSettingData",
                InstanceID=machine and f"{machine}/proc{suffix}",
                VirtualQuantity=pywbem.Uint64(args.cpus),
            )
        )
    if args.memory is not None:
        found.append(
            host.settings(
                "MemResourceAllocationSettingData",
                InstanceID=machine and f"{machine}/mem{suffix}",
                VirtualQuantity=pywbem.Uint64(args.memory),
                AllocationUnits=_UNIT,
            )
        )
    return found

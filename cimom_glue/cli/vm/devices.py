"""`xencim vm attach-disk|attach-nic|detach`: devices of a machine.

Source: CIM_VirtualSystemManagementService, AddResourceSettings and RemoveResourceSettings.
Errors: CommandError where a machine has no such device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.output import CommandError, Exit
from xencim.cimom_glue.cli.vm.asking import invoke, machine

if TYPE_CHECKING:
    import argparse

    from pywbem import CIMInstance

    from xencim.cimom_glue.cli.vm.asking import Host, Machine


def disk_settings(host: Host, source: str, target: str | None = None) -> CIMInstance:
    """Return the settings of a disk: a path, or pool/volume."""
    return host.settings("DiskResourceAllocationSettingData", Address=source, VirtualDevice=target)


def nic_settings(host: Host, network: str, mac: str | None = None) -> CIMInstance:
    """Return the settings of a network interface."""
    return host.settings("NetResourceAllocationSettingData", PoolID=f"NetworkPool/{network}", Address=mac)


def attach_disk(args: argparse.Namespace) -> int:
    """Give a machine one more disk."""
    with machine(args) as one:
        _add(args, one, disk_settings(one.host, args.source, args.target))
    return Exit.DONE


def attach_nic(args: argparse.Namespace) -> int:
    """Give a machine one more network interface."""
    with machine(args) as one:
        _add(args, one, nic_settings(one.host, args.network, args.mac))
    return Exit.DONE


def detach(args: argparse.Namespace) -> int:
    """Take a device from a machine."""
    with machine(args) as one:
        suffix = ";stored" if args.stored else ""
        wanted = f"{one.setting_name}/{args.device}{suffix}"
        whole = one.host.setting_path("VirtualSystemSettingData", _whole(one, stored=args.stored))
        paths = one.host.connection.AssociatorNames(whole, AssocClass="CIM_VirtualSystemSettingDataComponent")
        found = [path for path in paths if path["InstanceID"] == wanted]
        if not found:
            raise CommandError(
                f"{one.name} has no device {args.device!r}", hint=f"`xencim vm show {one.name}` shows them"
            )
        service = one.host.service("Management")
        invoke(args, one.host, service, "RemoveResourceSettings", ResourceSettings=found)
    return Exit.DONE


def _add(args: argparse.Namespace, one: Machine, settings: CIMInstance) -> None:
    invoke(
        args,
        one.host,
        one.host.service("Management"),
        "AddResourceSettings",
        AffectedConfiguration=one.host.setting_path(
            "VirtualSystemSettingData", _whole(one, stored=args.stored)
        ),
        ResourceSettings=[settings],
    )


def _whole(one: Machine, *, stored: bool) -> str:
    return f"{one.host.prefix}:{one.setting_name}{';stored' if stored else ''}"

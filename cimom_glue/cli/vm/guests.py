"""`xencim vm screenshot|type|dump`: what goes to and comes from a guest past its own programs.

Source: Xen_VirtualSystemManagementService and Xen_Keyboard in our MOF.
Errors: CommandError where a machine has no keyboard, or a file cannot be written.
"""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.output import CommandError, Exit, print_line
from xencim.cimom_glue.cli.vm.asking import invoke, machine

if TYPE_CHECKING:
    import argparse


def screenshot(args: argparse.Namespace) -> int:
    """Write what a machine's screen shows to a file."""
    with machine(args) as one:
        service = one.host.service("Management")
        out = invoke(args, one.host, service, "GetVirtualSystemThumbnailImage", TargetSystem=one.path)
    if out:
        try:
            Path(args.file).write_bytes(b64decode(out["ImageData"]))
        except OSError as error:
            raise CommandError(f"{args.file}: {error.strerror}") from error
        print_line(f"{args.file}: {out['MediaType']}")
    return Exit.DONE


def type(args: argparse.Namespace) -> int:  # noqa: A001 - the command's name
    """Type text, or Ctrl-Alt-Del, on a machine's keyboard."""
    with machine(args) as one:
        keyboards = one.host.connection.AssociatorNames(
            one.path, AssocClass="CIM_SystemDevice", ResultClass="CIM_Keyboard"
        )
        if not keyboards:
            raise CommandError(f"{one.name} has no keyboard", hint="machines with a display have one")
        if args.ctrl_alt_del:
            invoke(args, one.host, keyboards[0], "TypeCtrlAltDel")
        if args.text is not None:
            text = args.text + ("\n" if args.enter else "")
            invoke(args, one.host, keyboards[0], "TypeText", AsciiText=text)
    return Exit.DONE


def dump(args: argparse.Namespace) -> int:
    """Write a machine's memory into a new volume of a pool."""
    with machine(args) as one:
        invoke(
            args,
            one.host,
            one.host.service("Management"),
            "CreateCoreDump",
            TargetSystem=one.path,
            Pool=one.host.setting_path("DiskPool", f"DiskPool/{args.pool}"),
            VolumeName=args.volume,
            MemoryOnly=not args.full,
            Live=args.live,
        )
    return Exit.DONE

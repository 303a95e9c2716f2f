"""The commands about existing CIMOMs and their flags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.cli.settings import add_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_REGISTER = """
    Register with an OpenPegasus or sfcb on this machine: its clients then see what this server serves.

    The daemon needs cmpi.socket; the CIMOM's user is let in without being listed, once the daemon has
    started anew. What the CIMOM has stays as it is: only classes that it lacks are loaded. Registering
    again brings an older registration up to date, or changes nothing; `again` in the CIMOM's place does so
    with all registrations on record.

    examples:
      xencim register pegasus --dry-run
      xencim register pegasus
      xencim register sfcb --root /opt/sfcb --library build/libxencim_cmpi.so
      xencim register again
"""
_UNREGISTER = """
    Undo a registration: remove the provider and the classes that it loaded, and give back what it took over.
    `all` undoes all registrations on record.

    examples:
      xencim unregister sfcb --root /opt/sfcb
      xencim unregister all
"""
_STATUS = """
    Tell how the registrations with CIMOMs stand against what is served. The exit code is 1 when one differs.

    examples:
      xencim status
      xencim status --json
"""
AGAIN = "again"
ALL = "all"
_ONLY = ("backends", "state_dir", "schema")


def add_registration(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:  # noqa: ANN401 - argparse names no public type for it
    """Add the commands to the tree of commands."""
    register = command(
        commands, "register", "register with an existing CIMOM", _REGISTER, "registration.command:register"
    )
    _add_cimom(register, AGAIN, "which CIMOM, or every registered one anew")
    register.add_argument(
        "--namespace", metavar="NAME", help="the CIMOM's namespace for machines (default: root/virt)"
    )
    register.add_argument(
        "--library", metavar="PATH", help="the provider library, where the CIMOM does not find it by itself"
    )
    register.add_argument(
        "--replace", action="store_true", help="take over classes of other providers, until unregister"
    )
    add_settings(register, only=_ONLY)

    undo = command(
        commands, "unregister", "undo a registration", _UNREGISTER, "registration.command:unregister"
    )
    _add_cimom(undo, ALL, "which CIMOM, or every registered one")
    add_settings(undo, only=_ONLY)

    status = command(
        commands, "status", "tell how registrations stand", _STATUS, "registration.command:status"
    )
    status.add_argument("--json", action="store_true", help="answer in JSON")
    add_settings(status, only=_ONLY)


def _add_cimom(parser: argparse.ArgumentParser, every: str, what: str) -> None:
    parser.add_argument("cimom", choices=("pegasus", "sfcb", every), help=what)
    parser.add_argument("--root", metavar="DIR", help="the folder it is installed in (default: /)")
    parser.add_argument("--dry-run", action="store_true", help="print what would be loaded; change nothing")

"""The commands of `xencim policy` and their flags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_POLICY = """
    Work on security policies, in files: check them, show them, compile them, ask what they would refuse.

    A FILE is a policy's XML document or its binary; - is standard input. `check` ends with 1 when a policy
    has an error (--strict: or a warning), `explain` when something is refused, `diff` when the policies
    differ; a file that cannot be read or written ends with 2.

    examples:
      xencim policy check *.xml
      xencim policy explain bank.xml --running A-Bank --start B-Bank
      xencim policy compile bank.xml -o bank.bin
      xencim policy compile bank.xml --format flask -o xenpolicy
      xencim policy diff bank.xml bank-2.xml
"""
_FILE = "a policy's document or binary; - is standard input"


def add_policy(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:  # noqa: ANN401 - argparse names no public type for it
    """Add the commands on policies to the tree of commands."""
    policy = command(commands, "policy", "work on security policies", _POLICY)
    actions = policy.add_subparsers(title="actions", metavar="ACTION", required=True)

    def action(name: str, summary: str, run: str, *files: str) -> argparse.ArgumentParser:
        parser = command(actions, name, summary, _POLICY, f"policy.{run}")
        for file in files:
            parser.add_argument(file.lower(), metavar=file, help=_FILE)
        parser.add_argument("--json", action="store_true", help="answer in JSON")
        return parser

    check = action("check", "tell what is wrong with policies", "checking:check")
    check.add_argument("files", metavar="FILE", nargs="+", help=_FILE)
    check.add_argument("--strict", action="store_true", help="warnings are errors")

    _add_map(action("show", "print what is in a policy", "checking:show", "FILE"))

    compiled = action("compile", "make what a hypervisor loads", "compiling:run_compile", "FILE")
    compiled.add_argument(
        "--format",
        default="4",
        choices=("2", "3", "4", "map", "flask", "flask-source"),
        help="of ACM: 2 (Xen 3.0.4), 3 (3.1), 4 (3.3 to 4.1, the default) or the map; of XSM: flask",
    )
    compiled.add_argument("--base", metavar="DIR", help="flask: Xen's source tree to build on")
    compiled.add_argument("--xen-release", metavar="X.Y", help="flask: the hypervisor it is for (4.17)")
    _add_output(compiled)
    _add_map(compiled)

    decompiled = action("decompile", "make a document of a binary", "compiling:run_decompile", "FILE")
    _add_output(decompiled)
    _add_map(decompiled)

    action("diff", "tell what differs between two policies", "comparing:run", "OLD", "NEW")

    explained = action("explain", "ask what a policy would refuse", "deciding:run", "FILE")
    explained.add_argument("--start", required=True, metavar="LABEL", help="the machine that would start")
    for flag, what in (
        ("--running", "machines that run, in the order they started"),
        ("--resource", "what it would use"),
    ):
        explained.add_argument(
            flag, action="append", default=[], metavar="LABEL,…", help=f"{what} (may be repeated)"
        )
    _add_map(explained)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", metavar="OUT", help="the file to write (default: standard output)")


def _add_map(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--map", metavar="MAP", help="the names of a binary, written with it")

"""The commands of `xencim policy` and their flags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.cli.policy.live.arguments import add_asking, add_live

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_POLICY = """
    Work on security policies: in files, and on the host through the running server.

    A FILE is a policy's XML document or its binary; - is standard input. `check` ends with 1 when a policy
    has an error (--strict: or a warning), `explain` when something is refused, `diff` when the policies
    differ, `plan` when the update is not feasible, `verify` when a bundle is refused, `drift` when something
    is not as the policy has it; a file that cannot be read or written ends with 2. `show`, `diff`, `plan` and
    `explain` with a file less are about the policy in force.

    examples:
      xencim policy check *.xml
      xencim policy explain bank.xml --running A-Bank --start B-Bank
      xencim policy compile bank.xml -o bank.bin
      xencim policy plan bank.xml bank-2.xml --running A-Bank,AutoCorp
      xencim policy export bank.xml --key policy.key -o bank.bundle
      xencim policy apply bank.xml --dry-run
      xencim policy label machine:web A-Bank
      xencim policy explain --start B-Bank
      xencim policy drift
"""
_FILE = "a policy's document or binary; - is standard input"


def add_policy(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:  # noqa: ANN401 - argparse names no public type for it
    """Add the commands on policies to the tree of commands."""
    policy = command(commands, "policy", "work on security policies", _POLICY)
    actions = policy.add_subparsers(title="actions", metavar="ACTION", required=True)

    def action(name: str, summary: str, run: str, *files: str) -> argparse.ArgumentParser:
        parser = command(actions, name, summary, _POLICY, f"policy.{run}")
        for file in files:
            name = file.strip("[]")
            parser.add_argument(name.lower(), metavar=name, help=_FILE, nargs="?" if name != file else None)
        parser.add_argument("--json", action="store_true", help="answer in JSON")
        return parser

    check = action("check", "tell what is wrong with policies", "checking:check")
    check.add_argument("files", metavar="FILE", nargs="+", help=_FILE)
    check.add_argument("--strict", action="store_true", help="warnings are errors")

    show = action("show", "print what is in a policy", "checking:show", "[FILE]")
    _add_map(show)
    add_asking(show)

    _add_compilers(action)

    add_asking(action("diff", "tell what differs between two policies", "comparing:run", "[OLD]", "NEW"))

    graph = action("graph", "draw who may share with whom, and who is in conflict", "graphs:run", "FILE")
    graph.add_argument("--format", default="svg", choices=("svg", "dot"), help="svg (the default) or dot")
    _add_output(graph)
    _add_map(graph)

    _add_questions(action)
    _add_bundles(action)
    _add_directory(action)
    add_live(action)


def _add_compilers(action: Callable[..., argparse.ArgumentParser]) -> None:
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


def _add_questions(action: Callable[..., argparse.ArgumentParser]) -> None:
    explained = action("explain", "ask what a policy would refuse", "deciding:run", "[FILE]")
    explained.add_argument("--start", metavar="LABEL", help="the machine that would start")
    explained.add_argument(
        "--denial", metavar="WHAT", help="a refusal's number or the hypervisor's line (the last refusal)"
    )
    _add_labels(explained, "--running", "the machines that run, in the order they started")
    _add_labels(explained, "--resource", "the resources that it would use")
    _add_map(explained)
    add_asking(explained)

    denied = action("denials", "tell what Xen's FLASK refused", "denials:run", "FILE")
    denied.add_argument("log", metavar="LOG", help="what `xl dmesg` prints; - is standard input")
    _add_map(denied)

    plan = action("plan", "tell what an update would do", "planning:run", "[OLD]", "NEW")
    _add_labels(plan, "--running", "the machines that run, in the order they would start anew")
    add_asking(plan)


def _add_bundles(action: Callable[..., argparse.ArgumentParser]) -> None:
    keygen = action("keygen", "make a key that signs bundles", "bundles:keygen")
    keygen.add_argument(
        "key",
        metavar="KEY",
        help="the new file of the private key, such as me.pem; me.pub.pem is the public one",
    )

    export = action("export", "write a policy's signed bundle", "bundles:export", "FILE")
    export.add_argument(
        "--key",
        required=True,
        metavar="KEY",
        help="the private key, PEM; its password, if it has one, is in the environment: XENCIM_KEY_PASSWORD",
    )
    export.add_argument(
        "--add", action="append", default=[], metavar="FILE", help="put another file in (may be repeated)"
    )
    _add_output(export)

    verify = action("verify", "check a bundle", "bundles:verify")
    verify.add_argument("bundle", metavar="BUNDLE", help="the bundle; - is standard input")
    verify.add_argument("--trust", required=True, metavar="DIR", help="the public keys of who is trusted")
    verify.add_argument("--in-force", metavar="FILE", help="the policy that the bundle's must follow")
    verify.add_argument("-o", "--output", metavar="OUT", help="where to write the policy's document")


def _add_directory(action: Callable[..., argparse.ArgumentParser]) -> None:
    publish = action("publish", "publish a signed policy in a directory", "publishing:publish", "FILE")
    publish.add_argument("--serial", type=int, required=True, help="its number, greater than the one before")
    publish.add_argument("--key", metavar="KEY", required=True, help="the private key, as of export")
    publish.add_argument("--labels", metavar="JSON", help='labels of elements: {"element": "label", …}')

    fetch = action("fetch", "take a signed policy from a directory", "publishing:fetch")
    fetch.add_argument("name", metavar="NAME", help="the policy's name")
    fetch.add_argument("--trust", metavar="DIR", required=True, help="the public keys of who is trusted")
    fetch.add_argument("--kept", metavar="FILE", required=True, help="where the last good one is kept")
    fetch.add_argument("--labels", metavar="JSON", help="where to write the labels of elements")
    _add_output(fetch)

    for parser in (publish, fetch):
        for flag, metavar, what in (
            ("--directory", "URL", "ldaps://… or ldap://…, then by StartTLS"),
            ("--base", "DN", "the entry that publications are below"),
        ):
            parser.add_argument(flag, metavar=metavar, required=True, help=what)
        parser.add_argument(
            "--ca", metavar="FILE", help="who certifies the directory (the system's authorities)"
        )
        parser.add_argument("--bind", metavar="DN", help="as whom to ask (anonymously)")
        parser.add_argument(
            "--password-file", metavar="FILE", help="the password of --bind; - is standard input"
        )


def _add_labels(parser: argparse.ArgumentParser, flag: str, what: str) -> None:
    parser.add_argument(
        flag, action="append", default=[], metavar="LABEL,…", help=f"{what} (may be repeated)"
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", metavar="OUT", help="the file to write (default: standard output)")


def _add_map(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--map", metavar="MAP", help="the names of a binary, written with it")

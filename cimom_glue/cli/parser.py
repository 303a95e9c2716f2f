"""The tree of commands. A command's module is imported when it runs, so that help is quick."""

from __future__ import annotations

import argparse
from importlib import import_module
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from xencim import __version__
from xencim.cimom_glue.cli.policy.arguments import add_policy
from xencim.cimom_glue.cli.registration.arguments import add_registration
from xencim.cimom_glue.cli.settings import add_settings
from xencim.cimom_glue.cli.vm.arguments import add_vm

if TYPE_CHECKING:
    from collections.abc import Callable

_TOP = """
    Serve this virtualization host to WBEM clients.

    first steps:
      xencim serve                     serve the local hypervisor; prints where, and the first account
      xencim serve --backend fake:100  serve a made-up host with 100 machines
      xencim doctor                    see what works and how to mend what does not
      xencim user add alice --group xencim
                                       let alice read
"""
_EXITS = """
    exit codes: 0 done, 1 failed or something is wrong, 2 wrong flags or configuration,
    3 no hypervisor or no access to it
"""
_SERVE = """
    Serve hypervisors to WBEM clients until SIGTERM or SIGINT; SIGHUP re-reads accounts and certificate.

    Without --backend the local hypervisor is served: xen:///system, else qemu:///system, else
    libvirt's built-in test hypervisor. With no account yet, `admin` is made and its password printed once.

    examples:
      xencim serve
      xencim serve --backend qemu:///system --https 0.0.0.0:5989 --http off
      xencim serve --backend xen:///system --backend fake:10
      xencim serve --backend test:///default --state-dir ./try --http 127.0.0.1:0 --https off
"""
_DOCTOR = """
    Look at everything a working server needs and say what is wrong and how to mend it.

    Checked are the hypervisor and its driver's limits, certificate, addresses, accounts, schema, and that
    every class can be enumerated. The exit code is 1 when something is wrong.

    examples:
      xencim doctor
      xencim doctor --backend fake:3 --json
"""
_CLASSES = """
    List the classes that are served: by which profile and from which records (an association: between
    which classes).

    examples:
      xencim classes
      xencim classes --backend qemu:///system --json
"""
_USER = """
    Keep the accounts that log in with a password.

    What an account may do follows from its groups and the [access] section of the configuration: by
    default group xencim reads, group xencim-admin does everything.

    examples:
      xencim user add alice --group xencim
      echo "$PASSWORD" | xencim user add bob --group xencim-admin --password-stdin
      xencim user list
"""
_JOB = """
    See and steer the work that goes on at the server of this machine, through its Unix socket.

    A job is named by its number or the beginning of it. `wait` ends with 1 when the job did not end well.

    examples:
      xencim job list
      xencim job show 3f2a
      xencim job wait 3f2a --timeout 600
      xencim job cancel 3f2a
"""
_SUBSCRIPTION = """
    See who is told of events, and try listeners.

    Clients subscribe by CIM operations (pywbemcli subscription …). The list shows how many indications wait
    for a listener, were delivered, and were dropped because too many waited.

    examples:
      xencim subscription list
      xencim subscription test my-console
      xencim subscription test https://console.example:5990
"""
_CONFIG = """
    Show the settings in force and where each came from.

    examples:
      xencim config show
      xencim config show --http off --json
"""
_COMPLETION = """
    Write a script that completes this command's words in a shell.

    examples:
      xencim completion bash > /etc/bash_completion.d/xencim
      xencim completion zsh > "${fpath[1]}/_xencim"
      xencim completion fish > ~/.config/fish/completions/xencim.fish
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command; the arguments' ``run`` carries the command out."""
    parser = _described(argparse.ArgumentParser, _TOP, _EXITS, prog="xencim")
    parser.add_argument("--version", action="version", version=f"xencim {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    serve = _command(commands, "serve", "serve hypervisors to WBEM clients", _SERVE)
    add_settings(serve)

    doctor = _command(commands, "doctor", "see what works and what does not", _DOCTOR, "doctor.command:run")
    _add_json(doctor)
    add_settings(doctor)

    classes = _command(commands, "classes", "list the classes that are served", _CLASSES)
    _add_json(classes)
    add_settings(classes, only=("backends", "state_dir", "schema"))

    _add_user(commands)
    _add_job(commands)

    add_vm(commands, _command)
    add_policy(commands, _command)
    _add_subscription(commands)
    add_registration(commands, _command)

    config = _command(commands, "config", "show the settings in force", _CONFIG)
    actions = config.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = _command(actions, "show", "print every setting and where it came from", _CONFIG, "config:show")
    _add_json(show)
    add_settings(show)

    completion = _command(commands, "completion", "write a shell's completion script", _COMPLETION)
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    return parser


def _add_user(commands: Any) -> None:  # noqa: ANN401 - argparse names no public type for it
    user = _command(commands, "user", "keep the accounts", _USER)
    actions = user.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, summary in (
        ("add", "make an account"),
        ("passwd", "change an account's password"),
        ("remove", "remove an account"),
        ("list", "list the accounts"),
    ):
        action = _command(actions, name, summary, _USER, f"users:{name}")
        if name == "list":
            _add_json(action)
        else:
            action.add_argument("name", metavar="NAME", help="the account's name")
        if name == "add":
            action.add_argument(
                "--group", action="append", default=[], metavar="GROUP", help="a group (may be repeated)"
            )
        if name in {"add", "passwd"}:
            action.add_argument(
                "--password-stdin", action="store_true", help="read the password from standard input"
            )
        add_settings(action, only=("state_dir",))


def _add_job(commands: Any) -> None:  # noqa: ANN401 - argparse names no public type for it
    job = _command(commands, "job", "see and steer what goes on", _JOB)
    actions = job.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, summary in (
        ("list", "list the jobs"),
        ("show", "show all that is known of a job"),
        ("wait", "wait until a job has ended"),
        ("cancel", "end a job"),
    ):
        action = _command(actions, name, summary, _JOB, f"jobs:{name}")
        if name != "list":
            action.add_argument("job", metavar="JOB", help="the job's number or its beginning")
        if name in {"list", "show"}:
            _add_json(action)
        if name == "wait":
            action.add_argument("--timeout", type=float, metavar="S", help="give up waiting after S seconds")
        if name == "cancel":
            action.add_argument("--kill", action="store_true", help="whatever the hypervisor says")
        add_settings(action, only=("state_dir", "server.socket"))


def _add_subscription(commands: Any) -> None:  # noqa: ANN401 - argparse names no public type for it
    subscription = _command(commands, "subscription", "see who is told of events", _SUBSCRIPTION)
    actions = subscription.add_subparsers(title="actions", metavar="ACTION", required=True)
    listed = _command(actions, "list", "list the subscriptions", _SUBSCRIPTION, "subscriptions:list")
    _add_json(listed)
    add_settings(listed, only=("state_dir",))
    tested = _command(actions, "test", "send a test indication", _SUBSCRIPTION, "subscriptions:test")
    tested.add_argument("destination", metavar="NAME|URL", help="a destination's name, or a listener's URL")
    add_settings(tested, only=("state_dir",))


def _command(
    commands: Any,  # noqa: ANN401 - argparse names no public type for it
    name: str,
    summary: str,
    text: str,
    run: str = "",
) -> argparse.ArgumentParser:
    parser = _described(commands.add_parser, text, _EXITS, name=name, help=summary)
    parser.set_defaults(run=_later(run or f"{name}:run"))
    return parser


def _described(make: Callable[..., Any], text: str, ending: str, **arguments: Any) -> argparse.ArgumentParser:  # noqa: ANN401 - argparse's
    arguments["description"] = dedent(text).strip()
    arguments["epilog"] = dedent(ending).strip()
    # A prefix of a flag must not become another flag's when one is added.
    parser: argparse.ArgumentParser = make(
        **arguments, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    return parser


def _later(place: str) -> Callable[[argparse.Namespace], int]:
    module, _, function = place.partition(":")

    def run(args: argparse.Namespace) -> int:
        command = getattr(import_module(f"xencim.cimom_glue.cli.{module}"), function)
        return int(command(args))

    return run


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="answer in JSON")

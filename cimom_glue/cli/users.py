"""`xencim user`: the accounts that log in with a password.

Errors: CommandError for a password that nobody gave twice alike; PasswordFileError.
"""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.output import CommandError, Exit, print_json, print_table, tell
from xencim.cimom_glue.cli.settings import load_settings
from xencim.cimom_glue.server.auth.passwords import PasswordFile

if TYPE_CHECKING:
    import argparse


def add(args: argparse.Namespace) -> int:
    """Make an account."""
    file = _file(args)
    file.add(args.name, _password(args), args.group)
    if not args.group:
        tell(f"{args.name} is in no group yet, so only [access] naming it lets it do anything")
    return Exit.DONE


def passwd(args: argparse.Namespace) -> int:
    """Change a password."""
    file = _file(args)
    if all(user.name != args.name for user in file.list()):
        raise CommandError(
            f"there is no user {args.name!r} in {file.path}", hint="`xencim user add` makes one"
        )
    file.set_password(args.name, _password(args))
    return Exit.DONE


def remove(args: argparse.Namespace) -> int:
    """Remove an account."""
    _file(args).remove(args.name)
    return Exit.DONE


def list(args: argparse.Namespace) -> int:  # noqa: A001 - the command's name
    """List the accounts."""
    users = _file(args).list()
    if args.json:
        print_json([{"name": user.name, "groups": sorted(user.groups)} for user in users])
    else:
        print_table(("NAME", "GROUPS"), ((user.name, " ".join(sorted(user.groups))) for user in users))
    return Exit.DONE


def _file(args: argparse.Namespace) -> PasswordFile:
    auth = load_settings(args).config.auth
    if auth.method == "pam":
        raise CommandError(
            "passwords are checked by PAM, so accounts are the system's",
            hint="auth.method file in the configuration keeps accounts here",
        )
    return PasswordFile(auth.password_file)


def _password(args: argparse.Namespace) -> str:
    if args.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandError(
            "there is no terminal to ask for the password on",
            hint="--password-stdin reads it from standard input",
        )
    password = getpass.getpass(f"Password of {args.name}: ")
    if getpass.getpass("Once more: ") != password:
        raise CommandError("the two passwords differ")
    return password

"""The manual page, from the parser that also writes the help.

Source: man(7), the macros of manual pages.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.parser import make_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES = (
    ("/etc/xencim/xencim.toml", "the configuration; docs/reference/settings.md lists every setting"),
    ("/var/lib/xencim", "accounts, the certificate and its key"),
    ("/run/xencim/xencim.sock", "the Unix socket"),
)


def manual_page() -> str:
    """Return the page."""
    parser = make_parser()
    lines = [
        '.TH XENCIM 8 "" xencim "System administration"',
        ".SH NAME",
        "xencim \\- serve virtualization hosts to WBEM clients",
        ".SH SYNOPSIS",
        ".B xencim",
        r".I COMMAND",
        r"[\fIflags\fR]",
        ".SH DESCRIPTION",
        *_verbatim(parser.description or ""),
        ".SH COMMANDS",
        *_commands(parser),
        ".SH EXIT STATUS",
        *_verbatim(parser.epilog or ""),
        ".SH FILES",
    ]
    for path, what in _FILES:
        lines += [".TP", f".I {_escaped(path)}", _escaped(what)]
    return "\n".join(lines) + "\n"


def _commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    # argparse offers no public way to list what a parser knows; these names have been stable.
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for child in dict.fromkeys(action.choices.values()):
                yield from _command(child)
                yield from _commands(child)


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f".SS {_escaped(parser.prog)}"
    yield from _verbatim(parser.description or "")
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction | argparse._HelpAction):  # noqa: SLF001
            continue
        flags = ", ".join(action.option_strings)
        value = action.metavar if action.nargs != 0 else None
        choices = "|".join(map(str, action.choices or ()))
        yield ".TP"
        yield rf"\fB{_escaped(flags)}\fR \fI{_escaped(str(value or choices))}\fR"
        yield _escaped(action.help or "")


def _verbatim(text: str) -> Iterator[str]:
    yield ".nf"
    yield from (_escaped(line) for line in text.splitlines())
    yield ".fi"


def _escaped(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    # A dot or quote at the start of a line would be a macro.
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped

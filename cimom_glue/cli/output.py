"""How commands speak: results on standard output, everything else on standard error, tables for people.

Errors: CommandError, with the exit code that the command ends with.
"""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    DONE = 0
    FAILED = 1  # it could not be done, or doctor found something wrong
    USAGE = 2  # wrong flags or a wrong configuration
    HYPERVISOR = 3  # no hypervisor, or it does not let us in


class CommandError(Exception):
    """A command cannot go on; ``hint`` says how to put it right."""

    def __init__(self, message: str, *, hint: str | None = None, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


def tell(text: str) -> None:
    """Write a line for whoever looks on, on standard error."""
    sys.stderr.write(f"xencim: {text}\n")
    sys.stderr.flush()


def complain(message: str, hint: str | None) -> None:
    """Write an error and how to put it right, on standard error."""
    tell(f"error: {message}")
    if hint:
        sys.stderr.write(f"  hint: {hint}\n")


def print_line(text: str = "") -> None:
    """Write one line of a command's result."""
    sys.stdout.write(f"{text}\n")


def print_json(value: object) -> None:
    """Write a command's result as JSON."""
    print_line(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows in columns as wide as their widest cell; the last one as long as it is."""
    lines = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        print_line("  ".join((*cells, line[-1])).rstrip())

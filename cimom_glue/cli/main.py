"""The `xencim` command: flags in, an exit code out; errors are one line and a hint, never a traceback.

Exit codes: 0 done, 1 failed (or doctor found something wrong), 2 wrong flags or configuration,
3 no hypervisor, or one that does not let us in.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.output import CommandError, Exit, complain
from xencim.cimom_glue.cli.parser import make_parser
from xencim.cimom_glue.config import ConfigError
from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERRUPTED = 130  # what a shell reports of a command ended by SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = make_parser().parse_args(argv)
    try:
        return int(args.run(args))
    except ConfigError as error:
        complain(error.message, error.hint)
        return Exit.USAGE
    except BackendError as error:
        complain(error.message, error.hint)
        return Exit.HYPERVISOR
    except CommandError as error:
        complain(error.message, error.hint)
        return error.code
    except OSError as error:
        complain(_os_text(error), None)
        return Exit.FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


def _os_text(error: OSError) -> str:
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has gone; the interpreter must not fail on it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"

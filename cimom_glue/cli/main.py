"""The `xencim` command: flags in, an exit code out; errors are one line and a hint, never a traceback.

Exit codes: 0 done, 1 failed (or doctor found something wrong), 2 wrong flags or configuration,
3 no hypervisor, or one that does not let us in. A traceback means a defect of xencim.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.output import Exit, complain
from xencim.cimom_glue.cli.parser import make_parser

if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERRUPTED = 130  # what a shell reports of a command ended by SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = make_parser().parse_args(argv)
    if isinstance(sys.stdout, TextIOWrapper):
        # Standard error escapes what the terminal cannot show; a result must not end in a traceback either.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = int(args.run(args))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone; the interpreter must not fail on it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except Exception as error:
        from xencim.cimom_glue.cli.explain import explain  # noqa: PLC0415 - help needs no hypervisor's errors

        explained = explain(error)
        if explained is None:
            raise
        complain(explained.message, explained.hint)
        return explained.code
    return code

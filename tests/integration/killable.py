"""A server that tests may kill: on its Unix socket alone, in the state directory's file `socket`."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

STOP_WITHIN_S = 60
XENCIM = ("-m", "xencim")


@contextmanager
def serving(
    state_dir: Path, backend: str, program: Sequence[str] = XENCIM
) -> Iterator[subprocess.Popen[str]]:
    """Run a server until it is no longer needed; `program` is what the interpreter is given to run."""
    words = [sys.executable, *program, "serve", "--backend", backend, "--state-dir", str(state_dir)]
    words += ["--socket", str(state_dir / "socket"), "--http", "off", "--https", "off"]
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        told = []
        for line in process.stderr:
            told.append(line)
            if line.startswith("xencim: ready: "):
                break
        else:
            pytest.fail("".join(told))
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=STOP_WITHIN_S)

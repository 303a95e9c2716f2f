"""Servers in processes of their own, and what the kernel tells of them.

Source: proc(5).
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from client import Address

_STOP_S = 30


class Child:
    """A script of this folder that says ``ready PORT`` and ends when its standard input does."""

    def __init__(self, script: str, *arguments: object) -> None:
        began_s = time.monotonic()
        path = Path(__file__).parent / script
        self._process = subprocess.Popen(
            [sys.executable, str(path), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        word, _, port = self._line().partition(" ")
        if word != "ready":
            self.stop()
            raise RuntimeError(f"{script} did not start")
        self.start_s = time.monotonic() - began_s
        self.address: Address = ("127.0.0.1", int(port))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def tell(self, command: str) -> None:
        """Have a command carried out."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        if self._line() != "done":
            raise RuntimeError(f"the server did not {command}")

    def stop(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None  # noqa: S101 - for the type checker
            pipe.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def memory_mib(self, field: str) -> float:
        """Return ``VmRSS`` or its peak, ``VmHWM``."""
        return int(self._status(field).split()[0]) / 1024

    def threads(self) -> int:
        """Return how many threads there are."""
        return int(self._status("Threads"))

    def descriptors(self) -> int:
        """Return how many file descriptors are open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def _status(self, field: str) -> str:
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return value.strip()
        raise LookupError(field)

    def _line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        return self._process.stdout.readline().strip()

"""Xen's command line tools, run as processes beside the event loop, each with a deadline.

Errors: BackendError: absent (not installed), timeout.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass

from xencim.providers.backends.base import BackendError

DEADLINE_S = 30.0
FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/sbin")
"""Where an administrator's tools are, whatever path a service was started with."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a tool ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """What it said about its failure."""
        return " ".join((self.err or self.out).split()) or f"status {self.status}"


class Tools:
    """The tools in the folders of a path."""

    def __init__(self, path: str | None = None) -> None:
        self._path = path or os.pathsep.join((os.environ.get("PATH", os.defpath), *FOLDERS))

    async def run(self, name: str, *words: str) -> Ended:
        """Run a tool to its end; one that is late is killed."""
        program = shutil.which(name, path=self._path)
        if program is None:
            hint = "Debian's packages xen-utils-4.17 and xen-utils-common have Xen's tools"
            raise BackendError("absent", f"{name} is not installed", hint=hint)
        process = await asyncio.create_subprocess_exec(
            program,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        except TimeoutError:
            raise BackendError("timeout", f"{name} did not end within {DEADLINE_S:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Ended(process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))

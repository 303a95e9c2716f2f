"""A CIMOM's own programs and files, under whatever prefix it is installed.

Errors: RegistrationError where one is missing or fails, with what it said.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from xencim.cimom_glue.registration.errors import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIBRARY = "libxencim_cmpi.so"
# Where wheels and packages bring it.
_PACKAGED = Path(str(files("xencim"))) / LIBRARY
_FOLDERS = ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin")
_SECONDS = 600.0  # compiling a whole schema on a slow machine


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs under a prefix; ``environ`` is added to the environment they run in."""

    root: Path
    environ: Mapping[str, str]

    def find(self, name: str) -> Path:
        """Return the path of a program."""
        for folder in _FOLDERS:
            path = self.root / folder / name
            if os.access(path, os.X_OK):
                return path
        raise RegistrationError(
            f"there is no {name} under {self.root}", hint="--root names the folder that the CIMOM is in"
        )

    def run(self, name: str, *arguments: str, tolerated: Sequence[str] = ()) -> str | None:
        """Run a program and return its output, None where it fails with one of the ``tolerated`` texts."""
        done = subprocess.run(  # noqa: S603 - a program under the root that the administrator named
            [self.find(name), *arguments],
            env={**os.environ, **self.environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
        said = f"{done.stdout}\n{done.stderr}"
        if done.returncode == 0:
            return done.stdout
        if any(text in said for text in tolerated):
            return None
        lines = [line for line in said.splitlines() if line.strip()]
        raise RegistrationError(
            f"{name} {' '.join(arguments)}: exit code {done.returncode}: "
            f"{' / '.join(lines[-3:]) or 'it said nothing'}"
        )


def place_library(folders: Sequence[Path], library: Path | None, *, dry: bool) -> tuple[Path, Path | None]:
    """Make the library be where the CIMOM looks; return the place, and the link if one is to be made.

    A library that is there already stays, unless another one is given; else the packaged one is taken.
    """
    found = next((folder / LIBRARY for folder in folders if (folder / LIBRARY).exists()), None)
    if library is None and found is None and _PACKAGED.is_file():
        library = _PACKAGED
    if library is None:
        if found is None:
            raise RegistrationError(
                f"{LIBRARY} is in none of {', '.join(map(str, folders))}",
                hint=f"--library names it; `make cmpi` builds build/{LIBRARY}",
            )
        return found, found if found.is_symlink() else None
    if not library.is_file():
        raise RegistrationError(f"{library}: there is no such library", hint="`make cmpi` builds it")
    if found is not None and found.samefile(library):
        return found, found if found.is_symlink() else None
    if found is not None and not found.is_symlink():
        raise RegistrationError(
            f"{found} is another library than {library}", hint="leave --library out, or remove that file"
        )
    folder = found.parent if found else next((one for one in folders if one.is_dir()), None)
    if folder is None:
        raise RegistrationError(f"the CIMOM's folders {', '.join(map(str, folders))} do not exist")
    link = folder / LIBRARY
    if not dry:
        link.unlink(missing_ok=True)
        link.symlink_to(library.resolve())
    return link, link


def under(root: Path, path: str, home: Path) -> Path:
    """Return where a configured path is: relative to ``home``, or absolute, in ``root`` if it is there."""
    if not path.startswith("/"):
        return home / path
    inside = root / path.lstrip("/")
    return inside if inside.exists() else Path(path)

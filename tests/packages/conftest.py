"""The packages, made once for all tests here, and machines to install them on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import xencim

from .machine import NEEDED, base_tree, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .machine import Machine


VERSION, NEWER = (f"{xencim.__version__}-{revision}" for revision in (1, 2))


@dataclass(frozen=True)
class Packages:
    """The two packages of one version."""

    xencim: Path
    cmpi: Path

    @property
    def both(self) -> tuple[Path, Path]:
        return (self.xencim, self.cmpi)


def build(repository: Path, kind: str) -> list[Path]:
    """Make packages of a kind; return those that were made."""
    folder = repository / "build"
    for old in folder.glob(f"*.{kind}"):
        old.unlink()
    command = [str(repository / "cimom_glue/packaging/build"), kind]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(folder.glob(f"*.{kind}"))


@pytest.fixture(scope="session")
def packages(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """The packages of the tree as it is."""
    if os.geteuid() != 0:
        pytest.skip("installing packages needs root")
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)}: not installed (make test-packages installs them)")
    folder = tmp_path_factory.mktemp("packages")
    cmpi, xencim = (path.rename(folder / path.name) for path in build(repository, "deb"))
    return Packages(xencim, cmpi)


@pytest.fixture(scope="session")
def newer(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """The same packages with a higher version, and with another configuration file."""
    folder = tmp_path_factory.mktemp("newer")
    found = []
    for package in packages.both:
        tree = folder / package.stem
        subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
        control = tree / "DEBIAN/control"
        control.write_text(control.read_text().replace(VERSION, NEWER))
        configuration = tree / "etc/xencim/xencim.toml"
        if configuration.exists():
            configuration.write_text(f"{configuration.read_text()}# A line of the newer version.\n")
        made = folder / package.name.replace(VERSION, NEWER)
        subprocess.run(["dpkg-deb", "--build", tree, made], check=True, capture_output=True)
        found.append(made)
    return Packages(*found)


@pytest.fixture(scope="session")
def debian(packages: Packages) -> Path:
    """A tree of Debian with what the packages depend on."""
    asked = [
        subprocess.check_output(["dpkg-deb", "-f", path, "Depends"], text=True) for path in packages.both
    ]
    names = re.split(r",\s*", ", ".join(line.strip() for line in asked))
    wanted = {re.split(r"[\s:|(]", name)[0] for name in names}
    return base_tree(sorted(wanted - {"xencim"}))


@pytest.fixture
def machine(debian: Path, tmp_path: Path) -> Iterator[Machine]:
    """A machine without the packages."""
    with running(debian, tmp_path / "machine") as made:
        yield made

"""RPM packages, as far as Debian can look at them: the same files as Debian's, without what Debian lacks."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from .conftest import build

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Packages

pytestmark = [pytest.mark.packages, pytest.mark.timeout(300)]

DEBIANS = ("usr/lib/xencim/vendored", "usr/share/doc", "etc/apparmor.d", "usr/share/python3")
RPMS = ("usr/share/doc", "usr/share/licenses", "var/lib/xencim")


def in_deb(package: Path) -> set[str]:
    listing = subprocess.check_output(["dpkg-deb", "--fsys-tarfile", package])
    names = (
        subprocess.run(["tar", "--list"], input=listing, check=True, capture_output=True)
        .stdout.decode()
        .split()
    )
    found = {name.removeprefix("./") for name in names if not name.endswith("/")}
    found = {f"usr/{name}" if name.startswith("lib/systemd/") else name for name in found}
    return {name.removesuffix(".gz") for name in found if not name.startswith(DEBIANS)}


def in_rpm(package: Path) -> set[str]:
    words = [
        "rpm",
        "--query",
        "--package",
        "--queryformat",
        "[%{FILEMODES:perms} %{FILENAMES}\n]",
        str(package),
    ]
    lines = subprocess.check_output(words, text=True, stderr=subprocess.DEVNULL).splitlines()
    names = {line.split(" /", 1)[1] for line in lines if not line.startswith("d")}
    return {name.removesuffix(".gz") for name in names if not name.startswith(RPMS)}


def test_they_hold_what_debians_hold(packages: Packages, repository: Path) -> None:
    xencim, cmpi = build(repository, "rpm")
    assert in_rpm(xencim) == in_deb(packages.xencim)
    assert in_rpm(cmpi) == in_deb(packages.cmpi) == {"usr/lib/xencim/xencim/libxencim_cmpi.so"}

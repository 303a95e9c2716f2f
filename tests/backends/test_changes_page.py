"""The page on what can be changed says what the drivers' table says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xencim.providers.backends.libvirt.writing.live import POSSIBLE

if TYPE_CHECKING:
    from pathlib import Path

DRIVERS = ("qemu", "xen", "lxc", "test")


def test_the_table_is_the_drivers(repository: Path) -> None:
    page = (repository / "docs" / "usage" / "changing-machines.md").read_text("utf-8")
    said: dict[str, set[str]] = {driver: set() for driver in DRIVERS}
    kinds = set()
    for row in re.findall(r"^\| (`.+)\|$", page, re.MULTILINE):
        names, *answers = row.split("|")
        for kind in re.findall(r"`([^`]+)`", names):
            kinds.add(kind)
            for driver, answer in zip(DRIVERS, answers, strict=True):
                if answer.strip().startswith("yes"):
                    said[driver].add(kind)
    assert said == {driver: POSSIBLE[driver] & kinds for driver in DRIVERS}
    # A processor comes with its count, nodes with their mode, a medium with where it is from, an interface
    # with its network.
    unsaid = set().union(*POSSIBLE.values()) - kinds
    followers = (
        r"vcpus\+|memory\.numa_mode|disks\.(source_type|pool|volume|driver_name)"
        r"|nics\.(source_type|source_dev|mode|profile_id)"
    )
    assert [kind for kind in sorted(unsaid) if not re.fullmatch(followers, kind)] == []

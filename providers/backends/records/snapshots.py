"""Snapshots of machines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from xencim.providers.backends.records.machines import MachineConfig


class SnapshotKind(Enum):
    """What a snapshot keeps of a machine: everything, or its disks only."""

    FULL = "full"
    DISK = "disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A snapshot; it does not change once it is taken, but for its place in the tree."""

    name: str  # unique in its machine
    kind: SnapshotKind
    config: MachineConfig  # what the machine was defined as
    created: datetime | None = None
    description: str | None = None
    parent: str | None = None  # the name of the snapshot that it was taken after


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotWish:
    """A snapshot that is to be taken.

    FULL of a machine that is off keeps its disks, which is all there is. ``quiesced``: an agent in the
    guest writes everything to disk first. ``then_off``: the machine is switched off once it is taken.
    """

    name: str
    kind: SnapshotKind
    description: str | None = None
    quiesced: bool = False
    then_off: bool = False

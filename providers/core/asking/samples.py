"""What was asked last, as the classes that tell of it see it: one picture for a whole answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xencim.providers.backends.records import FreeMemory, LogLine, Sample


class Asked(Enum):
    """What a class needs to have been asked before it is read."""

    METRICS = "the machines' counters"
    MEMORY = "the free memory"
    LOG = "the console's log"


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """The answers; None and nothing where nobody asked, or the hypervisor did not answer."""

    now: Sample | None = None
    before: Sample | None = None
    """The sample that rates are told from, with ``now``."""
    memory: FreeMemory | None = None
    log: tuple[LogLine, ...] = ()

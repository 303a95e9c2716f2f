"""What goes to and comes from a machine's guest past its own programs: pictures, keys, memory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class GuestAccess(Enum):
    """What a hypervisor can do with a guest that runs."""

    SCREENSHOT = "screenshot"
    KEYS = "keys"
    DUMP = "dump"  # everything, in the hypervisor's own form
    MEMORY_DUMP = "memory dump"  # memory only, as tools that look into crashes read it


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a screen shows."""

    media_type: str  # image/png, image/x-portable-pixmap
    data: bytes


class DumpFormat(Enum):
    """How a guest's memory is written; what is compressed is memory only."""

    RAW = "raw"
    KDUMP_ZLIB = "kdump-zlib"
    KDUMP_LZO = "kdump-lzo"
    KDUMP_SNAPPY = "kdump-snappy"
    WINDOWS = "win-dmp"


class AfterDump(Enum):
    """What becomes of a machine once its dump is written."""

    GOES_ON = "goes on"
    OFF = "off"
    RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpWish:
    """A dump that is to be written. ``live``: the machine runs meanwhile, and its memory changes."""

    memory_only: bool = True
    format: DumpFormat = DumpFormat.RAW
    live: bool = False
    afterwards: AfterDump = AfterDump.GOES_ON

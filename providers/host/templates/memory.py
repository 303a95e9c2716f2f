"""Templates of machines' memory; quantities in KiB.

Source: DSP1045 1.0; DSP1043 1.0, section 7.
"""

from __future__ import annotations

from xencim.providers.host.pools.memory_pool import KIND, UNITS
from xencim.providers.host.templates.common import Templates

_MIB = 1024

TEMPLATES = Templates(
    KIND,
    units=UNITS,
    default=256 * _MIB,
    minimum=64 * _MIB,
    maximum=lambda _source, host: host.memory_kib or None,
    increment=_MIB,
)
SPEC = TEMPLATES.spec(
    "MemResourceAllocationSettingData",
    "dumpCore",
    "HotPlugLimit",
    "HugePageSize",
    "NUMANodes",
    "NUMAMode",
    profiles=("DSP1043", "DSP1045"),
)

"""Templates of machines' disks, per storage pool; quantities in bytes.

Source: DSP1047 1.0; DSP1043 1.0, section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import StoragePool
from xencim.providers.host.templates.common import Templates
from xencim.providers.storage.disk_pool import KIND

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host
    from xencim.providers.core.pool_ids import PoolSource

_MIB = 2**20


def _available(source: PoolSource, _host: Host) -> int | None:
    return source.available_bytes if isinstance(source, StoragePool) else None


TEMPLATES = Templates(
    KIND, units="byte", default=5000 * _MIB, minimum=_MIB, maximum=_available, increment=_MIB
)
SPEC = TEMPLATES.spec(
    "DiskResourceAllocationSettingData",
    *("VirtualDevice", "EmulatedType", "BusType", "readonly", "shareable"),
    *("DriverName", "DriverType", "DriverCache", "BootOrder"),
    *("TotalBandwidthLimit", "ReadBandwidthLimit", "WriteBandwidthLimit"),
    *("TotalIOPSLimit", "ReadIOPSLimit", "WriteIOPSLimit"),
    profiles=("DSP1043", "DSP1047"),
    refreshes_storage=True,
)

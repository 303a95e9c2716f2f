"""What the snapshot service can do.

The DMTF class calls its second list AynchronousMethodsSupported; the name is the standard's.

Source: DSP1042 1.0, section 10 (CIM_VirtualSystemSnapshotServiceCapabilities).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import capabilities_keys, named, synchronous
from xencim.providers.host.services.virtual_system_snapshot_service import SPEC as SERVICE

_METHODS = {"CreateSnapshot": 2, "DestroySnapshot": 3, "ApplySnapshot": 4}

SPEC = ClassSpec(
    cim_class="VirtualSystemSnapshotServiceCapabilities",
    rows=HOST,
    profiles=("DSP1042",),
    keys=capabilities_keys("SnapshotCapabilities"),
    props=(
        *named("Virtual system snapshot capabilities"),
        synchronous(SERVICE, _METHODS),
    ),
    unfilled={
        "AynchronousMethodsSupported": "no method of the service starts a job",
        "SnapshotTypesSupported": "no method of the service takes a snapshot",
    },
)

"""How a snapshot is taken where the request does not say.

Source: CIM_VirtualSystemSnapshotService.CreateSnapshot (SnapshotSettings); the class is an extension.
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import capabilities_keys, named
from xencim.providers.snapshots.wish import CRASH_CONSISTENT

SPEC = ClassSpec(
    cim_class="VirtualSystemSnapshotSettingData",
    rows=HOST,
    profiles=("DSP1042",),
    keys=capabilities_keys("SnapshotSettingData"),
    props=(
        *named("Virtual system snapshot defaults"),
        Prop("ChangeableType", Const(0), source="constant: defaults cannot be changed"),
        Prop("ConsistencyLevel", Const(CRASH_CONSISTENT), source="constant: no guest is asked"),
    ),
)

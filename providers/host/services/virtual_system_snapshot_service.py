"""The service that takes, applies and removes snapshots of machines.

Source: DSP1042 1.0, section 10 (CIM_VirtualSystemSnapshotService).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, MethodSpec
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import named, service_keys, service_props

_METHODS: tuple[MethodSpec, ...] = ()

SPEC = ClassSpec(
    cim_class="VirtualSystemSnapshotService",
    rows=HOST,
    profiles=("DSP1042",),
    keys=service_keys("SnapshotService"),
    props=(*named("Virtual system snapshots"), *service_props(enabled=bool(_METHODS))),
    methods=_METHODS,
)

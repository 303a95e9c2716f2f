"""The service that takes, applies and removes snapshots of machines.

All of its methods need the *admin* right: a snapshot takes room on the host, and the others lose data.

Source: DSP1042 1.0, section 10 (CIM_VirtualSystemSnapshotService).
"""

from __future__ import annotations

from functools import partial

from xencim.providers.core.access import Access
from xencim.providers.core.spec import ClassSpec, MethodSpec
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import named, service_keys, service_props
from xencim.providers.host.services.virtual_system_snapshot_setting_data import SPEC as DEFAULTS
from xencim.providers.snapshots import methods

_METHODS = (
    MethodSpec("CreateSnapshot", partial(methods.create_snapshot, DEFAULTS), Access.ADMIN),
    MethodSpec("ApplySnapshot", methods.apply_snapshot, Access.ADMIN),
    MethodSpec("DestroySnapshot", methods.destroy_snapshot, Access.ADMIN),
    MethodSpec("DestroySnapshotTree", methods.destroy_snapshot_tree, Access.ADMIN),
)

SPEC = ClassSpec(
    cim_class="VirtualSystemSnapshotService",
    rows=HOST,
    profiles=("DSP1042",),
    keys=service_keys("SnapshotService"),
    props=(
        *named("Virtual system snapshots"),
        *service_props(enabled=lambda host: bool(host.snapshot_kinds)),
    ),
    methods=_METHODS,
)

"""What the snapshot service can do, which is what the hypervisor's driver can.

The DMTF class calls its second list AynchronousMethodsSupported; the name is the standard's. A driver is
asked by way of a machine: a host that has none yet is told as one without snapshots.

Source: DSP1042 1.0, section 10 (CIM_VirtualSystemSnapshotServiceCapabilities).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import capabilities_keys, named
from xencim.providers.snapshots.wish import TYPES

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host

_CREATE, _DESTROY, _APPLY = 2, 3, 4  # SynchronousMethodsSupported
_ASKED = "virDomainSnapshotCreateXML: what the driver takes"


def _methods(host: Host) -> tuple[int, ...] | None:
    return (_CREATE, _DESTROY, _APPLY) if host.snapshot_kinds else None


def _types(host: Host) -> tuple[int, ...] | None:
    return tuple(number for number, one in TYPES.items() if one.kind in host.snapshot_kinds) or None


SPEC = ClassSpec(
    cim_class="VirtualSystemSnapshotServiceCapabilities",
    rows=HOST,
    profiles=("DSP1042",),
    keys=capabilities_keys("SnapshotCapabilities"),
    props=(
        *named("Virtual system snapshot capabilities"),
        Prop("SynchronousMethodsSupported", _methods, source=_ASKED),
        Prop("AynchronousMethodsSupported", _methods, source=f"{_ASKED}; what takes long is a job"),
        Prop("SnapshotTypesSupported", _types, source=_ASKED),
    ),
)

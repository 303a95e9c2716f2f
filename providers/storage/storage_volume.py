"""Xen_StorageVolume: a volume of a storage pool.

It is a plain storage extent of the host (CIM_StorageExtent): a part of the pool that virtual disks are
based on. The schema's CIM_StorageVolume would be one that a block server offers to other systems, and
CIM_LogicalDisk what a machine sees.

The hypervisor tells sizes in bytes, and blocks of one byte say so. Volumes announce nothing: what is told
is at most 10 s older than the question.

Source: DSP1047 1.0 (storage extents of a pool); DSP1041 1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from xencim.providers.core.access import Access
from xencim.providers.core.pool_ids import concrete_pool_id
from xencim.providers.core.spec import ClassName, ClassSpec, Const, MethodSpec, Prop
from xencim.providers.pools import status
from xencim.providers.storage.rows import VOLUMES
from xencim.providers.storage.volume_methods import clone, resize, wipe

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, Volume

_FIXED_BLOCK = 2
_OTHER = 1
_NOT_APPLICABLE_STATE, _NOT_APPLICABLE_REQUEST = 5, 12
_BLOCKS = frozenset({"file", "block", "network"})


def _pool_id(volume: Volume, _host: Host) -> str:
    return concrete_pool_id("Disk", volume.pool)


def _organization(volume: Volume, _host: Host) -> int | None:
    return _FIXED_BLOCK if volume.type in _BLOCKS else None


def _path_kind(volume: Volume, _host: Host) -> str | None:
    return "path on the host" if volume.path else None


def _content_url(namespace: str, volume: Volume, _host: Host) -> str:
    parts = ("volumes", *namespace.split("/"), volume.pool, volume.name)
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def _told(name: str, field: str, element: str) -> Prop:
    return Prop(
        name, lambda volume, _host: getattr(volume, field), source=f"virStorageVolGetXMLDesc: {element}"
    )


_PATH = "virStorageVolGetXMLDesc: target/path"
_NO_STATE = "constant: a volume has no state of its own"

SPEC = ClassSpec(
    cim_class="StorageVolume",
    rows=VOLUMES,
    profiles=("DSP1041", "DSP1047"),
    refreshes_storage=True,
    keys=(
        Prop("SystemCreationClassName", ClassName("HostSystem"), source="constant: the host's class"),
        Prop("SystemName", lambda _volume, host: host.name, source="virConnectGetHostname, fully qualified"),
        Prop("CreationClassName", ClassName(), source="constant: the class's name"),
        Prop(
            "DeviceID", lambda volume, _host: volume.key, source="virStoragePoolGetName, virStorageVolGetName"
        ),
    ),
    props=(
        _told("ElementName", "name", "name"),
        Prop("Caption", Const("Storage volume"), source="constant: what it is"),
        _told("Name", "path", "target/path"),
        Prop("NameFormat", Const(_OTHER), source="constant: OtherNameFormat says which"),
        Prop("OtherNameFormat", _path_kind, source=_PATH),
        Prop("NameNamespace", Const(_OTHER), source="constant: OtherNameNamespace says which"),
        Prop("OtherNameNamespace", _path_kind, source=_PATH),
        Prop("PoolID", _pool_id, source="virStoragePoolGetName"),
        _told("Purpose", "type", "@type"),
        _told("Format", "format", "target/format/@type"),
        _told("AllocatedSize", "allocation_bytes", "allocation"),
        _told("BackingPath", "backing_path", "backingStore/path"),
        _told("ContentSize", "content_bytes", "physical, else capacity"),
        Prop("ContentURL", _content_url, source="the names of namespace, pool and volume", is_placed=True),
        Prop("BlockSize", Const(1), source="constant: sizes are told in bytes"),
        _told("NumberOfBlocks", "capacity_bytes", "capacity"),
        _told("ConsumableBlocks", "capacity_bytes", "capacity"),
        Prop("DataOrganization", _organization, source="virStorageVolGetXMLDesc: @type"),
        Prop("SequentialAccess", Const(value=False), source="constant: it is on a disk"),
        Prop("Primordial", Const(value=False), source="constant: it is taken from a pool"),
        Prop("EnabledState", Const(_NOT_APPLICABLE_STATE), source=_NO_STATE),
        Prop("EnabledDefault", Const(_NOT_APPLICABLE_STATE), source=_NO_STATE),
        Prop("RequestedState", Const(_NOT_APPLICABLE_REQUEST), source=_NO_STATE),
        Prop("TransitioningToState", Const(_NOT_APPLICABLE_REQUEST), source=_NO_STATE),
        *(
            Prop(name, lambda _volume, host, get=get: get(host), source=status.CONTACT)
            for name, get in (
                ("OperationalStatus", status.operational_status),
                ("StatusDescriptions", status.status_descriptions),
                ("HealthState", status.health_state),
                ("PrimaryStatus", status.primary_status),
                ("CommunicationStatus", status.communication_status),
            )
        ),
    ),
    methods=(
        MethodSpec("Resize", resize, access=Access.ADMIN),
        MethodSpec("Clone", clone, access=Access.ADMIN),
        MethodSpec("Wipe", wipe, access=Access.ADMIN),
    ),
    unfilled={
        "Access": "who may write to a volume is for the hosts of its files to say",
        "Description": "a pool describes none of its volumes",
    },
)

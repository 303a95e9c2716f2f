"""Templates of volumes, per storage pool in which they can be made; sizes in bytes.

A row is ``(pool, host, level)``. Where volumes are files, they may be larger than the room that is left as
long as it is not set aside: Maximum tells AllocationQuantity only.

Source: DSP1047 1.0; DSP1043 1.0, section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Host, PoolState, StoragePool
from xencim.providers.core.pool_ids import pool_id
from xencim.providers.core.spec import ClassSpec, Const, Prop, Rows
from xencim.providers.host.templates import disk
from xencim.providers.host.templates.common import Level
from xencim.providers.storage.disk_pool import KIND
from xencim.providers.storage.settings import DISK_DRIVE, FIXED_POOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.pool_ids import PoolSource
    from xencim.providers.core.spec import Context, Keys, Row

_SOURCE = "as for machines' disks: the pool's room, and our own defaults"
_PART = "/Volume/"
_OF_ONE = "each volume has its own"
_NO_DEVICE = "a volume is no machine's device"


class VolumeTemplates:
    """The templates of all pools."""

    kind = KIND

    def of(self, context: Context, source: PoolSource) -> Iterator[Row]:
        """Yield the rows of one pool."""
        if (
            isinstance(source, StoragePool)
            and source.type not in FIXED_POOLS
            and source.state in {PoolState.RUNNING, PoolState.DEGRADED}
        ):
            yield from disk.TEMPLATES.of(context, source)

    def all(self, context: Context) -> Iterator[Row]:
        """Yield the rows of all pools."""
        for source in KIND.sources(context):
            yield from self.of(context, source)

    def find(self, context: Context, keys: Keys) -> Row | None:
        """Return the row with an InstanceID."""
        pool, _, level = str(keys.get("instanceid")).rpartition(_PART)
        row = KIND.find_row(context, pool)
        found = self.of(context, row[0]) if row else ()
        return next((one for one in found if one[2].value == level), None)


def _id(source: StoragePool, _host: Host, level: Level) -> str:
    return f"{pool_id(KIND.name, source)}{_PART}{level.value}"


def _caption(source: StoragePool, _host: Host, level: Level) -> str:
    return f"{level.value} of volumes in {pool_id(KIND.name, source)}"


def _capacity(source: StoragePool, host: Host, level: Level) -> int | None:
    is_thin = level is Level.MAXIMUM and source.is_folder
    return None if is_thin else disk.TEMPLATES.quantity(source, host, level)


def _allocation(source: StoragePool, host: Host, level: Level) -> int | None:
    if level is Level.MAXIMUM:
        return disk.TEMPLATES.quantity(source, host, level)
    return 0 if source.is_folder and level is not Level.INCREMENT else None


def _format(source: StoragePool, _host: Host, level: Level) -> int | None:
    return 1 if level is Level.DEFAULT and source.is_folder else None


TEMPLATES = VolumeTemplates()
SPEC = ClassSpec(
    cim_class="StorageVolumeResourceAllocationSettingData",
    rows=Rows(kinds=(Host, StoragePool), all=TEMPLATES.all, find=TEMPLATES.find),
    profiles=("DSP1043", "DSP1047"),
    refreshes_storage=True,
    keys=(Prop("InstanceID", _id, source="the pool's InstanceID and what the template tells"),),
    props=(
        Prop("ElementName", _id, source="as InstanceID"),
        Prop("Caption", _caption, source="the pool's InstanceID and what the template tells"),
        Prop("PoolID", lambda pool, *_: pool_id(KIND.name, pool), source="the pool's InstanceID"),
        Prop("ResourceType", Const(DISK_DRIVE), source="constant: the pool's kind"),
        Prop("AllocationUnits", Const("byte"), source="constant: the unit of the sizes"),
        Prop("Capacity", _capacity, source=_SOURCE),
        Prop("AllocationQuantity", _allocation, source=_SOURCE),
        Prop("FormatType", _format, source="as CreateResourceInPool"),
        Prop("ChangeableType", Const(0), source="constant: templates cannot be changed"),
    ),
    unfilled={
        **dict.fromkeys(("VolumeName", "Path", "BackingVolume"), _OF_ONE),
        **dict.fromkeys(("VirtualQuantity", "VirtualQuantityUnits"), "Capacity tells it"),
        **dict.fromkeys(("ResourceSubType", "OtherResourceType", "ConsumerVisibility"), _NO_DEVICE),
        **dict.fromkeys(("HostResource", "Reservation", "Limit", "Weight", "Parent"), _NO_DEVICE),
        **dict.fromkeys(("Connection", "Address", "MappingBehavior", "AddressOnParent"), _NO_DEVICE),
        **dict.fromkeys(("AutomaticAllocation", "AutomaticDeallocation"), _NO_DEVICE),
    },
)

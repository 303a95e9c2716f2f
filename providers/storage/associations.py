"""What joins volumes with their pools, with the disks of machines, with each other and with the host.

Source: DSP1041 1.1, section 7 (CIM_ElementAllocatedFromPool); CIM_BasedOn: the Antecedent is the lower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import StoragePool
from xencim.providers.core.spec import AssocSpec, Link
from xencim.providers.pools.kind import pool_row
from xencim.providers.storage import disk_pool, storage_volume
from xencim.providers.storage.rows import is_medium, volume_row, volumes_in, volumes_of
from xencim.providers.vm.devices import logical_disk
from xencim.providers.vm.rows import DISKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.core.spec import Context, Row


def _of_pool(context: Context, row: Row) -> Iterable[Row]:
    source = row[0]
    return volumes_in(context, source) if isinstance(source, StoragePool) else ()


def _pool_of(context: Context, row: Row) -> Iterator[Row]:
    pool = context.view.get(StoragePool, row[0].pool)
    if pool is not None:
        yield pool_row(context, pool)


VOLUME_LINK = Link(left=disk_pool.SPEC, right=storage_volume.SPEC, rights_of=_of_pool, lefts_of=_pool_of)
"""The link of ElementAllocatedFromPool between pools and volumes."""


def _disks_on(context: Context, row: Row) -> Iterator[Row]:
    volume = row[0]
    for machine in context.view.machines_with(volume):
        for disk_row in DISKS.devices(context, machine):
            if is_medium(disk_row[1], volume):
                yield disk_row


def _under_disk(context: Context, row: Row) -> Iterator[Row]:
    return (volume_row(context, volume) for volume in volumes_of(context.view, row[1]))


def _over_volume(context: Context, row: Row) -> Iterator[Row]:
    if row[0].path:
        for volume in context.view.volumes_by("backed by", row[0].path):
            yield volume_row(context, volume)


def _under_volume(context: Context, row: Row) -> Iterator[Row]:
    if row[0].backing_path:
        for volume in context.view.volumes_by("path", row[0].backing_path):
            yield volume_row(context, volume)


BASED_ON = AssocSpec(
    cim_class="BasedOn",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1047",),
    links=(
        Link(left=storage_volume.SPEC, right=logical_disk.SPEC, rights_of=_disks_on, lefts_of=_under_disk),
        Link(
            left=storage_volume.SPEC,
            right=storage_volume.SPEC,
            rights_of=_over_volume,
            lefts_of=_under_volume,
        ),
    ),
    unfilled={
        "StartingAddress": "an image is no run of blocks of the volume under it",
        "EndingAddress": "an image is no run of blocks of the volume under it",
        "OrderIndex": "a disk is on one volume",
    },
)

ASSOCIATIONS: tuple[AssocSpec, ...] = (BASED_ON,)

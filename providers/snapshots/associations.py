"""What joins machines with their snapshots, and snapshots with each other and with what they keep.

Source: DSP1042 1.0, section 7; CIM_SnapshotOfVirtualSystem, CIM_MostCurrentSnapshotInBranch,
CIM_LastAppliedSnapshot, CIM_VirtualSystemSettingDataComponent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import AssocSpec, Link
from xencim.providers.snapshots import settings, snapshot
from xencim.providers.snapshots.rows import snapshot_named, snapshots_of
from xencim.providers.vm import computer_system
from xencim.providers.vm.rows import machine_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.core.spec import Context, Row


def _machine(context: Context, row: Row) -> Iterable[Row]:
    return (machine_row(context, row[0]),)


def _current(context: Context, row: Row) -> Iterator[Row]:
    return snapshot_named(context, row[0], row[0].current_snapshot)


def _machine_of_current(context: Context, row: Row) -> Iterable[Row]:
    return _machine(context, row) if row[0].current_snapshot == row[2].name else ()


def _applied(context: Context, row: Row) -> Iterator[Row]:
    return snapshot_named(context, row[0], row[0].applied_snapshot)


def _machine_of_applied(context: Context, row: Row) -> Iterable[Row]:
    return _machine(context, row) if row[0].applied_snapshot == row[2].name else ()


def _children(context: Context, row: Row) -> Iterator[Row]:
    return (other for other in snapshots_of(context, row[0]) if other[2].parent == row[2].name)


def _parent(context: Context, row: Row) -> Iterator[Row]:
    return snapshot_named(context, row[0], row[2].parent)


def _association(cim_class: str, link: Link) -> AssocSpec:
    return AssocSpec(
        cim_class=cim_class,
        left_role="Antecedent",
        right_role="Dependent",
        profiles=("DSP1042",),
        links=(link,),
    )


ASSOCIATIONS = (
    _association(
        "SnapshotOfVirtualSystem",
        Link(
            left=computer_system.SPEC,
            right=snapshot.SPEC,
            rights_of=lambda context, row: snapshots_of(context, row[0]),
            lefts_of=_machine,
        ),
    ),
    _association(
        "MostCurrentSnapshotInBranch",
        Link(
            left=computer_system.SPEC,
            right=snapshot.SPEC,
            rights_of=_current,
            lefts_of=_machine_of_current,
        ),
    ),
    _association(
        "LastAppliedSnapshot",
        Link(
            left=snapshot.SPEC,
            right=computer_system.SPEC,
            rights_of=_machine_of_applied,
            lefts_of=_applied,
        ),
    ),
    _association(
        "SnapshotDependency",
        Link(left=snapshot.SPEC, right=snapshot.SPEC, rights_of=_children, lefts_of=_parent),
    ),
    AssocSpec(
        cim_class="VirtualSystemSettingDataComponent",
        left_role="GroupComponent",
        right_role="PartComponent",
        profiles=("DSP1042",),
        links=settings.LINKS,
    ),
)

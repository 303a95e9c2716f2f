"""What joins machines with their snapshots, and snapshots with those that follow from them.

Source: DSP1042 1.0, section 7; CIM_SnapshotOfVirtualSystem, CIM_MostCurrentSnapshotInBranch,
CIM_LastAppliedSnapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import AssocSpec, Link
from xencim.providers.snapshots import snapshot
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


SNAPSHOT_OF_VIRTUAL_SYSTEM = AssocSpec(
    cim_class="SnapshotOfVirtualSystem",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1042",),
    links=(
        Link(
            left=computer_system.SPEC,
            right=snapshot.SPEC,
            rights_of=lambda context, row: snapshots_of(context, row[0]),
            lefts_of=_machine,
        ),
    ),
)

MOST_CURRENT_SNAPSHOT_IN_BRANCH = AssocSpec(
    cim_class="MostCurrentSnapshotInBranch",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1042",),
    links=(
        Link(
            left=computer_system.SPEC,
            right=snapshot.SPEC,
            rights_of=_current,
            lefts_of=_machine_of_current,
        ),
    ),
)

LAST_APPLIED_SNAPSHOT = AssocSpec(
    cim_class="LastAppliedSnapshot",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1042",),
    links=(
        Link(
            left=snapshot.SPEC,
            right=computer_system.SPEC,
            rights_of=_machine_of_applied,
            lefts_of=_applied,
        ),
    ),
)

SNAPSHOT_DEPENDENCY = AssocSpec(
    cim_class="SnapshotDependency",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1042",),
    links=(Link(left=snapshot.SPEC, right=snapshot.SPEC, rights_of=_children, lefts_of=_parent),),
)

ASSOCIATIONS = (
    SNAPSHOT_OF_VIRTUAL_SYSTEM,
    MOST_CURRENT_SNAPSHOT_IN_BRANCH,
    LAST_APPLIED_SNAPSHOT,
    SNAPSHOT_DEPENDENCY,
)

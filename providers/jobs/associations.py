"""What joins jobs with what they were asked of, with what they change, and with their calls.

Source: DSP1103 1.0, section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xencim.providers.backends.records import Element
from xencim.providers.core.spec import AssocSpec, ClassName, Const, Link
from xencim.providers.host import host_system
from xencim.providers.host.services import SERVICES
from xencim.providers.jobs import concrete_job, method_result
from xencim.providers.jobs.rows import job_row
from xencim.providers.network import network_pool
from xencim.providers.snapshots import snapshot
from xencim.providers.storage import disk_pool, storage_volume
from xencim.providers.vm import computer_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.providers.core.spec import ClassSpec, Context, Row

# What a job can be asked of, and what it can change.
_STORAGE = (disk_pool.SPEC, storage_volume.SPEC)
_OWNERS = (computer_system.SPEC, host_system.SPEC, *SERVICES, *_STORAGE)
_AFFECTED = (computer_system.SPEC, snapshot.SPEC, host_system.SPEC, network_pool.SPEC, *_STORAGE)


def _identity(spec: ClassSpec, row: Row) -> str:
    keys = []
    for prop in spec.keys:
        if not isinstance(prop.get, ClassName):
            value: Any = prop.get.value if isinstance(prop.get, Const) else prop.get(*row)
            keys.append((prop.name, value))
    return Element(spec.cim_class, tuple(keys)).identity


def _element_rows(spec: ClassSpec, context: Context, elements: Iterable[Element]) -> Iterator[Row]:
    for element in elements:
        if element.class_name.lower() == spec.cim_class.lower():
            row = spec.rows.find(context, {name.lower(): value for name, value in element.keys})
            if row is not None and _identity(spec, row) == element.identity:
                yield row


def _jobs_by(facet: str, spec: ClassSpec) -> Callable[[Context, Row], Iterable[Row]]:
    def jobs(context: Context, row: Row) -> Iterator[Row]:
        found = context.view.jobs_by(facet, _identity(spec, row))
        return (job_row(context, job) for job in found)

    return jobs


def _owned_by(spec: ClassSpec) -> Link:
    return Link(
        left=concrete_job.SPEC,
        right=spec,
        rights_of=lambda context, row: _element_rows(spec, context, (row[0].owner,)),
        lefts_of=_jobs_by("job of", spec),
    )


def _affecting(spec: ClassSpec) -> Link:
    return Link(
        left=concrete_job.SPEC,
        right=spec,
        rights_of=lambda context, row: _element_rows(spec, context, row[0].affected),
        lefts_of=_jobs_by("job on", spec),
    )


# The job is the left end, so that all pairs are found by going through the jobs.
OWNING_JOB_ELEMENT = AssocSpec(
    cim_class="OwningJobElement",
    left_role="OwnedElement",
    right_role="OwningElement",
    profiles=("DSP1103",),
    links=tuple(map(_owned_by, _OWNERS)),
)

AFFECTED_JOB_ELEMENT = AssocSpec(
    cim_class="AffectedJobElement",
    left_role="AffectingElement",
    right_role="AffectedElement",
    profiles=("DSP1103",),
    links=tuple(map(_affecting, _AFFECTED)),
    unfilled={
        "ElementEffects": "the method that was called says what is changed",
        "OtherElementEffectsDescriptions": "ElementEffects is not filled",
    },
)

ASSOCIATED_JOB_METHOD_RESULT = AssocSpec(
    cim_class="AssociatedJobMethodResult",
    left_role="Job",
    right_role="JobParameters",
    profiles=("DSP1103",),
    links=(
        Link(
            left=concrete_job.SPEC,
            right=method_result.SPEC,
            rights_of=lambda _context, row: (row,),
            lefts_of=lambda _context, row: (row,),
        ),
    ),
)

ASSOCIATIONS = (OWNING_JOB_ELEMENT, AFFECTED_JOB_ELEMENT, ASSOCIATED_JOB_METHOD_RESULT)

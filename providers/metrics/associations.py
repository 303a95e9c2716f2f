"""What joins machines and devices with what is measured of them.

Source: DSP1053 1.0, section 7 (CIM_MetricDefForME, CIM_MetricForME, CIM_MetricInstance).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import VirtualMachine
from xencim.providers.core.spec import AssocSpec, Const, Link, Prop
from xencim.providers.metrics import base_metric_definition, base_metric_value
from xencim.providers.metrics.definitions import METRICS
from xencim.providers.metrics.rows import definitions, values, values_of
from xencim.providers.vm import computer_system
from xencim.providers.vm.devices import logical_disk, network_port, processor
from xencim.providers.vm.rows import DISKS, NICS, VCPUS, machine_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import ClassSpec, Context, Row
    from xencim.providers.vm.rows import Parts

# What is measured, and the kind of a machine's parts that it is (None: the machine itself).
_ELEMENTS: tuple[tuple[ClassSpec, Parts | None], ...] = (
    (computer_system.SPEC, None),
    (processor.SPEC, VCPUS),
    (logical_disk.SPEC, DISKS),
    (network_port.SPEC, NICS),
)
_COLLECTED = (
    Prop("MetricCollectionEnabled", Const(2), source="constant: whatever is counted is told when asked"),
)


def _elements_of(context: Context, parts: Parts | None, machine: VirtualMachine) -> Iterator[Row]:
    if parts is None:
        yield machine_row(context, machine)
    else:
        yield from parts.devices(context, machine)


def _defined(element: ClassSpec, parts: Parts | None) -> Link:
    """Join the elements of a class with what can be measured of them."""

    def rights_of(context: Context, _row: Row) -> Iterator[Row]:
        return (row for row in definitions(context) if row[0].parts is parts)

    def lefts_of(context: Context, row: Row) -> Iterator[Row]:
        if row[0].parts is parts:
            for machine in context.view.all(VirtualMachine).values():
                yield from _elements_of(context, parts, machine)

    return Link(
        left=element,
        right=base_metric_definition.SPEC,
        rights_of=rights_of,
        lefts_of=lefts_of,
        props=_COLLECTED,
    )


def _valued(element: ClassSpec, parts: Parts | None) -> Link:
    """Join the elements of a class with their values."""
    metrics = tuple(metric for metric in METRICS if metric.parts is parts)

    def rights_of(context: Context, row: Row) -> Iterator[Row]:
        machine, part = row[0], None if parts is None else row[1]
        for metric in metrics:
            yield from (value for value in values_of(context, metric, machine) if value[2] is part)

    def lefts_of(context: Context, row: Row) -> Iterator[Row]:
        metric, machine, part, *_ = row
        if metric.parts is parts:
            found = _elements_of(context, parts, machine)
            yield from (one for one in found if parts is None or one[1] is part)

    return Link(left=element, right=base_metric_value.SPEC, rights_of=rights_of, lefts_of=lefts_of)


METRIC_DEF_FOR_ME = AssocSpec(
    cim_class="MetricDefForME",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1053",),
    links=tuple(_defined(*element) for element in _ELEMENTS),
)

METRIC_FOR_ME = AssocSpec(
    cim_class="MetricForME",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1053",),
    links=tuple(_valued(*element) for element in _ELEMENTS),
)

METRIC_INSTANCE = AssocSpec(
    cim_class="MetricInstance",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1053",),
    links=(
        Link(
            left=base_metric_definition.SPEC,
            right=base_metric_value.SPEC,
            rights_of=lambda context, row: values(context, (row[0],)),
            lefts_of=lambda context, row: (found for found in definitions(context) if found[0] is row[0]),
        ),
    ),
)

ASSOCIATIONS = (METRIC_DEF_FOR_ME, METRIC_FOR_ME, METRIC_INSTANCE)

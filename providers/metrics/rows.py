"""Where definitions and values have their instances.

A definition's row is ``(metric, host)``, a value's ``(metric, machine, part or None, host, samples)``. A host
has definitions of what it counts; a machine has values of what it was told to have when it was asked last.

Source: DSP1053 1.0, section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Host, VirtualMachine
from xencim.providers.core.spec import Rows
from xencim.providers.metrics.definitions import BY_IDENT, METRICS, Metric
from xencim.providers.vm.rows import device_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import Context, Keys, Row


def definition_id(metric: Metric, host: Host) -> str:
    """Return a definition's Id."""
    return f"{host.prefix}:{metric.ident}"


def measured(metric: Metric, machine: VirtualMachine, part: object) -> str:
    """Return the name of what a value is of: a machine's, or a device's DeviceID."""
    return machine.name if metric.parts is None else device_id(machine, metric.parts.ident(part))


def value_id(metric: Metric, machine: VirtualMachine, part: object, host: Host) -> str:
    """Return a value's InstanceID."""
    return f"{definition_id(metric, host)}/{measured(metric, machine, part)}"


# Definitions -----------------------------------------------------------------------------------


def definitions(context: Context) -> Iterator[Row]:
    """Yield the rows of what the host counts."""
    host = context.view.host
    return ((metric, host) for metric in METRICS if metric.counted in host.counted)


def _find_definition(context: Context, keys: Keys) -> Row | None:
    wanted = str(keys.get("id"))
    return next((row for row in definitions(context) if definition_id(*row) == wanted), None)


DEFINITIONS = Rows(kinds=(Host,), all=definitions, find=_find_definition)


# Values ----------------------------------------------------------------------------------------


def values_of(context: Context, metric: Metric, machine: VirtualMachine) -> Iterator[Row]:
    """Yield the rows of one metric's values of a machine."""
    host, samples = context.view.host, context.samples
    parts = (None,) if metric.parts is None else metric.parts.of(machine.current)
    return (
        (metric, machine, part, host, samples)
        for part in parts
        if metric.value(samples, machine, part) is not None
    )


def values(context: Context, metrics: tuple[Metric, ...] = METRICS) -> Iterator[Row]:
    """Yield the rows of all values of some metrics."""
    sample = context.samples.now
    for uuid in sample.machines if sample is not None else ():
        machine = context.view.get(VirtualMachine, uuid)
        if machine is not None:
            for metric in metrics:
                yield from values_of(context, metric, machine)


def _find_value(context: Context, keys: Keys) -> Row | None:
    wanted = str(keys.get("instanceid"))
    host = context.view.host
    ident, _, name = wanted.removeprefix(f"{host.prefix}:").partition("/")
    metric = BY_IDENT.get(ident)
    if metric is None:
        return None
    # No part's own name has a slash, a machine's may.
    machine = context.view.machine_named(name if metric.parts is None else name.rpartition("/")[0])
    if machine is None:
        return None
    found = values_of(context, metric, machine)
    return next((row for row in found if value_id(*row[:4]) == wanted), None)


VALUES = Rows(kinds=(VirtualMachine, Host), all=values, find=_find_value)

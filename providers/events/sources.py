"""Which classes are told about, and which of their instances a machine's change concerns.

Source: DSP1042 and DSP1057 (lifecycle indications); libvirt-cim's names of the classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xencim.providers.snapshots import snapshot
from xencim.providers.snapshots.rows import snapshots_of
from xencim.providers.vm import computer_system, settings, virtual_system_setting_data
from xencim.providers.vm.rows import (
    CONSOLES,
    CONTROLLERS,
    CPU_ALLOCATIONS,
    DISKS,
    GRAPHICS,
    INPUTS,
    MEMORY,
    NICS,
    origins,
    system_settings_row,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.providers.backends.records import MachineOperation, VirtualMachine
    from xencim.providers.core.spec import ClassSpec, Context, Row
    from xencim.providers.vm.rows import Parts


@dataclass(frozen=True, slots=True)
class Seen:
    """A machine, and what was asked of it, as they were before or after a change."""

    machine: VirtualMachine
    operation: MachineOperation | None


@dataclass(frozen=True, slots=True)
class Source:
    """A class that is told about; ``subject`` stands in the names of its indications."""

    subject: str
    spec: ClassSpec
    rows: Callable[[Context, Seen], Iterable[Row]]


def _system(context: Context, seen: Seen) -> Iterator[Row]:
    yield (seen.machine, seen.operation, context.view.host)


def _system_settings(context: Context, seen: Seen) -> Iterator[Row]:
    for origin in origins(seen.machine):
        row = system_settings_row(context, seen.machine, origin)
        if row is not None:
            yield row


def _snapshots(context: Context, seen: Seen) -> Iterator[Row]:
    return snapshots_of(context, seen.machine)


def _settings(parts: Parts) -> Callable[[Context, Seen], Iterator[Row]]:
    def rows(context: Context, seen: Seen) -> Iterator[Row]:
        for origin in origins(seen.machine):
            yield from parts.settings(context, seen.machine, origin)

    return rows


SOURCES: tuple[Source, ...] = (
    Source("ComputerSystem", computer_system.SPEC, _system),
    Source("VirtualSystemSettingData", virtual_system_setting_data.SPEC, _system_settings),
    Source("VirtualSystemSettingData", snapshot.SPEC, _snapshots),
    *(
        Source("ResourceAllocationSettingData", module.SPEC, _settings(parts))
        for module, parts in (
            (settings.processor, CPU_ALLOCATIONS),
            (settings.memory, MEMORY),
            (settings.disk, DISKS),
            (settings.network, NICS),
            (settings.graphics, GRAPHICS),
            (settings.input, INPUTS),
            (settings.console, CONSOLES),
            (settings.controller, CONTROLLERS),
        )
    ),
)

"""What a machine is to be where it goes: NewSystemSettingData and NewResourceSettingData.

What a running guest cannot notice changes on its way; what is stored of it changes where it arrives, as does
all of a machine that is off or starts anew. Nothing changes here, whatever becomes of the migration.

Source: DSP1081 1.0, 8.2 (the methods' parameters); libvirt's documentation, "Guest migration".
Errors: CimError, naming parameter, class and property.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xencim.mof.values import Instance
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.changes import changes
from xencim.providers.backends.records import Arrival
from xencim.providers.core.errors import CimError, Status
from xencim.providers.management import system
from xencim.providers.management.asked import identified, resource_settings, system_settings
from xencim.providers.management.resource import modify
from xencim.providers.management.working import present, refusals
from xencim.providers.vm.rows import Origin

if TYPE_CHECKING:
    from xencim.providers.backends.changes import Change
    from xencim.providers.backends.records import MachineConfig, MigrationWish, VirtualMachine
    from xencim.providers.core.spec import MethodCall

_SYSTEM, _RESOURCES = "NewSystemSettingData", "NewResourceSettingData"
_OUTSIDE = frozenset(
    {
        *("title", "description", "on_poweroff", "on_reboot", "on_crash"),
        *(f"disks.{field}" for field in ("source", "source_type", "pool", "volume", "cache")),
        *(
            f"nics.{field}"
            for field in ("source_type", "network", "bridge", "source_dev", "mode", "filter_ref")
        ),
        *(f"graphics.{field}" for field in ("port", "autoport", "listen", "keymap")),
    }
)
"""What a guest does not see of its machine, so that it may be another at the destination."""
_NEVER = frozenset({"disks.capacity_bytes", "graphics.password"})
"""What is none of the definition that is sent: a volume's size, and what is never told."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A machine that sets out.

    ``definition``: what the destination is asked for. ``on_the_way``: what it becomes while it is moved;
    None: what it is. ``arrival``: what is left to be done there.
    """

    definition: str
    on_the_way: str | None
    arrival: Arrival


def wanted(call: MethodCall, method: str, machine: VirtualMachine, how: MigrationWish) -> VirtualMachine:
    """Return the machine as it is to be where it goes; what cannot be so is refused by name."""
    context, found = present(call), machine
    if isinstance(call.parameters.get(_SYSTEM.lower()), Instance):
        asked = system_settings(call, method, _SYSTEM)
        found = system.apply(context, found, Origin.CURRENT, asked).machine
    for resource, asked in resource_settings(call, method, _RESOURCES):
        owner, part, origin, *_ = identified(call, resource, asked, context)
        if owner.uuid != machine.uuid:
            raise CimError(
                Status.INVALID_PARAMETER,
                f"{asked.what}: these are settings of {owner.name}, not {machine.name}",
            )
        row = resource.row(context, found, resource.parts.ident(part), origin)
        found = modify(resource, context, found, row, asked).machine
    with refusals(f"{method}: {machine.name}", unsupported=Status.NOT_SUPPORTED):
        _demand_possible(machine, found, how)
    return found


def _demand_possible(machine: VirtualMachine, found: VirtualMachine, how: MigrationWish) -> None:
    for change in (*_changes(machine.current, found.current), *_changes(machine.stored, found.stored)):
        if change.kind in _NEVER:
            raise BackendError("unsupported", f"{change.name} does not change where a machine is moved")
    if machine.state.is_active and not how.restart:
        for change in _changes(machine.current, found.current):
            if change.kind not in _OUTSIDE:
                raise BackendError(
                    "unsupported",
                    f"{change.name} cannot be changed while the machine runs",
                    hint="MigrationType 4 starts it anew; ;stored settings are those of its next start",
                )


def _changes(old: MachineConfig | None, new: MachineConfig | None) -> tuple[Change, ...]:
    return () if old is None or new is None else changes(old, new)


async def leaving(call: MethodCall, method: str, machine: VirtualMachine, how: MigrationWish) -> Leaving:
    """Describe a machine for its destination."""
    there, backend = wanted(call, method, machine, how), call.backend
    arrival = Arrival(autostart=there.autostart is True)
    if how.restart or not machine.state.is_active:
        if machine.state.is_active and not machine.persistent:
            raise BackendError(
                "invalid_state", f"{machine.name} is transient: nothing is stored to start anew"
            )
        before, after = machine.stored or machine.current, there.stored or there.current
        change = after if after != before else None
        definition = await backend.describe(machine.uuid, change, stored=True)
        return Leaving(
            definition,
            None,
            replace(arrival, start=machine.state.is_active, definition=definition if change else None),
        )
    change = there.current if there.current != machine.current else None
    definition = await backend.describe(machine.uuid, change)
    if machine.stored is not None and there.stored != machine.stored:
        stored = await backend.describe(machine.uuid, there.stored, stored=True)
        arrival = replace(arrival, definition=stored)
    return Leaving(definition, definition if change else None, arrival)

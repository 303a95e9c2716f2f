"""ModifySystemSettings, AddResourceSettings, ModifyResourceSettings, RemoveResourceSettings.

What a call asks is worked out at once, so that a wrong one is refused at once, and once more when its
turn has come, on what the machine is then: of two changes none is lost.

Source: DSP1042 1.0, 8.2.3 to 8.2.6.
Errors: CimError; a change that the hypervisor cannot make is NOT_SUPPORTED, and nothing is changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from xencim.mof.values import Path
from xencim.providers.backends.changes import changes
from xencim.providers.backends.xen.xl import SHARE
from xencim.providers.core.errors import CimError, Status
from xencim.providers.management import system
from xencim.providers.management.asked import (
    find,
    identified,
    missing,
    reference,
    resource_settings,
    system_settings,
    template,
)
from xencim.providers.management.copying import demand_no_ground
from xencim.providers.management.new_disks import volumes_made, wanted_volumes
from xencim.providers.management.resource import add, modify, remove
from xencim.providers.management.resources import RESOURCES
from xencim.providers.management.working import (
    SYSTEM_SETTINGS,
    demand_manageable,
    expectations,
    present,
    refusals,
    run,
    setting_path,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xencim.mof.values import Value
    from xencim.providers.backends.records import VirtualMachine
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import ClassSpec, Context, MethodCall, MethodResult
    from xencim.providers.management.resource import Outcome


@dataclass(frozen=True, slots=True)
class _Plan:
    """A machine as it is and as it is to be."""

    before: VirtualMachine
    wanted: VirtualMachine
    outcomes: tuple[tuple[ClassSpec, Outcome], ...]


_Planner: TypeAlias = "Callable[[Context], _Plan]"
_STORED_HINT = "settings whose InstanceID ends in ;stored are those of the next start"


async def modify_system_settings(call: MethodCall) -> MethodResult:
    """Change what is set of a machine as a whole."""
    asked = system_settings(call, "ModifySystemSettings")
    instance_id = asked.text("InstanceID")
    if instance_id is None:
        raise CimError(Status.INVALID_PARAMETER, f"{asked.what}: Missing InstanceID in VSSD")
    prefix = call.context.view.host.prefix

    def plan(context: Context) -> _Plan:
        class_name = f"{prefix}_{SYSTEM_SETTINGS.cim_class}"
        _, row = find(context, (SYSTEM_SETTINGS,), class_name, prefix, instance_id)
        outcome = system.apply(context, row[0], row[2], asked)
        return _Plan(row[0], outcome.machine, ((SYSTEM_SETTINGS, outcome),))

    return await _change(call, "ModifySystemSettings", plan, tells_results=False)


async def add_resource_settings(templates: Sequence[ClassSpec], call: MethodCall) -> MethodResult:
    """Give a machine more resources."""
    method = "AddResourceSettings"
    settings = resource_settings(call, method)
    path = call.parameters.get("affectedconfiguration")
    if not isinstance(path, Path) or not settings:
        raise missing(method, "ResourceSettings" if isinstance(path, Path) else "AffectedConfiguration")
    machine: VirtualMachine = reference(call, call.context, (SYSTEM_SETTINGS,), path)[1][0]
    settings = [(r, r.completed(asked, call.context, machine)) for r, asked in settings]

    def plan(context: Context) -> _Plan:
        before, _, origin, _ = reference(call, context, (SYSTEM_SETTINGS,), path)[1]
        wanted, outcomes = before, []
        for resource, asked in settings:
            base = template(context, templates, resource, asked)
            outcome = add(resource, context, wanted, origin, asked, template=base)
            outcomes.append((resource.spec, outcome))
            wanted = outcome.machine
        return _Plan(before, wanted, tuple(outcomes))

    return await _change(call, method, plan)


async def modify_resource_settings(call: MethodCall) -> MethodResult:
    """Change what is set of a machine's resources."""
    method = "ModifyResourceSettings"
    settings = resource_settings(call, method)
    if not settings:
        raise missing(method, "ResourceSettings")

    def plan(context: Context) -> _Plan:
        machines = _Machines()
        for resource, asked in settings:
            found = identified(call, resource, asked, context)
            wanted = machines.next(found[0])
            row = resource.row(context, wanted, resource.parts.ident(found[1]), found[2])
            machines.put(resource.spec, modify(resource, context, wanted, row, asked))
        return machines.plan()

    return await _change(call, method, plan)


async def remove_resource_settings(call: MethodCall) -> MethodResult:
    """Take resources from a machine."""
    method = "RemoveResourceSettings"
    paths = call.parameters.get("resourcesettings")
    if not isinstance(paths, tuple) or not any(isinstance(path, Path) for path in paths):
        raise missing(method, "ResourceSettings")
    specs = {resource.spec: resource for resource in RESOURCES}

    def plan(context: Context) -> _Plan:
        machines = _Machines()
        for path in dict.fromkeys(path for path in paths if isinstance(path, Path)):
            spec, row = reference(call, context, specs, path)
            wanted = machines.next(row[0])
            machines.put(spec, remove(specs[spec], wanted, row))
        return machines.plan()

    return await _change(call, method, plan, tells_results=False)


class _Machines:
    """One machine, through one change after the other."""

    before: VirtualMachine | None = None
    wanted: VirtualMachine

    def __init__(self) -> None:
        self._outcomes: list[tuple[ClassSpec, Outcome]] = []

    def next(self, machine: VirtualMachine) -> VirtualMachine:
        """Return the machine as it is to be by now; another one is refused."""
        if self.before is None:
            self.before = self.wanted = machine
        if machine.uuid != self.before.uuid:
            raise CimError(
                Status.INVALID_PARAMETER,
                f"ResourceSettings are of {self.before.name} and of {machine.name}",
                hint="a call changes one machine",
            )
        return self.wanted

    def put(self, spec: ClassSpec, outcome: Outcome) -> None:
        self.wanted = outcome.machine
        self._outcomes.append((spec, outcome))

    def plan(self) -> _Plan:
        if self.before is None:
            raise ValueError("no settings were given")
        return _Plan(self.before, self.wanted, tuple(self._outcomes))


async def _change(
    call: MethodCall, method: str, plan: _Planner, *, tells_results: bool = True
) -> MethodResult:
    first = plan(present(call))
    machine = first.before
    if not _changes_share_only(first):
        demand_manageable(machine)

    async def work(_progress: Progress) -> Mapping[str, Value]:
        now = plan(present(call))
        if now.before.uuid != machine.uuid:
            raise CimError(Status.NOT_FOUND, f"machine {machine.name} with uuid {machine.uuid} is gone")
        await _carry_out(call, method, now)
        if not tells_results:
            return {}
        paths = tuple(setting_path(call, spec, outcome.setting) for spec, outcome in now.outcomes)
        return {"ResultingResourceSettings": paths}

    volumes = ", ".join(volume.key for volume in wanted_volumes(call, machine, first.wanted))
    facts = expectations(first.outcomes) | ({"volumes": volumes} if volumes else {})
    return await run(call, method, (machine.uuid, machine.name), facts, work)


def _changes_share_only(plan: _Plan) -> bool:
    """Tell whether a change is of what a running domain gets of its host, as the host's own does too."""
    before, wanted = plan.before, plan.wanted
    kinds = {change.kind for change in changes(before.current, wanted.current)}
    rest = (wanted.stored, wanted.autostart) == (before.stored, before.autostart)
    return bool(kinds) and kinds <= SHARE and rest


async def _carry_out(call: MethodCall, method: str, plan: _Plan) -> None:
    before, wanted = plan.before, plan.wanted
    current = wanted.current if wanted.current != before.current else None
    stored = wanted.stored if wanted.stored != before.stored else None
    what = f"{method}: {before.name} on {call.context.view.host.hypervisor}"
    hint = _STORED_HINT if before.stored is not None and current is not None else None
    demand_no_ground(present(call).view, before, wanted)
    if current is not None or stored is not None:
        async with volumes_made(call, before, wanted):
            with refusals(what, unsupported=Status.NOT_SUPPORTED, hint=hint):
                await call.backend.reconfigure(before.uuid, current=current, stored=stored)
    if wanted.autostart is not None and wanted.autostart != before.autostart:
        with refusals(what, unsupported=Status.NOT_SUPPORTED):
            await call.backend.set_autostart(before.uuid, wanted.autostart)

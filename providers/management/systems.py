"""DefineSystem and DestroySystem.

Source: DSP1042 1.0, 8.2.1 and 8.2.2.
Errors: CimError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.errors import CimError, Status
from xencim.providers.management.asked import named_machine, resource_settings, system_settings
from xencim.providers.management.describing import described
from xencim.providers.management.new_disks import volumes_made
from xencim.providers.management.working import demand_manageable, machine_path, refusals, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xencim.mof.values import Value
    from xencim.providers.backends.records import VirtualMachine
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import ClassSpec, MethodCall, MethodResult


async def define_system(templates: Sequence[ClassSpec], call: MethodCall) -> MethodResult:
    """Define a machine; it is not started."""
    method = "DefineSystem"
    asked, settings = system_settings(call, method), resource_settings(call, method)
    machine = described(call, templates, asked, settings)
    _demand_new(call, machine)

    async def work(_progress: Progress) -> Mapping[str, Value]:
        async with volumes_made(call, None, machine):
            with refusals(method, unsupported=Status.NOT_SUPPORTED):
                await call.backend.define(
                    machine.name, machine.current, uuid=machine.uuid, autostart=bool(machine.autostart)
                )
        return {"ResultingSystem": machine_path(call, machine.name)}

    return await run(call, method, (machine.uuid, machine.name), {"name": machine.name}, work)


def _demand_new(call: MethodCall, machine: VirtualMachine) -> None:
    view = call.inventory.view
    same = view.machine_named(machine.name) or view.get(type(machine), machine.uuid)
    if same is not None:
        raise CimError(Status.FAILED, f"Guest '{same.name}' is already defined with UUID {same.uuid}")


async def destroy_system(call: MethodCall) -> MethodResult:
    """Take a machine away; one that runs is stopped first. Its disks' content stays."""
    method = "DestroySystem"
    machine = named_machine(call, method, "AffectedSystem")
    demand_manageable(machine)

    async def work(_progress: Progress) -> Mapping[str, Value]:
        with refusals(method):
            await call.backend.undefine(machine.uuid)
        return {}

    return await run(call, method, (machine.uuid, machine.name), {"name": machine.name}, work)

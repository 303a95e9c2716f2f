"""DefineSystem, DestroySystem, and what xs-cim has besides: CopySystem and ConvertToXenTemplate.

Source: DSP1042 1.0, 8.2.1 and 8.2.2; xs-cim's MOF.
Errors: CimError.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import PowerState
from xencim.providers.core.errors import CimError, Status
from xencim.providers.management.asked import (
    missing,
    named_machine,
    reference,
    resource_settings,
    system_settings,
)
from xencim.providers.management.copying import copies_made, to_move
from xencim.providers.management.describing import copy_described, described
from xencim.providers.management.new_disks import volumes_made, wanted_volumes
from xencim.providers.management.working import (
    SYSTEM_SETTINGS,
    demand_manageable,
    machine_path,
    refusals,
    run,
    setting_path,
)
from xencim.providers.storage.parameters import pool_parameter
from xencim.providers.vm.rows import Origin, system_setting_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xencim.mof.values import Value
    from xencim.providers.backends.records import VirtualMachine
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import ClassSpec, MethodCall, MethodResult
    from xencim.providers.management.copying import Copy


async def define_system(templates: Sequence[ClassSpec], call: MethodCall) -> MethodResult:
    """Define a machine; it is not started."""
    method = "DefineSystem"
    asked, settings = system_settings(call, method), resource_settings(call, method)
    machine, copies = described(call, templates, asked, settings)
    return await _define(call, method, machine, copies, queue=machine.uuid)


async def copy_system(call: MethodCall) -> MethodResult:
    """Define a machine like another one or a template, with disks that hold the same."""
    method = "CopySystem"
    asked = system_settings(call, method)
    path = call.parameters.get("referenceconfiguration")
    if not isinstance(path, Path):
        raise missing(method, "ReferenceConfiguration")
    _, model = reference(call, call.context, (SYSTEM_SETTINGS,), path)
    source, config, *_ = model
    demand_manageable(source)
    linked = bool(call.parameters.get("linkedclone"))
    if linked and (source.state.is_active or not config.is_template):
        raise CimError(
            Status.INVALID_PARAMETER,
            f"{method}: LinkedClone: {source.name} is no template, so it could write what its copy lies on",
            hint="make it one by ConvertToXenTemplate, or copy it whole",
        )
    pool = pool_parameter(call, "StoragePool") if call.parameters.get("storagepool") else None
    machine, copies = copy_described(call.context, asked, model, pool=pool, linked=linked)
    # In the source's own queue: it is not started while it is copied.
    return await _define(call, method, machine, copies, queue=source.uuid)


async def _define(
    call: MethodCall, method: str, machine: VirtualMachine, copies: Sequence[Copy], *, queue: str
) -> MethodResult:
    _demand_new(call, machine)

    moving = to_move(copies)

    async def work(progress: Progress) -> Mapping[str, Value]:
        made = copies_made(call, machine.uuid, copies, moving, progress)
        async with made, volumes_made(call, None, machine):
            with refusals(method, unsupported=Status.NOT_SUPPORTED):
                await call.backend.define(
                    machine.name, machine.current, uuid=machine.uuid, autostart=bool(machine.autostart)
                )
        return {"ResultingSystem": machine_path(call, machine.name)}

    volumes = (*(one.wanted for one in copies), *wanted_volumes(call, None, machine))
    facts = {"name": machine.name, "volumes": ", ".join(volume.key for volume in volumes)}
    who = machine.uuid, machine.name
    return await run(call, method, who, facts, work, queue=queue, cancel=moving.cancel if copies else None)


async def convert_to_template(call: MethodCall) -> MethodResult:
    """Make a machine that is off a template; it is not started with its host any more."""
    method = "ConvertToXenTemplate"
    machine = named_machine(call, method, "System")
    demand_manageable(machine)

    async def work(_progress: Progress) -> Mapping[str, Value]:
        now = call.inventory.view.get(type(machine), machine.uuid)
        if now is None or now.state is not PowerState.SHUT_OFF:
            found = "gone" if now is None else now.state.value
            raise BackendError("invalid_state", f"{method}: {machine.name} is {found}, not shut off")
        with refusals(method, unsupported=Status.NOT_SUPPORTED):
            # Whatever is known of it: no hypervisor announces that it was set.
            await call.backend.set_autostart(now.uuid, False)
            await call.backend.reconfigure(now.uuid, stored=replace(now.current, is_template=True))
        instance_id = system_setting_id(now, call.context.view.host, Origin.CURRENT)
        return {"ResultingTemplate": setting_path(call, SYSTEM_SETTINGS, instance_id)}

    facts = {"name": machine.name, "autostart": str(machine.autostart)}
    return await run(call, method, (machine.uuid, machine.name), facts, work)


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

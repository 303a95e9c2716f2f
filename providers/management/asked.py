"""What a call's parameters name: classes of settings, settings that are there, templates.

Source: DSP1042 1.0, 8.2.
Errors: CimError INVALID_PARAMETER, INVALID_CLASS (a reference of another prefix), NOT_FOUND.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Instance, Path
from xencim.providers.core.errors import CimError, Status
from xencim.providers.management.given import Given, given, told
from xencim.providers.management.resources import RESOURCES
from xencim.providers.management.working import SYSTEM_SETTINGS, machine_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xencim.providers.backends.records import VirtualMachine
    from xencim.providers.core.spec import ClassSpec, Context, MethodCall, Row
    from xencim.providers.management.resource import Resource

_ANY_RESOURCE = "cim_resourceallocationsettingdata"
_ANY_SYSTEM = "cim_virtualsystemsettingdata"


def missing(method: str, name: str) -> CimError:
    """Return the error for a parameter that a method needs."""
    return CimError(Status.INVALID_PARAMETER, f"method {method} requires parameter {name}")


def named_machine(call: MethodCall, method: str, name: str) -> VirtualMachine:
    """Return the machine that a parameter refers to."""
    path = call.parameters.get(name.lower())
    if not isinstance(path, Path):
        raise missing(method, name)
    demand_own(call, path)
    wanted = machine_path(call, str(path.key("Name")))
    if path.class_name.lower() not in {wanted.class_name.lower(), "cim_computersystem"}:
        raise CimError(Status.INVALID_CLASS, f"{path}: {path.class_name} is not {wanted.class_name}")
    machine = call.inventory.view.machine_named(str(path.key("Name")))
    if machine is None:
        raise CimError(Status.NOT_FOUND, f"Referenced domain `{path.key('Name')}' does not exist: {path}")
    return machine


def system_settings(call: MethodCall, method: str, parameter: str = "SystemSettings") -> Given:
    """Return what a parameter says of a machine as a whole."""
    instance = call.parameters.get(parameter.lower())
    if not isinstance(instance, Instance):
        raise missing(method, parameter)
    asked = given(f"{parameter} of {method}", instance)
    wanted = f"{call.context.view.host.prefix}_{SYSTEM_SETTINGS.cim_class}"
    if asked.class_name.lower() not in {wanted.lower(), _ANY_SYSTEM}:
        raise CimError(
            Status.INVALID_PARAMETER, f"{asked.what}: {asked.class_name} is not {wanted}, which this host has"
        )
    return asked


def resource_settings(
    call: MethodCall, method: str, parameter: str = "ResourceSettings"
) -> list[tuple[Resource, Given]]:
    """Return what a parameter says of resources, each with its class; none where it is not given."""
    instances = call.parameters.get(parameter.lower())
    if not isinstance(instances, tuple):
        return []
    found = []
    for number, instance in enumerate(instances):
        if isinstance(instance, Instance):
            asked = given(f"{parameter}[{number}] of {method}", instance)
            found.append((_resource(call, asked), asked))
    return found


def _resource(call: MethodCall, asked: Given) -> Resource:
    prefix = call.context.view.host.prefix
    name = asked.class_name.lower()
    names = [f"{prefix}_{resource.spec.cim_class}" for resource in RESOURCES]
    for own_name, resource in zip(names, RESOURCES, strict=True):
        if name == own_name.lower() or (name == _ANY_RESOURCE and _fits(resource, asked)):
            return resource
    raise CimError(
        Status.INVALID_PARAMETER,
        f"{asked.what}: {asked.class_name} is none of this host's classes of resource settings",
        hint=f"they are {', '.join(names)}",
    )


def _fits(resource: Resource, asked: Given) -> bool:
    """Tell whether a resource is meant by settings of the schema's own class."""
    if asked.values.get("ResourceType") not in resource.resource_types:
        return False
    other = asked.text("OtherResourceType")
    return other is None or other == told(resource.spec, (), "OtherResourceType")


def demand_own(call: MethodCall, path: Path) -> None:
    """Refuse a reference into another namespace: another host may have a machine of the same name."""
    if path.namespace not in {None, call.path.namespace}:
        raise CimError(
            Status.INVALID_PARAMETER,
            f"{path} is in namespace {path.namespace}; this service manages what is in {call.path.namespace}",
        )


def reference(
    call: MethodCall, context: Context, specs: Iterable[ClassSpec], path: Path
) -> tuple[ClassSpec, Row]:
    """Return what a reference to settings names, and the spec that tells it."""
    demand_own(call, path)
    prefix = call.context.view.host.prefix
    names = sorted({f"{prefix}_{spec.cim_class}" for spec in specs})
    if path.class_name.lower() not in {name.lower() for name in names}:
        raise CimError(Status.INVALID_CLASS, f"{path}: {path.class_name} is none of {', '.join(names)}")
    return find(context, specs, path.class_name, prefix, _instance_id(path))


def find(
    context: Context, specs: Iterable[ClassSpec], class_name: str, prefix: str, instance_id: str
) -> tuple[ClassSpec, Row]:
    """Return the settings with an InstanceID and their spec; NOT_FOUND where there are none."""
    for spec in specs:
        if f"{prefix}_{spec.cim_class}".lower() == class_name.lower():
            row = spec.rows.find(context, {"instanceid": instance_id})
            if row is not None:
                return spec, row
    raise CimError(Status.NOT_FOUND, f"there is no {class_name} with InstanceID {instance_id!r}")


def _instance_id(path: Path) -> str:
    # The only key of a class needs no name.
    return str(path.key("InstanceID") or path.key("") or "")


def identified(call: MethodCall, resource: Resource, asked: Given, context: Context) -> Row:
    """Return the settings that given ones are to change, by their InstanceID."""
    instance_id = asked.text("InstanceID")
    if instance_id is None:
        raise CimError(Status.INVALID_PARAMETER, f"{asked.what}: Missing InstanceID in RASD")
    prefix = call.context.view.host.prefix
    return find(context, (resource.spec,), f"{prefix}_{resource.spec.cim_class}", prefix, instance_id)[1]


def template(
    context: Context, templates: Sequence[ClassSpec], resource: Resource, asked: Given
) -> tuple[ClassSpec, Row] | None:
    """Return the template that given settings were made from, as their InstanceID tells."""
    for spec in templates:
        if spec.cim_class == resource.spec.cim_class:
            row = spec.rows.find(context, {"instanceid": asked.text("InstanceID") or ""})
            if row is not None:
                return spec, row
    return None

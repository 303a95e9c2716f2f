"""What AssignLabel is about: an instance that a reference names, or what has none, named in words.

Source: Xen_SecurityPolicyService.AssignLabel in our MOF; Xen 4.1 (names of resources).
Errors: CimError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Path
from xencim.providers.backends.records import Bridge, Host, Labelled
from xencim.providers.core.errors import CimError, Status
from xencim.providers.security.labelling import Target, target_named, target_of
from xencim.providers.security.methods.answers import text
from xencim.providers.security.stores.objects import names_of
from xencim.providers.storage import storage_volume
from xencim.providers.vm import computer_system
from xencim.providers.vm.devices import logical_disk

if TYPE_CHECKING:
    from xencim.providers.core.spec import ClassSpec, MethodCall, Row


def _specs() -> tuple[ClassSpec, ...]:
    # These folders have, or need, the service whose method this is.
    from xencim.providers.host import host_system  # noqa: PLC0415 - as above
    from xencim.providers.network import network_pool  # noqa: PLC0415 - as above

    return (
        computer_system.SPEC,
        host_system.SPEC,
        storage_volume.SPEC,
        logical_disk.SPEC,
        network_pool.SPEC,
    )


def target(call: MethodCall) -> Target:
    """Return what is to be labelled: Element, or else Resource."""
    path, resource = call.parameters.get("element"), text(call, "Resource")
    if (path is None) == (resource is None):
        raise CimError(Status.INVALID_PARAMETER, "AssignLabel: give either Element or Resource")
    if resource is not None:
        found = target_named(call.context.view, resource)
        if found is None:
            kind, _, name = resource.partition(":")
            raise CimError(Status.NOT_FOUND, f"there is no {kind} {name!r}")
        return found
    if not isinstance(path, Path):
        raise CimError(Status.INVALID_PARAMETER, "AssignLabel: Element is no reference")
    spec, row = _found(call, path)
    return _of_row(call, spec, row, path)


def _found(call: MethodCall, path: Path) -> tuple[ClassSpec, Row]:
    prefix = call.context.view.host.prefix
    specs = _specs()
    for spec in specs:
        if path.class_name.lower() == f"{prefix}_{spec.cim_class}".lower():
            row = spec.rows.find(call.context, {name.lower(): value for name, value in path.keys})
            if row is None:
                raise CimError(Status.NOT_FOUND, f"there is no {path}")
            return spec, row
    names = ", ".join(f"{prefix}_{spec.cim_class}" for spec in specs)
    raise CimError(Status.INVALID_CLASS, f"{path}: what has a label is of class {names}")


def _of_row(call: MethodCall, spec: ClassSpec, row: Row, path: Path) -> Target:
    if spec is computer_system.SPEC:
        return target_of(row[0])
    if isinstance(row[0], Host):
        return Target(Labelled.HOST)
    if spec is storage_volume.SPEC:
        volume = row[0]
        return Target(Labelled.DISK, volume.path or f"volume:{volume.pool}/{volume.name}")
    if spec is logical_disk.SPEC:
        names = names_of(row[1], call.context.view)
        if not names:
            raise CimError(Status.INVALID_PARAMETER, f"{path} has no medium: nothing can be labelled")
        return Target(Labelled.DISK, names[0])
    source = row[0]
    if source is None:
        raise CimError(Status.INVALID_PARAMETER, f"{path} is all networks: label them one by one")
    return Target(Labelled.NETWORK, f"bridge:{source.name}" if isinstance(source, Bridge) else source.name)

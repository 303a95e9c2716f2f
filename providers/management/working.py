"""The methods' work as jobs: what is asked, what is answered, and what is known after a restart.

Refusals are CIM errors with their reason, for a return value has none; what the hypervisor cannot do at
all, does not do in time or not in its state is told by the return value.

Source: DSP1042 1.0, 8.2 (the methods); CIM_VirtualSystemManagementService (their return values).
Errors: CimError, as above.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import VirtualMachine, Volume
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs import errors as job_errors
from xencim.providers.core.jobs.engine import JobRequest
from xencim.providers.core.spec import Context
from xencim.providers.management.given import same, told
from xencim.providers.management.resources import RESOURCES
from xencim.providers.vm import computer_system, virtual_system_setting_data

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import View
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.jobs.recovery import Reconciler
    from xencim.providers.core.spec import ClassSpec, MethodCall, MethodResult
    from xencim.providers.management.resource import Outcome

_REFUSALS: Mapping[str, Status] = {
    "invalid": Status.INVALID_PARAMETER,
    "exists": Status.FAILED,  # as libvirt-cim
    "failed": Status.FAILED,
    "refused": Status.FAILED,
    "lost": Status.FAILED,
}
# The service's own return values for what the job engine tells: 2 failed, 4 parameter, 5 state.
_RETURN_VALUES = {job_errors.FAILED: 2, job_errors.INVALID_PARAMETER: 4, job_errors.INVALID_STATE: 5}
_GONE = "gone"

SYSTEM_SETTINGS = virtual_system_setting_data.SPEC


def machine_path(call: MethodCall, name: str) -> Path:
    """Return the path of a machine."""
    class_name = _prefixed(call, computer_system.SPEC)
    keys = (("CreationClassName", class_name), ("Name", name))
    return Path(class_name, keys, call.path.namespace, call.path.host)


def setting_path(call: MethodCall, spec: ClassSpec, instance_id: str) -> Path:
    """Return the path of settings."""
    keys = (("InstanceID", instance_id),)
    return Path(_prefixed(call, spec), keys, call.path.namespace, call.path.host)


def _prefixed(call: MethodCall, spec: ClassSpec) -> str:
    return f"{call.context.view.host.prefix}_{spec.cim_class}"


def present(call: MethodCall) -> Context:
    """Return the records as they are now."""
    return Context(call.inventory.view, call.context.server)


def demand_manageable(machine: VirtualMachine) -> None:
    """Refuse what would change the host itself."""
    if machine.is_management_domain:
        raise CimError(
            Status.NOT_SUPPORTED,
            f"{machine.name} is the host's management domain: it is neither changed nor taken away here",
        )


@contextmanager
def refusals(what: str, *, unsupported: Status | None = None, hint: str | None = None) -> Iterator[None]:
    """Tell clients in words what the hypervisor refuses."""
    try:
        yield
    except BackendError as error:
        status = unsupported if error.kind == "unsupported" else _REFUSALS.get(error.kind)
        if status is None:
            raise
        more = hint if error.kind == "unsupported" else None
        raise CimError(status, f"{what}: {error.message}", hint=error.hint or more) from error


async def run(
    call: MethodCall,
    method: str,
    machine: tuple[str, str],
    facts: Mapping[str, str],
    work: Callable[[Progress], Awaitable[Mapping[str, Value]]],
    *,
    queue: str | None = None,
    cancel: Callable[[], Awaitable[None]] | None = None,
    excludes_others: bool = False,
) -> MethodResult:
    """Have a method's work done in its turn; ``machine`` is a uuid and a name.

    ``queue`` is the uuid of another machine that is not to be changed meanwhile.
    """
    uuid, name = machine
    request = JobRequest(
        name=method,
        owner=call.path,
        affected=(machine_path(call, name),),
        queue=queue or uuid,
        principal=call.principal.name,
        work=work,
        kind=method,
        facts={"machine": uuid, **facts},
        cancel=cancel,
        excludes_others=excludes_others,
    )
    result = await call.jobs.run(request)
    value = result.return_value
    return (
        replace(result, return_value=_RETURN_VALUES.get(value, value)) if isinstance(value, int) else result
    )


# After a restart -------------------------------------------------------------------------------


def expectations(outcomes: Sequence[tuple[ClassSpec, Outcome]]) -> dict[str, str]:
    """Return what settings are to tell when the work is done, to be compared after a restart."""
    return {
        f"{spec.cim_class} {outcome.setting}": _GONE if outcome.tells is None else json.dumps(outcome.tells)
        for spec, outcome in outcomes
    }


def _settings_reconciled(view: View, facts: Mapping[str, str]) -> str | None:
    context = Context(view, view)
    specs = {spec.cim_class: spec for spec in (SYSTEM_SETTINGS, *(r.spec for r in RESOURCES))}
    for key, text in facts.items():
        class_name, _, setting = key.partition(" ")
        spec = specs.get(class_name)
        if spec is None:
            continue
        row = spec.rows.find(context, {"instanceid": setting})
        if text == _GONE or row is None:
            if (text == _GONE) != (row is None):
                return f"{setting} is {'not there' if row is None else 'still there'}{_left(view, facts)}"
            continue
        for name, value in json.loads(text).items():
            wanted = tuple(value) if isinstance(value, list) else value
            if not same(wanted, told(spec, row, name)):
                return f"{name} of {setting} is {told(spec, row, name)!r}, not {wanted!r}"
    return None


def _defined(view: View, facts: Mapping[str, str]) -> str | None:
    if view.get(VirtualMachine, facts["machine"]) is not None:
        return None  # its disks are made before it is
    return "the machine is not there" + _left(view, facts)


def _left(view: View, facts: Mapping[str, str]) -> str:
    """Name the volumes that were made for what did not come to be."""
    left = [key for key in facts.get("volumes", "").split(", ") if view.get(Volume, key)]
    return f"; what was made for it is left: {', '.join(left)}" if left else ""


def _converted(view: View, facts: Mapping[str, str]) -> str | None:
    machine = view.get(VirtualMachine, facts["machine"])
    if machine is None:
        return "the machine is not there any more"
    if machine.current.is_template:
        return None
    is_halfway = facts.get("autostart") == str(True) and machine.autostart is False
    more = ", and is not started with its host any more" if is_halfway else ""
    return f"{machine.name} is no template{more}"


def _destroyed(view: View, facts: Mapping[str, str]) -> str | None:
    there = view.get(VirtualMachine, facts["machine"]) is not None
    return "the machine is still there" if there else None


RECONCILERS: Mapping[str, Reconciler] = {
    "DefineSystem": _defined,
    "CopySystem": _defined,
    "ConvertToXenTemplate": _converted,
    "DestroySystem": _destroyed,
    "ModifySystemSettings": _settings_reconciled,
    "AddResourceSettings": _settings_reconciled,
    "ModifyResourceSettings": _settings_reconciled,
    "RemoveResourceSettings": _settings_reconciled,
}

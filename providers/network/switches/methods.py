"""DefineSystem, ModifySystemSettings and DestroySystem of virtual switches.

A switch has no resource settings of its own: its ports come with the machines' interfaces. Changes of
current settings are made at once and stored; where the hypervisor cannot, they are refused, and the
settings of the next start (;stored) take them.

Source: DSP1097 1.0; DSP1042 1.0, 8.2.1 to 8.2.3.
Errors: CimError INVALID_PARAMETER, NOT_FOUND, NOT_SUPPORTED, ALREADY_EXISTS, FAILED (in use, and what the
hypervisor says).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from xencim.mof.values import Instance, Path
from xencim.providers.backends.records import Network
from xencim.providers.core.errors import CimError, Status
from xencim.providers.management.given import given
from xencim.providers.management.working import refusals
from xencim.providers.network import network_work as work
from xencim.providers.network.network_usage import demand_network_idle
from xencim.providers.network.switches.settings import SPEC as SETTINGS
from xencim.providers.network.switches.switch import SPEC as SWITCH
from xencim.providers.network.switches.wanted import changed_switch
from xencim.providers.network.switches.work import NETWORK_CHANGED
from xencim.providers.pools.wanted import NAME
from xencim.providers.pools.work import Task, class_name, run
from xencim.providers.vm.rows import Origin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from xencim.mof.values import Value
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import Context, MethodCall, MethodResult, Row
    from xencim.providers.management.given import Given

_AUTOSTART = "AutomaticStartupAction"
_STORED_HINT = "settings whose InstanceID ends in ;stored are those of the next start"


Method: TypeAlias = "Callable[[MethodCall], Awaitable[MethodResult]]"


def by_kind(of_switch: Method, of_machine: Method) -> Method:
    """Return the method that is asked of switches and of machines."""

    async def method(call: MethodCall) -> MethodResult:
        return await (of_switch if means_switch(call) else of_machine)(call)

    return method


def means_switch(call: MethodCall) -> bool:
    """Tell whether a method of the management service is about a switch."""
    settings, system = call.parameters.get("systemsettings"), call.parameters.get("affectedsystem")
    if isinstance(settings, Instance):
        return _own_name(settings.class_name) == SETTINGS.cim_class.lower()
    return isinstance(system, Path) and _own_name(system.class_name) == SWITCH.cim_class.lower()


def _own_name(name: str) -> str:
    return name.partition("_")[2].lower()


async def define_switch(call: MethodCall) -> MethodResult:
    """Define a virtual network; it is not started."""
    asked = _asked(call, "DefineSystem")
    if call.parameters.get("resourcesettings"):
        raise CimError(
            Status.INVALID_PARAMETER,
            "ResourceSettings of DefineSystem: a switch's ports come with the interfaces of machines",
        )
    name = asked.text("VirtualSystemIdentifier") or asked.text("ElementName") or ""
    if not NAME.match(name):
        raise asked.refusal("VirtualSystemIdentifier", f"{name!r} is no name of a switch: no slash is in it")
    base = _model(call, name, asked.text("UUID") or "")
    asked = asked.without(
        {"InstanceID", "ChangeableType", "EVBMode"}, VirtualSystemIdentifier=name, ElementName=name
    )
    network, _ = changed_switch(base, base, Origin.CURRENT, call.context.view.host, asked)

    async def act(progress: Progress) -> Mapping[str, Value]:
        await call.backend.create_network(network, start=False)
        path = switch_path(call, network.name)
        progress.affects(path)
        return {"ResultingSystem": path}

    task = Task("DefineSystem", work.NETWORK_MADE, _queue(network), act, facts={"network": network.name})
    return await run(call, task)


def _model(call: MethodCall, name: str, uuid: str) -> Network:
    """Return a new network like the one whose settings ReferenceConfiguration names, if any."""
    path = call.parameters.get("referenceconfiguration")
    base = Network(name=name, uuid="", active=False, autostart=False)
    if isinstance(path, Path):
        _source, base, *_ = _settings(call.context, str(path.key("InstanceID") or path.key("") or ""))
    bridge = base.bridge if base.forward_mode == "bridge" else None
    return replace(
        base, name=name, uuid=uuid, active=False, autostart=False, persistent=True, bridge=bridge, stored=None
    )


async def modify_switch(call: MethodCall) -> MethodResult:
    """Change what is set of a virtual network."""
    asked = _asked(call, "ModifySystemSettings")
    instance_id = asked.text("InstanceID")
    if instance_id is None:
        raise asked.refusal("InstanceID", "it is missing: it says which settings are to be changed")
    network, *_, wanted = _plan(call.context, instance_id, asked)

    async def act(_progress: Progress) -> Mapping[str, Value]:
        now, current, stored, new = _plan(replace(call.context, view=call.inventory.view), instance_id, asked)
        what = f"ModifySystemSettings: {now.name} on {call.context.view.host.hypervisor}"
        with refusals(what, unsupported=Status.NOT_SUPPORTED, hint=_STORED_HINT if current else None):
            if new.keys() - {_AUTOSTART}:
                await call.backend.reconfigure_network(now.name, current=current, stored=stored)
        changed = current or stored
        if changed is not None and _AUTOSTART in new:
            await call.backend.set_network_autostart(now.name, bool(changed.autostart))
        return {}

    facts = {"network": network.name, "settings": instance_id, "tells": json.dumps(wanted)}
    affected = (switch_path(call, network.name),)
    return await run(
        call, Task("ModifySystemSettings", NETWORK_CHANGED, _queue(network), act, affected, facts)
    )


def _plan(
    context: Context, instance_id: str, asked: Given
) -> tuple[Network, Network | None, Network | None, Mapping[str, Value]]:
    """Return a network, what it is to work with and what is to be stored of it, and what is new."""
    network, definition, origin, host = _settings(context, instance_id)
    wanted, new = changed_switch(network, definition, origin, host, asked)
    if not new:
        return network, None, None, new
    if origin is Origin.STORED:
        return network, None, wanted, new
    stored = None
    if network.stored is not None:
        stored, _ = changed_switch(network, network.stored, origin, host, asked)
    return network, wanted, stored, new


def _settings(context: Context, instance_id: str) -> Row:
    row = SETTINGS.rows.find(context, {"instanceid": instance_id})
    if row is None:
        raise CimError(Status.NOT_FOUND, f"there is no {SETTINGS.cim_class} with InstanceID {instance_id!r}")
    if not isinstance(row[0], Network):
        raise CimError(
            Status.NOT_SUPPORTED, f"{instance_id} is of a bridge of the host: it is not changed here"
        )
    return row


async def destroy_switch(call: MethodCall) -> MethodResult:
    """Stop and forget a virtual network that no machine is connected to."""
    path = call.parameters["affectedsystem"]
    row = SWITCH.rows.find(call.context, {"name": str(path.key("Name"))}) if isinstance(path, Path) else None
    if row is None:
        raise CimError(Status.NOT_FOUND, f"AffectedSystem: there is no switch {path}")
    network = row[0]
    if not isinstance(network, Network):
        raise CimError(Status.NOT_SUPPORTED, f"{path} is a bridge of the host: it is not taken away here")

    async def act(_progress: Progress) -> Mapping[str, Value]:
        await call.backend.resync()
        demand_network_idle(call.inventory.view, network, running=False)
        await call.backend.delete_network(network.name)
        return {}

    affected = (switch_path(call, network.name),)
    facts = {"network": network.name}
    return await run(call, Task("DestroySystem", work.NETWORK_GONE, _queue(network), act, affected, facts))


def _asked(call: MethodCall, method: str) -> Given:
    settings = call.parameters.get("systemsettings")
    if not isinstance(settings, Instance):
        raise CimError(Status.INVALID_PARAMETER, f"method {method} requires parameter SystemSettings")
    return given(f"SystemSettings of {method}", settings)


def switch_path(call: MethodCall, name: str) -> Path:
    """Return the path of a network's switch."""
    own = class_name(call, SWITCH.cim_class)
    return Path(own, (("CreationClassName", own), ("Name", name)), call.path.namespace, call.path.host)


def _queue(network: Network) -> str:
    return f"NetworkPool/{network.name}"

"""Methods that make, start, stop and remove virtual networks.

Source: DSP1041 1.1 (CIM_ResourcePoolConfigurationService); Xen_NetworkPool in our MOF.
Errors: CimError INVALID_PARAMETER, NOT_FOUND, NOT_SUPPORTED, ALREADY_EXISTS, FAILED (in use, and what the
hypervisor says).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from xencim.mof.values import Instance, Path
from xencim.providers.backends.records import Network
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.pool_ids import pool_name
from xencim.providers.management.given import given
from xencim.providers.network import network_work as work
from xencim.providers.network.network_settings import wanted_network
from xencim.providers.network.network_usage import demand_network_idle
from xencim.providers.pools.states import Startable, state_methods
from xencim.providers.pools.work import Task, pool_path, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.values import Value
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import MethodCall, MethodResult
    from xencim.providers.pools.work import Act

SETTINGS = "NetPoolResourceAllocationSettingData"


async def create_child_resource_pool(call: MethodCall) -> MethodResult:
    """Make a virtual network and start it."""
    name = call.parameters.get("elementname")
    network = wanted_network(given("Settings", _settings(call)), str(name) if name else None)
    parents = call.parameters.get("parentpool") or ()
    for parent in parents if isinstance(parents, tuple) else ():
        if isinstance(parent, Path) and _instance_id(parent) != "NetworkPool/0":
            raise CimError(
                Status.INVALID_PARAMETER, f"ParentPool: {parent}: only NetworkPool/0 holds networks"
            )

    async def act(progress: Progress) -> Mapping[str, Value]:
        await call.backend.create_network(network)
        path = pool_path(call, "Network", network.name)
        progress.affects(path)
        return {"Pool": path}

    facts = {"network": network.name}
    task = Task("CreateChildResourcePool", work.NETWORK_MADE, _queue(network), act, facts=facts)
    return await run(call, task)


def _settings(call: MethodCall) -> Instance:
    settings = call.parameters.get("settings")
    one = settings[0] if isinstance(settings, tuple) and len(settings) == 1 else None
    if not isinstance(one, Instance):
        raise CimError(
            Status.INVALID_PARAMETER, f"Settings: one instance of Xen_{SETTINGS} tells the network"
        )
    return one


async def delete_resource_pool(call: MethodCall) -> MethodResult:
    """Stop and forget a virtual network that no machine is connected to."""
    network = _parameter(call)

    async def act(_progress: Progress) -> Mapping[str, Value]:
        await call.backend.resync()
        demand_network_idle(call.inventory.view, network, running=False)
        await call.backend.delete_network(network.name)
        return {}

    return await run(call, _task(call, "DeleteResourcePool", work.NETWORK_GONE, network, act))


def _parameter(call: MethodCall) -> Network:
    path = call.parameters["pool"]
    instance_id = _instance_id(path) if isinstance(path, Path) else ""
    try:
        bridge, name = pool_name("Network", instance_id)
    except LookupError:
        raise CimError(
            Status.INVALID_PARAMETER,
            f"Pool: {path} has an invalid InstanceID: a network's is NetworkPool/ and its name",
        ) from None
    if bridge:
        raise CimError(Status.INVALID_PARAMETER, f"Pool: {path} is a bridge of the host, no virtual network")
    if name is None:
        raise CimError(Status.INVALID_PARAMETER, f"Pool: {path} is all networks of the host, no network")
    network = call.inventory.view.get(Network, name)
    if network is None:
        raise CimError(Status.NOT_FOUND, f"Pool: there is no network {name!r}")
    return network


def _instance_id(path: Path) -> str:
    return next((str(value) for _name, value in path.keys), "")


def _own(call: MethodCall) -> Network:
    network = call.row[0]
    if not isinstance(network, Network):
        what = "a bridge of the host" if network else "all networks of the host"
        raise CimError(Status.NOT_SUPPORTED, f"{call.path} is {what}: its state is not changed here")
    return network


def _task(call: MethodCall, name: str, kind: str, network: Network, act: Act, **facts: str) -> Task:
    affected = (pool_path(call, "Network", network.name),)
    return Task(name, kind, _queue(network), act, affected, {"network": network.name, **facts})


def _queue(network: Network) -> str:
    return f"NetworkPool/{network.name}"


METHODS = state_methods(
    Startable(
        what="a network",
        state_kind=work.NETWORK_STATE,
        autostart_kind=work.NETWORK_AUTOSTART,
        own=_own,
        demand_idle=partial(demand_network_idle, running=True),
        set_active=lambda backend, name, active: backend.set_network_active(name, active),
        set_autostart=lambda backend, name, autostart: backend.set_network_autostart(name, autostart),
        task=_task,
    )
)
"""What a network itself can be told."""

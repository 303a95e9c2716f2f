"""Who uses a virtual network, by name: what is in use is not taken away.

Who asks looks at the hypervisor anew first (`Backend.resync`): what others defined a moment ago counts.

Source: DSP1041 1.1 (return value 6, In Use, of which the text says by whom).
Errors: CimError FAILED, naming the user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Network
from xencim.providers.core.errors import CimError, Status
from xencim.providers.vm.rows import config_of, origins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import Nic, VirtualMachine


def demand_network_idle(view: View, network: Network, *, running: bool) -> None:
    """Refuse while a machine (``running``: one that runs) or another network is connected to a network."""
    bridge = _own_bridge(network)
    for other in view.all(Network).values() if bridge else ():
        if other.bridge == bridge and other.name != network.name and (other.active or not running):
            raise CimError(
                Status.FAILED, f"network {network.name!r} is in use: network {other.name!r} is on its bridge"
            )
    user = next(_users(view, network, running=running), None)
    if user is not None:
        machine, nic = user
        raise CimError(
            Status.FAILED,
            f"network {network.name!r} is in use: it has interface {nic.mac} of machine {machine.name!r} "
            f"({machine.state.value})",
        )


def _users(view: View, network: Network, *, running: bool) -> Iterator[tuple[VirtualMachine, Nic]]:
    bridge = _own_bridge(network)
    machines = [*view.machines_by("network", network.name)]
    if bridge:
        machines += view.machines_by("bridge", bridge)
    for machine in machines:
        if running and not machine.state.is_active:
            continue
        for origin in origins(machine):
            config = config_of(machine, origin)
            for nic in config.nics if config else ():
                if nic.network == network.name or (bridge and nic.bridge == bridge):
                    yield machine, nic


def _own_bridge(network: Network) -> str | None:
    """Return the bridge that goes with the network; one that the host has anyway stays."""
    return None if network.forward_mode == "bridge" else network.bridge

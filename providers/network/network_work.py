"""What became of work on virtual networks that a server's end interrupted: what the hypervisor shows now.

Source: DSP1103 (jobs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.backends.inventory import View
    from xencim.providers.core.jobs.recovery import Reconciler

NETWORK_MADE, NETWORK_GONE = "network made", "network gone"
NETWORK_STATE, NETWORK_AUTOSTART = "network state", "network autostart"


def _made(view: View, facts: Mapping[str, str]) -> str | None:
    return None if view.get(Network, facts["network"]) else f"there is no network {facts['network']!r}"


def _gone(view: View, facts: Mapping[str, str]) -> str | None:
    return f"network {facts['network']!r} is still there" if view.get(Network, facts["network"]) else None


def _state(view: View, facts: Mapping[str, str]) -> str | None:
    network = view.get(Network, facts["network"])
    if network is None:
        return f"there is no network {facts['network']!r}"
    is_so = str(network.active) == facts["active"]
    return None if is_so else f"network {network.name!r} is {'active' if network.active else 'inactive'}"


def _autostart(view: View, facts: Mapping[str, str]) -> str | None:
    network = view.get(Network, facts["network"])
    if network is not None and str(network.autostart) == facts["autostart"]:
        return None
    return f"network {facts['network']!r} was not changed"


RECONCILERS: Mapping[str, Reconciler] = {
    NETWORK_MADE: _made,
    NETWORK_GONE: _gone,
    NETWORK_STATE: _state,
    NETWORK_AUTOSTART: _autostart,
}

"""Virtual networks and bridges of the host as virtual Ethernet switches."""

from xencim.providers.network.switches import capabilities, endpoint, port, settings, switch
from xencim.providers.network.switches.associations import ASSOCIATIONS

__all__ = ["ASSOCIATIONS", "SPECS"]

SPECS = (
    switch.SPEC,
    settings.SPEC,
    capabilities.SPEC,
    port.SPEC,
    endpoint.AT_MACHINE,
    endpoint.AT_SWITCH,
)

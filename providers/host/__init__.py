"""The host, its services, its pools and what they are capable of."""

from xencim.providers.host import host_system, hypervisor, pools, security, services, templates
from xencim.providers.host.associations import ASSOCIATIONS

SPECS = (
    host_system.SPEC,
    hypervisor.SPEC,
    *services.SPECS,
    *security.SPECS,
    *pools.SPECS,
    *templates.SPECS,
)

__all__ = ("ASSOCIATIONS", "SPECS")

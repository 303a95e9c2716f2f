"""The networks that machines' ports come from, and the filters that packets have to pass."""

from xencim.providers.network import filters, network_pool
from xencim.providers.network.network_work import RECONCILERS

__all__ = ["ASSOCIATIONS", "RECONCILERS", "SPECS"]

SPECS = (network_pool.SPEC, *filters.SPECS)
ASSOCIATIONS = filters.ASSOCIATIONS

"""The networks that machines' ports come from, and the filters that packets have to pass."""

from xencim.providers.network import filters, network_pool, network_work, switches
from xencim.providers.network.filters import working as filter_work
from xencim.providers.network.switches import work as switch_work

__all__ = ["ASSOCIATIONS", "RECONCILERS", "SPECS"]

SPECS = (network_pool.SPEC, *switches.SPECS, *filters.SPECS)
ASSOCIATIONS = (*switches.ASSOCIATIONS, *filters.ASSOCIATIONS)
RECONCILERS = {
    **network_work.RECONCILERS,
    **switch_work.RECONCILERS,
    **filter_work.RECONCILERS,
}

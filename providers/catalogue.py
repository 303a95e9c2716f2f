"""Everything that is served, from the folders' own lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers import (
    consoles,
    host,
    interop,
    jobs,
    logs,
    metrics,
    migration,
    network,
    snapshots,
    storage,
    vm,
)
from xencim.providers.core.jobs.going_on import going_on
from xencim.providers.management import core_dump
from xencim.providers.management import working as management
from xencim.providers.security import classes as security
from xencim.providers.vm import state_change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.core.jobs.recovery import Follower, Reconciler
    from xencim.providers.core.served import Site
    from xencim.providers.core.spec import AssocSpec, ClassSpec

SPECS: tuple[ClassSpec, ...] = (
    *host.SPECS,
    *consoles.SPECS,
    *storage.SPECS,
    *network.SPECS,
    *vm.SPECS,
    *snapshots.SPECS,
    *security.SPECS,
    *metrics.SPECS,
    *logs.SPECS,
    *jobs.SPECS,
    *interop.SPECS,
)
ASSOCIATIONS: tuple[AssocSpec, ...] = (
    *host.ASSOCIATIONS,
    *storage.ASSOCIATIONS,
    *network.ASSOCIATIONS,
    *vm.ASSOCIATIONS,
    *snapshots.ASSOCIATIONS,
    *security.ASSOCIATIONS,
    *metrics.ASSOCIATIONS,
    *logs.ASSOCIATIONS,
    *jobs.ASSOCIATIONS,
    *interop.ASSOCIATIONS,
)
# By the kind of job: who can tell, after a restart, what became of it.
RECONCILERS: Mapping[str, Reconciler] = {
    state_change.KIND: state_change.reconcile,
    **management.RECONCILERS,
    **core_dump.RECONCILERS,
    **storage.RECONCILERS,
    **snapshots.RECONCILERS,
    **network.RECONCILERS,
    **consoles.RECONCILERS,
}


def followers(site: Site) -> Mapping[str, Follower]:
    """Return, by the kind of job, who goes on with one whose work a killed server left to the hypervisor."""
    left = {kind: going_on(site.backend, site.inventory, tell) for kind, tell in RECONCILERS.items()}
    return {**left, **migration.followers(site)}

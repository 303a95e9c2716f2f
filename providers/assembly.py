"""Backends and class model put together: sites, the server's own records, the engine.

Source: docs/architecture.md, "Names, namespaces, keys".
Errors: BackendError from a backend that cannot start, StateError from what earlier servers left; what
was started before is stopped.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import Listener, Namespace, ObjectManager, PolicyTrust
from xencim.providers.catalogue import ASSOCIATIONS, RECONCILERS, SPECS, followers
from xencim.providers.core.engine import Engine
from xencim.providers.core.events.subscriptions import Subscriptions
from xencim.providers.core.jobs.store import JobStore
from xencim.providers.core.registry import DEFAULT_ALIASES, Registry
from xencim.providers.core.served import Site
from xencim.providers.core.state import State
from xencim.providers.events import Events
from xencim.providers.interop.profiles import profile_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from xencim.mof.model import ClassRepository
    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.records import Destination, Record
    from xencim.providers.core.access import AccessPolicy
    from xencim.providers.core.parameters.embedded import ParseXml

IMPLEMENTATION = "root/virt"
INTEROP = "interop"


@dataclass(frozen=True, slots=True)
class Placement:
    """A backend, and the namespace it is served in; None: the next free one."""

    backend: Backend
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class World:
    """Everything behind the protocols."""

    engine: Engine
    sites: tuple[Site, ...]
    server: Inventory
    state: State
    subscriptions: Subscriptions
    events: Events

    @property
    def generation(self) -> int:
        """A number that grows with every change of any host or of the server's own records."""
        return self.server.generation + sum(site.inventory.generation for site in self.sites)

    def announce(self, listeners: Iterable[Listener]) -> None:
        """Tell clients where the server listens."""
        self.server.replace_all(Listener, listeners)

    async def stop(self) -> None:
        """Stop all jobs and backends, and close the state; one that fails does not keep the others."""
        self.events.stop()
        await self.subscriptions.stop()
        await _stop(self.sites, self.state)


def place(placements: Sequence[Placement], server: Inventory, interop: str = INTEROP) -> tuple[Site, ...]:
    """Give each backend its namespace.

    Backends of different prefixes share ``root/virt``; a further one of the same prefix gets
    ``root/virt-2`` and so on, for keys such as ``MemoryPool/0`` would clash.
    """
    taken: set[tuple[str, str]] = set()
    sites = []
    for placement in placements:
        backend = placement.backend
        name = placement.namespace or IMPLEMENTATION
        number = 1
        while (name.lower(), backend.prefix) in taken:
            if placement.namespace is not None:
                raise ValueError(f"two {backend.prefix} backends are configured for namespace {name}")
            number += 1
            name = f"{IMPLEMENTATION}-{number}"
        taken.add((name.lower(), backend.prefix))
        sites.append(Site(name, backend.prefix, backend, Inventory(), server, interop))
    return tuple(sites)


async def assemble(
    schema: ClassRepository,
    placements: Sequence[Placement],
    policy: AccessPolicy,
    *,
    version: str,
    aliases: Mapping[str, str] = DEFAULT_ALIASES,
    state: State | None = None,
    parse_xml: ParseXml | None = None,
    destinations: Iterable[Destination] = (),
    trust: Path | None = None,
) -> World:
    """Start the backends and make the engine over them; the state (None: in memory) is the world's.

    ``destinations`` are the hosts that machines may be moved to, ``trust`` is the folder of the keys whose
    signature on security policies is believed.
    """
    state = state or State.open(None)
    server = Inventory()
    configured: tuple[Record, ...] = tuple(destinations)
    if trust is not None:
        configured += (PolicyTrust(folder=str(trust)),)
    started: list[Site] = []
    try:
        sites = place(placements, server)
        for site in sites:
            await site.backend.start(site.inventory)
            started.append(site)
            await _take_up(site, state, configured)
    except BaseException:
        await _stop(started, state)
        raise
    registry = Registry(schema, SPECS, ASSOCIATIONS, sites, aliases)
    _tell_of_server(server, sites[0], registry, version)
    subscriptions = Subscriptions(state, server, registry)
    try:
        await subscriptions.start()
    except BaseException:
        await _stop(started, state)
        raise
    engine = Engine(registry, policy, parse_xml=parse_xml, subscriptions=subscriptions)
    return World(engine, sites, server, state, subscriptions, Events(registry, subscriptions))


async def _take_up(site: Site, state: State, configured: Iterable[Record]) -> None:
    """Take up what earlier servers left of a site: reservations, the policy in force, jobs."""
    for record in configured:
        site.inventory.put(record)
    name = f"{site.namespace} {site.backend.uri}"
    await site.start_reservations(state, name)
    await site.security.start(state, name)
    await site.jobs.start(JobStore(state, name), RECONCILERS, followers(site))


def _tell_of_server(server: Inventory, first: Site, registry: Registry, version: str) -> None:
    """Put the records of the server itself into its inventory."""
    server.put(
        ObjectManager(
            system_name=first.inventory.view.host.name,
            system_class=first.class_name("HostSystem"),
            name="xencim",
            version=version,
            started=datetime.now(UTC),
        )
    )
    for namespace in registry.namespaces.values():
        server.put(Namespace(name=namespace.name, is_interop=namespace.name == registry.interop))
    for profile in profile_records(SPECS):
        server.put(profile)


async def _stop(sites: Iterable[Site], state: State) -> None:
    """Stop each site's jobs before its backend; what they still write is written."""
    sites = tuple(sites)
    await asyncio.gather(*(site.jobs.stop() for site in sites), return_exceptions=True)
    await asyncio.gather(*(site.security.stop() for site in sites), return_exceptions=True)
    await asyncio.gather(*(site.sampler.stop() for site in sites), return_exceptions=True)
    await asyncio.gather(*(site.backend.stop() for site in sites), return_exceptions=True)
    state.close()

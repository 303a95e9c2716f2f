"""Backends and class model put together: sites, the server's own records, the engine.

Source: docs/architecture.md, "Names, namespaces, keys".
Errors: BackendError from a backend that cannot start; those started before it are stopped.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import Listener, Namespace, ObjectManager
from xencim.providers.catalogue import ASSOCIATIONS, SPECS
from xencim.providers.core.engine import Engine
from xencim.providers.core.registry import DEFAULT_ALIASES, Registry
from xencim.providers.core.served import Site
from xencim.providers.interop.profiles import profile_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xencim.mof.model import ClassRepository
    from xencim.providers.backends.base import Backend
    from xencim.providers.core.access import AccessPolicy

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

    def announce(self, listeners: Iterable[Listener]) -> None:
        """Tell clients where the server listens."""
        self.server.replace_all(Listener, listeners)

    async def stop(self) -> None:
        """Stop all backends; one that fails does not keep the others."""
        await asyncio.gather(*(site.backend.stop() for site in self.sites), return_exceptions=True)


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
) -> World:
    """Start the backends and make the engine over them."""
    server = Inventory()
    sites = place(placements, server)
    started: list[Site] = []
    try:
        for site in sites:
            await site.backend.start(site.inventory)
            started.append(site)
    except BaseException:
        await asyncio.gather(*(site.backend.stop() for site in started), return_exceptions=True)
        raise
    first = sites[0]
    server.put(
        ObjectManager(
            system_name=first.inventory.view.host.name,
            system_class=first.class_name("HostSystem"),
            name="xencim",
            version=version,
            started=datetime.now(UTC),
        )
    )
    registry = Registry(schema, SPECS, ASSOCIATIONS, sites, aliases)
    for namespace in registry.namespaces.values():
        server.put(Namespace(name=namespace.name, is_interop=namespace.name == registry.interop))
    for profile in profile_records(SPECS):
        server.put(profile)
    return World(Engine(registry, policy), sites, server)

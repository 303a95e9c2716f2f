"""The libvirt backend's machines moved to other hosts.

Source: what the calls are is in `calls.migrating`.
Errors: BackendError of every kind.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls import migrating

if TYPE_CHECKING:
    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers
    from xencim.providers.backends.libvirt.mirror import Mirror
    from xencim.providers.backends.records import (
        IncomingMachine,
        MachineConfig,
        MigrationWish,
        Transport,
        VirtualMachine,
    )

log = logging.getLogger(__name__)

MIGRATION_TIMEOUT_S = 7 * 24 * 3600.0
"""Large disks take days on slow lines; who waits no longer cancels the job."""
MIGRATIONS_AT_A_TIME = 8
"""More at once only share the line."""
POST_COPY_ASK_S = 0.5
"""How often libvirt is asked whether memory was sent once."""


class MigrationManagement:
    """What a connected backend can do with migrations."""

    _inventory: Inventory
    _workers: Workers
    _migrations: Workers
    _real_uri: str

    def _connected(self) -> tuple[Session, Mirror]:
        raise NotImplementedError

    def _known(self, uuid: str) -> VirtualMachine:
        raise NotImplementedError

    def _like(self, uri: str) -> Backend:
        raise NotImplementedError

    async def describe(
        self, machine_uuid: str, wanted: MachineConfig | None = None, *, stored: bool = False
    ) -> str:
        """Describe a machine as libvirt itself would to another host."""
        session, mirror = self._connected()
        await mirror.read(machine_uuid)
        machine = self._known(machine_uuid)
        old = machine.stored if stored and machine.stored is not None else machine.current
        change = None if wanted is None else (old, wanted)
        return await self._workers.run(
            f"the definition of {machine.name}",
            partial(migrating.describe, session, machine_uuid, change, stored=stored),
        )

    async def admit(self, description: str) -> IncomingMachine:
        """Tell what machine another libvirt describes, if the processors here can run it."""
        session, _mirror = self._connected()
        return await self._workers.run("an incoming machine", partial(migrating.admit, session, description))

    async def migrate(self, machine_uuid: str, wish: MigrationWish) -> None:
        """Move a machine to another host."""
        session, mirror = self._connected()
        machine = self._known(machine_uuid)
        if machine.is_management_domain:
            raise BackendError("unsupported", f"{machine.name} is the host's own domain: it stays")
        switching = asyncio.create_task(self._switch(session, machine)) if wish.post_copy else None
        try:
            await self._migrations.run(
                f"{machine.name} moved",
                partial(migrating.migrate, session, machine_uuid, wish, machine.current),
            )
        finally:
            if switching is not None:
                switching.cancel()
                await asyncio.wait({switching})
            await mirror.read(machine_uuid)

    def peer(self, transport: Transport) -> Backend:
        """Make the backend of the libvirt at the other end."""
        return self._like(migrating.peer_uri(self._real_uri, transport))

    async def _switch(self, session: Session, machine: VirtualMachine) -> None:
        """Have a machine go on at its destination as soon as its memory was sent once."""
        start = partial(migrating.start_post_copy, session, machine.uuid)
        with suppress(BackendError):  # it has ended, one way or the other
            while not await self._workers.run("asking for post-copy", start):  # noqa: ASYNC110 - libvirt's event of it is not followed
                await asyncio.sleep(POST_COPY_ASK_S)
            log.info("%s goes on at its destination; what is left of its memory follows", machine.name)

"""The write side of a libvirt backend: machines defined, changed and taken away.

Every method returns when the inventory shows what it did; what does not show in time is named.

Errors: BackendError of every kind.
"""

from __future__ import annotations

import asyncio
import uuid as uuids
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.changes import check, unmet
from xencim.providers.backends.libvirt.calls import uris
from xencim.providers.backends.libvirt.writing import define
from xencim.providers.backends.libvirt.writing.reconfigure import apply, check_limits, completed, plan
from xencim.providers.backends.libvirt.xml.machine_writer import domain_text, new_domain
from xencim.providers.backends.records import (
    CpuAllocation,
    MachineConfig,
    MemoryAllocation,
    VirtualMachine,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers
    from xencim.providers.backends.libvirt.machines import ConfigCache
    from xencim.providers.backends.libvirt.mirror import Mirror

WRITE_TIMEOUT_S = 120.0
"""How long libvirt may take to write: a device is attached after a migration, say, has ended."""
SHOWN_TIMEOUT_S = 30.0
"""How long a guest may take to give back memory, or to let go of a device."""
_NOTHING = MachineConfig(
    cpu=CpuAllocation(count=0, maximum=0), memory=MemoryAllocation(current_kib=0, maximum_kib=0)
)


class Management:
    """What a connected backend can write."""

    uri: str
    _inventory: Inventory
    _actions: Workers
    _configs: ConfigCache

    def _connected(self) -> tuple[Session, Mirror]:
        raise NotImplementedError

    async def define(
        self, name: str, config: MachineConfig, *, uuid: str | None = None, autostart: bool = False
    ) -> str:
        """Define a machine; one that libvirt would not keep as it is wanted is taken away again."""
        session, mirror = self._connected()
        key = str(uuids.UUID(uuid)) if uuid else str(uuids.uuid4())
        host = self._inventory.view.host
        config = completed(config, host)
        check(config, host)
        check_limits(uris.driver(self.uri), config)
        xml = domain_text(new_domain(name, key, config))
        defined = partial(define.define, session, name, key, xml, autostart=autostart)
        await self._write(mirror, key, f"{name} defined", defined)
        await self._shown(key, name, lambda machine: [] if machine else ["the machine"])
        lost = unmet(_NOTHING, config, self._known(key).current)
        if lost:
            await self.undefine(key)
            raise BackendError("unsupported", f"{name}: the hypervisor does not keep {', '.join(lost)}")
        return key

    async def undefine(self, machine_uuid: str) -> None:
        """Take a machine away; a running one is destroyed first."""
        session, mirror = self._connected()
        machine = self._known(machine_uuid)
        if machine.is_management_domain:
            raise BackendError("unsupported", f"{machine.name} is the host's own domain: it stays")
        undefined = partial(define.undefine, session, machine_uuid)
        await self._write(mirror, machine_uuid, f"{machine.name} taken away", undefined)
        await self._shown(machine_uuid, machine.name, lambda now: ["that it is gone"] if now else [])

    async def reconfigure(
        self,
        machine_uuid: str,
        *,
        current: MachineConfig | None = None,
        stored: MachineConfig | None = None,
    ) -> None:
        """Make a machine what these definitions say."""
        session, mirror = self._connected()
        machine = self._known(machine_uuid)
        todo = plan(uris.driver(session.uri), machine, self._inventory.view.host, current, stored)
        if todo.stored is None and not todo.steps:
            return
        await self._write(mirror, machine_uuid, f"{machine.name} changed", partial(apply, session, todo))
        await self._shown(machine_uuid, machine.name, lambda now: todo.left(now) if now else [])

    async def set_autostart(self, machine_uuid: str, autostart: bool) -> None:  # noqa: FBT001 - as `Backend` has it
        """Have a machine started with its host, or not."""
        session, mirror = self._connected()
        machine = self._known(machine_uuid)
        if not machine.persistent:
            raise BackendError("invalid_state", f"{machine.name!r} is transient: it has no automatic start")
        told = partial(define.set_autostart, session, machine_uuid, autostart=autostart)
        await self._write(mirror, machine_uuid, f"{machine.name}'s automatic start", told)

    def _known(self, uuid: str) -> VirtualMachine:
        machine = self._inventory.view.get(VirtualMachine, uuid)
        if machine is None:
            raise BackendError("not_found", f"there is no machine {uuid}")
        return machine

    async def _write(self, mirror: Mirror, uuid: str, what: str, function: Callable[[], None]) -> None:
        """Run a function on a worker; whatever became of it, the inventory tells the truth after."""
        try:
            await self._actions.run(what, function, deadline_s=WRITE_TIMEOUT_S)
        finally:
            self._configs.forget(uuid)  # the same text may have disks of other sizes now
            with suppress(TimeoutError):
                async with asyncio.timeout(SHOWN_TIMEOUT_S):
                    await mirror.read(uuid)

    async def _shown(self, uuid: str, name: str, left: Callable[[VirtualMachine | None], list[str]]) -> None:
        """Wait until nothing is left that the inventory does not show."""
        changed = asyncio.Event()
        unsubscribe = self._inventory.subscribe(lambda _old, _new: changed.set())
        names: list[str] = []
        try:
            async with asyncio.timeout(SHOWN_TIMEOUT_S):
                while names := left(self._inventory.view.get(VirtualMachine, uuid)):
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            raise BackendError(
                "timeout", f"{name}: asked for, and not done within {SHOWN_TIMEOUT_S:g} s: {', '.join(names)}"
            ) from None
        finally:
            unsubscribe()

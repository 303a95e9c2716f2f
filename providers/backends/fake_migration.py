"""Machines of made-up hosts moved to other made-up hosts of the same server.

A host is reached by its name, whatever the transport. A processor model that begins with "unknown" is one
that no made-up host has.

Errors: BackendError: invalid, not_found, invalid_state, unsupported, lost.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar
from weakref import WeakValueDictionary

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import IncomingMachine, PowerState, VirtualMachine

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from xencim.providers.backends.base import Backend, WorkedOn
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.records import MachineConfig, MigrationWish, Transport


class FakeMigration:
    """The part of a made-up host that machines leave and come by."""

    _hosts: ClassVar[WeakValueDictionary[str, FakeMigration]] = WeakValueDictionary()
    _definitions: list[IncomingMachine]
    _slow: dict[str, tuple[float, asyncio.Future[None]]]
    _take_time: Callable[[str, float | None], Awaitable[None]]
    delay_s: float

    def _filled(self) -> Inventory:
        raise NotImplementedError

    def _machine(self, uuid: str) -> VirtualMachine:
        raise NotImplementedError

    async def describe(
        self, machine_uuid: str, wanted: MachineConfig | None = None, *, stored: bool = False
    ) -> str:
        """Name the machine, where it is and what it would be: who reads it shares the server."""
        machine = self._machine(machine_uuid)
        told = {"host": self._filled().view.host.name, "machine": machine.uuid}
        config = wanted or (machine.stored if stored else None)
        if config is not None:
            told["definition"] = str(len(self._definitions))
            self._definitions.append(IncomingMachine(uuid=machine.uuid, name=machine.name, config=config))
        return json.dumps(told)

    async def admit(self, description: str) -> IncomingMachine:
        """Look the machine up at its host."""
        try:
            told = json.loads(description)
            incoming = self._hosts[told["host"]]._told(told)  # noqa: SLF001 - of its own kind
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise BackendError(
                "invalid", f"no made-up host of this server describes {description!r}"
            ) from error
        model = incoming.config.cpu.model or ""
        if model.startswith("unknown"):
            raise BackendError("unsupported", f"{incoming.name}: no processor here is of model {model}")
        return incoming

    def _told(self, told: dict[str, str]) -> IncomingMachine:
        """Return what a description of this host's says."""
        if "definition" in told:
            return self._definitions[int(told["definition"])]
        machine = self._machine(told["machine"])
        return IncomingMachine(uuid=machine.uuid, name=machine.name, config=machine.current)

    async def migrate(self, machine_uuid: str, wish: MigrationWish) -> None:
        """Hand a machine over, as late as the host is slow."""
        target = self._reached(wish.transport)
        if self.delay_s:
            await self._take_time(machine_uuid, None)
        machine = self._machine(machine_uuid)
        there = target._filled()  # noqa: SLF001 - of its own kind
        if machine.state is PowerState.SAVED or machine.snapshots:
            raise BackendError("invalid_state", f"{machine.name} has a saved memory or snapshots: it stays")
        if there.view.machine_named(machine.name) is not None:
            raise BackendError("exists", f"there is a machine {machine.name!r} at {wish.transport.host}")
        for disk in machine.current.disks if wish.with_storage else ():
            for volume in self._filled().view.volumes_by("path", disk.source or ""):
                there.put(volume)
        config = machine.current if wish.definition is None else (await self.admit(wish.definition)).config
        there.put(replace(machine, id=1 if machine.state.is_active else None, current=config))
        self._filled().remove(VirtualMachine, machine_uuid)

    async def is_busy(self, kind: WorkedOn, key: str) -> bool:
        """Tell whether an action takes its time."""
        return kind is VirtualMachine and key in self._slow

    def peer(self, transport: Transport) -> Backend:
        """Return the other host itself, seen from here."""
        raise BackendError(
            "unsupported", f"{transport.host}: a made-up host is reached by its server's url only"
        )

    def _reached(self, transport: Transport) -> FakeMigration:
        host = self._hosts.get(transport.host or "")
        if host is None:
            raise BackendError("lost", f"this server has no made-up host {transport.host!r}")
        return host

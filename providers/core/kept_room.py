"""What is promised to machines that are to come is kept from others: their names, uuids and memory.

Whoever reaches the hypervisor by other tools does not see the promises.

Source: DSP1081 1.0, 8.2.
Errors: CimError, which names the machine that something is kept for and who asked for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from xencim.providers.backends.records import Action, HostUsage, SnapshotKind, VirtualMachine
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.inventory import Inventory, View
    from xencim.providers.backends.records import MachineConfig
    from xencim.providers.core.reservations import Reservation, Reservations

KIB_PER_MIB = 1024
_HINT = "wait until it has come, or cancel its migration"


def awaited(view: View, promised: Iterable[Reservation]) -> tuple[Reservation, ...]:
    """Return the promises whose machine is not here yet: what has come counts as used already."""
    return tuple(one for one in promised if view.get(VirtualMachine, one.machine) is None)


def free_memory_kib(view: View, kept: Iterable[Reservation]) -> int:
    """Return what machines and promises leave of the host's memory."""
    usage = view.get(HostUsage, "usage")
    taken_kib = usage.active_memory_kib if usage is not None else 0
    return max(0, view.host.memory_kib - taken_kib - sum(one.memory_kib for one in kept))


def keeping(backend: Backend, reservations: Reservations, inventory: Inventory) -> Backend:
    """Return a backend that gives nobody else what is promised."""
    return cast("Backend", KeepingBackend(backend, reservations, inventory))


class KeepingBackend:
    """A backend with the promises before it."""

    def __init__(self, backend: Backend, reservations: Reservations, inventory: Inventory) -> None:
        self._backend = backend
        self._reservations = reservations
        self._inventory = inventory

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the backend has
        return getattr(self._backend, name)

    async def define(
        self, name: str, config: MachineConfig, *, uuid: str | None = None, autostart: bool = False
    ) -> str:
        """Define a machine whose name and uuid are promised to no other."""
        for one in self._awaited():
            if one.name == name or one.machine == uuid:
                taken = f"the name {name!r}" if one.name == name else f"the uuid {uuid}"
                raise CimError(
                    Status.FAILED, f"definition of {name!r}: {taken} is kept for {_whose(one)}", hint=_HINT
                )
        return await self._backend.define(name, config, uuid=uuid, autostart=autostart)

    async def control(self, machine_uuid: str, action: Action, timeout_s: float | None) -> None:
        """Carry out an action; what starts leaves the promised memory free."""
        machine = self._inventory.view.get(VirtualMachine, machine_uuid)
        if action is Action.START and machine is not None and not machine.state.is_active:
            self._demand_memory(f"start of {machine.name!r}", machine.current.memory.maximum_kib)
        await self._backend.control(machine_uuid, action, timeout_s)

    async def apply_snapshot(self, machine_uuid: str, name: str) -> None:
        """Return a machine to a snapshot; one that runs afterwards leaves the promised memory free."""
        machine = self._inventory.view.get(VirtualMachine, machine_uuid)
        snapshots = machine.snapshots if machine is not None else ()
        snapshot = next((one for one in snapshots if one.name == name), None)
        if machine is not None and snapshot is not None and snapshot.kind is SnapshotKind.FULL:
            has_kib = machine.current.memory.current_kib if machine.state.is_active else 0
            what = f"return of {machine.name!r} to {name!r}"
            self._demand_memory(what, snapshot.config.memory.maximum_kib - has_kib)
        await self._backend.apply_snapshot(machine_uuid, name)

    async def reconfigure(
        self,
        machine_uuid: str,
        *,
        current: MachineConfig | None = None,
        stored: MachineConfig | None = None,
    ) -> None:
        """Change a machine; what comes to one that runs leaves the promised memory free."""
        machine = self._inventory.view.get(VirtualMachine, machine_uuid)
        if machine is not None and machine.state.is_active and current is not None:
            before, after = machine.current.memory, current.memory
            more_kib = max(after.current_kib - before.current_kib, after.maximum_kib - before.maximum_kib)
            self._demand_memory(f"more memory for {machine.name!r}", more_kib)
        await self._backend.reconfigure(machine_uuid, current=current, stored=stored)

    def _awaited(self) -> tuple[Reservation, ...]:
        return awaited(self._inventory.view, self._reservations.open())

    def _demand_memory(self, what: str, wanted_kib: int) -> None:
        kept = [one for one in self._awaited() if one.memory_kib]
        free_kib = free_memory_kib(self._inventory.view, kept)
        if kept and wanted_kib > free_kib:
            raise CimError(
                Status.FAILED,
                f"{what}: it needs {wanted_kib // KIB_PER_MIB} MiB of memory, and"
                f" {free_kib // KIB_PER_MIB} are free beside what is kept for"
                f" {', '.join(map(_whose, kept))}",
                hint=_HINT,
            )


def _whose(one: Reservation) -> str:
    return f"{one.name!r}, which comes at the wish of {one.principal}"

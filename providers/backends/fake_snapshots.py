"""The made-up host's snapshots.

A snapshot with memory also keeps whether the machine was paused; one of disks leaves it off when it is
applied. No guest has an agent, so none is quiesced.

Errors: BackendError: not_found, exists, invalid_state, unsupported.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import PowerState, Snapshot, SnapshotKind

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.records import SnapshotWish, VirtualMachine


class FakeSnapshots:
    """The snapshots of a host made up in memory."""

    delay_s: float
    _paused: set[tuple[str, str]]  # machine and name of the snapshots of paused machines

    def _filled(self) -> Inventory:
        raise NotImplementedError

    def _machine(self, uuid: str) -> VirtualMachine:
        raise NotImplementedError

    async def create_snapshot(self, machine_uuid: str, wanted: SnapshotWish) -> None:
        """Keep what the machine is now."""
        await asyncio.sleep(self.delay_s)
        machine = self._machine(machine_uuid)
        if any(one.name == wanted.name for one in machine.snapshots):
            raise BackendError("exists", f"{machine.name} has a snapshot {wanted.name!r} already")
        if wanted.quiesced:
            raise BackendError("unsupported", f"no agent in {machine.name} answers: it cannot be quiesced")
        if wanted.then_off and not machine.state.is_active:
            raise BackendError("invalid_state", f"{machine.name} is {machine.state.value} already")
        snapshot = Snapshot(
            name=wanted.name,
            kind=wanted.kind if machine.state.is_active else SnapshotKind.DISK,
            config=machine.current,
            created=datetime.now(UTC).replace(microsecond=0),
            description=wanted.description,
            parent=machine.current_snapshot,
        )
        if machine.state is PowerState.PAUSED:
            self._paused.add((machine_uuid, wanted.name))
        taken = replace(machine, snapshots=(*machine.snapshots, snapshot), current_snapshot=snapshot.name)
        self._filled().put(_off(taken) if wanted.then_off else taken)

    async def apply_snapshot(self, machine_uuid: str, name: str) -> None:
        """Make the machine what it was."""
        await asyncio.sleep(self.delay_s)
        machine = self._machine(machine_uuid)
        snapshot = _snapshot(machine, name)
        returned = replace(
            _off(machine), current=snapshot.config, current_snapshot=name, applied_snapshot=name
        )
        if snapshot.kind is SnapshotKind.FULL:
            was_paused = (machine_uuid, name) in self._paused
            returned = replace(
                returned,
                state=PowerState.PAUSED if was_paused else PowerState.RUNNING,
                stored=snapshot.config if machine.persistent else None,
                id=machine.id or 1,
            )
        self._filled().put(returned)

    async def delete_snapshot(self, machine_uuid: str, name: str, *, with_descendants: bool = False) -> None:
        """Forget a snapshot, and those that follow from it or give them its parent."""
        await asyncio.sleep(self.delay_s)
        machine = self._machine(machine_uuid)
        gone, parent = {name}, _snapshot(machine, name).parent
        left = []
        for one in machine.snapshots:
            if with_descendants and one.parent in gone:
                gone.add(one.name)
            if one.name not in gone:
                left.append(replace(one, parent=parent) if one.parent in gone else one)
        self._paused -= {(machine_uuid, one) for one in gone}
        current = parent if machine.current_snapshot in gone else machine.current_snapshot
        applied = None if machine.applied_snapshot in gone else machine.applied_snapshot
        self._filled().put(
            replace(machine, snapshots=tuple(left), current_snapshot=current, applied_snapshot=applied)
        )


def _snapshot(machine: VirtualMachine, name: str) -> Snapshot:
    found = next((one for one in machine.snapshots if one.name == name), None)
    if found is None:
        raise BackendError("not_found", f"{machine.name} has no snapshot {name!r}")
    return found


def _off(machine: VirtualMachine) -> VirtualMachine:
    definition = machine.stored or machine.current
    return replace(machine, state=PowerState.SHUT_OFF, current=definition, stored=None, id=None)

"""The one way to a hypervisor: every call that the policy has a say in is decided first.

A method that is neither guarded here nor named in ``PASSED`` does not exist for callers: whoever adds one to
the protocol decides whether the policy has a say in it. Without a policy in force a call costs one look.

Errors: DeniedError, and those of the backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from xencim.acm.decisions.decision import all_of
from xencim.providers.backends.records import Action, Labelled, VirtualMachine
from xencim.providers.security.enforcement.uses import Use, uses_of
from xencim.providers.security.labelling import copy_labelled
from xencim.providers.security.stores.objects import volume_name

if TYPE_CHECKING:
    from xencim.providers.backends.base import Backend, Told
    from xencim.providers.backends.records import DumpWish, IncomingMachine, MachineConfig, Volume
    from xencim.providers.security.enforcement.keeper import Security

PASSED = frozenset(
    {
        "abort",
        "checks",
        "clear_log",
        "create_filter",
        "create_network",
        "create_pool",
        "create_snapshot",
        "create_volume",
        "delete_filter",
        "delete_network",
        "delete_pool",
        "delete_snapshot",
        "delete_volume",
        "describe",
        "find_pool_sources",
        "free_memory",
        "is_busy",
        "migrate",
        "peer",
        "percent_done",
        "prefix",
        "read_content",
        "read_log",
        "reconfigure_network",
        "refresh_pool",
        "refresh_storage",
        "resize_volume",
        "resync",
        "sample",
        "screenshot",
        "send_keys",
        "set_autostart",
        "set_filter_references",
        "set_network_active",
        "set_network_autostart",
        "set_pool_active",
        "set_pool_autostart",
        "start",
        "stop",
        "undefine",
        "uri",
        "wipe_volume",
        "write_content",
    }
)
"""What the policy has no say in: it starts no machine, gives none anything to use, and copies none's data.

A client that reads or writes a volume's content has no label: who may is for the access rights to say.
"""
GUARDED = frozenset(
    {"admit", "apply_snapshot", "clone_volume", "control", "define", "dump_core", "reconfigure"}
)


def guarded(backend: Backend, security: Security) -> Backend:
    """Return a backend whose calls the policy permits, or refuses."""
    return cast("Backend", GuardedBackend(backend, security))


class GuardedBackend:
    """A backend with the policy before it."""

    def __init__(self, backend: Backend, security: Security) -> None:
        self._backend = backend
        self._security = security

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the backend has
        if name in PASSED:
            return getattr(self._backend, name)
        raise AttributeError(f"{name} of a backend is neither guarded nor passed on")

    async def control(self, machine_uuid: str, action: Action, timeout_s: float | None) -> None:
        """Carry out an action; the policy decides what starts, goes on or is restored."""
        machine = self._known(machine_uuid)
        if action is not Action.START or machine is None:
            await self._backend.control(machine_uuid, action, timeout_s)
            return
        what, who = f"start of {machine.name!r}", (machine_uuid, machine.name)
        config = machine.current if machine.state.is_active else machine.stored or machine.current
        used = await self._security.may_use(machine_uuid, uses_of(config, self._security.inventory.view))
        with self._security.starting(what, who, used):
            if not machine.state.is_active:
                await self._security.hypervisor.mark(machine)
            await self._backend.control(machine_uuid, action, timeout_s)

    async def define(
        self, name: str, config: MachineConfig, *, uuid: str | None = None, autostart: bool = False
    ) -> str:
        """Define a machine that may use what it is defined with; its label may be there before it."""
        if self._security.is_on:
            used = await self._security.may_use(uuid or "", uses_of(config, self._security.inventory.view))
            self._security.demand(f"definition of {name!r}", (uuid or "", name), used)
            config = await self._security.hypervisor.marked(uuid or "", config)
        return await self._backend.define(name, config, uuid=uuid, autostart=autostart)

    async def reconfigure(
        self,
        machine_uuid: str,
        *,
        current: MachineConfig | None = None,
        stored: MachineConfig | None = None,
    ) -> None:
        """Change a machine; the policy decides what it is to use that it did not use before."""
        machine = self._known(machine_uuid)
        if machine is not None:
            fresh = self._added(machine, current, stored)
            if fresh:
                what, who = f"change of {machine.name!r}", (machine_uuid, machine.name)
                self._security.demand(what, who, await self._security.may_use(machine_uuid, fresh))
        await self._backend.reconfigure(machine_uuid, current=current, stored=stored)

    async def apply_snapshot(self, machine_uuid: str, name: str) -> None:
        """Return a machine to a snapshot, if it may run with what it was defined as then."""
        machine = self._known(machine_uuid)
        snapshot = next((s for s in machine.snapshots if s.name == name), None) if machine else None
        if machine is None or snapshot is None:
            await self._backend.apply_snapshot(machine_uuid, name)
            return
        what, who = f"return of {machine.name!r} to snapshot {name!r}", (machine_uuid, machine.name)
        view = self._security.inventory.view
        used = await self._security.may_use(machine_uuid, uses_of(snapshot.config, view))
        with self._security.starting(what, who, used):
            await self._backend.apply_snapshot(machine_uuid, name)

    async def clone_volume(
        self, source: Volume, wanted: Volume, told: Told | None = None, *, compact: bool = False
    ) -> None:
        """Copy a volume; the copy has the label of what it is copied from before there is anything in it."""
        if not self._security.is_on:
            await self._backend.clone_volume(source, wanted, told, compact=compact)
            return
        async with copy_labelled(self._security, source, wanted):
            await self._backend.clone_volume(source, wanted, told, compact=compact)

    async def dump_core(self, machine_uuid: str, volume: Volume, wanted: DumpWish) -> None:
        """Write a machine's memory to a volume, if the machine itself may write there.

        A volume that is still to be made has the label that its path was given beforehand, or none.
        """
        machine = self._known(machine_uuid)
        if machine is not None:
            name = volume_name(volume.pool, volume.name, self._security.inventory.view)
            use = Use(f"volume {volume.key!r}", Labelled.DISK, (name,))
            what, who = f"dump of {machine.name!r}", (machine_uuid, machine.name)
            self._security.demand(what, who, await self._security.may_use(machine_uuid, (use,)))
        await self._backend.dump_core(machine_uuid, volume, wanted)

    async def admit(self, description: str) -> IncomingMachine:
        """Tell what machine is to come, if the policy would let it start here."""
        incoming = await self._backend.admit(description)
        if self._security.is_on:
            used = await self._security.may_use(
                incoming.uuid, uses_of(incoming.config, self._security.inventory.view)
            )
            decision = all_of((self._security.may_start(incoming.uuid), used))
            what = f"arrival of {incoming.name!r}"
            self._security.demand(what, (incoming.uuid, incoming.name), decision)
        return incoming

    def _known(self, machine_uuid: str) -> VirtualMachine | None:
        """Return the machine if the policy is to be asked about it."""
        if not self._security.is_on:
            return None
        return self._security.inventory.view.get(VirtualMachine, machine_uuid)

    def _added(self, machine: VirtualMachine, *wanted: MachineConfig | None) -> tuple[Use, ...]:
        """Return what definitions use that the machine's present ones do not."""
        view = self._security.inventory.view
        present = [config for config in (machine.current, machine.stored) if config is not None]
        used = {(use.kind, use.names) for config in present for use in uses_of(config, view)}
        return tuple(
            use
            for config in wanted
            if config is not None
            for use in uses_of(config, view)
            if (use.kind, use.names) not in used
        )

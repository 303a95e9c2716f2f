"""The made-up host's machines defined, changed and taken away.

What its machines take while they run is what a hypervisor with every ability would: processors,
memory, devices, media and texts, but no other firmware, boot order or controller.

Errors: BackendError: not_found, exists, invalid, invalid_state, unsupported.
"""

from __future__ import annotations

import uuid as uuids
from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.changes import changes, check, doable, grown, renumbered
from xencim.providers.backends.fake_delays import late
from xencim.providers.backends.records import MachineConfig, PowerState, Vcpu, VirtualMachine

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import Inventory

_LIVE = frozenset(
    {
        "title",
        "description",
        "cpu.count",
        "cpu.weight",
        "cpu.cap_percent",
        "memory.current_kib",
        "vcpus+",
        "vcpus.pinned_to",
        "disks+",
        "disks-",
        "disks.capacity_bytes",
        "disks.source",
        "disks.source_type",
        "disks.pool",
        "disks.volume",
        "disks.driver_name",
        "disks.driver_type",
        "nics+",
        "nics-",
        "nics.source_type",
        "nics.network",
        "nics.bridge",
        "nics.source_dev",
        "nics.link_up",
        "nics.filter_ref",
        "nics.profile_id",
        "nics.vlan_ids",
        "nics.inbound",
        "nics.outbound",
        "graphics+",
        "graphics-",
        "graphics.password",
        "inputs+",
        "inputs-",
        "consoles+",
        "consoles-",
    }
)

_PLUGGED = frozenset({"memory.maximum_kib"})


class FakeManagement:
    """The write side of a host made up in memory."""

    _inventory: Inventory | None = None
    delay_s: float

    @late
    async def define(
        self, name: str, config: MachineConfig, *, uuid: str | None = None, autostart: bool = False
    ) -> str:
        """Add a machine that is off."""
        inventory = self._filled()
        key = str(uuids.UUID(uuid)) if uuid else str(uuids.uuid4())
        same = inventory.view.machine_named(name) or inventory.view.get(VirtualMachine, key)
        if same is not None:
            raise BackendError("exists", f"there is a machine {same.name!r} with uuid {same.uuid} already")
        check(config, inventory.view.host)
        inventory.put(
            VirtualMachine(
                uuid=key,
                name=name,
                state=PowerState.SHUT_OFF,
                current=_settled(config),
                autostart=autostart,
            )
        )
        return key

    @late
    async def undefine(self, machine_uuid: str) -> None:
        """Take a machine away, whatever it does."""
        machine = self._machine(machine_uuid)
        self._filled().remove(VirtualMachine, machine.uuid)

    @late
    async def reconfigure(
        self,
        machine_uuid: str,
        *,
        current: MachineConfig | None = None,
        stored: MachineConfig | None = None,
    ) -> None:
        """Make the wanted definitions the machine's own, if every difference is possible."""
        inventory, machine = self._filled(), self._machine(machine_uuid)
        if not machine.state.is_active:
            current, stored = stored or current, None
        if stored is not None and machine.stored is None:
            raise BackendError("invalid_state", f"{machine.name!r} is transient: nothing is stored of it")
        self._check(machine.current, current, running=machine.state.is_active)
        self._check(machine.stored, stored, running=False)
        inventory.put(
            replace(
                machine,
                current=machine.current if current is None else _settled(current),
                stored=machine.stored if stored is None else _settled(stored),
            )
        )

    @late
    async def set_autostart(self, machine_uuid: str, autostart: bool) -> None:  # noqa: FBT001 - as `Backend` has it
        """Note it."""
        machine = self._machine(machine_uuid)
        if not machine.persistent:
            raise BackendError("invalid_state", f"{machine.name!r} is transient: it has no automatic start")
        self._filled().put(replace(machine, autostart=autostart))

    def _check(self, old: MachineConfig | None, wanted: MachineConfig | None, *, running: bool) -> None:
        if old is None or wanted is None:
            return
        check(wanted, self._filled().view.host, old)
        differences = changes(old, wanted)
        grown(old, differences)
        if running:
            doable(old, differences, _LIVE | _PLUGGED if old.memory.hot_plug_limit_kib else _LIVE)

    def _filled(self) -> Inventory:
        if self._inventory is None:
            raise BackendError("lost", "the made-up host was stopped")
        return self._inventory

    def _machine(self, uuid: str) -> VirtualMachine:
        machine = self._filled().view.get(VirtualMachine, uuid)
        if machine is None:
            raise BackendError("not_found", f"there is no machine with uuid {uuid}")
        return machine


def _settled(config: MachineConfig) -> MachineConfig:
    """Return a definition as it is told back: every processor there, all counted anew, no secret."""
    pins = {vcpu.index: vcpu.pinned_to for vcpu in config.vcpus}
    vcpus = tuple(Vcpu(index=n, pinned_to=pins.get(n)) for n in range(config.cpu.count))
    graphics = tuple(replace(display, password=None) for display in config.graphics)
    return renumbered(replace(config, vcpus=vcpus, graphics=graphics))

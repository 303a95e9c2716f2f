"""A Xen host of this machine: libvirt and Xen itself as one backend, merged by uuid.

Libvirt wins for what a machine is defined as, Xen for what it has at the moment. Machines that xl made
are told by Xen and controlled by xl; all others by libvirt. Each of Xen's sources is optional.
Errors: BackendError of every kind.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError, Check
from xencim.providers.backends.changes import check
from xencim.providers.backends.libvirt.backend import CONTROL_TIMEOUT_S, LibvirtBackend
from xencim.providers.backends.records import (
    Action,
    Bridge,
    Counted,
    CpuPool,
    Host,
    Network,
    Record,
    Sample,
    VirtualMachine,
)
from xencim.providers.backends.xen import counters, merging, xl
from xencim.providers.backends.xen.flask import NO_XSM, FlaskControl
from xencim.providers.backends.xen.flask_text import Mode
from xencim.providers.backends.xen.following import Following
from xencim.providers.backends.xen.libvirt_side import LibvirtSide
from xencim.providers.backends.xen.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xencim.providers.backends.base import WorkedOn
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.records import MachineConfig
    from xencim.providers.backends.xen.domains import Domain
    from xencim.providers.backends.xen.live import Live

_LOST_WITH = {
    "hypercalls": "xl is run once a second instead, no CPU pools are seen, no processors' time counted",
    "xl": "machines that xl made are not controlled, nor seen without hypercalls",
    "xenstore": "machines that xl made are not seen, and what is attached to others shows late",
}
_SOURCES = {
    "hypercalls": "all domains by one hypercall",
    "xl": "machines that xl made are controlled by it",
    "xenstore": "changes by others show at once",
}


class XenBackend(LibvirtBackend):
    """``xen:///`` as a `Backend`."""

    def __init__(
        self, uri: str, *, host_name: str | None = None, call_timeout_s: float, tools: Tools | None = None
    ) -> None:
        super().__init__(uri, host_name=host_name, call_timeout_s=call_timeout_s)
        self._tools = tools or Tools()
        self.flask: FlaskControl | None = None
        self.following: Following | None = None
        self._side: LibvirtSide | None = None
        self._xls: dict[str, int] = {}
        self._libvirts: set[int] = set()
        self._put_last: dict[int, tuple[object, ...]] = {}
        self._info: dict[str, str] = {}
        self._xsm = ""
        self._no_xl: BackendError | None = None

    # Backend ----------------------------------------------------------------------------------

    async def start(self, inventory: Inventory) -> None:
        """Start with libvirt, then follow Xen."""
        self._whole = inventory
        await self._ask_xl()
        self._side = LibvirtSide(inventory, self._merged, self._removed)
        await super().start(self._side)
        self.following = Following(self._tools, self._show)
        await self.following.start()
        self._whole.put(self._merged(inventory.view.host))

    async def stop(self) -> None:
        """Let go of both."""
        if self.following is not None:
            await self.following.stop()
        await super().stop()

    async def resync(self) -> None:
        """Look at everything anew."""
        await super().resync()
        await self._look()

    async def control(self, machine_uuid: str, action: Action, timeout_s: float | None) -> None:
        """Have libvirt do it, or xl where it made the machine."""
        if machine_uuid not in self._xls:
            await super().control(machine_uuid, action, timeout_s)
            return
        machine = super()._known(machine_uuid)
        limit_s = CONTROL_TIMEOUT_S if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await xl.carry_out(self._tools, machine, action)
                await self._look()
                if timeout_s is not None and action in {Action.SHUT_DOWN, Action.REBOOT}:
                    await self._obeyed(machine, action, 0)
        except TimeoutError:
            message = f"{machine.name} was told to {action.value} and did not in time"
            raise BackendError("timeout", message) from None

    async def percent_done(self, machine_uuid: str) -> int | None:
        """Tell how much of libvirt's work is done; of xl's nothing is told."""
        return None if machine_uuid in self._xls else await super().percent_done(machine_uuid)

    async def is_busy(self, kind: WorkedOn, key: str) -> bool:
        """Tell whether libvirt works on something."""
        return key not in self._xls and await super().is_busy(kind, key)

    async def undefine(self, machine_uuid: str) -> None:
        """Take a machine away; of one that xl made nothing is left when it is destroyed."""
        if machine_uuid in self._xls:
            await self.control(machine_uuid, Action.DESTROY, None)
        else:
            await super().undefine(machine_uuid)

    async def reconfigure(
        self,
        machine_uuid: str,
        *,
        current: MachineConfig | None = None,
        stored: MachineConfig | None = None,
    ) -> None:
        """Change a machine by libvirt; one that xl made, and the host's own domain, by xl."""
        machine = super()._known(machine_uuid)
        if machine_uuid not in self._xls and not machine.is_management_domain:
            await super().reconfigure(machine_uuid, current=current, stored=stored)
            return
        wanted = current or stored
        if wanted is None:
            return
        check(wanted, self._inventory.view.host, machine.current)
        await xl.change(self._tools, machine, wanted)
        if self.following is not None:
            await self.following.read_definitions()
            await self.following.look()
        if machine.is_management_domain:
            _session, mirror = self._connected()
            await mirror.read(machine_uuid)
        await self._shown(
            machine_uuid,
            machine.name,
            lambda now: [words[0] for words in xl.commands(now, wanted)] if now else [],
        )

    def checks(self) -> Sequence[Check]:
        """Tell what was reached of libvirt and of Xen."""
        found = list(super().checks())
        if self.following is None:
            return found
        missing = self.following.missing
        for name, detail in _SOURCES.items():
            error = missing.get(name) or (self._no_xl if name == "xl" else None)
            if error is None:
                found.append(Check(name, ok=True, detail=detail))
            else:
                lost = f"{error.message}: {_LOST_WITH[name]}"
                found.append(Check(name, ok=False, detail=lost, hint=error.hint))
        return [*found, Check("flask", ok=True, detail=self._xsm)]

    def _known(self, uuid: str) -> VirtualMachine:
        """Return a machine that libvirt can do something to."""
        machine = super()._known(uuid)
        if uuid in self._xls:
            raise BackendError("unsupported", f"xl made {machine.name}: this is not done", hint=xl.HINT)
        return machine

    # Merging ----------------------------------------------------------------------------------

    def _merged(self, record: Record) -> Record:
        """Return what libvirt tells with what Xen adds."""
        if isinstance(record, Host):
            return self._told_of_host(record)
        if not isinstance(record, VirtualMachine):
            return record
        self._xls.pop(record.uuid, None)
        if record.id is None or self.following is None:
            return record
        self._libvirts.add(record.id)
        domain = self.following.domains.get(record.id)
        if domain is None or domain.uuid != record.uuid:
            return record
        live, around = self.following.lives.get(record.id), self.following.around(domain)
        return merging.merged(record, domain, live, around)

    def _removed(self, uuid: str) -> None:
        if uuid not in self._xls:
            self._whole.remove(VirtualMachine, uuid)

    def _show(self) -> None:
        """Put what the last look found into the inventory, as far as it changed."""
        following, side = self.following, self._side
        if following is None or side is None:
            return
        self._libvirts &= following.domains.keys()
        self._libvirts |= {machine.id for machine in side.told.values() if machine.id is not None}
        self._whole.replace_all(CpuPool, following.known_pools())
        put: dict[int, tuple[object, ...]] = {}
        xls: dict[str, int] = {}
        for number, domain in following.domains.items():
            live = following.lives.get(number)
            told = side.told.get(domain.uuid)
            is_xls = told is None and number and number not in self._libvirts and live is not None
            if is_xls:
                xls[domain.uuid] = number
            now = domain, following.around(domain), live, told or following.made_with.get(number)
            put[number] = now
            if now == self._put_last.get(number):
                continue
            if told is not None:
                self._whole.put(self._merged(told))
            elif is_xls and live is not None:
                self._show_xls(following, domain, live)
        gone = self._xls.keys() - xls.keys()
        self._xls, self._put_last = xls, put
        for uuid in gone:
            if uuid not in side.told:
                self._whole.remove(VirtualMachine, uuid)

    def _show_xls(self, following: Following, domain: Domain, live: Live) -> None:
        made_with = following.made_with.get(domain.number)
        if made_with is None:
            following.want_definitions()
        host = self._whole.view.get(Host, "host")
        arch = host.arch if host else None
        machine = merging.of_xl(domain, live, made_with or {}, arch, following.around(domain))
        self._whole.put(machine)
        owned = {network.bridge for network in self._whole.view.all(Network).values()}
        for nic in machine.current.nics:
            if nic.bridge and nic.bridge not in owned:
                self._whole.put(Bridge(name=nic.bridge))

    def _told_of_host(self, record: Host) -> Host:
        following = self.following
        has_hypercalls = following is not None and following.hypervisor is not None
        counted: tuple[Counted, ...] = ()
        if has_hypercalls:
            counted = (Counted.PROCESSORS, Counted.PLACES, Counted.MEMORY)
        if following is not None and following.store is not None:
            counted += (Counted.DISKS, Counted.NICS)
        has_log = has_hypercalls or bool(self._info)
        return replace(merging.host(record, self._info), counted=counted, has_log=has_log)

    # What is asked for ------------------------------------------------------------------------

    async def sample(self) -> Sample:
        """Have Xen count all domains, in one pass."""
        following = self._followed()
        counted = partial(
            counters.count, following.hypervisor, following.domains, dict(following.lives), counters.Kernel()
        )
        return Sample(
            taken=datetime.now(UTC),
            taken_s=asyncio.get_running_loop().time(),
            machines=await asyncio.to_thread(counted),
        )

    async def read_log(self) -> str:
        """Read the hypervisor's console ring."""
        hypervisor = self._followed().hypervisor
        return await self._dmesg() if hypervisor is None else await asyncio.to_thread(hypervisor.console)

    async def clear_log(self) -> None:
        """Empty it."""
        await self._dmesg("-c")

    async def _dmesg(self, *words: str) -> str:
        ended = await self._tools.run("xl", "dmesg", *words)
        if ended.status:
            raise BackendError("failed", f"xl dmesg failed: {ended.said}")
        return ended.out

    def _followed(self) -> Following:
        if self.following is None:
            raise BackendError("lost", f"{self.uri} is not connected")
        return self.following

    # Xen --------------------------------------------------------------------------------------

    async def _look(self) -> None:
        if self.following is not None:
            await self.following.look()

    async def _ask_xl(self) -> None:
        """Ask once what stays as it is until the host starts anew."""
        control = FlaskControl(self._tools)
        try:
            self._info = dict(xl.INFO.findall((await self._tools.run("xl", "info")).out))
            mode = await control.mode()
        except BackendError as error:
            self._xsm = error.message
            self._no_xl = error if error.kind == "absent" else None
            return
        self._xsm = NO_XSM if mode is Mode.ABSENT else f"FLASK is {mode.value.lower()}"
        self.flask = None if mode is Mode.ABSENT else control

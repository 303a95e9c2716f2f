"""A hypervisor by way of libvirt: connected, mirrored, told what to do, found again when lost.

Source: libvirt's API reference; what each driver lacks is in `LIMITS`.
Errors: BackendError of every kind.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError, Check
from xencim.providers.backends.libvirt import binding, events, uris
from xencim.providers.backends.libvirt.backoff import Backoff
from xencim.providers.backends.libvirt.control import carry_out
from xencim.providers.backends.libvirt.machines import ConfigCache
from xencim.providers.backends.libvirt.mirror import Mirror
from xencim.providers.backends.libvirt.session import CallCounter, Session
from xencim.providers.backends.libvirt.workers import Workers
from xencim.providers.backends.records import Action, Host, PowerState, Record, VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt.events import Kind

log = logging.getLogger(__name__)

CALL_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 30.0
CONTROL_TIMEOUT_S = 600.0
"""How long an action may take when the caller sets no limit: a save writes the whole memory."""
SWEEP_S = 60.0
"""What no event tells (autostart everywhere, devices on libxl) shows after at most this long."""
SWEEP_SHARE = 0.02
"""A sweep that takes long comes less often: it may take this share of the time."""
STORAGE_REFRESH_S = 10.0
"""Pool usage announces nothing; it is re-read when asked for, at most this often."""
CALLS_AT_A_TIME = 4
"""More threads on one connection gain nothing: libvirt serialises them."""
ACTIONS_AT_A_TIME = 16
CLOSE_TIMEOUT_S = 5.0

LIMITS = {
    "xen": "libxl: no bulk statistics, no reset; lifecycle and metadata events only",
    "test": "test driver: no devices attached or detached; lifecycle and metadata events only",
}

_OFF = {PowerState.SHUT_OFF, PowerState.SAVED, PowerState.CRASHED}
_REACHED = {
    Action.START: {PowerState.RUNNING},
    Action.SHUT_DOWN: _OFF,
    Action.DESTROY: _OFF,
    Action.PAUSE: {PowerState.PAUSED},
    Action.SAVE: _OFF,
}
_REBOOTS_AT_ONCE = {"test"}


class LibvirtBackend:
    """One libvirt connection as a `Backend`."""

    def __init__(
        self,
        uri: str,
        *,
        host_name: str | None = None,
        call_timeout_s: float = CALL_TIMEOUT_S,
        backoff: Backoff | None = None,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self.uri = uris.without_password(uri)
        self.prefix = uris.prefix(uri)
        self.calls = CallCounter()
        self._real_uri = uri
        self._host_name = host_name
        self._call_timeout_s = call_timeout_s
        self._backoff = backoff or Backoff()
        self._sweep_s = sweep_s
        self._configs = ConfigCache()
        self._session: Session | None = None
        self._mirror: Mirror | None = None
        self._broken = False
        self._keeping: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._refreshed_s = float("-inf")
        self._rebooted: dict[str, asyncio.Event] = {}

    # Backend ----------------------------------------------------------------------------------

    async def start(self, inventory: Inventory) -> None:
        """Connect, fill the inventory and follow events until `stop`."""
        self._loop = asyncio.get_running_loop()
        self._inventory = inventory
        self._workers = Workers(CALLS_AT_A_TIME, self._call_timeout_s)
        self._actions = Workers(ACTIONS_AT_A_TIME, CONTROL_TIMEOUT_S)
        self._wake = asyncio.Event()
        binding.events.acquire()
        try:
            await self._connect()
        except BaseException:
            await self._disconnect()
            await self._workers.run("libvirt's event loop", binding.events.release)
            raise
        self._keeping = asyncio.create_task(self._keep(), name=f"keep {self.uri}")

    async def stop(self) -> None:
        """Let go of the hypervisor; only calls that are stuck keep their threads."""
        if self._keeping is None:
            return
        tasks = [task for task in (self._keeping, self._refreshing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._disconnect()
        await self._actions.settle(CLOSE_TIMEOUT_S)
        await self._workers.run("libvirt's event loop", binding.events.release)
        self._keeping = None

    async def refresh_storage(self) -> None:
        """Re-read the pools' usage, at most every STORAGE_REFRESH_S."""
        if self._mirror is None or self._loop.time() < self._refreshed_s + STORAGE_REFRESH_S:
            return
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh(self._mirror))
        await asyncio.shield(self._refreshing)

    async def control(self, machine_uuid: str, action: Action, timeout_s: float | None) -> None:
        """Carry out an action on a machine and return when the inventory shows it."""
        session, mirror = self._connected()
        machine = self._inventory.view.get(VirtualMachine, machine_uuid)
        if machine is None:
            raise BackendError("not_found", f"there is no machine {machine_uuid}")
        if machine.is_management_domain:
            raise BackendError(
                "unsupported", f"{machine.name} is the host's own domain: it is not controlled"
            )
        deadline_s = self._loop.time() + (CONTROL_TIMEOUT_S if timeout_s is None else timeout_s)
        rebooted = self._rebooted.setdefault(machine_uuid, asyncio.Event())
        rebooted.clear()
        await self._actions.run(
            f"{machine.name} told to {action.value}",
            partial(carry_out, session, machine_uuid, action),
            deadline_s=deadline_s - self._loop.time(),
        )
        with suppress(TimeoutError):
            await self._read_now(mirror, machine_uuid, deadline_s)
        asked_only = action in {Action.SHUT_DOWN, Action.REBOOT} and timeout_s is None
        if not asked_only:
            await self._obeyed(machine, action, deadline_s)

    def checks(self) -> Sequence[Check]:
        """Tell what was reached and what its driver cannot do."""
        host = None if self._session is None else self._inventory.view.get(Host, "host")
        if host is None:
            return (Check("hypervisor", ok=False, detail=f"{self.uri} is not connected"),)
        version = f" {host.hypervisor_version}" if host.hypervisor_version else ""
        found = [
            Check("hypervisor", ok=True, detail=f"{self.uri}: {host.hypervisor}{version} on {host.name}"),
            Check("libvirt", ok=True, detail=f"libvirt {host.library_version}"),
        ]
        limits = LIMITS.get(uris.driver(self._real_uri))
        if limits:
            found.append(Check("driver", ok=True, detail=limits))
        return found

    # The connection ---------------------------------------------------------------------------

    def _connected(self) -> tuple[Session, Mirror]:
        if self._session is None or self._mirror is None:
            raise BackendError("lost", f"{self.uri} is not connected", hint="it is tried again and again")
        return self._session, self._mirror

    async def _connect(self) -> None:
        """Open a session, follow its events, then read everything."""
        opened = partial(Session, self._real_uri, self.calls)
        session = await self._workers.run(self.uri, opened, deadline_s=CONNECT_TIMEOUT_S)
        mirror = Mirror(session, self._inventory, self._workers, self._configs, host_name=self._host_name)
        self._session, self._mirror, self._broken = session, mirror, False

        def closed() -> None:
            self._hand_over(lambda: self._lost(session))

        def changed(kind: Kind, key: str, event: str) -> None:
            self._hand_over(lambda: self._changed(mirror, kind, key, event))

        def follow() -> None:
            session.watch(closed)
            events.follow(session, changed)

        await self._workers.run("following events", follow)
        await mirror.load()
        if self._broken:
            raise BackendError("lost", f"{self.uri} was lost again")

    async def _disconnect(self) -> None:
        session, self._session = self._session, None
        mirror, self._mirror = self._mirror, None
        if mirror is not None:
            await mirror.stop()
        if session is not None:
            await self._workers.settle(CLOSE_TIMEOUT_S)
            with suppress(BackendError):
                await self._workers.run(f"closing {self.uri}", session.close, deadline_s=CLOSE_TIMEOUT_S)

    def _hand_over(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody listens any more
            self._loop.call_soon_threadsafe(function)

    def _changed(self, mirror: Mirror, kind: Kind, key: str, event: str) -> None:
        if mirror is not self._mirror:
            return
        if event == events.REBOOT and key in self._rebooted:
            self._rebooted[key].set()
        mirror.mark(kind, key)

    def _lost(self, session: Session) -> None:
        if session is self._session:
            self._broken = True
            self._wake.set()

    async def _keep(self) -> None:
        """Connect anew when the connection is lost; look now and then for what no event tells."""
        pause_s = self._sweep_s
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            self._wake.clear()
            began_s = self._loop.time()
            try:
                if self._broken:
                    await self._reconnect()
                elif self._mirror is not None:
                    await self._mirror.sweep()
            except BackendError as error:
                log.warning("%s: %s", self.uri, error)
            except Exception:
                log.exception("%s", self.uri)
            pause_s = max(self._sweep_s, (self._loop.time() - began_s) / SWEEP_SHARE)

    async def _reconnect(self) -> None:
        log.warning("%s was lost", self.uri)
        self._show_lost()
        await self._disconnect()
        for delay_s in self._backoff.delays_s():
            await asyncio.sleep(delay_s)
            try:
                await self._connect()
            except BackendError as error:
                log.info("%s is still lost: %s", self.uri, error)
                await self._disconnect()
            else:
                break
        log.warning("%s is back", self.uri)

    def _show_lost(self) -> None:
        host = self._inventory.view.get(Host, "host")
        if host is not None:
            self._inventory.put(replace(host, no_contact_since=datetime.now(UTC)))

    async def _refresh(self, mirror: Mirror) -> None:
        try:
            await mirror.refresh_usage()
        except BackendError as error:
            log.warning("%s: the storage pools were not re-read: %s", self.uri, error)
        self._refreshed_s = self._loop.time()

    # Waiting ----------------------------------------------------------------------------------

    async def _read_now(self, mirror: Mirror, uuid: str, deadline_s: float) -> None:
        async with asyncio.timeout_at(deadline_s):
            await asyncio.shield(mirror.mark(VirtualMachine, uuid))

    async def _obeyed(self, before: VirtualMachine, action: Action, deadline_s: float) -> None:
        """Wait until the inventory shows what was asked for."""
        if action is Action.RESET or (
            action is Action.REBOOT and uris.driver(self._real_uri) in _REBOOTS_AT_ONCE
        ):
            return
        rebooted = self._rebooted[before.uuid]

        def reached() -> bool:
            now = self._inventory.view.get(VirtualMachine, before.uuid)
            if now is None:
                return True
            if action is Action.REBOOT:
                return rebooted.is_set() or now.id != before.id
            return now.state in _REACHED[action]

        changed = asyncio.Event()

        def look(_old: Record | None, _new: Record | None) -> None:
            changed.set()

        unsubscribe = self._inventory.subscribe(look)
        try:
            async with asyncio.timeout_at(deadline_s):
                while not reached():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            raise BackendError(
                "timeout", f"{before.name} was told to {action.value} and did not in time"
            ) from None
        finally:
            unsubscribe()

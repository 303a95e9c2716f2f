"""A hypervisor by way of libvirt: connected, mirrored, told what to do, found again when lost.

Source: libvirt's API reference; what each driver lacks is in `LIMITS`.
Errors: BackendError of every kind.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError, Check
from xencim.providers.backends.libvirt.calls import binding, events, uris
from xencim.providers.backends.libvirt.calls.backoff import Backoff
from xencim.providers.backends.libvirt.calls.session import CallCounter, Session
from xencim.providers.backends.libvirt.calls.workers import Workers
from xencim.providers.backends.libvirt.counters import Counting
from xencim.providers.backends.libvirt.machines import ConfigCache
from xencim.providers.backends.libvirt.mirror import Mirror
from xencim.providers.backends.libvirt.writing import long_work
from xencim.providers.backends.libvirt.writing.control import carry_out
from xencim.providers.backends.libvirt.writing.filter_actions import FilterManagement
from xencim.providers.backends.libvirt.writing.guests import GuestManagement
from xencim.providers.backends.libvirt.writing.manage import Management
from xencim.providers.backends.libvirt.writing.migration import (
    MIGRATION_TIMEOUT_S,
    MIGRATIONS_AT_A_TIME,
    MigrationManagement,
)
from xencim.providers.backends.libvirt.writing.network_actions import NetworkManagement
from xencim.providers.backends.libvirt.writing.snapshots import SnapshotManagement
from xencim.providers.backends.libvirt.writing.storage import (
    STORAGE_ACTIONS_AT_A_TIME,
    STORAGE_TIMEOUT_S,
    StorageManagement,
)
from xencim.providers.backends.libvirt.writing.streams import STREAM_TIMEOUT_S, STREAMS_AT_A_TIME
from xencim.providers.backends.records import Action, Host, PowerState, VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from xencim.providers.backends.base import WorkedOn
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt.calls.events import Kind

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
"""Pools' usage and volumes announce nothing; they are re-read when asked for, at most this often."""
STORAGE_SHARE = 0.1
"""What takes long to re-read is re-read less often: it may take this share of the time."""
STORAGE_WAIT_S = 1.0
"""How long who asks waits for that; a pool that is stuck keeps its last figures."""
CALLS_AT_A_TIME = 4
"""More threads on one connection gain nothing: libvirt serialises them."""
ACTIONS_AT_A_TIME = 16
BUSY_S = 2.0
"""What does not tell within this whether it is worked on is."""
CLOSE_TIMEOUT_S = 5.0

LIMITS = {
    "xen": "libxl: no bulk statistics, no reset; lifecycle and metadata events only",
    "test": "test driver: no devices attached or detached; lifecycle and metadata events only",
}

# The hypervisor only asks the guest; the other actions are done when their call returns. (A guest
# that sleeps is only asked to wake up.)
_LEFT_TO_THE_GUEST = {Action.START, Action.SHUT_DOWN, Action.REBOOT}
_REBOOTS_AT_ONCE = {"test"}


class LibvirtBackend(
    Management,
    GuestManagement,
    SnapshotManagement,
    StorageManagement,
    FilterManagement,
    NetworkManagement,
    MigrationManagement,
    Counting,
):
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
        self._refresh_took_s = 0.0
        self._reboots: Counter[str] = Counter()
        self._waiting: set[asyncio.Event] = set()

    # Backend ----------------------------------------------------------------------------------

    async def start(self, inventory: Inventory) -> None:
        """Connect, fill the inventory and follow events until `stop`."""
        self._loop = asyncio.get_running_loop()
        self._inventory = inventory
        self._workers = Workers(CALLS_AT_A_TIME, self._call_timeout_s)
        self._looks = Workers(CALLS_AT_A_TIME, self._call_timeout_s, around=self._apart)
        self._actions = Workers(ACTIONS_AT_A_TIME, CONTROL_TIMEOUT_S, around=self._apart)
        self._storage_actions = Workers(STORAGE_ACTIONS_AT_A_TIME, STORAGE_TIMEOUT_S, around=self._apart)
        self._migrations = Workers(MIGRATIONS_AT_A_TIME, MIGRATION_TIMEOUT_S, around=self._apart)
        self._content_pieces = Workers(STREAMS_AT_A_TIME, STREAM_TIMEOUT_S)
        self._wake = asyncio.Event()
        binding.events.acquire()
        try:
            await self._connect()
        except BaseException:
            await self._release()
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
        await self._release()
        self._keeping = None

    async def refresh_storage(self) -> None:
        """Re-read the pools' usage and their volumes, at most every STORAGE_REFRESH_S."""
        pause_s = max(STORAGE_REFRESH_S, self._refresh_took_s / STORAGE_SHARE)
        if self._mirror is None or self._loop.time() < self._refreshed_s + pause_s:
            return
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh(self._mirror))
        await asyncio.wait({self._refreshing}, timeout=STORAGE_WAIT_S)

    async def resync(self) -> None:
        """Read everything anew."""
        _session, mirror = self._connected()
        await mirror.resync()

    async def control(self, machine_uuid: str, action: Action, timeout_s: float | None) -> None:
        """Carry out an action on a machine and return when the inventory shows it."""
        session, mirror = self._connected()
        machine = self._known(machine_uuid)
        if machine.is_management_domain:
            raise BackendError(
                "unsupported", f"{machine.name} is the host's own domain: it is not controlled"
            )
        deadline_s = self._loop.time() + (CONTROL_TIMEOUT_S if timeout_s is None else timeout_s)
        reboots = self._reboots[machine_uuid]
        await self._actions.run(
            f"{machine.name} told to {action.value}",
            partial(carry_out, session, machine_uuid, action),
            deadline_s=deadline_s - self._loop.time(),
        )
        try:
            async with asyncio.timeout_at(deadline_s):
                await mirror.read(machine_uuid)
                if timeout_s is not None and action in _LEFT_TO_THE_GUEST:
                    await self._obeyed(machine, action, reboots)
        except TimeoutError:
            message = f"{machine.name} was told to {action.value} and did not in time"
            raise BackendError("timeout", message) from None

    async def abort(self, machine_uuid: str) -> None:
        """Have libvirt give up the long work that it does on a machine."""
        session, _ = self._connected()
        name = self._known(machine_uuid).name
        await self._looks.run(f"{name} told to give up", partial(long_work.abort, session, machine_uuid))

    async def percent_done(self, machine_uuid: str) -> int | None:
        """Tell how much of such work is done."""
        if self._session is None:
            return None
        asked = partial(long_work.percent_done, self._session, machine_uuid)
        return await self._looks.run("asking how far it is", asked)

    async def is_busy(self, kind: WorkedOn, key: str) -> bool:
        """Tell whether libvirt works on something."""
        session, mirror = self._connected()
        if not mirror.is_known(kind):
            return True  # on some of them, and which they are is not told before it is done
        asked = partial(long_work.is_busy, session, kind, key)
        return await self._looks.run(f"{kind.__name__} {key}", asked, deadline_s=BUSY_S)

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

    def _apart(self) -> AbstractContextManager[None]:
        """Give a thread whose calls may take long a connection of its own."""
        return nullcontext() if self._session is None else self._session.apart()

    def _like(self, uri: str) -> LibvirtBackend:
        return LibvirtBackend(uri, call_timeout_s=self._call_timeout_s)

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

    async def _release(self) -> None:
        await self._disconnect()
        for workers in (
            self._looks,
            self._actions,
            self._migrations,
            self._storage_actions,
            self._content_pieces,
        ):
            await workers.settle(CLOSE_TIMEOUT_S)
        # Longer than the thread itself is given to end.
        release_s = 2 * binding.STOP_TIMEOUT_S
        await self._workers.run("libvirt's event loop", binding.events.release, deadline_s=release_s)

    def _hand_over(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody listens any more
            self._loop.call_soon_threadsafe(function)

    def _changed(self, mirror: Mirror, kind: Kind, key: str, event: str) -> None:
        if mirror is not self._mirror:
            return
        if event == events.REBOOT:
            self._reboots[key] += 1
            for waiting in self._waiting:
                waiting.set()
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
        began_s = self._loop.time()
        try:
            await mirror.refresh_storage()
        except BackendError as error:
            log.warning("%s: the storage pools were not re-read: %s", self.uri, error)
        self._refreshed_s = self._loop.time()
        self._refresh_took_s = self._refreshed_s - began_s

    async def _obeyed(self, before: VirtualMachine, action: Action, reboots: int) -> None:
        """Wait until the guest has done what it was asked for."""
        uuid = before.uuid

        def has_obeyed() -> bool:
            now = self._inventory.view.get(VirtualMachine, uuid)
            if now is None:
                return True
            if action is Action.REBOOT:
                at_once = uris.driver(self._real_uri) in _REBOOTS_AT_ONCE
                return at_once or self._reboots[uuid] != reboots or now.id != before.id
            return (now.state is PowerState.RUNNING) if action is Action.START else not now.state.is_active

        changed = asyncio.Event()
        unsubscribe = self._inventory.subscribe(lambda _old, _new: changed.set())
        self._waiting.add(changed)
        try:
            while not has_obeyed():
                changed.clear()
                await changed.wait()
        finally:
            self._waiting.discard(changed)
            unsubscribe()

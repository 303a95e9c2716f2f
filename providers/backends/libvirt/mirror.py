"""What one connection tells, put into the inventory: first whole, then what events name.

Belongs to the event loop; reads run on workers. A machine whose call does not come back keeps its
last record, marked with the time of that call, until it answers.

Errors: BackendError from `load`; reads after it log theirs.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt import machines, resources
from xencim.providers.backends.libvirt.abilities import with_abilities
from xencim.providers.backends.libvirt.bridges import Bridges, bridges_of
from xencim.providers.backends.libvirt.calls.workers import StuckError
from xencim.providers.backends.libvirt.filters import Filters
from xencim.providers.backends.libvirt.rereads import Key, Rereads
from xencim.providers.backends.libvirt.storage_volumes import Volumes
from xencim.providers.backends.records import Host, Network, StoragePool, VirtualMachine, Volume

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.backends.base import WorkedOn
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt.calls.events import Kind
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers
    from xencim.providers.backends.libvirt.machines import ConfigCache, Listed
    from xencim.providers.backends.libvirt.resources import Reader


log = logging.getLogger(__name__)

LOAD_BATCH = 64
"""Machines read by one job, and put before the event loop may turn to others."""
LIST_S = 3.0
"""libvirt lists no pool, and no network, while it works on one of them: a start must not wait for that."""
EVERY = ""
"""The key of all of a kind: of none of them."""
RETRY_S = 5.0
"""When libvirt itself gave up on a machine that is busy, it is asked again after this."""


class Mirror:
    """Keeps an inventory true to a hypervisor while a session lasts."""

    def __init__(
        self,
        session: Session,
        inventory: Inventory,
        workers: Workers,
        configs: ConfigCache,
        *,
        host_name: str | None,
    ) -> None:
        self._session = session
        self._inventory = inventory
        self._workers = workers
        self._configs = configs
        self._host_name = host_name
        self._sweeping = asyncio.Lock()
        self._bridges = Bridges(inventory)
        self._volumes = Volumes(session, inventory, workers)
        self.filters = Filters(session, inventory, workers)
        self._rereads = Rereads(self._reread)
        self._late: dict[Key, asyncio.Task[None]] = {}
        # Machines told of by events while all are read: those reads are younger than the bulk's.
        self._told: set[str] = set()
        # Pools whose volumes are to be read with them.
        self._refreshed: set[str] = set()

    async def load(self) -> None:
        """Read everything; events may come meanwhile."""
        session, run = self._session, self._workers.run
        host = await run("the host", partial(resources.host, session, name=self._host_name))
        self._bridges.of_host = await run("the host's interfaces", partial(resources.bridges, session))
        for kind in (StoragePool, Network):
            await self._read_all(kind)
        await self._volumes.read()
        await self.filters.read()
        await self._read_machines(await self._bulk_sizes())
        self._bridges.read()
        self._inventory.put(await with_abilities(host, session, self._inventory.view, self._workers))

    async def sweep(self) -> None:
        """Look for what no event told."""
        async with self._sweeping:
            view = self._inventory.view
            await self._read_machines({})
            host = self._inventory.view.get(Host, "host")
            if host is not None and not (host.snapshot_kinds or host.guest_access):
                self._inventory.put(await with_abilities(host, self._session, view, self._workers))
            for kind in (StoragePool, Network):
                for name in tuple(view.all(kind)):
                    self._mark(kind, name)
            await self.filters.read()

    async def resync(self) -> None:
        """Return when everything was read anew, as far as it answers."""
        due = [kind for kind in (StoragePool, Network) if self.is_known(kind)]
        if due:
            await asyncio.wait({self._rereads.mark(kind, EVERY) for kind in due})
        await self.sweep()
        await self._rereads.settle()
        await self._volumes.read()

    def is_known(self, kind: WorkedOn) -> bool:
        """Tell whether all of a kind was read: until then one that is not there may be."""
        return (StoragePool if kind is Volume else kind, EVERY) not in self._late

    def mark(self, kind: Kind, key: str) -> None:
        """Have a thing read that may have changed."""
        if kind is VirtualMachine:
            self._told.add(key)
        elif kind is StoragePool:
            self._refreshed.add(key)
        self._mark(kind, key)

    def _mark(self, kind: Kind, key: str) -> None:
        if (kind, key) not in self._late:
            self._rereads.mark(kind, key)

    async def read_pool(self, name: str) -> None:
        """Return when a storage pool and its volumes were read anew."""
        self._refreshed.add(name)
        if (StoragePool, name) not in self._late:
            await asyncio.wait({self._rereads.mark(StoragePool, name)})

    async def read_network(self, name: str) -> None:
        """Return when a network was read anew."""
        if (Network, name) not in self._late:
            await asyncio.wait({self._rereads.mark(Network, name)})

    async def read(self, uuid: str) -> None:
        """Return when a machine was read anew, however long it is stuck."""
        self._told.add(uuid)
        key = VirtualMachine, uuid
        # Waited for, not awaited: when the connection is lost, reads are cancelled, not those who wait.
        await asyncio.wait({self._late.get(key) or self._rereads.mark(*key)})
        while (late := self._late.get(key)) and not late.done():
            await asyncio.wait({late})

    async def stop(self) -> None:
        """End what is under way."""
        late = tuple(self._late.values())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self._rereads.stop()

    # Everything -------------------------------------------------------------------------------

    async def _read_machines(self, sizes: Mapping[str, Mapping[str, int]]) -> None:
        """Read all machines, in bulk as far as the driver can; ``sizes`` of disks where known."""
        if not self.is_known(VirtualMachine):
            return
        self._told = {key for kind, key in self._rereads.under_way if kind is VirtualMachine}
        try:
            listed = await self._workers.run(
                "the list of machines", partial(machines.list_all, self._session)
            )
        except StuckError as stuck:
            self._later(VirtualMachine, EVERY, stuck)
            return
        present = {item.domain.UUIDString(): item for item in listed}
        for uuid in [uuid for uuid in self._inventory.view.all(VirtualMachine) if uuid not in present]:
            self._remove_unless_told(uuid)
        due = [item for uuid, item in present.items() if (VirtualMachine, uuid) not in self._late]
        batches = (due[start : start + LOAD_BATCH] for start in range(0, len(due), LOAD_BATCH))
        tasks = [asyncio.create_task(self._read_batch(batch, sizes)) for batch in batches]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_all(self, kind: Kind) -> None:
        try:
            readers = await self._listed(kind)
        except StuckError as stuck:
            self._later(kind, EVERY, stuck)
        else:
            self._inventory.replace_all(kind, await self._read_each(kind, readers))

    async def _read_unknown(self, kind: Kind) -> None:
        """Have those read that nothing has told of yet."""
        if kind is VirtualMachine:
            await self._read_machines({})
            return
        for name, _read in await self._listed(kind):
            if self._inventory.view.get(kind, name) is None:
                self.mark(kind, name)

    async def _listed(self, kind: Kind) -> list[Reader[Any]]:
        listed = partial(
            resources.storage_pools if kind is StoragePool else resources.networks, self._session
        )
        return await self._workers.run(f"the list of {kind.__name__}s", listed, deadline_s=LIST_S)

    async def _read_each(self, kind: Kind, readers: list[Reader[Any]]) -> list[Any]:
        """Read pools or networks; one that is stuck keeps its last record."""
        found = []
        for (name, _read), answer in await self._workers.each(lambda reader: reader[1](), readers):
            if isinstance(answer, BackendError):
                self._later(kind, name, answer)
                last = self._inventory.view.get(kind, name)
                found += [last] if last and answer.kind != "not_found" else []
            else:
                found.append(answer)
        return found

    async def _bulk_sizes(self) -> Mapping[str, Mapping[str, int]]:
        try:
            return await self._workers.run("the sizes of disks", partial(machines.bulk_sizes, self._session))
        except BackendError as error:
            log.warning("the sizes of disks are asked for one by one: %s", error)
            return {}

    async def _read_batch(self, batch: list[Listed], sizes: Mapping[str, Mapping[str, int]]) -> None:
        unsized: list[tuple[Listed, VirtualMachine]] = []
        for item, answer in await self._workers.each(
            partial(machines.read, self._session, self._configs), batch
        ):
            if isinstance(answer, BackendError):
                self._not_read(item.domain.UUIDString(), answer)
            elif machines.is_sized(self._configs, answer):
                self._put_unless_told(answer)
            elif sizes and answer.state.is_active and not sizes.get(answer.uuid):
                # Something goes on in it, and it may not answer: nobody else waits for that.
                self._put_unless_told(answer)
                self._mark(VirtualMachine, answer.uuid)
            else:
                unsized.append((item, answer))

        def size(pair: tuple[Listed, VirtualMachine]) -> VirtualMachine:
            item, machine = pair
            known = sizes.get(machine.uuid, {})
            return machines.size_disks(self._session, self._configs, item.domain, machine, known)

        for (_item, machine), answer in await self._workers.each(size, unsized):
            if isinstance(answer, BackendError):
                self._put_unless_told(machine)
                self._not_read(machine.uuid, answer)
            else:
                self._put_unless_told(answer)

    def _put_unless_told(self, machine: VirtualMachine) -> None:
        if machine.uuid not in self._told:
            self._put_machine(machine)

    def _remove_unless_told(self, uuid: str) -> None:
        if uuid not in self._told:
            self._remove_machine(uuid)

    def _not_read(self, uuid: str, error: BackendError) -> None:
        """Take note that a machine could not be read in bulk."""
        if error.kind == "not_found":
            self._remove_unless_told(uuid)
        else:
            self._later(VirtualMachine, uuid, error)

    # One thing --------------------------------------------------------------------------------

    async def _reread(self, kind: Kind, key: str) -> None:
        if (kind, key) in self._late:
            return
        try:
            if key == EVERY:
                await self._read_unknown(kind)
            elif kind is VirtualMachine:
                await self._reread_machine(key)
            elif kind is StoragePool:
                await self._reread_pool(key)
            else:
                await self._reread_network(key)
        except BackendError as error:
            if error.kind != "lost":  # the connection's loss is told, and everything read anew
                self._later(kind, key, error)
        except Exception:
            log.exception("%s %s was not read", kind.__name__, key)

    async def _reread_machine(self, uuid: str) -> None:
        def read() -> tuple[Listed, VirtualMachine]:
            listed = machines.look_up(self._session, uuid)
            return listed, machines.read(self._session, self._configs, listed)

        try:
            listed, machine = await self._workers.run("the machine", read)
        except BackendError as error:
            if error.kind != "not_found":
                raise
            self._remove_machine(uuid)
            return
        if not machines.is_sized(self._configs, machine):
            sized = partial(machines.size_disks, self._session, self._configs, listed.domain, machine, {})
            try:
                machine = await self._workers.run("the machine's disks", sized)
            except StuckError:
                self._put_machine(machine)
                raise
        self._put_machine(machine)

    async def _reread_pool(self, name: str) -> None:
        try:
            pool = await self._workers.run("the pool", partial(resources.storage_pool, self._session, name))
        except BackendError as error:
            if error.kind != "not_found":
                raise
            self._inventory.remove(StoragePool, name)
            self._refreshed.add(name)
        else:
            self._inventory.put(pool)
        if name in self._refreshed:
            self._refreshed.discard(name)
            await self._volumes.read((name,))

    async def _reread_network(self, name: str) -> None:
        old = self._inventory.view.get(Network, name)
        new = None
        try:
            new = await self._workers.run("the network", partial(resources.network, self._session, name))
        except BackendError as error:
            if error.kind != "not_found":
                raise
            self._inventory.remove(Network, name)
        else:
            self._inventory.put(new)
        self._bridges.settle(net.bridge for net in (old, new) if net and net.bridge)

    async def refresh_storage(self) -> None:
        """Re-read what the daemon knows of its storage pools, what is in them, and the network filters."""
        await self.filters.read()
        view = self._inventory.view
        pools = [
            pool for name, pool in view.all(StoragePool).items() if (StoragePool, name) not in self._late
        ]
        usage = partial(resources.pool_usage, self._session)
        for old, new in await self._workers.each(usage, pools):
            if isinstance(new, BackendError):
                self._later(StoragePool, old.name, new)
            elif self._inventory.view.get(StoragePool, old.name) is old:
                self._inventory.put(new)
        await self._volumes.read()

    # Into the inventory -----------------------------------------------------------------------

    def _put_machine(self, machine: VirtualMachine) -> None:
        old = self._inventory.view.get(VirtualMachine, machine.uuid)
        self._inventory.put(machine)
        self._bridges.settle(bridges_of(old) | bridges_of(machine))

    def _remove_machine(self, uuid: str) -> None:
        old = self._inventory.view.get(VirtualMachine, uuid)
        self._inventory.remove(VirtualMachine, uuid)
        self._configs.forget(uuid)
        self._configs.snapshots.forget(uuid)
        self._bridges.settle(bridges_of(old))

    def _later(self, kind: Kind, key: str, error: BackendError) -> None:
        """Keep the last record; read the thing anew when a stuck call is back, or in a while."""
        if error.kind == "lost":
            raise error
        log.warning("%s %s was not read: %s", kind.__name__, key, error)
        if error.kind != "timeout" or (kind, key) in self._late:
            return
        machine = self._inventory.view.get(VirtualMachine, key)
        if machine is not None and machine.no_contact_since is None:
            self._inventory.put(replace(machine, no_contact_since=datetime.now(UTC)))

        async def wait() -> None:
            if isinstance(error, StuckError):
                await asyncio.wait({error.late})
            else:
                await asyncio.sleep(RETRY_S)
            del self._late[kind, key]
            await self._rereads.mark(kind, key)

        self._late[kind, key] = asyncio.create_task(wait(), name=f"late {kind.__name__} {key}")

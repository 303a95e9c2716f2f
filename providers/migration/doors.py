"""The other end of a migration: a server that is asked and keeps room, or a hypervisor that is looked at.

Source: DSP1081 1.0; the methods asked for are those of `providers.migration.incoming`.
Errors: CimError, which names the destination and what it said.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

import pywbem

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import Arrival, VirtualMachine
from xencim.providers.core.errors import CimError, Status
from xencim.providers.migration.arriving import settle
from xencim.providers.migration.room import demand_room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.records import Destination

T = TypeVar("T")

TIMEOUT_S = 30
"""How long a destination may take to answer: it reads its pools anew."""
_ENABLED_STATES = frozenset({2, 9})  # EnabledState of a machine that runs or is paused: Enabled, Quiesce


class Door(Protocol):
    """What a destination can be asked."""

    keeps_room: bool

    async def prepare(self, definition: str, *, is_active: bool, with_storage: bool, check_only: bool) -> str:
        """Ask whether a machine may come; return a token, empty where none is given."""
        ...

    async def commit(self, token: str) -> Path | None:
        """Say that it sets out; return what it will be there, if that can be told."""
        ...

    async def finish(self, token: str, uuid: str, arrival: Arrival) -> None:
        """Say that it has arrived, and have done what is left to be done."""
        ...

    async def cancel(self, token: str) -> None:
        """Say that it does not come."""
        ...

    async def has(self, uuid: str, name: str) -> bool:
        """Tell whether the machine is there and holds memory."""
        ...

    async def system(self) -> Path:
        """Return the host itself, as the DestinationSystem of a migration names it."""
        ...


def door(destination: Destination, backend: Backend, prefix: str) -> Door:
    """Return a configured destination's."""
    if destination.url is None:
        return HypervisorDoor(destination, backend, prefix)
    return ServerDoor(destination, prefix)


class ServerDoor:
    """Another xencim, by its HTTPS; calls run on threads."""

    keeps_room = True

    def __init__(self, destination: Destination, prefix: str) -> None:
        self._destination = destination
        self._service = f"{prefix}_VirtualSystemMigrationService"
        self._system = f"{prefix}_ComputerSystem"
        self._host = f"{prefix}_HostSystem"

    async def prepare(self, definition: str, *, is_active: bool, with_storage: bool, check_only: bool) -> str:
        """Ask whether a machine may come, and have its room kept."""
        out = await self._invoke(
            "PrepareIncomingMigration",
            Definition=definition,
            IsActive=is_active,
            WithStorage=with_storage,
            CheckOnly=check_only,
        )
        return str(out.get("Token") or "")

    async def commit(self, token: str) -> Path | None:
        """Use the token."""
        out = await self._invoke("CommitIncomingMigration", Token=token)
        named = out.get("ComputerSystem")
        return _path(named) if isinstance(named, pywbem.CIMInstanceName) else None

    async def finish(self, token: str, uuid: str, arrival: Arrival) -> None:  # noqa: ARG002 - the token tells which
        """Say that the machine has arrived."""
        more: dict[str, str | bool] = {} if arrival.definition is None else {"Definition": arrival.definition}
        more |= {"Start": True} if arrival.start else {}  # one that is older knows neither
        await self._invoke("FinishIncomingMigration", Token=token, Autostart=arrival.autostart, **more)

    async def cancel(self, token: str) -> None:
        """Say that it does not come."""
        await self._invoke("CancelIncomingMigration", Token=token)

    async def has(self, uuid: str, name: str) -> bool:
        """Ask for the machine's instance."""

        def ask(connection: pywbem.WBEMConnection) -> bool:
            keys = {"CreationClassName": self._system, "Name": name}
            path = pywbem.CIMInstanceName(self._system, keys, namespace=self._destination.namespace)
            try:
                found = connection.GetInstance(path)
            except pywbem.CIMError as error:
                if error.status_code == Status.NOT_FOUND:
                    return False
                raise
            return uuid in (found["OtherIdentifyingInfo"] or ()) and found["EnabledState"] in _ENABLED_STATES

        return await self._ask(ask)

    async def system(self) -> Path:
        """Ask for the host's path; where the server is reached is the configuration's."""

        def ask(connection: pywbem.WBEMConnection) -> Path:
            [host] = connection.EnumerateInstanceNames(self._host)
            return _path(host)

        return replace(await self._ask(ask), host=urlsplit(self._destination.url or "").netloc)

    async def _invoke(self, method: str, **parameters: str | bool) -> Mapping[str, Any]:
        def invoke(connection: pywbem.WBEMConnection) -> Mapping[str, Any]:
            [service] = connection.EnumerateInstanceNames(self._service)
            returned, out = connection.InvokeMethod(method, service, **parameters)
            if returned != 0:
                raise CimError(Status.FAILED, f"{self._destination.name}: {method} returned {returned}")
            return dict(out)

        return await self._ask(invoke)

    async def _ask(self, ask: Callable[[pywbem.WBEMConnection], T]) -> T:
        def call() -> T:
            with _speaking_with(self._destination) as connection:
                return ask(connection)

        return await asyncio.to_thread(call)


class HypervisorDoor:
    """A hypervisor without a server: it is looked at, and nothing is kept free there."""

    keeps_room = False

    def __init__(self, destination: Destination, backend: Backend, prefix: str) -> None:
        self._destination = destination
        self._backend = backend
        self._host = f"{prefix}_HostSystem"

    async def prepare(self, definition: str, *, is_active: bool, with_storage: bool, check_only: bool) -> str:  # noqa: ARG002 - nothing is kept either way
        """Look at the other hypervisor's host as its own server would."""
        async with self._looking() as (peer, inventory):
            machine = await peer.admit(definition)
            demand_room(inventory.view, (), machine, is_active=is_active, with_storage=with_storage)
        return ""

    async def commit(self, token: str) -> Path | None:  # noqa: ARG002 - there is none
        """There is nobody to tell."""
        return None

    async def finish(self, token: str, uuid: str, arrival: Arrival) -> None:  # noqa: ARG002 - there is none
        """Do what is left to be done: there is nobody to tell."""
        if arrival == Arrival():
            return
        async with self._looking() as (peer, inventory):
            machine = inventory.view.get(VirtualMachine, uuid)
            if machine is None:
                raise CimError(Status.FAILED, f"{self._destination.name}: the machine is not there")
            await settle(peer, machine, arrival)

    async def cancel(self, token: str) -> None:
        """There is nobody to tell."""

    async def has(self, uuid: str, name: str) -> bool:  # noqa: ARG002 - hypervisors know uuids
        """Look for the machine."""
        async with self._looking() as (_peer, inventory):
            machine = inventory.view.get(VirtualMachine, uuid)
            return machine is not None and machine.state.is_active

    async def system(self) -> Path:
        """Name the host as the configuration does: it has no instance."""
        return Path(self._host, (("CreationClassName", self._host), ("Name", self._destination.name)))

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator[tuple[Backend, Inventory]]:
        peer, inventory = self._backend.peer(self._destination.transport), Inventory()
        try:
            await peer.start(inventory)
            try:
                yield peer, inventory
            finally:
                await peer.stop()
        except BackendError as error:
            raise CimError(
                Status.FAILED, f"{self._destination.name}: {error.message}", hint=error.hint
            ) from error


def _path(named: pywbem.CIMInstanceName) -> Path:
    return Path(named.classname, tuple(named.keybindings.items()), named.namespace, named.host)


@contextmanager
def _speaking_with(destination: Destination) -> Iterator[pywbem.WBEMConnection]:
    """Speak with a destination's server; what goes wrong becomes a CimError that names it."""
    where = f"{destination.name} ({destination.url})"
    try:
        password = FilePath(destination.password_file or "").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CimError(
            Status.FAILED, f"{where}: its password in {destination.password_file} cannot be read: {cause}"
        ) from error
    url = urlsplit(destination.url or "")
    connection = pywbem.WBEMConnection(
        f"{url.scheme}://{url.netloc}",
        (destination.user or "", password),
        default_namespace=destination.namespace,
        ca_certs=destination.ca,
        timeout=TIMEOUT_S,
    )
    # What is configured here is all there is: no proxy or password of this user's surroundings.
    connection.session.trust_env = False
    try:
        yield connection
    except pywbem.CIMError as error:
        raise CimError(Status.FAILED, f"{where}: {error.status_description or error}") from error
    except pywbem.AuthError as error:
        raise CimError(
            Status.FAILED,
            f"{where}: it does not let {destination.user!r} in",
            hint="see user and password_file of that destination in the configuration",
        ) from error
    except (OSError, pywbem.Error) as error:
        raise CimError(
            Status.FAILED, f"{where}: it does not answer: {error}", hint="is its server running?"
        ) from error
    finally:
        connection.close()

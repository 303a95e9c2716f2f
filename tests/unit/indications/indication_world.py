"""A made-up host, a state in memory or on disk, and listeners that do as they are told."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from xencim.cimom_glue.indications import Deliverer, listener_tls
from xencim.mof.repository import load
from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.assembly import Placement, World, assemble
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.records import IndicationFilter, IndicationSubscription, ListenerDestination
from xencim.providers.core import operations as op
from xencim.providers.core.access import AccessPolicy, Principal, Rule
from xencim.providers.core.results import Paths
from xencim.providers.core.state import State

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncIterator

    from xencim.mof.model import ClassRepository
    from xencim.mof.values import Value

INTEROP = "interop"
ROOT = Principal("root")
ANN = Principal("ann")
BOB = Principal("bob")
RITA = Principal("rita", frozenset({"xencim"}))
POLICY = AccessPolicy(operate=Rule(users=frozenset({"ann", "bob"})))
ALL = "SELECT * FROM CIM_InstIndication"
OK = (
    b'<?xml version="1.0" encoding="utf-8" ?><CIM CIMVERSION="2.0" DTDVERSION="2.0"><MESSAGE ID="1" '
    b'PROTOCOLVERSION="1.0"><SIMPLEEXPRSP><EXPMETHODRESPONSE NAME="ExportIndication"/></SIMPLEEXPRSP>'
    b"</MESSAGE></CIM>"
)
REFUSAL = OK.replace(b'"ExportIndication"/>', b'"E"><ERROR CODE="1" DESCRIPTION="full"/></EXPMETHODRESPONSE>')
WITHIN_S = 20


@cache
def repository() -> ClassRepository:
    return load().repository


@asynccontextmanager
async def running(
    machines: int = 2, path: pathlib.Path | None = None, backend: FakeBackend | None = None
) -> AsyncIterator[World]:
    """Start a world; nothing of it stays."""
    world = await assemble(
        repository(),
        [Placement(backend or FakeBackend(machines))],
        POLICY,
        version="0.0.0",
        state=State.open(path),
    )
    try:
        yield world
    finally:
        await world.stop()


@asynccontextmanager
async def delivering(world: World) -> AsyncIterator[Deliverer]:
    """Deliver what happens in a world."""
    deliverer = Deliverer(world.state, world.subscriptions, world.server, listener_tls(None, verify=True))
    await deliverer.start()
    world.events.start(deliverer.accept)
    try:
        yield deliverer
    finally:
        world.events.stop()
        await deliverer.stop()


def instance(class_name: str, **values: Value) -> Instance:
    return Instance(class_name, {name: TypedValue(None, value) for name, value in values.items()})


async def create(world: World, new: Instance, principal: Principal = ROOT) -> Path:
    request = op.CreateInstance(namespace=INTEROP, new_instance=new)
    result = await world.engine.execute(request, principal)
    assert isinstance(result, Paths)
    [batch] = result.batches
    [row] = batch.rows
    return batch.served.path(row)


async def subscribe(
    world: World, url: str, name: str = "l", query: str = ALL, **settings: Value
) -> tuple[Path, Path, Path]:
    """Have a listener told what a query wants; return the paths of filter, destination, subscription."""
    wanted = instance("CIM_IndicationFilter", Name=f"filter of {name}", Query=query, QueryLanguage="WQL")
    filter_path = await create(world, wanted)
    to = instance("CIM_ListenerDestinationCIMXML", Name=name, Destination=url)
    destination_path = await create(world, to)
    both = instance("CIM_IndicationSubscription", Filter=filter_path, Handler=destination_path, **settings)
    return filter_path, destination_path, await create(world, both)


def filter_record(name: str = "f", **values: object) -> IndicationFilter:
    record = {"query": ALL, "language": "WQL", "owner": "root", **values}
    return IndicationFilter(name=name, system_class="Xen_HostSystem", system_name="h", **record)  # type: ignore[arg-type]


def destination_record(name: str = "l", **values: object) -> ListenerDestination:
    record = {"url": "http://127.0.0.1:1", "owner": "root", **values}
    return ListenerDestination(name=name, system_class="Xen_HostSystem", system_name="h", **record)  # type: ignore[arg-type]


def subscription_record(filter_name: str = "f", **values: object) -> IndicationSubscription:
    now = datetime.now(UTC)
    record = {"owner": "root", "started": now, "changed": now, **values}
    return IndicationSubscription(filter=filter_name, **record)  # type: ignore[arg-type]


@dataclass
class Listener:
    """A listener: keeps the numbers it was sent, and answers what it is told to."""

    port: int = 0
    replies: list[bytes] = field(default_factory=list)
    """Whole HTTP replies for the next messages; then all are taken."""
    messages: list[bytes] = field(default_factory=list)
    connections: int = 0
    muted: bool = False
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def numbers(self) -> list[int]:
        """The sequence numbers, in the order in which they came."""
        found = (re.search(rb'"SequenceNumber" TYPE="sint64"><VALUE>(\d+)', one) for one in self.messages)
        return [int(one[1]) for one in found if one]

    def about(self, name: str) -> list[str]:
        """The values of a property of the indications, in order."""
        pattern = rf'<PROPERTY NAME="{name}"[^>]*><VALUE>([^<]*)<'.encode()
        return [one[1].decode() for message in self.messages if (one := re.search(pattern, message))]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    async def count(self, count: int) -> None:
        """Wait until so many messages have come."""
        async with asyncio.timeout(WITHIN_S):
            while len(self.messages) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"Content-Length: (\d+)", head)
                assert length is not None
                body = await reader.readexactly(int(length[1]))
                if self.muted:
                    await reader.read()
                reply = self.replies.pop(0) if self.replies else http_reply(OK)
                if reply == http_reply(OK):
                    self.messages.append(body)
                    self._arrived.set()
                writer.write(reply)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


def http_reply(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """Run a listener."""
    listener = Listener()
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()

"""A server on loopback with a small engine, and a client that sees every byte."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import inspect
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import uvloop

from xencim.cimom_glue.server import Authenticator, AuthSettings, Limits, Server, ServerSettings
from xencim.providers.core.operations import EnumerateInstanceNames, Operation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from pathlib import Path

    from xencim.cimom_glue.server.content import OpenContent
    from xencim.cimom_glue.wire import Message
    from xencim.providers.core.access import Principal
    from xencim.providers.core.errors import CimError

BASIC = b"authorization: Basic " + base64.b64encode(b"alice:wonderland") + b"\r\n"


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on the loop that the server runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Show that no thread outlives a test."""
    before = set(threading.enumerate())
    yield
    left = [one for one in threading.enumerate() if one not in before and one.name.startswith("xencim")]
    assert left == []


@dataclass
class Engine:
    """Answers EnumerateInstanceNames of a class with what was put under its name."""

    answers: dict[str, Any] = field(default_factory=dict)
    seen: list[tuple[Operation, Principal]] = field(default_factory=list)

    async def execute(self, operation: Operation, principal: Principal) -> Any:  # noqa: ANN401 - pieces of a reply
        self.seen.append((operation, principal))
        assert isinstance(operation, EnumerateInstanceNames)
        answer = self.answers.get(operation.class_name, [f"<{operation.class_name}/>".encode()])
        if callable(answer):
            answer = answer()
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        return answer


class Codec:
    """Passes pieces on as they are."""

    def reply(self, message: Message, result: Any) -> Iterator[bytes]:  # noqa: ANN401 - pieces of a reply
        assert message.method == "EnumerateInstanceNames"
        return iter(result)

    def error(self, message: Message, error: CimError) -> bytes:
        return f"<{message.method} {int(error.status)}: {error.description}/>".encode()


@dataclass
class Accounts:
    """Knows alice."""

    users: dict[str, str] = field(default_factory=lambda: {"alice": "wonderland"})
    asked: list[str] = field(default_factory=list)
    generation: int = 0

    def verify(self, name: str, password: str) -> frozenset[str] | None:
        self.asked.append(name)
        return frozenset({"staff"}) if self.users.get(name) == password else None

    def groups(self, name: str) -> frozenset[str]:
        return frozenset({"staff"}) if name in self.users else frozenset()

    def version(self) -> object:
        return self.generation


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, class_name: str = "A", *, headers: bytes = BASIC, path: str = "/cimom") -> Reply:
        self.writer.write(request(class_name, headers=headers, path=path))
        return await self.reply()

    async def reply(self, *, has_body: bool = True) -> Reply:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:-2])
        if not has_body:
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b"".join([piece async for piece in self._chunks()])
        elif "content-length" in headers:
            body = await self.reader.readexactly(int(headers["content-length"]))
        else:
            body = b""
        return Reply(int(head[0].split()[1]), headers, body)

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        assert await self.reader.readexactly(2) == b"\r\n"

    async def closed(self) -> bool:
        """Wait for the server to close."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read() == b""
        return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()


def envelope(class_name: str = "A") -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?><CIM CIMVERSION="2.0" DTDVERSION="2.0">'
        '<MESSAGE ID="7" PROTOCOLVERSION="1.0"><SIMPLEREQ><IMETHODCALL NAME="EnumerateInstanceNames">'
        '<LOCALNAMESPACEPATH><NAMESPACE NAME="root"/><NAMESPACE NAME="virt"/></LOCALNAMESPACEPATH>'
        f'<IPARAMVALUE NAME="ClassName"><CLASSNAME NAME="{class_name}"/></IPARAMVALUE>'
        "</IMETHODCALL></SIMPLEREQ></MESSAGE></CIM>"
    ).encode()


def request(class_name: str = "A", *, headers: bytes = BASIC, path: str = "/cimom") -> bytes:
    body = envelope(class_name)
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n".encode()
        + b'Content-Type: application/xml; charset="utf-8"\r\n'
        + headers
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    )


@dataclass
class Serving:
    """A server under test."""

    server: Server
    engine: Engine
    accounts: Accounts
    urls: list[str]
    clients: list[Client]

    def port(self, scheme: str = "http") -> int:
        return next(int(url.rsplit(":", 1)[1]) for url in self.urls if url.startswith(f"{scheme}://"))

    async def connect(self, tls: ssl.SSLContext | None = None, *, name: str = "localhost") -> Client:
        streams = await asyncio.open_connection(
            "127.0.0.1",
            self.port("https" if tls else "http"),
            ssl=tls,
            server_hostname=name if tls else None,
            limit=1 << 16,
        )
        return self._take(Client(*streams))

    async def connect_unix(self, path: Path) -> Client:
        return self._take(Client(*await asyncio.open_unix_connection(path)))

    def _take(self, client: Client) -> Client:
        self.clients.append(client)
        return client


@dataclass
class Starter:
    """Starts servers; `stop` ends them and their clients."""

    state_dir: Path
    running: list[Serving] = field(default_factory=list)

    async def __call__(
        self,
        *,
        limits: Limits | None = None,
        auth: AuthSettings | None = None,
        engine: Engine | None = None,
        clock: Callable[[], float] | None = None,
        contents: OpenContent | None = None,
        **settings: Any,  # noqa: ANN401 - those of ServerSettings
    ) -> Serving:
        where: dict[str, Any] = {
            "http": (("127.0.0.1", 0),),
            "https": (),
            "limits": limits or Limits(),
        } | settings
        accounts = Accounts()
        authenticator = Authenticator(accounts, auth, **({"clock": clock} if clock else {}))
        engine = engine or Engine()
        server = Server(
            ServerSettings(state_dir=self.state_dir, **where),
            engine,
            Codec(),
            authenticator,
            contents=contents,
        )
        serving = Serving(server, engine, accounts, await server.start(), [])
        self.running.append(serving)
        return serving

    async def stop(self) -> None:
        for serving in self.running:
            for client in serving.clients:
                await client.close()
            await serving.server.stop()
            assert serving.server.connections == 0


@pytest_asyncio.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Starter]:
    """Start a server: `await serve(limits=…, auth=…, …)`."""
    starter = Starter(tmp_path)
    yield starter
    await starter.stop()


@pytest.fixture
def basic() -> bytes:
    """The header of alice."""
    return BASIC


@pytest.fixture
def build_request() -> Callable[..., bytes]:
    """Return the bytes of a request for a class."""
    return request


@pytest.fixture
def body() -> bytes:
    """The CIM-XML of a request for class A."""
    return envelope()

"""Content over HTTP: ranges, parts, back-pressure, refusals, clients that go away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from xencim.cimom_glue.server import Limits
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from tests.integration.server.conftest import Client, Reply, Starter

    from xencim.providers.core.access import Principal

URL = "/volumes/root/virt/pool/a%20disk"
DATA = bytes(range(256)) * 4
SMALL = Limits(body_bytes=1000, body_seconds=0.5)


class Disk:
    """Content in memory."""

    def __init__(self) -> None:
        self.data = bytearray(DATA)
        self.asked: list[tuple[str, str, str]] = []
        self.written: list[tuple[int, int | None]] = []
        self.refusal: CimError | None = None
        self.ended: BaseException | None = None
        self.given = 0
        self.piece = 100
        self.let_go = asyncio.Event()

    @property
    def size(self) -> int:
        return len(self.data)

    async def open(self, namespace: str, key: str, principal: Principal) -> Disk:
        self.asked.append((namespace, key, principal.name))
        if self.refusal:
            raise self.refusal
        return self

    async def demand_still(self) -> None:
        pass

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        try:
            for start in range(offset, offset + length, self.piece):
                self.given += 1
                yield bytes(self.data[start : min(start + self.piece, offset + length)])
        finally:
            self.let_go.set()

    async def write(self, offset: int, length: int | None, pieces: AsyncIterator[bytes]) -> None:
        self.written.append((offset, length))
        try:
            async for piece in pieces:
                self.data[offset : offset + len(piece)] = piece
                offset += len(piece)
        except BaseException as error:
            self.ended = error
            raise
        finally:
            self.let_go.set()


@pytest.fixture
def disk() -> Disk:
    return Disk()


class Web:
    """A client with a name and a password."""

    def __init__(self, client: Client, basic: bytes) -> None:
        self.client = client
        self.basic = basic

    def send(self, method: str, headers: str = "", body: bytes = b"", *, url: str = URL) -> None:
        head = f"{method} {url} HTTP/1.1\r\nHost: localhost\r\n{headers}".encode() + self.basic
        self.client.writer.write(head + b"\r\n" + body)

    async def ask(self, method: str, headers: str = "", body: bytes = b"", *, url: str = URL) -> Reply:
        if body and "transfer-encoding" not in headers:
            headers += f"content-length: {len(body)}\r\n"
        self.send(method, headers, body, url=url)
        return await self.client.reply(has_body=method != "HEAD")


@pytest_asyncio.fixture
async def web(serve: Starter, disk: Disk, basic: bytes) -> Web:
    serving = await serve(contents=disk.open, limits=SMALL)
    return Web(await serving.connect(), basic)


async def test_the_whole_is_read(web: Web, disk: Disk) -> None:
    reply = await web.ask("GET")
    assert (reply.status, reply.body) == (200, DATA)
    assert reply.headers == {
        "accept-ranges": "bytes",
        "content-type": "application/octet-stream",
        "content-disposition": "attachment",
        "x-content-type-options": "nosniff",
        "content-length": "1024",
    }
    assert disk.asked == [("root/virt", "pool/a disk", "alice")]
    head = await web.ask("HEAD")
    assert (head.status, head.headers) == (200, reply.headers)
    assert (await web.ask("GET")).body == DATA  # the connection is still good


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=1000-", 1000, 1023),
        ("bytes=1000-5000", 1000, 1023),
        ("bytes=-24", 1000, 1023),
        ("bytes=-5000", 0, 1023),
    ],
)
async def test_a_part_is_read(web: Web, header: str, first: int, last: int) -> None:
    reply = await web.ask("GET", f"range: {header}\r\n")
    assert (reply.status, reply.body) == (206, DATA[first : last + 1])
    assert reply.headers["content-range"] == f"bytes {first}-{last}/1024"
    assert reply.headers["content-length"] == str(last - first + 1)


@pytest.mark.parametrize(
    "headers",
    [
        "range: bytes=0-1,5-6\r\n",
        "range: lines=0-1\r\n",
        "range: bytes=-\r\n",
        "range: bytes=9-8\r\n",
        'range: bytes=0-1\r\nif-range: "x"\r\n',
    ],
)
async def test_a_range_that_may_be_ignored_is(web: Web, headers: str) -> None:
    reply = await web.ask("GET", headers)
    assert (reply.status, reply.body) == (200, DATA)


@pytest.mark.parametrize("header", ["bytes=1024-", "bytes=2000-3000", "bytes=-0"])
async def test_a_range_behind_the_end_is_refused(web: Web, header: str) -> None:
    reply = await web.ask("GET", f"range: {header}\r\n")
    assert (reply.status, reply.headers["content-range"]) == (416, "bytes */1024")
    assert (await web.ask("GET")).status == 200


async def test_the_whole_is_written_though_it_is_longer_than_other_bodies(web: Web, disk: Disk) -> None:
    data = b"new" * 100_000
    reply = await web.ask("PUT", "", data)
    assert (reply.status, bytes(disk.data), disk.written) == (204, data, [(0, 300_000)])
    chunked = "transfer-encoding: chunked\r\n"
    reply = await web.ask("PUT", chunked, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert (reply.status, bytes(disk.data[:6]), disk.written[1]) == (204, b"abcdew", (0, None))


async def test_a_part_is_written(web: Web, disk: Disk) -> None:
    reply = await web.ask("PUT", "content-range: bytes 5-7/*\r\n", b"xyz")
    assert (reply.status, bytes(disk.data)) == (204, DATA[:5] + b"xyz" + DATA[8:])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("content-range: bytes 5-8/*\r\n", 400),
        ("content-range: bytes 5-7/7\r\n", 400),
        ("content-range: bytes 7-5/*\r\n", 400),
        ("content-range: lines 5-7/*\r\n", 400),
        ("content-encoding: gzip\r\n", 415),
        ('if-match: "x"\r\n', 412),
    ],
)
async def test_what_contradicts_itself_writes_nothing(
    web: Web, disk: Disk, headers: str, status: int
) -> None:
    reply = await web.ask("PUT", headers, b"xyz")
    assert (reply.status, bytes(disk.data), disk.written) == (status, DATA, [])


@pytest.mark.parametrize(
    ("cim", "http"),
    [
        (Status.ACCESS_DENIED, 403),
        (Status.NOT_FOUND, 404),
        (Status.INVALID_NAMESPACE, 404),
        (Status.INVALID_PARAMETER, 400),
        (Status.NOT_SUPPORTED, 501),
        (Status.FAILED, 409),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
async def test_refusals_are_told(web: Web, disk: Disk, cim: Status, http: int, method: str) -> None:
    disk.refusal = CimError(cim, "it is disk vda of machine 'db'")
    reply = await web.ask(method)
    assert reply.status == http
    assert reply.body == (b"" if method == "HEAD" else b"it is disk vda of machine 'db'\n")


@pytest.mark.parametrize("url", ["/volumes/", "/volumes/pool/disk", "/volumes/root/virt//disk"])
async def test_what_names_no_volume_is_not_found(web: Web, url: str) -> None:
    assert (await web.ask("GET", url=url)).status == 404


async def test_other_methods_and_strangers_are_refused(web: Web) -> None:
    reply = await web.ask("DELETE")
    assert (reply.status, reply.headers["allow"]) == (405, "get, head, put")
    assert (await Web(web.client, b"").ask("GET")).status == 401


async def test_a_refused_upload_ends_its_connection(web: Web, disk: Disk) -> None:
    disk.refusal = CimError(Status.ACCESS_DENIED, "no")
    web.send("PUT", "Content-Length: 99999999\r\n", b"xyz")
    reply = await web.client.reply()
    assert (reply.status, reply.headers["connection"]) == (403, "close")
    assert await web.client.closed()


async def test_an_upload_waits_for_leave_to_go_on(web: Web, disk: Disk) -> None:
    web.send("PUT", "content-length: 3\r\nexpect: 100-continue\r\n")
    assert await web.client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    web.client.writer.write(b"xyz")
    assert ((await web.client.reply()).status, bytes(disk.data[:3])) == (204, b"xyz")


async def test_an_upload_whose_client_goes_ends(web: Web, disk: Disk) -> None:
    web.send("PUT", "Content-Length: 99\r\n", b"xyz")
    await web.client.writer.drain()
    await web.client.close()
    await disk.let_go.wait()
    assert isinstance(disk.ended, CimError)
    assert disk.ended.message.startswith("the upload broke off after ")


async def test_an_upload_that_stands_still_ends(web: Web, disk: Disk) -> None:
    web.send("PUT", "Content-Length: 99\r\n", b"xyz")
    assert (await web.client.reply()).status == 409
    assert isinstance(disk.ended, CimError)
    assert "did not come in time" in disk.ended.message


async def test_content_is_read_no_faster_than_it_is_taken_and_let_go(web: Web, disk: Disk) -> None:
    disk.data, disk.piece = bytearray(100_000_000), 100_000
    transport: Any = web.client.writer.transport
    transport.pause_reading()
    web.send("GET")
    await web.client.writer.drain()
    while disk.given < 2:  # noqa: ASYNC110 - the server announces nothing
        await asyncio.sleep(0.005)
    transport.abort()
    await disk.let_go.wait()
    assert disk.given < 500

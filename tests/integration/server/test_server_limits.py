"""What one client may take: heads, bodies, time and connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.server import AuthSettings, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.server.conftest import Starter

SMALL = Limits(header_bytes=2000, header_count=20, body_bytes=10_000, linger_seconds=0.1)
QUICK = Limits(header_seconds=0.05, body_seconds=0.05, keep_alive_seconds=0.05, linger_seconds=0.05)


async def test_too_many_headers_are_431(serve: Starter) -> None:
    client = await (await serve(limits=SMALL)).connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 21 + b"\r\n")
    assert (await client.reply()).status == 431
    assert await client.closed()


async def test_headers_too_large_are_431(serve: Starter) -> None:
    client = await (await serve(limits=SMALL)).connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + b"a: %b\r\n" % (b"b" * 300) * 7 + b"\r\n")
    assert (await client.reply()).status == 431


async def test_a_header_without_an_end_is_431_before_it_is_kept(serve: Starter) -> None:
    client = await (await serve(limits=SMALL)).connect()
    client.writer.write(b"POST / HTTP/1.1\r\nAuthorization: Basic ")
    client.writer.write(b"x" * 1_000_000)
    assert (await client.reply()).status == 431
    assert await client.closed()


async def test_a_target_without_an_end_is_431(serve: Starter) -> None:
    client = await (await serve(limits=SMALL)).connect()
    client.writer.write(b"POST /" + b"x" * 1_000_000)
    assert (await client.reply()).status == 431


async def test_a_body_announced_too_large_is_413(serve: Starter, basic: bytes) -> None:
    client = await (await serve(limits=SMALL)).connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + basic + b"Content-Length: 10001\r\n\r\n")
    reply = await client.reply()
    assert (reply.status, reply.headers["connection"]) == (413, "close")
    assert await client.closed()


async def test_a_client_that_sends_its_large_body_first_still_reads_413(serve: Starter, basic: bytes) -> None:
    client = await (await serve(limits=SMALL)).connect()
    client.writer.write(
        b"POST / HTTP/1.1\r\nHost: x\r\n" + basic + b"Content-Length: 3000000\r\n\r\n" + b"x" * 3_000_000
    )
    assert (await client.reply()).status == 413


async def test_a_chunked_body_too_large_is_413(serve: Starter, basic: bytes) -> None:
    client = await (await serve(limits=SMALL)).connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + basic + b"Transfer-Encoding: chunked\r\n\r\n")
    client.writer.write((b"3e8\r\n" + b"x" * 1000 + b"\r\n") * 11)
    assert (await client.reply()).status == 413
    assert await client.closed()


async def test_trailers_without_an_end_are_431(serve: Starter, basic: bytes) -> None:
    client = await (await serve(limits=SMALL)).connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + basic + b"Transfer-Encoding: chunked\r\n\r\n")
    client.writer.write(b"1\r\nx\r\n0\r\nX-Trailer: " + b"y" * 100_000)
    assert (await client.reply()).status == 431
    assert await client.closed()


async def test_a_broken_chunk_is_400(serve: Starter, basic: bytes) -> None:
    client = await (await serve(limits=SMALL)).connect()
    client.writer.write(
        b"POST / HTTP/1.1\r\nHost: x\r\n" + basic + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
    )
    assert (await client.reply()).status == 400


async def test_a_length_beside_chunks_is_400(serve: Starter, basic: bytes) -> None:
    client = await (await serve(limits=SMALL)).connect()
    both = b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + basic + both)
    assert (await client.reply()).status == 400


@pytest.mark.parametrize("start", [b"P", b"POST / HTTP/1.1\r\nHost"])
async def test_half_a_head_is_408(serve: Starter, start: bytes) -> None:
    client = await (await serve(limits=QUICK)).connect()
    client.writer.write(start)
    assert (await client.reply()).status == 408
    assert await client.closed()


async def test_a_trickled_head_is_408_all_the_same(serve: Starter) -> None:
    client = await (await serve(limits=QUICK)).connect()
    reply = asyncio.create_task(client.reply())
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n")
    while not reply.done():
        client.writer.write(b"a: b\r\n")
        await asyncio.sleep(0.01)
    assert (await reply).status == 408


async def test_half_a_body_is_408(serve: Starter, basic: bytes) -> None:
    client = await (await serve(limits=QUICK)).connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + basic + b"Content-Length: 5\r\n\r\nabc")
    assert (await client.reply()).status == 408
    assert await client.closed()


async def test_half_a_body_after_its_refusal_is_closed_without_a_second_reply(serve: Starter) -> None:
    client = await (await serve(limits=QUICK)).connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc")
    assert (await client.reply()).status == 401
    assert await client.closed()


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n"])
async def test_a_connection_without_a_request_is_closed(serve: Starter, sent: bytes) -> None:
    client = await (await serve(limits=QUICK)).connect()
    client.writer.write(sent)
    assert await client.closed()


async def test_an_unused_connection_is_closed(serve: Starter) -> None:
    client = await (await serve(limits=QUICK)).connect()
    assert (await client.ask()).status == 200
    assert await client.closed()


async def test_a_connection_is_not_closed_while_its_answer_takes_long(
    serve: Starter, build_request: Callable[..., bytes]
) -> None:
    serving = await serve(limits=QUICK)

    async def long() -> list[bytes]:
        await asyncio.sleep(0.3)  # six times each deadline
        return [b"long"]

    serving.engine.answers["Long"] = long
    client = await serving.connect()
    client.writer.write(build_request("Long") + build_request("B"))
    assert [(await client.reply()).body for _ in "ab"] == [b"long", b"<B/>"]


async def test_connections_beyond_the_limit_of_an_address_get_503(serve: Starter) -> None:
    serving = await serve(limits=Limits(connections_per_address=2))
    clients = [await serving.connect() for _ in range(3)]
    assert (await clients[2].reply()).status == 503
    assert await clients[2].closed()
    assert [(await client.ask()).status for client in clients[:2]] == [200, 200]


async def test_a_place_is_free_again_after_a_connection(serve: Starter) -> None:
    serving = await serve(limits=Limits(connections=1))
    for _ in range(5):
        client = await serving.connect()
        assert (await client.ask(headers=b"Connection: close\r\n")).status == 401
        assert await client.closed()
    assert serving.server.connections <= 1


async def test_the_body_of_a_client_without_credentials_is_not_kept(serve: Starter) -> None:
    serving = await serve(auth=AuthSettings())
    client = await serving.connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n")
    assert (await client.reply()).status == 401
    connection = serving.server._connections()[0]
    for _ in range(80):
        client.writer.write(b"x" * 100_000)
        await client.writer.drain()
        assert len(connection.cycle.body) == 0
    assert (await client.ask()).status == 200

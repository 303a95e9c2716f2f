"""What HTTP lets clients do: keep-alive, pipelines, chunks, expectations; and what it refuses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xencim.cimom_glue.server import Limits
from xencim.providers.core.access import Principal
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.server.conftest import Starter

ALICE = Principal("alice", frozenset({"staff"}))


async def test_a_request_is_answered(serve: Starter) -> None:
    serving = await serve()
    client = await serving.connect()
    reply = await client.ask("CIM_Thing")
    assert (reply.status, reply.body) == (200, b"<CIM_Thing/>")
    assert reply.headers == {
        "content-type": 'application/xml; charset="utf-8"',
        "cimoperation": "methodresponse",
        "content-length": "12",
    }
    assert [principal for _, principal in serving.engine.seen] == [ALICE]


async def test_both_paths_are_answered_on_one_connection(serve: Starter) -> None:
    client = await (await serve()).connect()
    for path in ("/cimom", "/", "http://localhost/cimom", "/cimom?x"):
        assert (await client.ask(path=path)).status == 200


async def test_another_path_is_404(serve: Starter) -> None:
    client = await (await serve()).connect()
    assert (await client.ask(path="/cimom/x")).status == 404
    assert (await client.ask()).status == 200


async def test_another_method_is_405_and_names_post(serve: Starter) -> None:
    client = await (await serve()).connect()
    client.writer.write(b"GET /cimom HTTP/1.1\r\nHost: x\r\n\r\n")
    reply = await client.reply()
    assert (reply.status, reply.headers["allow"]) == (405, "post")
    assert (await client.ask()).status == 200


async def test_a_request_without_a_host_is_400_unless_it_is_http_1_0(
    serve: Starter, build_request: Callable[..., bytes]
) -> None:
    serving = await serve()
    without = build_request().replace(b"Host: localhost\r\n", b"")
    client = await serving.connect()
    client.writer.write(without)
    assert (await client.reply()).status == 400
    older = await serving.connect()
    older.writer.write(without.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert (await older.reply()).status == 200


async def test_m_post_is_501(serve: Starter, build_request: Callable[..., bytes]) -> None:
    client = await (await serve()).connect()
    client.writer.write(b"M-" + build_request())
    assert (await client.reply()).status == 501
    assert await client.closed()


async def test_what_is_not_http_is_400(serve: Starter) -> None:
    client = await (await serve()).connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nno header\r\n\r\n")
    assert (await client.reply()).status == 400
    assert await client.closed()


async def test_an_upgrade_is_refused(serve: Starter) -> None:
    client = await (await serve()).connect()
    client.writer.write(
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"
    )
    assert (await client.reply()).status == 400
    assert await client.closed()


async def test_a_malformed_body_is_400_with_cimerror(serve: Starter, basic: bytes) -> None:
    client = await (await serve()).connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + basic + b"Content-Length: 4\r\n\r\n<CIM")
    reply = await client.reply()
    assert (reply.status, reply.headers["cimerror"]) == (400, "request-not-well-formed")
    assert (await client.ask()).status == 200


async def test_pipelined_requests_are_answered_in_order(
    serve: Starter, build_request: Callable[..., bytes]
) -> None:
    client = await (await serve()).connect()
    names = [f"C{number}" for number in range(500)]
    client.writer.write(b"".join(build_request(name) for name in names))
    assert [(await client.reply()).body for _ in names] == [f"<{name}/>".encode() for name in names]


async def test_a_pipelined_request_waits_for_the_reply_before_it(
    serve: Starter, build_request: Callable[..., bytes]
) -> None:
    serving = await serve()
    open_gate = asyncio.Event()

    async def slow() -> list[bytes]:
        await open_gate.wait()
        return [b"slow"]

    serving.engine.answers["Slow"] = slow
    client = await serving.connect()
    client.writer.write(build_request("Slow") + build_request("B"))
    other = await serving.connect()
    assert (await other.ask()).status == 200
    assert len(serving.engine.seen) == 2
    open_gate.set()
    assert [(await client.reply()).body for _ in "ab"] == [b"slow", b"<B/>"]


async def test_a_refusal_comes_after_the_replies_before_it(
    serve: Starter, build_request: Callable[..., bytes]
) -> None:
    client = await (await serve()).connect()
    client.writer.write(build_request("A") + build_request("B") + b"nonsense\r\n\r\n")
    assert [(await client.reply()).body for _ in "ab"] == [b"<A/>", b"<B/>"]
    assert await client.closed()


async def test_a_chunked_request_is_answered(serve: Starter, basic: bytes, body: bytes) -> None:
    client = await (await serve()).connect()
    client.writer.write(
        b"POST /cimom HTTP/1.1\r\nHost: x\r\n" + basic + b"Transfer-Encoding: chunked\r\n\r\n"
    )
    for start in range(0, len(body), 50):
        piece = body[start : start + 50]
        client.writer.write(b"%x;ext=1\r\n%b\r\n" % (len(piece), piece))
        await client.writer.drain()
    client.writer.write(b"0\r\nX-Trailer: 1\r\n\r\n")
    assert (await client.reply()).body == b"<A/>"
    assert (await client.ask()).status == 200


async def test_a_client_that_expects_100_continue_gets_it(serve: Starter, basic: bytes, body: bytes) -> None:
    client = await (await serve()).connect()
    head = (
        b"POST / HTTP/1.1\r\nHost: x\r\n"
        + basic
        + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    client.writer.write(head)
    assert (await client.reply()).status == 100
    client.writer.write(body)
    assert (await client.reply()).body == b"<A/>"


async def test_a_client_that_expects_100_continue_and_is_refused_is_closed(serve: Starter) -> None:
    client = await (await serve()).connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    reply = await client.reply()
    assert (reply.status, reply.headers["connection"]) == (401, "close")


async def test_http_1_0_gets_no_chunks(serve: Starter, build_request: Callable[..., bytes]) -> None:
    serving = await serve(limits=Limits(join_bytes=10))
    serving.engine.answers["Big"] = [b"x" * 20, b"y" * 20]
    client = await serving.connect()
    client.writer.write(build_request("Big").replace(b"HTTP/1.1", b"HTTP/1.0"))
    reply = await client.reply()
    assert "transfer-encoding" not in reply.headers
    assert reply.headers["connection"] == "close"
    assert await client.reader.read() == b"x" * 20 + b"y" * 20


async def test_connection_close_is_honoured(serve: Starter, basic: bytes) -> None:
    client = await (await serve()).connect()
    assert (await client.ask(headers=basic + b"Connection: close\r\n")).headers["connection"] == "close"
    assert await client.closed()


async def test_an_error_of_the_engine_is_a_cim_error(serve: Starter) -> None:
    serving = await serve()
    serving.engine.answers["A"] = CimError(Status.INVALID_CLASS, "no class A", hint="look")
    reply = await (await serving.connect()).ask()
    assert (reply.status, reply.body) == (200, b"<EnumerateInstanceNames 5: no class A (look)/>")


async def test_a_defect_of_the_engine_is_cim_err_failed_and_tells_nothing(serve: Starter) -> None:
    serving = await serve()
    serving.engine.answers["A"] = ZeroDivisionError("secret")
    reply = await (await serving.connect()).ask()
    assert reply.body.startswith(b"<EnumerateInstanceNames 1: EnumerateInstanceNames: internal error")
    assert b"secret" not in reply.body


async def test_all_connections_are_served_at_once(serve: Starter) -> None:
    serving = await serve()
    everybody = asyncio.Event()
    arrived = 0

    async def together() -> list[bytes]:
        nonlocal arrived
        arrived += 1
        if arrived == 20:
            everybody.set()
        await everybody.wait()
        return [b"together"]

    serving.engine.answers["A"] = together
    clients = [await serving.connect() for _ in range(20)]
    assert {r.body for r in await asyncio.gather(*(c.ask() for c in clients))} == {b"together"}

"""Requests that are broken in ways nobody thought of; what is left of them afterwards."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.server import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.server.conftest import Client, Starter

QUICK = Limits(header_seconds=0.05, body_seconds=0.05, keep_alive_seconds=0.05, linger_seconds=0.05)
BREAKERS = (
    b"\r\n",
    b"\n",
    b"\0",
    b":",
    b" ",
    b"Transfer-Encoding: chunked\r\n",
    b"HTTP/9.9",
    b"\xff" * 9,
    b"<",
    b"-1",
)


def broken(request: bytes, dice: random.Random) -> bytes:
    """Cut, double or spoil a request at a few places."""
    data = bytearray(request)
    for _ in range(dice.randint(1, 4)):
        start = dice.randrange(len(data) + 1)
        end = min(len(data), start + dice.randint(0, 40))
        data[start:end] = dice.choice([b"", data[start:end] * 2, dice.choice(BREAKERS), dice.randbytes(5)])
    return bytes(data)


async def statuses(client: Client, data: bytes) -> list[int]:
    """Send bytes; return the statuses of all replies until the server closes."""
    client.writer.write(data)
    received = b""
    try:
        while piece := await client.reader.read(65536):
            received += piece
    except ConnectionError:
        pass
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("seed", range(5))
async def test_broken_requests_get_a_refusal_or_an_answer(
    serve: Starter, build_request: Callable[..., bytes], seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    serving = await serve(limits=QUICK)
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    whole = build_request()
    sent = [broken(whole, dice) for _ in range(40)]
    async with asyncio.timeout(20):
        clients = [await serving.connect() for _ in sent]
        answers = await asyncio.gather(*map(statuses, clients, sent))
    known = {200, 100, 400, 401, 404, 405, 406, 408, 413, 415, 429, 431, 501}
    assert {status for answer in answers for status in answer} <= known
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    assert (await (await serving.connect()).ask()).status == 200


async def test_connections_leave_no_descriptors(serve: Starter, tmp_path: Path) -> None:
    serving = await serve(https=(("127.0.0.1", 0),), socket=tmp_path / "s", limits=QUICK)
    secure = serving.port("https")

    async def visit() -> None:
        plain = await serving.connect()
        assert (await plain.ask()).status == 200
        local = await serving.connect_unix(tmp_path / "s")
        assert (await local.ask(headers=b"")).status == 200
        _, writer = await asyncio.open_connection("127.0.0.1", secure)
        writer.write(b"no TLS at all\r\n\r\n")
        for client in (plain, local):
            await client.close()
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(10):
            while serving.server.connections:  # noqa: ASYNC110 - the server announces nothing
                await asyncio.sleep(0.005)

    def descriptors() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    await visit()
    before = descriptors()
    for _ in range(20):
        await visit()
    assert descriptors() == before

"""Large replies: chunks, back-pressure, slow readers; and what a stop leaves of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xencim.cimom_glue.server import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.server.conftest import Starter

PIECE = b"p" * 100_000


class Pieces:
    """Counts how many pieces were taken from it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self.number):
            self.taken += 1
            yield PIECE


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until something inside the server has come true, which announces nothing."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - as the docstring says
            await asyncio.sleep(0.005)


async def test_a_reply_up_to_a_megabyte_has_a_length(serve: Starter) -> None:
    serving = await serve()
    serving.engine.answers["Big"] = Pieces(10)
    reply = await (await serving.connect()).ask("Big")
    assert (reply.headers["content-length"], reply.body) == ("1000000", PIECE * 10)


async def test_a_larger_reply_comes_in_chunks(serve: Starter) -> None:
    serving = await serve()
    serving.engine.answers["Big"] = Pieces(50)
    client = await serving.connect()
    reply = await client.ask("Big")
    assert (reply.headers["transfer-encoding"], reply.body) == ("chunked", PIECE * 50)
    assert (await client.ask()).body == b"<A/>"


async def test_a_reply_is_made_as_fast_as_it_is_read(serve: Starter) -> None:
    serving = await serve()
    pieces = serving.engine.answers["Big"] = Pieces(500)
    client = await serving.connect()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined] # a transport that reads
    asking = asyncio.create_task(client.ask("Big"))
    await until(lambda: pieces.taken > 0)
    other = await serving.connect()
    for _ in range(20):
        assert (await other.ask()).status == 200
    assert pieces.taken < 250  # what the sockets' buffers hold, of 50 MB
    client.writer.transport.resume_reading()  # type: ignore[attr-defined] # a transport that reads
    assert len((await asking).body) == 500 * len(PIECE)


async def test_a_client_that_reads_nothing_is_cut_off(serve: Starter) -> None:
    serving = await serve(limits=Limits(write_seconds=0.1))
    pieces = serving.engine.answers["Big"] = Pieces(500)
    client = await serving.connect()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined] # a transport that reads
    asking = asyncio.create_task(client.ask("Big"))
    await until(lambda: pieces.taken > 0)
    await until(lambda: serving.server.connections == 0)
    assert pieces.taken < 250
    asking.cancel()


async def test_a_client_that_goes_away_ends_its_reply(serve: Starter) -> None:
    serving = await serve()
    pieces = serving.engine.answers["Big"] = Pieces(500)
    client = await serving.connect()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined] # a transport that reads
    asking = asyncio.create_task(client.ask("Big"))
    await until(lambda: pieces.taken > 0)
    asking.cancel()
    client.writer.transport.abort()
    await until(lambda: serving.server.connections == 0)
    assert pieces.taken < 250


async def test_a_defect_in_the_midst_of_a_reply_cuts_it_off(serve: Starter) -> None:
    serving = await serve()

    def broken() -> Iterator[bytes]:
        for _ in range(20):
            yield PIECE
        raise ZeroDivisionError

    serving.engine.answers["Big"] = broken
    client = await serving.connect()
    try:
        await client.ask("Big")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    else:
        raise AssertionError("a reply that is not whole looked as if it were")


async def test_a_stop_finishes_what_is_under_way(serve: Starter) -> None:
    serving = await serve()
    gate = asyncio.Event()

    async def slow() -> list[bytes]:
        await gate.wait()
        return [b"slow"]

    serving.engine.answers["Slow"] = slow
    idle, busy = await serving.connect(), await serving.connect()
    assert (await idle.ask()).status == 200
    asking = asyncio.create_task(busy.ask("Slow"))
    await until(lambda: len(serving.engine.seen) == 2)
    stop = asyncio.Event()
    serving_until = asyncio.create_task(serving.server.serve_until(stop))
    stop.set()
    assert await idle.closed()
    assert not serving_until.done()
    gate.set()
    reply = await asking
    assert (reply.body, reply.headers["connection"]) == (b"slow", "close")
    await serving_until
    assert serving.server.connections == 0


async def test_a_stop_waits_no_longer_than_its_time(serve: Starter) -> None:
    serving = await serve(limits=Limits(stop_seconds=0.1))
    serving.engine.answers["Never"] = lambda: asyncio.Event().wait()
    client = await serving.connect()
    asking = asyncio.create_task(client.ask("Never"))
    await until(lambda: serving.engine.seen)
    await serving.server.stop()
    assert serving.server.connections == 0
    assert isinstance(
        (await asyncio.gather(asking, return_exceptions=True))[0], asyncio.IncompleteReadError | OSError
    )
    assert serving.server._state.tasks == set()

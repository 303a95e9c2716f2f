"""What a server is done with is freed at once: the collector, which stops everything, seldom runs."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.server.cycle import Cycle
from xencim.cimom_glue.server.protocol import Connection
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.server.conftest import Starter


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def kept() -> list[str]:
    kinds = (CimError, Connection, Cycle)
    return sorted(type(one).__name__ for one in gc.get_objects() if isinstance(one, kinds))


async def test_a_closed_connection(serve: Starter) -> None:
    serving = await serve()
    client = await serving.connect()
    assert (await client.ask()).status == 200
    assert kept() == ["Connection", "Cycle"]
    await client.close()
    await serving.server.stop()
    assert kept() == []


async def test_a_connection_dropped_in_a_reply(serve: Starter, build_request: Callable[..., bytes]) -> None:
    serving = await serve()
    serving.engine.answers["A"] = lambda: (b"x" * 65536 for _ in range(1000))
    client = await serving.connect()
    client.writer.write(build_request())
    await client.reader.readuntil(b"\r\n\r\n")
    client.writer.transport.abort()
    await serving.server.stop()
    assert kept() == []


def refuse() -> object:
    raise CimError(Status.FAILED, "no")


async def test_a_refused_operation(serve: Starter) -> None:
    serving = await serve()
    serving.engine.answers["A"] = refuse
    client = await serving.connect()
    assert (await client.ask()).status == 200
    assert kept() == ["Connection", "Cycle"]

"""The event loop and allocator of the server."""

from __future__ import annotations

import asyncio

import uvloop

from xencim.cimom_glue.server import run
from xencim.cimom_glue.server.runtime import tune_malloc


def test_the_main_coroutine_runs_on_uvloop() -> None:
    async def main() -> bool:
        return isinstance(asyncio.get_running_loop(), uvloop.Loop)

    assert run(main())


def test_the_allocator_takes_the_thresholds() -> None:
    assert tune_malloc()
    assert tune_malloc()

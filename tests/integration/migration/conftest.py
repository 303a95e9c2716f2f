"""Two servers of made-up hosts, asked by pywbem over HTTPS; the first may move machines to the second."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest_asyncio

from .made_up import Host, destination_tables, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest_asyncio.fixture
async def hosts(tmp_path: Path) -> AsyncIterator[tuple[Host, Host]]:
    """Here, which six machines are on, and there, which none is on."""
    async with AsyncExitStack() as running:
        there = await running.enter_async_context(served(tmp_path / "there", "there.example"))
        tables = destination_tables(there, tmp_path)
        here = await running.enter_async_context(served(tmp_path / "here", "here.example", tables))
        for name in there.names():
            there.remove(name)
        yield here, there

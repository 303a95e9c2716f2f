"""A stand-in for xenstore's daemon: a tree in memory behind its wire, and which machines there are."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING

from xencim.providers.backends.records import PowerState
from xencim.providers.backends.xen.domains import Domain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HEADER = struct.Struct("=IIII")
DIRECTORY, READ, WATCH, UNWATCH, EVENT, ERROR = 1, 2, 4, 5, 15, 16


class MadeUpXenstore:
    """Nodes by path; ``set`` tells those who watch."""

    def __init__(self) -> None:
        self.nodes: dict[str, str] = {}
        self.domains: dict[int, Domain] = {}
        self.watches: set[str] = set()
        self.asked: list[int] = []
        self.lists = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def listed(self) -> tuple[Domain, ...]:
        """Stand for the hypercall."""
        self.lists += 1
        return tuple(self.domains.values())

    def load(self, capture: str) -> None:
        """Take what ``xenstore-ls -f`` printed."""
        for line in capture.splitlines():
            path, _, value = line.partition(" = ")
            self.nodes[path] = value.strip('"')

    def set(self, path: str, value: str | None) -> None:
        """Write a node, or with None take it and what is under it away."""
        if value is None:
            for node in [node for node in self.nodes if node == path or node.startswith(f"{path}/")]:
                del self.nodes[node]
        else:
            self.nodes[path] = value
        self.tell(path)

    def tell(self, path: str) -> None:
        """Tell an event to who watches it."""
        if any(path == watch or path.startswith(f"{watch}/") for watch in self.watches):
            for writer in self._writers:
                self._send(writer, EVENT, 0, f"{path}\0xencim\0".encode())

    @contextlib.asynccontextmanager
    async def serving(self, socket: Path) -> AsyncIterator[None]:
        """Listen at a socket; at the end the daemon is gone."""
        server = await asyncio.start_unix_server(self._serve, socket)
        try:
            yield
        finally:
            server.close()
            for writer in self._writers:
                writer.close()
            await server.wait_closed()

    def make(self, number: int, name: str, uuid: str) -> None:
        """Have a machine there, with a disk, as xl would have made it."""
        home, kept = f"/local/domain/{number}", f"/libxl/{number}"
        self.nodes |= {
            f"{home}/name": name,
            f"{home}/memory/target": "32768",
            f"{home}/memory/static-max": "65536",
            f"{home}/cpu/0/availability": "online",
            f"{kept}/type": "pvh",
            f"{kept}/device/vbd/51712/dev": "xvda",
            f"{kept}/device/vbd/51712/params": "aio:/guest/a.raw",
            f"{kept}/device/vbd/51712/mode": "r",
        }
        self.domains[number] = Domain(number, uuid, PowerState.RUNNING)
        self.tell("@introduceDomain")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, number, _, length = HEADER.unpack(await reader.readexactly(HEADER.size))
                path = (await reader.readexactly(length)).split(b"\0")[0].decode()
                self.asked.append(kind)
                self._answer(writer, kind, number, path)
                await writer.drain()

    def _answer(self, writer: asyncio.StreamWriter, kind: int, number: int, path: str) -> None:
        if kind == WATCH:
            self.watches.add(path)
            self._send(writer, kind, number, b"OK\0")
            self.tell(path)
        elif kind == UNWATCH:
            self.watches.discard(path)
            self._send(writer, kind, number, b"OK\0")
        elif kind == READ and path in self.nodes:
            self._send(writer, kind, number, self.nodes[path].encode())
        elif kind == DIRECTORY and any(node.startswith(f"{path}/") for node in self.nodes):
            rest = (node[len(path) + 1 :] for node in self.nodes if node.startswith(f"{path}/"))
            names = dict.fromkeys(name.partition("/")[0] for name in rest)
            self._send(writer, kind, number, b"".join(f"{name}\0".encode() for name in names))
        else:
            self._send(writer, ERROR, number, b"ENOENT\0")

    def _send(self, writer: asyncio.StreamWriter, kind: int, number: int, payload: bytes) -> None:
        writer.write(HEADER.pack(kind, number, 0, len(payload)) + payload)

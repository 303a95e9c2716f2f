"""The reference for speed: recorded replies, served as constants by the server's own HTTP stack.

Whoever asks is authenticated as by the server; otherwise nothing is decoded, checked or looked up but
the path: ``/0`` answers the first file, and so on. A reply is one write with Content-Length, whatever
its size: the least that this stack can do.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from messages import PASSWORD, USER
from uvicorn import Config
from uvicorn.server import ServerState

from xencim.cimom_glue.server import Authenticator, Limits, PasswordFile, run
from xencim.cimom_glue.server.peer import Peer, Transport
from xencim.cimom_glue.server.protocol import Connection, Shared

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Event = Mapping[str, Any]


class Constants:
    """The ASGI application."""

    def __init__(self, bodies: list[bytes], authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._replies = {
            f"/{number}": (
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [
                        (b"content-type", b'application/xml; charset="utf-8"'),
                        (b"cimoperation", b"MethodResponse"),
                        (b"content-length", b"%d" % len(body)),
                    ],
                },
                {"type": "http.response.body", "body": body, "more_body": False},
            )
            for number, body in enumerate(bodies)
        }

    async def __call__(
        self,
        scope: Event,
        receive: Callable[[], Awaitable[Event]],
        send: Callable[[Event], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        authorization = dict(scope["headers"])[b"authorization"]
        await self._authenticator.authenticate(scope["extensions"]["xencim.peer"], authorization)
        while (await receive())["more_body"]:
            pass
        head, body = self._replies[scope["path"]]
        await send(head)
        await send(body)


async def _serve(bodies: list[bytes], accounts: PasswordFile) -> None:
    loop = asyncio.get_running_loop()
    authenticator = Authenticator(accounts)
    config = Config(
        Constants(bodies, authenticator),
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
    )
    config.load()
    shared = Shared(config, ServerState(), Limits(), "commonName")
    peer = Peer(Transport.HTTP, "127.0.0.1", local=True)
    server = await loop.create_server(
        lambda: Connection(shared, peer, lambda: None, loop), "127.0.0.1", 0, backlog=64
    )
    print(f"ready {server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    server.close()
    authenticator.close()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of the files 0, 1, …")
    folder: Path = parser.parse_args().folder
    bodies = [(folder / str(number)).read_bytes() for number in range(len(list(folder.iterdir())))]
    accounts = PasswordFile(folder / "passwords")
    accounts.add(USER, PASSWORD)
    run(_serve(bodies, accounts))


if __name__ == "__main__":
    main()

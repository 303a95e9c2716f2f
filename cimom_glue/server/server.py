"""The embedded WBEM server: HTTP, HTTPS and the Unix socket on one event loop.

uvicorn gives the HTTP protocol; the sockets, the connections' deadlines and the stop are ours,
for it serves one kind of socket and takes the process's signals.

Source: DSP0200 1.4, section 7 (HTTP).
Errors: OSError (an address), CertificateError, ValueError (settings), all from `start`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from uvicorn import Config
from uvicorn.server import ServerState

from xencim.cimom_glue.server.app import Application, Codec, Engine
from xencim.cimom_glue.server.certificate import CertificateError
from xencim.cimom_glue.server.listener import Doorman, Gate, Listener, Place, close_all, listen, listen_unix
from xencim.cimom_glue.server.peer import Transport
from xencim.cimom_glue.server.protocol import Connection, Shared
from xencim.cimom_glue.server.tls import tls_context

if TYPE_CHECKING:
    import socket
    import ssl

    from xencim.cimom_glue.server.auth import Authenticator
    from xencim.cimom_glue.server.content import OpenContent
    from xencim.cimom_glue.server.peer import Peer
    from xencim.cimom_glue.server.replays import Replays
    from xencim.cimom_glue.server.settings import ServerSettings

_log = logging.getLogger(__name__)

_SWEEPS_PER_DEADLINE = 4  # a deadline is kept to a quarter of itself, or to a second


class Server:
    """Serves an engine to WBEM clients. It closes the authenticator when it stops."""

    def __init__(
        self,
        settings: ServerSettings,
        engine: Engine,
        encoder: Codec,
        authenticator: Authenticator,
        *,
        replays: Replays | None = None,
        contents: OpenContent | None = None,
    ) -> None:
        self._settings = settings
        self._limits = settings.limits
        self._authenticator = authenticator
        self._app = Application(
            engine, encoder, authenticator, settings.limits, replays=replays, contents=contents
        )
        self._state = ServerState()
        self._handshakes: set[asyncio.Task[None]] = set()
        self._tls: ssl.SSLContext | None = None
        self._gate: Gate | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._empty = asyncio.Event()
        self._doorman = Doorman(settings.limits, self._empty.set)

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return self._doorman.total

    async def start(self) -> list[str]:
        """Listen; return the URLs that are answered."""
        settings = self._settings
        if settings.https:
            self._tls = await asyncio.to_thread(tls_context, settings)
        self._shared = Shared(self._uvicorn(), self._state, self._limits, settings.client_subject)
        listeners: list[Listener] = []
        try:
            for transport, addresses in ((Transport.HTTP, settings.http), (Transport.HTTPS, settings.https)):
                for address in addresses:
                    listeners += await asyncio.to_thread(listen, address, transport)
            if settings.socket is not None:
                listeners.append(listen_unix(settings.socket))
        except OSError:
            close_all(listeners)
            raise
        self._gate = Gate(listeners, self._doorman, self._connect)
        self._sweeper = asyncio.create_task(self._sweep())
        return [listener.url for listener in listeners]

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Serve until the event is set, then stop."""
        await stop.wait()
        await self.stop()

    def reload(self) -> None:
        """Read the certificate and the accounts again; connections that are open stay."""
        self._authenticator.forget()
        if self._tls is None:
            return
        try:
            self._tls = tls_context(self._settings)
        except CertificateError as error:
            _log.error("%s; the one in use stays", error)
        else:
            _log.info("the certificate %s was read again", self._settings.certificate_paths[0])

    async def stop(self) -> None:
        """Listen no more, finish the replies under way within their time, and close."""
        if self._gate is None:
            return
        self._gate.close()
        self._gate = None
        if self._settings.socket is not None:
            self._settings.socket.unlink(missing_ok=True)
        for handshake in self._handshakes:
            handshake.cancel()
        for connection in self._connections():
            connection.shutdown()
        if self._doorman.total:
            self._empty.clear()
            await self._finish()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await asyncio.gather(
            *self._handshakes, *self._state.tasks, *filter(None, [self._sweeper]), return_exceptions=True
        )
        self._authenticator.close()

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(self._limits.stop_seconds):
                await self._empty.wait()
        except TimeoutError:
            _log.warning("%d connections are cut off at the stop", self._doorman.total)
            for connection in self._connections():
                connection.abort()
            for task in self._state.tasks:
                task.cancel()
            await self._empty.wait()

    def _uvicorn(self) -> Config:
        config = Config(
            self._app,
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
        )
        config.load()
        return config

    def _connections(self) -> list[Connection]:
        return [one for one in self._state.connections if isinstance(one, Connection)]

    def _connect(self, accepted: socket.socket, transport: Transport, peer: Peer, place: Place) -> None:
        task = asyncio.get_running_loop().create_task(self._take(accepted, transport, peer, place))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    async def _take(self, accepted: socket.socket, transport: Transport, peer: Peer, place: Place) -> None:
        loop = asyncio.get_running_loop()
        tls = self._tls if transport is Transport.HTTPS else None
        timeouts = (
            {
                "ssl_handshake_timeout": self._limits.handshake_seconds,
                "ssl_shutdown_timeout": self._limits.linger_seconds,
            }
            if tls
            else {}
        )
        connected = False

        def connection() -> Connection:
            return Connection(self._shared, peer, place.leave, loop)

        try:
            await loop.connect_accepted_socket(connection, accepted, ssl=tls, **timeouts)
            connected = True
        except OSError as error:
            _log.debug("%s: no connection: %s", peer.address, error)
        finally:
            if not connected:
                accepted.close()
                place.leave()

    async def _sweep(self) -> None:
        """End what is past its deadline, for as long as the server runs."""
        limits = self._limits
        shortest = min(
            limits.header_seconds,
            limits.body_seconds,
            limits.keep_alive_seconds,
            limits.write_seconds,
            limits.linger_seconds,
        )
        period = min(1.0, shortest / _SWEEPS_PER_DEADLINE)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(period)
            now = loop.time()
            for connection in self._connections():
                connection.expire(now)

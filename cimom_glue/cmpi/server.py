"""The daemon's end of the socket that CIMOMs' provider libraries connect to.

A library that goes away, or whose time is over, ends its connection; what it had begun to change is
finished all the same.

Source: docs/reference/cmpi-protocol.md.
Errors: OSError from `start` (the socket's address).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.cmpi.answers import Answers
from xencim.cimom_glue.cmpi.frames import FrameError
from xencim.cimom_glue.cmpi.principals import Principals
from xencim.cimom_glue.cmpi.session import Session, SessionEndedError
from xencim.cimom_glue.server.auth.ratelimit import FailureLimiter
from xencim.cimom_glue.server.listener import listen_unix
from xencim.cimom_glue.server.peer import Transport, peer_of
from xencim.providers.core import operations as op

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from xencim.cimom_glue.cmpi.feeds import Feeds
    from xencim.cimom_glue.cmpi.session import Engine
    from xencim.providers.core.access import Principal
    from xencim.providers.core.results import Result

log = logging.getLogger(__name__)

_STRANGERS = 16  # connections of peers that are not believed: they cannot keep out those that are
_REFUSAL_SECONDS = 2.0
_SAID_SECONDS = 60.0  # between two lines about the same user

_CHANGES = (op.InvokeMethod, op.CreateInstance, op.ModifyInstance, op.DeleteInstance)


@dataclass(frozen=True, slots=True, kw_only=True)
class CmpiSettings:
    """Where CIMOMs' libraries connect, and whose processes are believed besides root's."""

    socket: Path
    users: frozenset[str] = field(default_factory=frozenset)
    names: Mapping[str, str] = field(default_factory=dict)  # the CIMOM's of our namespaces, where they differ
    connections: int = 256  # each library has at most 16
    stop_seconds: float = 10.0  # answers under way at the stop


class CmpiServer:
    """Answers the calls of CIMOMs' provider libraries."""

    def __init__(self, settings: CmpiSettings, engine: Engine, feeds: Feeds | None = None) -> None:
        self._settings = settings
        self._feeds = feeds
        self._engine = _Finishing(engine)
        self._answers = Answers(names=settings.names)
        self._principals = Principals(settings.users)
        self._sessions: dict[asyncio.Task[Any], Session] = {}
        self._strangers = 0
        self._said = FailureLimiter(1, _SAID_SECONDS)
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen; return what is listened on."""
        listener = listen_unix(self._settings.socket)
        if not self._settings.users:
            self._settings.socket.chmod(0o600)
        self._server = await asyncio.start_unix_server(self._serve, sock=listener.socket)
        return listener.url

    async def stop(self) -> None:
        """Listen no more, finish the answers under way within their time, and close."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self._settings.socket.unlink(missing_ok=True)
        for task, session in self._sessions.items():
            session.ending = True
            if session.idle:
                task.cancel()
        under_way = (*self._sessions, *self._engine.changes)
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=self._settings.stop_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        session = Session((reader, writer), self._engine, self._answers, self._principals, self._feeds)
        self._sessions[task] = session
        try:
            uid = peer_of(writer.get_extra_info("socket"), Transport.UNIX).uid
            if uid is None or not await self._principals.believes(uid):
                await self._turn_away(session, uid)
            elif len(self._sessions) - self._strangers > self._settings.connections:
                log.warning("a CIMOM's connection is refused: there are %d", self._settings.connections)
            else:
                await session.converse()
        except (SessionEndedError, OSError, asyncio.IncompleteReadError):
            pass  # a connection's usual end
        except asyncio.CancelledError:
            writer.transport.abort()  # only `stop` cancels, and it alone waits for a session
        except FrameError as error:
            log.warning("a CIMOM's connection is ended: %s", error)
        finally:
            del self._sessions[task]
            writer.close()

    async def _turn_away(self, session: Session, uid: int | None) -> None:
        if not self._said.wait_seconds(str(uid)):
            self._said.take(str(uid))
            log.warning("uid %s is refused on the CIMOMs' socket: it is not listed in cmpi.users", uid)
        if self._strangers >= _STRANGERS:
            return
        self._strangers += 1
        try:
            async with asyncio.timeout(_REFUSAL_SECONDS):
                await session.refuse(f"uid {uid} may not speak for users: list its name in cmpi.users")
        except TimeoutError:
            log.debug("uid %s had nothing to ask", uid)
        finally:
            self._strangers -= 1


class _Finishing:
    """The engine, whose changes go on to their end when nobody waits for them any more."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.changes: set[asyncio.Task[Result]] = set()

    async def execute(self, operation: op.Operation, principal: Principal) -> Result:
        """Carry an operation out."""
        if not isinstance(operation, _CHANGES):
            return await self._engine.execute(operation, principal)
        change = asyncio.create_task(self._engine.execute(operation, principal))
        self.changes.add(change)
        change.add_done_callback(self._done)
        return await asyncio.shield(change)

    def _done(self, change: asyncio.Task[Result]) -> None:
        self.changes.discard(change)
        if not change.cancelled():
            change.exception()  # who waits has it; a library that has gone away does not look

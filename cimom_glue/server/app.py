"""The server as a plain ASGI application: one HTTP request to one CIM-XML reply.

Source: DSP0200 1.4, sections 6 (encapsulation) and 7 (HTTP); ASGI 3.0.
Errors: none leaves here but ClientGone; what a request did wrong is its reply.
"""

from __future__ import annotations

import itertools
import logging
import time
from typing import TYPE_CHECKING, Any, Protocol

from xencim.cimom_glue.logs import request_id
from xencim.cimom_glue.server.content import Contents, is_content_path
from xencim.cimom_glue.server.refused import ClientGone, Refused
from xencim.cimom_glue.server.reply import Reply
from xencim.cimom_glue.wire import MalformedRequest, decode
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

    from xencim.cimom_glue.server.auth import Authenticator
    from xencim.cimom_glue.server.content import OpenContent
    from xencim.cimom_glue.server.replays import Replays
    from xencim.cimom_glue.server.settings import Limits
    from xencim.cimom_glue.wire import Message
    from xencim.providers.core.access import Principal
    from xencim.providers.core.operations import Operation
    from xencim.providers.core.results import Result

_log = logging.getLogger(__name__)

_PATHS = ("/cimom", "/")


class Engine(Protocol):
    """What carries operations out."""

    async def execute(self, operation: Operation, principal: Principal) -> Result:
        """Carry an operation out; raise CimError."""


class Codec(Protocol):
    """What writes answers as CIM-XML."""

    def reply(self, message: Message, result: Result) -> Iterator[bytes]:
        """Return a reply in pieces."""

    def error(self, message: Message, error: CimError) -> bytes:
        """Return an error's reply."""


class Application:
    """The ASGI callable."""

    def __init__(
        self,
        engine: Engine,
        codec: Codec,
        authenticator: Authenticator,
        limits: Limits,
        *,
        replays: Replays | None = None,
        contents: OpenContent | None = None,
    ) -> None:
        self._replays = replays
        self._contents = Contents(contents)
        self._engine = engine
        self._codec = codec
        self._authenticator = authenticator
        self._limits = limits
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        request_id.set(f"{next(self._numbers):06x}")
        reply = Reply(send, self._limits)
        try:
            await self._answer(scope, receive, reply)
        except Refused as refused:
            await reply.text(refused.status, refused.text, *refused.headers)
        except MalformedRequest as malformed:
            header = ((b"cimerror", malformed.cim_error.encode("ascii")),) if malformed.cim_error else ()
            await reply.text(malformed.http_status, malformed.detail, *header)
        except ClientGone:
            raise
        except Exception:
            if reply.started:
                raise
            _log.exception("a request could not be answered")
            await reply.text(500, f"internal error; the log has it as request {request_id.get()}")

    async def _answer(self, scope: Any, receive: ASGIReceiveCallable, reply: Reply) -> None:  # noqa: ANN401 - an HTTP scope
        raw_headers = dict(scope["headers"])
        if scope["http_version"] == "1.1" and b"host" not in raw_headers:
            raise Refused(400, "the request has no Host header, which HTTP/1.1 demands")
        is_content = is_content_path(scope["path"])
        if scope["path"] not in _PATHS and not is_content:
            raise Refused(404, "CIM-XML is answered at /cimom")
        if scope["method"] != "POST" and not is_content:
            raise Refused(405, "CIM-XML comes by POST", (b"allow", b"POST"))
        principal = await self._authenticator.authenticate(
            scope["extensions"]["xencim.peer"], raw_headers.pop(b"authorization", None)
        )
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw_headers.items()}
        if is_content:
            await self._contents.answer(scope, headers, principal, receive, reply)
            return
        message = decode(await _body(receive), headers)
        began = time.perf_counter()
        outcome = await self._execute(message, principal, reply)
        if _log.isEnabledFor(logging.DEBUG):
            spent_ms = (time.perf_counter() - began) * 1000
            _log.debug("%s for %s: %s, %.1f ms", message.method, principal.name, outcome, spent_ms)

    async def _execute(self, message: Message, principal: Principal, reply: Reply) -> str:
        """Carry out what was asked and send its answer; return the outcome's name for the log."""
        if isinstance(message.operation, CimError):
            await reply.whole(self._codec.error(message, message.operation))
            return message.operation.status.name
        kept = self._replays.find(message, principal) if self._replays else None
        if kept is not None:
            await reply.whole(kept)
            return "done"
        try:
            result = await self._engine.execute(message.operation, principal)
            pieces = self._codec.reply(message, result)
            await reply.stream(
                self._replays.kept(message, principal, result, pieces) if self._replays else pieces
            )
        except CimError as error:
            if reply.started:
                raise
            # The error itself is not kept: its traceback would keep it, and what it knows, alive.
            outcome, body = error.status.name, self._codec.error(message, error)
        except (Refused, ClientGone):
            raise
        except Exception:
            if reply.started:
                raise
            _log.exception("%s failed", message.method)
            failure = CimError(
                Status.FAILED,
                f"{message.method}: internal error",
                hint=f"the log has it as request {request_id.get()}",
            )
            outcome, body = failure.status.name, self._codec.error(message, failure)
        else:
            return "done"
        await reply.whole(body)
        return outcome


async def _body(receive: ASGIReceiveCallable) -> bytes:
    pieces: list[bytes] = []
    while True:
        event: Any = await receive()
        pieces.append(event["body"])
        if not event["more_body"]:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)

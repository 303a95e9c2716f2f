"""Content of volumes over HTTP: GET with ranges, HEAD, PUT whole or in parts.

There is no entity tag: what a machine or another tool does to a disk announces nothing, so none could be
true. So If-Range never holds and the whole is sent, and a request with If-Match is refused.

Source: RFC 9110, sections 9.3 (methods), 13.1 (If-Match, If-Range), 14 (ranges; 14.5: partial PUT).
Errors: Refused.
"""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from urllib.parse import unquote

from xencim.cimom_glue.server.cycle import NO_CONTENT
from xencim.cimom_glue.server.refused import ClientGone, Refused
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping

    from uvicorn._types import ASGIReceiveCallable

    from xencim.cimom_glue.server.reply import Reply
    from xencim.providers.core.access import Principal

CONTENT_ROOT = "/volumes/"
_METHODS = b"GET, HEAD, PUT"
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})\Z")
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)\Z")
_NAMES_AFTER_NAMESPACE = 2  # the pool's and the volume's
_HTTP = {
    Status.ACCESS_DENIED: 403,
    Status.NOT_FOUND: 404,
    Status.INVALID_NAMESPACE: 404,
    Status.INVALID_PARAMETER: 400,
    Status.NOT_SUPPORTED: 501,
    Status.SERVER_IS_SHUTTING_DOWN: 503,
    Status.SERVER_LIMITS_EXCEEDED: 503,
}
_CONFLICT = 409
_HEADERS = (
    (b"accept-ranges", b"bytes"),
    (b"content-type", b"application/octet-stream"),
    # What a guest wrote is never to be shown by a browser as if it came from this server.
    (b"content-disposition", b"attachment"),
    (b"x-content-type-options", b"nosniff"),
)


def is_content_path(path: str) -> bool:
    """Tell whether a path is one of content."""
    return path.startswith(CONTENT_ROOT)


class Content(Protocol):
    """What is in one volume."""

    @property
    def size(self) -> int:
        """How many bytes there are to be read."""

    async def demand_still(self) -> None:
        """Refuse what somebody may write to."""

    def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield a part."""

    async def write(self, offset: int, length: int | None, pieces: AsyncIterator[bytes]) -> None:
        """Write pieces from an offset on."""


OpenContent: TypeAlias = "Callable[[str, str, Principal], Awaitable[Content]]"
"""Finds content by namespace and volume, with the rights of who asks; CimError."""


class Contents:
    """Answers requests below CONTENT_ROOT."""

    def __init__(self, open_content: OpenContent | None) -> None:
        self._open = open_content

    async def answer(
        self,
        scope: Any,  # noqa: ANN401 - an HTTP scope
        headers: Mapping[str, str],
        principal: Principal,
        receive: ASGIReceiveCallable,
        reply: Reply,
    ) -> None:
        """Answer one request."""
        method = scope["method"]
        if method not in {"GET", "HEAD", "PUT"}:
            raise Refused(405, "content is read by GET and HEAD, written by PUT", (b"allow", _METHODS))
        if self._open is None or "if-match" in headers:
            raise Refused(412 if self._open else 404, "there is no such content here")
        try:
            content = await self._open(*_named(scope["path"]), principal)
            if method == "PUT":
                await _put(content, headers, receive)
                await reply.raw(NO_CONTENT, [])
            else:
                await content.demand_still()
                await _get(content, headers, reply, is_head=method == "HEAD")
        except CimError as error:
            if reply.started:
                raise
            raise Refused(_HTTP.get(error.status, _CONFLICT), error.description) from error


def _named(path: str) -> tuple[str, str]:
    """Return namespace and volume of a path: ROOT/namespace/pool/volume, the namespace of any depth."""
    parts = [unquote(part) for part in path.removeprefix(CONTENT_ROOT).split("/")]
    if len(parts) <= _NAMES_AFTER_NAMESPACE or not all(parts):
        raise Refused(404, f"content is at {CONTENT_ROOT}NAMESPACE/POOL/VOLUME")
    return "/".join(parts[:-_NAMES_AFTER_NAMESPACE]), "/".join(parts[-_NAMES_AFTER_NAMESPACE:])


async def _get(content: Content, headers: Mapping[str, str], reply: Reply, *, is_head: bool) -> None:
    size = content.size
    wanted = None if is_head or "if-range" in headers else _range(headers.get("range", ""), size)
    first, last = wanted or (0, size - 1)
    length = last - first + 1
    sent = [*_HEADERS, (b"content-length", b"%d" % length)]
    if wanted:
        sent.append((b"content-range", b"bytes %d-%d/%d" % (first, last, size)))
    if is_head:
        await reply.raw(200, sent)
        return
    async with aclosing(content.read(first, length)) as pieces:
        await reply.raw(206 if wanted else 200, sent, _exactly(length, pieces))


async def _exactly(length: int, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pass on as many bytes as were announced; the content may have changed its length since."""
    async for piece in pieces:
        yield piece[:length]
        length -= len(piece)
        if length <= 0:
            return
    if length > 0:
        raise CimError(Status.FAILED, f"the content ended {length} bytes before its end")


def _range(header: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte of the one range that is asked for, None for the whole.

    A header that is none of bytes, or asks for several ranges, may be ignored (RFC 9110, 14.2).
    """
    found = _RANGE.match(header)
    if found is None or found[0] == "bytes=-":
        return None
    begin, end = found.groups()
    if begin and end and int(end) < int(begin):
        return None
    first = int(begin) if begin else max(0, size - int(end))
    last = min(int(end), size - 1) if begin and end else size - 1
    if first >= size or (not begin and not int(end)):
        raise Refused(416, f"the content has {size} bytes", (b"content-range", b"bytes */%d" % size))
    return first, last


async def _put(content: Content, headers: Mapping[str, str], receive: ASGIReceiveCallable) -> None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "content is written as it is, without Content-Encoding")
    length = int(headers["content-length"]) if "content-length" in headers else None
    offset = 0
    if "content-range" in headers:
        found = _CONTENT_RANGE.match(headers["content-range"])
        if found is None:
            raise Refused(400, "Content-Range is no `bytes FIRST-LAST/SIZE'")
        offset, part = int(found[1]), int(found[2]) - int(found[1]) + 1
        if part < 1 or (found[3] != "*" and int(found[3]) <= int(found[2])) or length not in {None, part}:
            raise Refused(400, "Content-Range and the length of the body contradict each other")
        length = part
    await content.write(offset, length, _sent(receive, length))


async def _sent(receive: ASGIReceiveCallable, length: int | None) -> AsyncIterator[bytes]:
    """Yield a body's pieces as they come; it has to be as long as it was said to be."""
    came = 0
    while True:
        try:
            event: Any = await receive()
        except (ClientGone, Refused) as error:
            text = f"the upload broke off after {came} bytes: {error}"
            raise CimError(Status.FAILED, text) from error
        came += len(event["body"])
        if length is not None and (came > length or (came < length and not event["more_body"])):
            raise CimError(Status.INVALID_PARAMETER, f"{came} bytes came of an upload that has {length}")
        if event["body"]:
            yield event["body"]
        if not event["more_body"]:
            return

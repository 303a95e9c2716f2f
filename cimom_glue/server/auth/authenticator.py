"""Who somebody is: by the Unix socket's credentials, a client certificate, or name and password.

A verified answer is kept for at most a minute, under a digest keyed anew in each process. Names
and addresses that fail too often wait; passwords and Authorization headers reach no log.

Source: RFC 9110, section 11 (HTTP authentication); RFC 7617 (Basic); RFC 6585, section 4 (429).
Errors: Refused (401, 403, 429).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import logging
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from xencim.cimom_glue.server.auth.accounts import Accounts, system_groups, system_user
from xencim.cimom_glue.server.auth.ratelimit import FailureLimiter
from xencim.cimom_glue.server.peer import Peer, Transport
from xencim.cimom_glue.server.refused import Refused
from xencim.providers.core.access import Principal

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

CHALLENGE = (b"www-authenticate", b'Basic realm="xencim"')
ANONYMOUS = Principal("anonymous", anonymous=True)

_KEPT_SECONDS = 60.0
_MOST_KEPT = 1024
_LOOK_SECONDS = 1.0  # between two looks whether accounts have changed
_WINDOW_SECONDS = 60.0
_FAILURES_PER_ADDRESS = 10
_FAILURES_PER_USER = 30  # more than per address: one address alone cannot keep a user out
_WORKERS = 2  # each hash takes 16 MiB and a core
_LOGGED_CHARACTERS = 64

T = TypeVar("T")
_Key: TypeAlias = "bytes | tuple[str, str | int]"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    """Whom the server lets in, and how."""

    anonymous_read: bool = False
    allow_plain_passwords: bool = False
    socket_users: frozenset[str] = frozenset()  # besides root and the server's own user


class Authenticator:
    """Tells who sends a request."""

    def __init__(
        self,
        accounts: Accounts,
        settings: AuthSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = accounts
        self._settings = settings or AuthSettings()
        self._clock = clock
        self._digest_key = secrets.token_bytes(32)
        self._kept: dict[_Key, tuple[Principal, float]] = {}
        self._asked: dict[_Key, asyncio.Task[Principal]] = {}
        self._by_address = FailureLimiter(_FAILURES_PER_ADDRESS, _WINDOW_SECONDS, clock=clock)
        self._by_user = FailureLimiter(_FAILURES_PER_USER, _WINDOW_SECONDS, clock=clock)
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="xencim-auth")
        self._version = accounts.version()
        self._next_look = 0.0

    async def authenticate(self, peer: Peer, authorization: bytes | None) -> Principal:
        """Return who the peer is; refuse when nobody we know."""
        if peer.subject is not None:
            return await self._once(("subject", peer.subject), peer, peer.subject)
        if authorization is not None:
            if not (peer.local or peer.transport is Transport.HTTPS or self._settings.allow_plain_passwords):
                raise _plain_refused()
            return await self._once(self._digest(authorization), peer, authorization)
        if peer.uid is not None:
            return await self._once(("uid", peer.uid), peer, peer.uid)
        return self._unnamed(peer)

    def forget(self) -> None:
        """Drop all verified answers."""
        self._kept.clear()

    def close(self) -> None:
        """End the worker threads."""
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _digest(self, authorization: bytes) -> bytes:
        return hashlib.blake2b(authorization, key=self._digest_key, digest_size=32).digest()

    async def _once(self, key: _Key, peer: Peer, evidence: str | int | bytes) -> Principal:
        """Return a kept answer, or ask, once for all requests that bring the same evidence."""
        now = self._clock()
        if now >= self._next_look:
            self._look(now)
        kept = self._kept.get(key)
        if kept and now < kept[1]:
            return kept[0]
        task = self._asked.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(key, peer, evidence))
            self._asked[key] = task
            task.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(task)

    def _look(self, now: float) -> None:
        self._next_look = now + _LOOK_SECONDS
        version = self._accounts.version()
        if version != self._version:
            self._version = version
            self._kept.clear()

    def _answered(self, key: _Key, task: asyncio.Task[Principal]) -> None:
        del self._asked[key]
        if not task.cancelled():
            task.exception()  # each who waits has it; a client that went away does not look

    async def _ask(self, key: _Key, peer: Peer, evidence: str | int | bytes) -> Principal:
        version = self._version
        if isinstance(evidence, bytes):
            principal = await self._by_password(peer, evidence)
        elif isinstance(evidence, str):
            principal = Principal(evidence, await self._on_worker(self._accounts.groups, evidence))
        else:
            principal = await self._by_uid(peer, evidence)
        if version == self._version and not principal.anonymous:
            self._keep(key, principal)
        return principal

    def _keep(self, key: _Key, principal: Principal) -> None:
        self._kept.pop(key, None)
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (principal, self._clock() + _KEPT_SECONDS)

    async def _by_uid(self, peer: Peer, uid: int) -> Principal:
        name = await self._on_worker(system_user, uid)
        if name and (uid in {0, os.geteuid()} or name in self._settings.socket_users):
            return Principal(name, await self._on_worker(system_groups, name))
        return self._unnamed(peer)

    def _unnamed(self, peer: Peer) -> Principal:
        if self._settings.anonymous_read and peer.local:
            return ANONYMOUS
        if not peer.local and peer.transport is Transport.HTTP and not self._settings.allow_plain_passwords:
            raise _plain_refused()
        raise Refused(401, "name and password are needed", CHALLENGE)

    async def _by_password(self, peer: Peer, authorization: bytes) -> Principal:
        name, password = _basic(authorization)
        limits = ((self._by_address, peer.bucket), (self._by_user, name))
        wait = max(limiter.wait_seconds(key) for limiter, key in limits)
        if wait > 0:
            seconds = str(int(wait) + 1).encode()
            raise Refused(429, "too many wrong passwords; try again later", (b"retry-after", seconds))
        # Counted before the answer is known, so that attempts side by side do not slip through.
        for limiter, key in limits:
            limiter.take(key)
        wrong = False
        try:
            groups = await self._on_worker(self._accounts.verify, name, password)
            wrong = groups is None
        finally:
            if not wrong:
                for limiter, key in limits:
                    limiter.give_back(key)
        if groups is None:
            _log.warning("%s: wrong user name or password for %r", peer.address, name[:_LOGGED_CHARACTERS])
            raise Refused(401, "the user name or the password is wrong", CHALLENGE)
        return Principal(name, groups)

    async def _on_worker(self, call: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, call, *args)


def _plain_refused() -> Refused:
    return Refused(
        403,
        "passwords are not taken over plain HTTP from other machines, unless the server is configured so;"
        " use HTTPS",
    )


def _basic(authorization: bytes) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        raise Refused(401, "only Basic authentication is offered", CHALLENGE)
    try:
        raw = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        raise Refused(401, "the Authorization header is not Base64", CHALLENGE) from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # what clients send that know no other
    name, colon, password = text.partition(":")
    if not colon or "\0" in text:
        raise Refused(401, "the Authorization header holds no name and password", CHALLENGE)
    return name, password

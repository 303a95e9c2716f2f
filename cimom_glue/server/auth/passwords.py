"""The file of users: names, groups and scrypt hashes of passwords.

Its first line tells the format; each further line is ``name:group,group:hash``, the hash as
``scrypt$log2(N)$r$p$salt$key`` in Base64. It is replaced as a whole, never edited in place.

Source: RFC 7914 (scrypt); RFC 7617, section 2 (what a user name may hold).
Errors: PasswordFileError names the file and line.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import hashlib
import hmac
import logging
import os
import re
import secrets
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_log = logging.getLogger(__name__)

_FORMAT = "xencim-users 1"
# Surrogates stand for bytes of a command line that are no text.
_NAME = re.compile(r"[^\s:,/\\\x00-\x1f\x7f\ud800-\udfff]{1,64}")
_KEY_BYTES = 32
_SALT_BYTES = 16


class PasswordFileError(Exception):
    """The file cannot be used, or an account is not as asked."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What hashing a password costs: 16 MiB and about 0.1 s as it stands."""

    log2_n: int = 14
    r: int = 8
    p: int = 5


@dataclass(frozen=True, slots=True)
class _Hash:
    cost: Cost
    salt: bytes
    key: bytes

    def matches(self, password: str) -> bool:
        return hmac.compare_digest(_derive(password, self.salt, self.cost), self.key)


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    name: str
    groups: frozenset[str]
    hash: _Hash


class PasswordFile:
    """The users of one file; read again whenever it has changed."""

    def __init__(self, path: Path, *, cost: Cost | None = None) -> None:
        self.path = path
        self._cost = cost or Cost()
        self._read_version: object = None
        self._users: dict[str, User] = {}
        # Checked when a user is unknown, so that the answer takes as long as for a known one.
        self._nobody = _Hash(self._cost, secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_KEY_BYTES))

    def verify(self, name: str, password: str) -> frozenset[str] | None:
        """Return the user's groups; None when there is no such user or the password is wrong."""
        user = self._current().get(name)
        matches = (user.hash if user else self._nobody).matches(password)
        return user.groups if user and matches else None

    def groups(self, name: str) -> frozenset[str]:
        """Return a user's groups; none when the user is not listed."""
        user = self._current().get(name)
        return user.groups if user else frozenset()

    def version(self) -> object:
        """Return something that differs once the file was replaced."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return (status.st_ino, status.st_mtime_ns, status.st_size)

    def list(self) -> tuple[User, ...]:
        """Return all users, by name."""
        return tuple(sorted(self._current().values(), key=lambda user: user.name))

    def add(self, name: str, password: str, groups: Iterable[str] = ()) -> None:
        """Add a user."""
        members = frozenset(groups)
        for word in (name, *members):
            if not _NAME.fullmatch(word):
                raise PasswordFileError(
                    f"{word!r} is no name: 1 to 64 characters without space, colon, comma and slash"
                )
        with self._changing() as users:
            if name in users:
                raise PasswordFileError(f"there is a user {name!r} already")
            users[name] = User(name, members, self._hash(password))

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password."""
        with self._changing() as users:
            users[name] = replace(self._known(users, name), hash=self._hash(password))

    def remove(self, name: str) -> None:
        """Remove a user."""
        with self._changing() as users:
            del users[self._known(users, name).name]

    def _known(self, users: dict[str, User], name: str) -> User:
        if name not in users:
            raise PasswordFileError(f"there is no user {name!r} in {self.path}")
        return users[name]

    def _hash(self, password: str) -> _Hash:
        if not password:
            raise PasswordFileError("a password cannot be empty")
        try:
            password.encode()
        except UnicodeEncodeError as error:
            raise PasswordFileError("the password is not text in this locale's encoding") from error
        salt = secrets.token_bytes(_SALT_BYTES)
        return _Hash(self._cost, salt, _derive(password, salt, self._cost))

    def _current(self) -> dict[str, User]:
        version = self.version()
        if version != self._read_version:
            self._users = self._read()
            self._read_version = version
        return self._users

    def _read(self) -> dict[str, User]:
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            cause = error.strerror if isinstance(error, OSError) else error
            raise PasswordFileError(f"{self.path} cannot be read: {cause}") from error
        if self.path.stat().st_mode & 0o077:
            _log.warning("%s can be read by others; chmod 600 closes it", self.path)
        lines = text.splitlines()
        if not lines or lines[0] != _FORMAT:
            raise PasswordFileError(f"{self.path}:1: the first line of a file of users is {_FORMAT!r}")
        users = (self._parse(number, line) for number, line in enumerate(lines[1:], 2) if line)
        return {user.name: user for user in users}

    def _parse(self, number: int, line: str) -> User:
        try:
            name, groups, hashed = line.split(":")
            scheme, log2_n, r, p, salt, key = hashed.split("$")
            if scheme != "scrypt":
                raise ValueError(scheme)  # noqa: TRY301 - one door for all that can be wrong in a line
            cost = Cost(int(log2_n), int(r), int(p))
            parsed = _Hash(cost, base64.b64decode(salt, validate=True), base64.b64decode(key, validate=True))
        except (ValueError, binascii.Error) as error:
            # The line holds a hash: it is not repeated.
            raise PasswordFileError(f"{self.path}:{number}: not a line name:groups:scrypt$…") from error
        return User(name, frozenset(filter(None, groups.split(","))), parsed)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, User]]:
        """Hold the file's lock, hand out its users, and replace it with what they have become."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(f"{self.path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            self._give(lock)
            fcntl.flock(lock, fcntl.LOCK_EX)
            users = self._read()
            yield users
            self._replace(users)
        finally:
            os.close(lock)

    def _give(self, file: int) -> None:
        """Make a new file the server's own where root keeps accounts for one that runs as somebody else."""
        if os.geteuid() == 0:
            owner = (self.path if self.path.exists() else self.path.parent).stat()
            os.fchown(file, owner.st_uid, owner.st_gid)

    def _replace(self, users: dict[str, User]) -> None:
        folder = self.path.parent
        text = "".join(f"{line}\n" for line in (_FORMAT, *map(_line, users.values())))
        handle, temporary = tempfile.mkstemp(prefix=f"{self.path.name}.", dir=folder)
        try:
            with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
                self._give(file.fileno())
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink()
            raise
        _sync_folder(folder)


def _line(user: User) -> str:
    cost = user.hash.cost
    salt, key = (base64.b64encode(part).decode("ascii") for part in (user.hash.salt, user.hash.key))
    return f"{user.name}:{','.join(sorted(user.groups))}:scrypt${cost.log2_n}${cost.r}${cost.p}${salt}${key}"


def _derive(password: str, salt: bytes, cost: Cost) -> bytes:
    n = 1 << cost.log2_n
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=n,
        r=cost.r,
        p=cost.p,
        maxmem=256 * n * cost.r,  # scrypt takes 128·N·r and a little
        dklen=_KEY_BYTES,
    )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

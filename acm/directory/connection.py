"""Connections to a directory by ldap3: always encrypted, the server's certificate always verified.

``ldaps://`` encrypts from the first byte, ``ldap://`` by StartTLS before anything is said; there is no way
without. Referrals are not followed: they would lead a password to whomever a directory names. What is read is
untrusted.
Errors: DirectoryError.
"""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import ldap3
from ldap3.core import exceptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PAGE = 500
_PAGED_RESULTS = "1.2.840.113556.1.4.319"
_SIZE_LIMIT = 4  # ldap3 does not raise it
_PORTS = {"ldaps": 636, "ldap": 389}
_REFUSALS = (
    exceptions.LDAPInvalidCredentialsResult,
    exceptions.LDAPInsufficientAccessRightsResult,
    exceptions.LDAPStrongerAuthRequiredResult,
    exceptions.LDAPConfidentialityRequiredResult,
    exceptions.LDAPInappropriateAuthenticationResult,
)
Scope = Literal["BASE", "LEVEL", "SUBTREE"]
Kind = Literal["away", "certificate", "refused", "missing", "conflict", "invalid", "failed"]


class DirectoryError(Exception):
    """A directory did not do what it was asked; ``kind`` says in which way.

    away: not reachable, gone in between; certificate: not the server that it should be; refused: no such
    rights; missing: no such entry; conflict: changed meanwhile; invalid: it holds what cannot be.
    """

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a directory is and as whom it is asked; without a name: anonymously."""

    url: str
    base: str
    ca_file: str | None = None
    bind_name: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_s: int = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it was read: each attribute's values as bytes."""

    name: str
    attributes: Mapping[str, Sequence[bytes]]

    def one(self, attribute: str) -> bytes:
        """Return an attribute's only value."""
        values = self.attributes.get(attribute, ())
        if len(values) != 1:
            raise DirectoryError("invalid", f"{self.name} has {len(values)} values of {attribute}, not one")
        return values[0]


class Session:
    """An open connection."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - what is used of ldap3 has no types
        self._connection = connection

    def search(
        self, base: str, scope: Scope, query: str, attributes: Sequence[str], *, most: int
    ) -> list[Entry]:
        """Return the entries that match, page by page, ``most`` of them at most."""
        found: list[Entry] = []
        cookie: bytes | None = None
        while True:
            with _translated(base):
                self._connection.search(
                    base, query, scope, "NEVER", list(attributes), paged_size=PAGE, paged_cookie=cookie
                )
            found += (
                Entry(answer["dn"], answer["raw_attributes"])
                for answer in self._connection.response or ()
                if answer["type"] == "searchResEntry"
            )
            if self._connection.result["result"] == _SIZE_LIMIT:
                message = (
                    f"The directory gives no more than {len(found)} entries of {base}: raise its size limit"
                )
                raise DirectoryError("failed", message)
            if len(found) > most:
                raise DirectoryError("invalid", f"{base} holds more than {most} entries")
            controls = self._connection.result.get("controls") or {}
            cookie = controls.get(_PAGED_RESULTS, {}).get("value", {}).get("cookie")
            if not cookie:
                return found

    def add(self, name: str, object_class: str, attributes: Mapping[str, bytes | str]) -> None:
        """Add an entry."""
        with _translated(name):
            self._connection.add(name, object_class, dict(attributes))

    def replace(self, name: str, attributes: Mapping[str, bytes | str], *, was: Mapping[str, str]) -> None:
        """Replace attributes at once, if some others still have their old values."""
        changes: dict[str, list[tuple[str, list[bytes | str]]]] = {}
        for attribute, value in attributes.items():
            old = was.get(attribute)
            changes[attribute] = (
                [(ldap3.MODIFY_REPLACE, [value])]
                if old is None
                else [(ldap3.MODIFY_DELETE, [old]), (ldap3.MODIFY_ADD, [value])]
            )
        with _translated(name):
            self._connection.modify(name, changes)

    def delete(self, name: str) -> None:
        """Delete an entry that has none below it."""
        with _translated(name):
            self._connection.delete(name)


class _Tls(ldap3.Tls):
    """TLS with the standard library's check of names: ldap3 calls one that Python 3.12 took away."""

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ANN401, ARG002, FBT001, FBT002 - ldap3 calls it so
        """Encrypt a connection and verify whom it leads to."""
        context = ssl.create_default_context(cafile=self.ca_certs_file)
        host = connection.server.host
        connection.socket = context.wrap_socket(connection.socket, server_hostname=host)


@contextmanager
def connected(settings: Settings) -> Iterator[Session]:
    """Connect, encrypt, verify the server, bind; and close."""
    connection: Any = _connection(settings)
    try:
        with _translated(settings.url):
            connection.open(read_server_info=False)
            if urlsplit(settings.url).scheme == "ldap":
                _start_tls(connection, settings)
            connection.bind(read_server_info=False)
        yield Session(connection)
    finally:
        # Not unbind: it would first say goodbye to a server that may hang. A socket that never got anywhere
        # is left open by ldap3.
        if not connection.closed:
            connection.strategy.close()
        elif connection.socket is not None:
            connection.socket.close()


def _connection(settings: Settings) -> ldap3.Connection:
    parts = urlsplit(settings.url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise DirectoryError("failed", f"{settings.url} is no address of a directory (ldaps://… or ldap://…)")
    with _translated(settings.url):
        tls = _Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=settings.ca_file)
        server = ldap3.Server(
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            use_ssl=parts.scheme == "ldaps",
            tls=tls,
            get_info=ldap3.NONE,
            connect_timeout=settings.timeout_s,
        )
        return ldap3.Connection(
            server,
            settings.bind_name,
            settings.password,
            auto_bind=ldap3.AUTO_BIND_NONE,
            auto_referrals=False,
            check_names=False,
            raise_exceptions=True,
            receive_timeout=settings.timeout_s,
        )


def _start_tls(connection: Any, settings: Settings) -> None:  # noqa: ANN401 - what is used of ldap3 has no types
    """Encrypt an open connection; nothing is said on one that is not."""
    if not connection.start_tls(read_server_info=False):
        raise DirectoryError("failed", f"{settings.url}: the directory offers no encryption")


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn ldap3's errors into ours."""
    try:
        yield
    except exceptions.LDAPNoSuchObjectResult:
        raise DirectoryError("missing", f"The directory has no {what}") from None
    except (exceptions.LDAPNoSuchAttributeResult, exceptions.LDAPEntryAlreadyExistsResult):
        raise DirectoryError("conflict", f"{what} was changed by somebody else meanwhile") from None
    except _REFUSALS as error:
        raise DirectoryError("refused", f"{what}: the directory refuses: {error.description}") from None
    except (exceptions.LDAPException, OSError) as error:
        raise _otherwise(what, error) from None


def _otherwise(what: str, error: Exception) -> DirectoryError:
    text = str(error)
    if "certificate" in text.lower() or isinstance(error, exceptions.LDAPCertificateError):
        return DirectoryError("certificate", f"{what}: the server's certificate is not accepted: {text}")
    if isinstance(error, exceptions.LDAPCommunicationError | OSError | exceptions.LDAPStartTLSError):
        return DirectoryError("away", f"{what}: the directory does not answer: {text}")
    return DirectoryError("failed", f"{what}: {text}")

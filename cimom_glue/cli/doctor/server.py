"""What `xencim doctor` looks at of the server itself: certificate, addresses, accounts."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from typing import TYPE_CHECKING

from xencim.cimom_glue.config.kinds import show_address
from xencim.cimom_glue.server import (
    CertificateError,
    PasswordFile,
    PasswordFileError,
    authorities_info,
    certificate_info,
)
from xencim.cimom_glue.server.settings import ServerSettings
from xencim.providers.backends.base import Check

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.cimom_glue.config import Config
    from xencim.cimom_glue.config.kinds import Address

_SOON_DAYS = 30
_ANSWER_TIMEOUT_S = 3.0
# Ours and no other server's: the realm it asks a password for.
_REALM = b'realm="xencim"'
_QUESTION = b"POST /cimom HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def check_certificate(config: Config) -> Check:
    """Look at the certificate that HTTPS uses and at its end."""
    server = config.server
    if not server.https:
        return Check("certificate", ok=True, detail="not needed, HTTPS is off")
    settings = ServerSettings(state_dir=config.state_dir, certificate=server.certificate, key=server.key)
    path, key = settings.certificate_paths
    if server.certificate is None and not path.exists():
        return Check("certificate", ok=True, detail=f"{path} is made at the first start")
    try:
        info = certificate_info(path)
        key.open("rb").close()
    except CertificateError as error:
        return Check("certificate", ok=False, detail=str(error))
    except OSError as error:
        return Check("certificate", ok=False, detail=f"{key}: {error.strerror}")
    names = ", ".join(info.names) or "no name that clients look at"
    end = f"{info.not_after:%Y-%m-%d}"
    ends = f"ended on {end}" if info.days_left < 0 else f"until {end}, {info.days_left} days"
    detail = f"{path} for {names}, {ends}"
    hint = "renew it and send the server SIGHUP" if info.days_left < _SOON_DAYS else None
    return Check("certificate", ok=info.days_left >= 0, detail=detail, hint=hint)


def check_client_authorities(config: Config) -> list[Check]:
    """Look at the authorities by which clients' certificates are checked, if they are."""
    server, name = config.server, "client certificates"
    if server.client_ca is None or server.client_certificates == "off":
        return []
    if not server.https:
        return [Check(name, ok=True, detail="not asked for, HTTPS is off")]
    try:
        authorities = authorities_info(server.client_ca)
    except CertificateError as error:
        return [Check(name, ok=False, detail=str(error), hint="name a PEM file as server.client_ca")]
    lasting = [one for one in authorities if one.days_left >= 0]
    ended = [f"{one.subject} ended on {one.not_after:%Y-%m-%d}" for one in authorities if one.days_left < 0]
    count = f"{len(lasting)} {'authority' if len(lasting) == 1 else 'authorities'}"
    detail = "; ".join([f"{server.client_certificates}, by {count} of {server.client_ca}", *ended])
    return [Check(name, ok=bool(lasting), detail=detail)]


def check_accounts(config: Config) -> Check:
    """Look whether anybody could log in."""
    if config.auth.method == "pam":
        return Check("accounts", ok=True, detail=f"the system's, by PAM service {config.auth.pam_service}")
    path = config.auth.password_file
    try:
        users = PasswordFile(path).list()
    except PasswordFileError as error:
        return Check("accounts", ok=False, detail=str(error))
    if not users:
        return Check("accounts", ok=True, detail="none yet", hint="`xencim serve` makes the first, admin")
    return Check("accounts", ok=True, detail=f"{len(users)} in {path}: {', '.join(u.name for u in users)}")


async def check_addresses(config: Config) -> list[Check]:
    """Look whether each address is free or a xencim already answers there."""
    server = config.server
    return [
        *[await _check_address("http", address) for address in server.http],
        *[await _check_address("https", address) for address in server.https],
        *([_check_socket(config)] if server.socket else []),
    ]


async def _check_address(scheme: str, address: Address) -> Check:
    name = f"{scheme} {show_address(address)}"
    try:
        return _bind(name, await asyncio.get_running_loop().getaddrinfo(*address, type=socket.SOCK_STREAM))
    except socket.gaierror as error:
        return Check(name, ok=False, detail=f"the host is not known: {error.strerror}")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return await _who_answers(name, scheme, address)
        return Check(name, ok=False, detail=error.strerror or str(error))


def _bind(name: str, infos: Iterable[tuple[int, int, int, str, tuple[object, ...]]]) -> Check:
    for family, kind, protocol, _, place in infos:
        with socket.socket(family, kind, protocol) as probe:
            # As the server does: connections of an earlier one may still be ending.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(place)
    return Check(name, ok=True, detail="free")


async def _who_answers(name: str, scheme: str, address: Address) -> Check:
    host, port = address
    # An address that stands for all of them is reached by the loopback one.
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound
    context = None
    if scheme == "https":
        context = ssl.create_default_context()
        # The question is who answers, not whether to trust them.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(reached, port, ssl=context)
            try:
                writer.write(_QUESTION)
                answer = await reader.readuntil(b"\r\n\r\n")
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        answer = b""
    if _REALM in answer:
        return Check(name, ok=True, detail="in use: a xencim server answers there")
    return Check(name, ok=False, detail="in use by another program", hint=f"see `ss -ltnp sport = :{port}`")


def _check_socket(config: Config) -> Check:
    path = config.server.socket
    name = f"socket {path}"
    if path is None or not path.exists():
        return Check(name, ok=True, detail="free")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return Check(name, ok=True, detail="left behind by a server that ended; the next one replaces it")
        except OSError as error:
            return Check(name, ok=False, detail=error.strerror or str(error))
    return Check(name, ok=True, detail="in use: a server answers there")

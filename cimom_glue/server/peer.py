"""Who is at the other end of a connection, as the kernel and TLS tell it.

Source: unix(7), SO_PEERCRED; RFC 4291, section 2.5 (IPv6 addresses).
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_UCRED = struct.Struct("3i")  # pid, uid, gid


class Transport(Enum):
    """How a connection came."""

    HTTP = "http"
    HTTPS = "https"
    UNIX = "unix"


@dataclass(frozen=True, slots=True)
class Peer:
    """The client of one connection."""

    transport: Transport
    address: str  # "uid 1000" on the Unix socket
    local: bool  # on this machine, so nobody between can listen
    uid: int | None = None
    subject: str | None = None  # the user that the client's certificate names

    @property
    def bucket(self) -> str:
        """What limits count by: the address, or the network that IPv6 gives to one customer."""
        return self.address if self.transport is Transport.UNIX else _network(self.address)


def peer_of(connection: socket.socket, transport: Transport) -> Peer:
    """Tell the peer of an accepted connection."""
    if transport is Transport.UNIX:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        _pid, uid, _gid = _UCRED.unpack(raw)
        return Peer(transport, f"uid {uid}", local=True, uid=uid)
    address = str(connection.getpeername()[0])
    return Peer(transport, address, local=is_loopback(address))


def is_loopback(address: str) -> bool:
    """Tell whether an address is this machine's own, IPv4 inside IPv6 included."""
    return _plain(address).is_loopback


def subject_user(certificate: Mapping[str, object] | None, attribute: str) -> str | None:
    """Return the attribute of a checked certificate's subject; None when absent or ambiguous."""
    subject = (certificate or {}).get("subject", ())
    values = [value for rdn in subject for name, value in rdn if name == attribute]  # type: ignore[attr-defined]
    return str(values[0]) if len(values) == 1 and values[0] else None


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return getattr(parsed, "ipv4_mapped", None) or parsed


@lru_cache(maxsize=1024)
def _network(address: str) -> str:
    parsed = _plain(address)
    if parsed.version == 4:  # noqa: PLR2004 - IPv4
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))

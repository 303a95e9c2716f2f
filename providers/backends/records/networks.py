"""Virtual networks, and the bridges of the host that none of them owns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xencim.providers.backends.records.devices import Bandwidth


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticLease:
    """An address that is leased to one machine only, known by its interface, its name or its DUID."""

    address: str
    mac: str | None = None  # lower case, colons; of IPv4
    name: str | None = None
    client_id: str | None = None  # of IPv6


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAddress:
    """The host's own address in a network, IPv4 or IPv6, and what is leased of the addresses beside it."""

    address: str
    prefix: int | None = None
    ranges: tuple[tuple[str, str], ...] = ()  # first and last
    leases: tuple[StaticLease, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A virtual network of libvirt: what it works with or, stopped, what is stored.

    ``stored`` is only there for an active persistent network: its definition for the next start.
    """

    name: str
    uuid: str
    active: bool
    autostart: bool | None = None
    persistent: bool = True
    bridge: str | None = None
    forward_mode: str | None = None  # None: isolated
    forward_dev: str | None = None
    port_type: str | None = None  # of the bridge: openvswitch; None: Linux's own
    domain_name: str | None = None
    mtu: int | None = None  # bytes
    vlan_ids: tuple[int, ...] = ()
    addresses: tuple[HostAddress, ...] = ()
    inbound: Bandwidth | None = None  # of all ports together
    outbound: Bandwidth | None = None
    stored: Network | None = None

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """A bridge of the host that machines use and no network owns."""

    name: str

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name

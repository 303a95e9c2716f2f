"""What libvirt's protocols and conditions are in the headers of frames and packets.

A condition that is a variable ($IP) has a value of its own for each interface: in headers it is unknown.
Addresses and masks are octet strings: four octets with the length of the whole, then the octets.

Source: libvirt's reference, "Network Filters"; DSP0004 2.8, 5.6.3.35 (OctetString); IANA's registries of
protocol numbers and EtherTypes.
"""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xencim.providers.backends.records import FilterRule

_IPV6_SUFFIX = "-ipv6"
_IP_NUMBERS = {
    "icmp": 1,
    "igmp": 2,
    "tcp": 6,
    "udp": 17,
    "esp": 50,
    "ah": 51,
    "icmpv6": 58,
    "sctp": 132,
    "udplite": 136,
}
_ETHER_TYPES = {"ipv4": 0x0800, "arp": 0x0806, "rarp": 0x8035, "vlan": 0x8100, "ipv6": 0x86DD}
_FRAMES = frozenset({"mac", "vlan", "stp", "arp", "rarp"})
_IPV4 = frozenset({"ip", "all", *_IP_NUMBERS} - {"icmpv6"})
_IPV6 = frozenset({"ipv6", "icmpv6", *(f"{protocol}{_IPV6_SUFFIX}" for protocol in _IPV4)})
_MAC_OCTETS = 6


class Headers(Enum):
    """What a rule's conditions are about."""

    ANY = "any packet"
    FRAME = "Ethernet, ARP, RARP, STP"
    IP = "IPv4 or IPv6"


def headers_of(rule: FilterRule) -> Headers:
    """Tell what a rule's conditions are about."""
    if rule.protocol in _FRAMES:
        return Headers.FRAME
    return Headers.ANY if ip_version(rule) is None else Headers.IP


def ip_version(rule: FilterRule) -> int | None:
    """Return 4 or 6, None for a rule that is not about IP."""
    protocol = rule.protocol or ""
    return 6 if protocol in _IPV6 else 4 if protocol in _IPV4 else None


def ip_protocol(rule: FilterRule) -> int | None:
    """Return the number of the protocol inside IP, None for any."""
    asked = rule.value("protocol")
    named = _IP_NUMBERS.get(asked or (rule.protocol or "").removesuffix(_IPV6_SUFFIX))
    return number(asked, 0xFF) if named is None else named


def ether_type(rule: FilterRule) -> int | None:
    """Return the EtherType of the frames that are meant, None for any."""
    asked = rule.value("protocolid")
    named = _ETHER_TYPES.get(asked or rule.protocol or "")
    return number(asked, 0xFFFF) if named is None else named


def number(text: str | None, most: int) -> int | None:
    """Return a whole number, decimal or hexadecimal; None for a variable or nonsense."""
    with suppress(ValueError):
        value = int(text or "", 16 if (text or "").lower().startswith("0x") else 10)
        return value if 0 <= value <= most else None
    return None


def address(text: str | None) -> tuple[int, ...] | None:
    """Return an IP address as an octet string; None for a variable."""
    with suppress(ValueError):
        return _octet_string(ipaddress.ip_address(text or "").packed)
    return None


def mask(text: str | None, rule: FilterRule) -> tuple[int, ...] | None:
    """Return a rule's mask as an octet string, whether it is written as an address or as a number of bits."""
    every = "0.0.0.0" if rule.protocol in _IPV4 else "::"  # noqa: S104 - nothing is bound to it
    with suppress(ValueError):
        return _octet_string(ipaddress.ip_network(f"{every}/{int(text or '')}").netmask.packed)
    return address(text)


def mac(text: str | None) -> tuple[int, ...] | None:
    """Return a MAC address or its mask as an octet string; None for a variable."""
    with suppress(ValueError):
        octets = bytes(int(part, 16) for part in (text or "").split(":"))
        return _octet_string(octets) if len(octets) == _MAC_OCTETS else None
    return None


def _octet_string(octets: bytes) -> tuple[int, ...]:
    return (*(len(octets) + 4).to_bytes(4, "big"), *octets)

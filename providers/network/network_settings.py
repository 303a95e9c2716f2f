"""What clients want of virtual networks, as records.

Every property that is given is carried out or refused by its name. Names and addresses reach the programs
that a hypervisor calls: only what is one is let through.

Source: DSP1041 1.1 (settings as input of CreateChildResourcePool); libvirt-cim's settings of this name.
Errors: CimError INVALID_PARAMETER, naming parameter, class and property.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import TYPE_CHECKING

from xencim.providers.backends.records import HostAddress, Network
from xencim.providers.pools.wanted import demand_only, demand_type, wanted_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.management.given import Given

_ETHERNET_ADAPTER = 10
_ISOLATED, _NAT, _ROUTED, _BRIDGED = range(4)
_FORWARD_MODES = {_ISOLATED: None, _NAT: "nat", _ROUTED: "route", _BRIDGED: "bridge"}
_WHAT = {_ISOLATED: "an isolated", _NAT: "a NAT", _ROUTED: "a routed", _BRIDGED: "a bridged"}
_ADDRESSES = frozenset({"Address", "Netmask", "IPRangeStart", "IPRangeEnd"})
_TAKES = {
    _ISOLATED: _ADDRESSES,
    _NAT: _ADDRESSES | {"ForwardDevice"},
    _ROUTED: _ADDRESSES | {"ForwardDevice"},
    _BRIDGED: frozenset[str](),
}
_NEEDS = {_NAT: "Address", _ROUTED: "Address", _BRIDGED: "BridgeName"}
_INTERFACE = re.compile(r"(?!-|\.{1,2}\Z)[^\s/:\x00-\x1f\x7f]{1,15}\Z", re.ASCII)
"""What Linux takes as an interface's name."""


def wanted_network(asked: Given, name: str | None) -> Network:
    """Return the network that settings ask for; ``name`` is the method's ElementName."""
    mode = asked.number("ForwardMode") or _ISOLATED
    if mode not in _FORWARD_MODES:
        raise asked.refusal("ForwardMode", "it is one of 0 none, 1 NAT, 2 routed, 3 bridge")
    what = f"{_WHAT[mode]} network (ForwardMode {mode})"
    demand_only(asked, {"ForwardMode", "PoolID", "BridgeName", "Autostart", *_TAKES[mode]}, what)
    sub_type = _FORWARD_MODES[mode] or "isolated"
    demand_type(asked, _ETHERNET_ADAPTER, sub_type, f"ForwardMode says {sub_type}")
    needed = _NEEDS.get(mode)
    if needed and not asked.text(needed):
        raise asked.refusal(needed, f"{what} needs it")
    network = _network(asked)
    ranges = _ranges(asked, network)
    autostart = asked.values.get("Autostart")
    return Network(
        name=wanted_name(asked, "Network", name),
        uuid="",
        active=False,
        autostart=None if autostart is None else bool(autostart),
        bridge=interface(asked, "BridgeName"),
        forward_mode=_FORWARD_MODES[mode],
        forward_dev=interface(asked, "ForwardDevice"),
        addresses=() if network is None else (_host_address(asked, network, ranges),),
    )


def _host_address(asked: Given, network: IPv4Network, ranges: tuple[tuple[str, str], ...]) -> HostAddress:
    return HostAddress(address=asked.text("Address") or "", prefix=network.prefixlen, ranges=ranges)


def _network(asked: Given) -> IPv4Network | None:
    """Return the addresses of the network, None where the host has none in it."""
    address, mask = _address(asked, "Address"), _address(asked, "Netmask")
    if address is None:
        _demand_absent(asked, ("Netmask", "IPRangeStart", "IPRangeEnd"), "it means nothing without Address")
        return None
    if mask is None:
        raise asked.refusal("Netmask", "Address needs it")
    try:
        network = IPv4Network(f"{address}/{mask}", strict=False)
    except NetmaskValueError:
        network = None
    # One that is turned round, as firewalls write them, would be read as a netmask.
    if network is None or network.netmask != mask:
        raise asked.refusal("Netmask", f"{mask} is no netmask")
    if not _is_host(address, network):
        raise asked.refusal("Address", f"{address} is no host's address in {network}")
    return network


def _ranges(asked: Given, network: IPv4Network | None) -> tuple[tuple[str, str], ...]:
    """Return the first and the last address that is leased; none are without both."""
    start, end = _address(asked, "IPRangeStart"), _address(asked, "IPRangeEnd")
    if start is None or end is None or network is None:
        _demand_absent(asked, ("IPRangeStart", "IPRangeEnd"), "the other end of the range is missing")
        return ()
    for name, address in (("IPRangeStart", start), ("IPRangeEnd", end)):
        if not _is_host(address, network):
            raise asked.refusal(name, f"{address} is no host's address in {network}")
    if start > end:
        raise asked.refusal("IPRangeEnd", f"{end} is before {start}")
    return ((str(start), str(end)),)


def _is_host(address: IPv4Address, network: IPv4Network) -> bool:
    return address in network and address not in {network.network_address, network.broadcast_address}


def _address(asked: Given, name: str) -> IPv4Address | None:
    value = asked.text(name)
    if value is None:
        return None
    try:
        return IPv4Address(value)
    except AddressValueError:
        raise asked.refusal(name, f"{value!r} is no IPv4 address") from None


def interface(asked: Given, name: str) -> str | None:
    """Return the name of an interface that a property gives."""
    value = asked.text(name)
    if value is not None and not _INTERFACE.match(value):
        raise asked.refusal(name, f"{value!r} is no name of an interface")
    return value


def _demand_absent(asked: Given, names: Iterable[str], reason: str) -> None:
    for name in names:
        if asked.text(name):
            raise asked.refusal(name, reason)

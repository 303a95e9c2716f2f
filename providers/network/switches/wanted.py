"""What clients want of virtual switches, as records.

Every property that is given is carried out or refused by its name. Names and addresses reach the programs
that a hypervisor calls: only what is one is let through.

Source: DSP1097 1.0 and DSP1042 1.0, 8.2 (settings as input of methods).
Errors: CimError INVALID_PARAMETER, naming parameter, class and property.
"""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address, ip_interface
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.records import Bandwidth, HostAddress, StaticLease
from xencim.providers.management.given import demand_told, differing
from xencim.providers.network.network_settings import interface
from xencim.providers.network.switches.settings import SPEC
from xencim.providers.network.switches.telling import FORWARD_MODES, lease_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ipaddress import IPv4Interface, IPv6Interface

    from xencim.mof.values import Value
    from xencim.providers.backends.records import Host, Network
    from xencim.providers.management.given import Given
    from xencim.providers.vm.rows import Origin

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z", re.ASCII | re.IGNORECASE)
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z", re.ASCII)
_CLIENT_ID = re.compile(r"[0-9a-f]{1,2}(:[0-9a-f]{1,2})*\Z", re.ASCII)
_LEASE_PARTS = 4
_VLANS = range(1, 4095)
_WITH_ADDRESS = {"nat": "a NAT", "route": "a routed"}
_WITH_DEVICE = frozenset({"nat", "route", "private", "vepa", "passthrough"})
_LEADS = frozenset({None, "nat", "route", "open"})
_STARTUP = {2: False, 4: True}
_LIMITS = {
    f"{direction.capitalize()}{name}": (direction, field)
    for direction in ("inbound", "outbound")
    for name, field in (("Limit", "average_kib_s"), ("Peak", "peak_kib_s"), ("Burst", "burst_kib"))
}


def changed_switch(
    network: Network, definition: Network, origin: Origin, host: Host, asked: Given
) -> tuple[Network, Mapping[str, Value]]:
    """Return a definition as asked, and what of it is new; what cannot be so is refused by name."""
    asked = _normalised(asked, definition)
    before = (network, definition, origin, host)
    wanted = differing(SPEC, before, asked)
    after = _leased(asked, _set(asked, definition, wanted), wanted)
    _demand_sense(asked, after)
    told = replace(network, autostart=after.autostart)
    demand_told(SPEC, (told, after, origin, host), asked, wanted)
    return after, wanted


def _normalised(asked: Given, definition: Network) -> Given:
    """Bring texts that may be written in several ways, and in any order, into what is told."""
    values: dict[str, tuple[str, ...]] = {}
    for name, read in (("Addresses", _host_address), ("DHCPRanges", _range), ("StaticLeases", _lease)):
        lines = asked.values.get(name)
        if isinstance(lines, tuple):
            values[name] = tuple(read(asked, str(line)) for line in lines)
    present = tuple(f"{one.address}/{one.prefix}" for one in definition.addresses)
    found = [ip_interface(line) for line in values.get("Addresses", present)]

    def place(line: str) -> int:
        first = line.partition(",")[0].partition("-")[0]
        return next((n for n, one in enumerate(found) if _is_inside(one, first)), len(found))

    for name in ("DHCPRanges", "StaticLeases"):
        if name in values:
            values[name] = tuple(sorted(values[name], key=place))
    return asked.without((), **values)


def _host_address(asked: Given, line: str) -> str:
    address, slash, length = line.partition("/")
    try:
        found = ip_interface(f"{ip_address(address)}/{int(length)}") if slash else None
    except ValueError:
        found = None
    if found is None or not _is_inside(found, str(found.ip)):
        raise asked.refusal("Addresses", f"{line!r} is no host's address with the length of a prefix")
    return str(found)


def _range(asked: Given, line: str) -> str:
    first, _, last = line.partition("-")
    try:
        start, end = ip_address(first.strip()), ip_address(last.strip())
        if start.version == end.version and int(start) <= int(end):
            return f"{start}-{end}"
    except ValueError:
        pass
    raise asked.refusal("DHCPRanges", f"{line!r} is no range of addresses, such as 10.1.0.2-10.1.0.9")


def _lease(asked: Given, line: str) -> str:
    address, mac, name, client_id, *more = [*line.split(","), *[""] * _LEASE_PARTS][: _LEASE_PARTS + 1]
    mac = mac.strip().lower().replace("-", ":")
    try:
        found = ip_address(address.strip())
    except ValueError:
        raise asked.refusal("StaticLeases", f"{line!r} does not begin with an address") from None
    lease = StaticLease(
        address=str(found),
        mac=mac or None,
        name=name.strip() or None,
        client_id=client_id.strip().lower() or None,
    )
    for part, pattern, what in (
        (lease.mac, _MAC, "MAC address"),
        (lease.name, _NAME, "name of a machine"),
        (lease.client_id, _CLIENT_ID, "DHCPv6 identifier"),
    ):
        if part and not pattern.match(part):
            raise asked.refusal("StaticLeases", f"{line!r}: {part!r} is no {what}")
    is_six = ":" in lease.address
    if any(more) or not (lease.name or lease.client_id or lease.mac) or (is_six and lease.mac):
        raise asked.refusal(
            "StaticLeases", f"{line!r} is no address and, after commas, MAC address (IPv4), name, identifier"
        )
    return lease_text(lease)


# What is set -----------------------------------------------------------------------------------


def _mode(asked: Given, network: Network, value: int) -> Network:
    if value >= len(FORWARD_MODES):
        raise asked.refusal("ForwardMode", f"{value} is none of its values")
    mode = FORWARD_MODES[value]
    device = network.forward_dev if mode in _WITH_DEVICE else None
    return replace(network, forward_mode=mode, forward_dev=device)


def _vlans(asked: Given, network: Network, value: tuple[str, ...]) -> Network:
    numbers = tuple(int(one) if one.isascii() and one.isdigit() else 0 for one in value)
    wrong = next((text for text, number in zip(value, numbers, strict=True) if number not in _VLANS), None)
    if wrong is not None:
        raise asked.refusal("VLANConnection", f"{wrong!r} is no number of a VLAN")
    return replace(network, vlan_ids=numbers)


def _domain(asked: Given, network: Network, value: str) -> Network:
    if value and not _NAME.match(value):
        raise asked.refusal("DomainName", f"{value!r} is no name of a domain")
    return replace(network, domain_name=value or None)


def _limit(name: str) -> Callable[[Given, Network, int], Network]:
    direction, field = _LIMITS[name]

    def set_limit(_asked: Given, network: Network, value: int) -> Network:
        changed: dict[str, Any] = {field: value or None}
        limits = replace(getattr(network, direction) or Bandwidth(), **changed)
        whole: dict[str, Any] = {direction: None if limits == Bandwidth() else limits}
        return replace(network, **whole)

    return set_limit


_SETTERS: Mapping[str, Callable[[Given, Network, Any], Network]] = {
    "ForwardMode": _mode,
    "ForwardDevice": lambda asked, net, _value: replace(net, forward_dev=interface(asked, "ForwardDevice")),
    "BridgeName": lambda asked, net, _value: replace(net, bridge=interface(asked, "BridgeName")),
    "BridgeType": lambda _asked, net, value: replace(
        net, port_type=value if value == "openvswitch" else None
    ),
    "DomainName": _domain,
    "MTU": lambda _asked, net, value: replace(net, mtu=value or None),
    "VLANConnection": _vlans,
    "AutomaticStartupAction": lambda _asked, net, value: replace(
        net, autostart=_STARTUP.get(value, net.autostart)
    ),
    **{name: _limit(name) for name in _LIMITS},
}


def _set(asked: Given, network: Network, wanted: Mapping[str, Value]) -> Network:
    for name, setter in _SETTERS.items():
        if name in wanted:
            network = setter(asked, network, wanted[name])
    return network


def _leased(asked: Given, network: Network, wanted: Mapping[str, Value]) -> Network:
    """Set the addresses, and give each the ranges and leases that are inside its network."""
    if not wanted.keys() & {"Addresses", "DHCPRanges", "StaticLeases"}:
        return network
    present = network.addresses
    own = tuple(f"{one.address}/{one.prefix}" for one in present)
    ranges = tuple(f"{a}-{b}" for one in present for a, b in one.ranges)
    leases = tuple(lease_text(lease) for one in present for lease in one.leases)
    found = [ip_interface(line) for line in _lines(asked, "Addresses", own)]
    if len({one.network for one in found}) != len(found):
        raise asked.refusal("Addresses", "each network has one address")
    kept_ranges: dict[Any, list[tuple[str, str]]] = {one: [] for one in found}
    kept_leases: dict[Any, list[StaticLease]] = {one: [] for one in found}
    for line in _lines(asked, "DHCPRanges", ranges):
        first, _, last = line.partition("-")
        kept_ranges[_around(asked, "DHCPRanges", line, found, (first, last))].append((first, last))
    for line in _lines(asked, "StaticLeases", leases):
        address, mac, name, client_id = [*line.split(","), *[""] * _LEASE_PARTS][:_LEASE_PARTS]
        lease = StaticLease(address=address, mac=mac or None, name=name or None, client_id=client_id or None)
        kept_leases[_around(asked, "StaticLeases", line, found, (address,))].append(lease)
    return replace(
        network,
        addresses=tuple(
            HostAddress(
                address=str(one.ip),
                prefix=one.network.prefixlen,
                ranges=tuple(kept_ranges[one]),
                leases=tuple(kept_leases[one]),
            )
            for one in found
        ),
    )


def _lines(asked: Given, name: str, present: tuple[str, ...]) -> tuple[str, ...]:
    lines = asked.values.get(name)
    return tuple(map(str, lines)) if isinstance(lines, tuple) else present


def _around(
    asked: Given,
    name: str,
    line: str,
    found: list[IPv4Interface | IPv6Interface],
    addresses: tuple[str, ...],
) -> IPv4Interface | IPv6Interface:
    """Return the host's address in whose network these are."""
    for one in found:
        if all(_is_inside(one, address) for address in addresses):
            return one
    raise asked.refusal(name, f"{line!r} is in the network of none of the host's Addresses")


def _is_inside(own: IPv4Interface | IPv6Interface, text: str) -> bool:
    """Tell whether a machine in a network may have an address."""
    address, network = ip_address(text), own.network
    if address.version != network.version or address not in network:
        return False
    has_room = network.max_prefixlen - network.prefixlen > 1
    return not has_room or address not in {network.network_address, network.broadcast_address}


def _demand_sense(asked: Given, network: Network) -> None:
    """Refuse what no hypervisor can make work."""
    mode = network.forward_mode
    if mode in _WITH_ADDRESS and not network.addresses:
        raise asked.refusal("Addresses", f"{_WITH_ADDRESS[mode]} network needs one")
    if mode == "bridge" and not network.bridge:
        raise asked.refusal("BridgeName", "a bridged network needs it")
    if network.addresses and mode not in _LEADS:
        raise asked.refusal("Addresses", f"the host has none in a network of this mode ({mode})")
    if network.forward_dev and mode not in _WITH_DEVICE:
        raise asked.refusal("ForwardDevice", f"it has no meaning for a network of this mode ({mode})")

"""libvirt's network XML as records, and wanted networks written into it.

What the record does not tell (names in DNS, routes, port groups) stays in a definition that is changed.

Source: libvirt's documentation, "Network XML format".
Errors: BackendError (failed) for what is no network; invalid for a text that XML cannot hold.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.libvirt.xml import edit
from xencim.providers.backends.libvirt.xml.device_xml import bandwidth
from xencim.providers.backends.libvirt.xml.nic_writer import write_bandwidth, write_vlans
from xencim.providers.backends.libvirt.xml.parse import attribute, document, number, text
from xencim.providers.backends.records import HostAddress, Network, StaticLease

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

# Field, element, attribute.
_ATTRIBUTES = (
    ("bridge", "bridge", "name"),
    ("port_type", "virtualport", "type"),
    ("domain_name", "domain", "name"),
    ("mtu", "mtu", "size"),
)


def network(
    xml: str,
    *,
    active: bool,
    autostart: bool | None = None,
    persistent: bool = True,
    stored_xml: str | None = None,
) -> Network:
    """Return a network by its XML and what the XML does not tell."""
    net = document(xml, "network")
    forward = net.find("forward")
    stored = None
    if stored_xml is not None:
        stored = network(stored_xml, active=False, autostart=autostart, persistent=persistent)
    tags = (number(tag.get("id")) for tag in net.iterfind("vlan/tag"))
    return Network(
        name=text(net, "name") or "",
        uuid=text(net, "uuid") or "",
        active=active,
        autostart=autostart,
        persistent=persistent,
        bridge=attribute(net, "bridge", "name"),
        forward_mode=None if forward is None else forward.get("mode", "nat"),
        forward_dev=None if forward is None else forward.get("dev"),
        port_type=attribute(net, "virtualport", "type"),
        domain_name=attribute(net, "domain", "name"),
        mtu=number(attribute(net, "mtu", "size")),
        vlan_ids=tuple(tag for tag in tags if tag is not None),
        addresses=tuple(_address(ip) for ip in _ips(net)),
        inbound=bandwidth(net.find("bandwidth/inbound")),
        outbound=bandwidth(net.find("bandwidth/outbound")),
        stored=stored,
    )


def _ips(net: _Element) -> Iterator[_Element]:
    return (ip for ip in net.iterfind("ip") if ip.get("address"))


def _address(ip: _Element) -> HostAddress:
    ranges = ((one.get("start"), one.get("end")) for one in ip.iterfind("dhcp/range"))
    return HostAddress(
        address=ip.get("address") or "",
        prefix=number(ip.get("prefix")) if ip.get("prefix") else _prefix(ip.get("netmask")),
        ranges=tuple((start, end) for start, end in ranges if start and end),
        leases=tuple(_lease(host) for host in ip.iterfind("dhcp/host") if host.get("ip")),
    )


def _lease(host: _Element) -> StaticLease:
    mac = host.get("mac")
    return StaticLease(
        address=host.get("ip") or "",
        mac=mac.lower() if mac else None,
        name=host.get("name"),
        client_id=host.get("id"),
    )


def _prefix(netmask: str | None) -> int | None:
    try:
        return None if netmask is None else IPv4Network(f"0.0.0.0/{netmask}").prefixlen
    except (AddressValueError, NetmaskValueError, ValueError):
        return None


# Writing ---------------------------------------------------------------------------------------


def network_xml(wanted: Network) -> str:
    """Return the definition of a new network; what is None the hypervisor chooses."""
    told = etree.Element("network")
    edit.set_text(told, "name", wanted.name)
    edit.set_text(told, "uuid", wanted.uuid or None)
    _write(told, wanted)
    return etree.tostring(told, encoding="unicode")


def changed_xml(xml: str, wanted: Network) -> str:
    """Return a definition that says what the record says, and otherwise what it said."""
    told = document(xml, "network")
    _write(told, wanted)
    return etree.tostring(told, encoding="unicode")


def _write(told: _Element, wanted: Network) -> None:
    now = network(etree.tostring(told, encoding="unicode"), active=False)
    if (wanted.forward_mode, wanted.forward_dev) != (now.forward_mode, now.forward_dev):
        edit.drop(told, "forward")  # with the old one's devices and ports
        edit.set_attribute(told, "forward", "mode", wanted.forward_mode)
        edit.set_attribute(told, "forward", "dev", wanted.forward_dev)
    for field, path, name in _ATTRIBUTES:
        if getattr(wanted, field) != getattr(now, field):
            edit.set_attribute(told, path, name, getattr(wanted, field))
    if wanted.vlan_ids != now.vlan_ids:
        write_vlans(told, wanted.vlan_ids)
    for direction in ("inbound", "outbound"):
        if getattr(wanted, direction) != getattr(now, direction):
            write_bandwidth(told, direction, getattr(wanted, direction))
    if wanted.addresses != now.addresses:
        _write_addresses(told, wanted.addresses)


def _write_addresses(told: _Element, addresses: tuple[HostAddress, ...]) -> None:
    """Set the addresses; one that stays keeps what is told of it besides."""
    present = {(one.address, one.prefix): ip for ip in _ips(told) for one in (_address(ip),)}
    for ip in present.values():
        edit.remove(ip)
    for one in addresses:
        kept = present.get((one.address, one.prefix))
        ip = _new_ip(one) if kept is None else kept
        told.append(ip)
        _write_leased(ip, one)


def _new_ip(wanted: HostAddress) -> _Element:
    family = "ipv6" if ":" in wanted.address else "ipv4"
    return etree.Element("ip", family=family, address=wanted.address, prefix=str(wanted.prefix))


def _write_leased(ip: _Element, wanted: HostAddress) -> None:
    now = _address(ip)
    if (now.ranges, now.leases) == (wanted.ranges, wanted.leases):
        return
    hosts = {_lease(host): host for host in ip.iterfind("dhcp/host") if host.get("ip")}
    ranges = {(one.get("start"), one.get("end")): one for one in ip.iterfind("dhcp/range")}
    dhcp = edit.child(ip, "dhcp")
    for element in (*ranges.values(), *hosts.values()):
        dhcp.remove(element)
    for start, end in wanted.ranges:
        kept = ranges.get((start, end))
        dhcp.append(range_element(start, end) if kept is None else kept)
    for lease in wanted.leases:
        host = hosts.get(lease)
        dhcp.append(lease_element(lease) if host is None else host)
    if len(dhcp) == 0:
        edit.remove(dhcp)


def range_element(start: str, end: str) -> _Element:
    """Return the element of a range of addresses that are leased."""
    return etree.Element("range", start=start, end=end)


def lease_element(lease: StaticLease) -> _Element:
    """Return the element of a static lease."""
    host = etree.Element("host")
    for name, value in (
        ("id", lease.client_id),
        ("mac", lease.mac),
        ("name", lease.name),
        ("ip", lease.address),
    ):
        edit.set_attribute(host, "", name, value)
    return host

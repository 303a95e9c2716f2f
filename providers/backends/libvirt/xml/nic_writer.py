"""A network interface written into its element of libvirt's domain XML.

Source: libvirt's documentation, "Domain XML format", network interfaces.
Errors: BackendError (unsupported, invalid).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml import device_xml, edit

if TYPE_CHECKING:
    from lxml.etree import _Element

    from xencim.providers.backends.records import Bandwidth, Nic

# Field and attribute of what an interface of a type is connected to. A running one connected to a
# network also tells the network's bridge: that is the network's affair.
_SOURCES: dict[str, tuple[tuple[str, str], ...]] = {
    "network": (("network", "network"),),
    "bridge": (("bridge", "bridge"),),
    "direct": (("source_dev", "dev"), ("mode", "mode")),
    "ethernet": (),
    "user": (),
}
_ATTRIBUTES = (
    ("mac", "mac", "address"),
    ("model", "model", "type"),
    ("target_dev", "target", "dev"),
    ("mtu", "mtu", "size"),
    ("boot_order", "boot", "order"),
)
_LIMITS = (
    ("average_kib_s", "average"),
    ("peak_kib_s", "peak"),
    ("burst_kib", "burst"),
    ("floor_kib_s", "floor"),
)


def write_nic(element: _Element, nic: Nic) -> None:
    """Make the element say what the record says."""
    now = device_xml.nic(element)
    _write_source(element, nic, now)
    for field, path, name in _ATTRIBUTES:
        if getattr(nic, field) != getattr(now, field):
            edit.set_attribute(element, path, name, getattr(nic, field))
    if nic.link_up != now.link_up:
        state = {True: "up", False: "down", None: None}[nic.link_up]
        edit.set_attribute(element, "link", "state", state)
    if nic.filter_ref != now.filter_ref:
        edit.drop(element, "filterref")  # with the old one's parameters
        edit.set_attribute(element, "filterref", "filter", nic.filter_ref)
    if nic.profile_id != now.profile_id or _vsi(nic) != _vsi(now):
        _write_port(element, nic)
    if nic.vlan_ids != now.vlan_ids:
        write_vlans(element, nic.vlan_ids)
    for direction in ("inbound", "outbound"):
        if getattr(nic, direction) != getattr(now, direction):
            write_bandwidth(element, direction, getattr(nic, direction))


def _write_source(element: _Element, nic: Nic, now: Nic) -> None:
    is_new = element.get("type") is None
    names = _SOURCES.get(nic.source_type)
    if names is None:
        if is_new or nic.source_type != now.source_type:
            raise BackendError(
                "unsupported",
                f"nics[{nic.mac}].source_type: {nic.source_type!r} is not one of {', '.join(_SOURCES)}",
            )
        return
    same = all(getattr(nic, field) == getattr(now, field) for field, _ in names)
    if same and nic.source_type == now.source_type and not is_new:
        return
    edit.drop(element, "source")
    edit.set_attribute(element, "", "type", nic.source_type)
    for field, name in names:
        edit.set_attribute(element, "source", name, getattr(nic, field))


def _vsi(nic: Nic) -> dict[str, str | int | None]:
    """Return the parameters of a virtual station interface, by libvirt's names; none where it is none."""
    numbers = {name: getattr(nic, field) for field, name in device_xml.VSI_NUMBERS.items()}
    if nic.vsi_instance_id is None and not any(number is not None for number in numbers.values()):
        return {}
    return {name: number or 0 for name, number in numbers.items()} | {"instanceid": nic.vsi_instance_id}


def _write_port(element: _Element, nic: Nic) -> None:
    """Set what the interface is to its switch; a virtual port that is only this goes without it."""
    parameters = _vsi(nic)
    port = element.find("virtualport")
    present = None if port is None else port.get("type")
    if parameters:
        kind = device_xml.VSI_PORT
        if nic.profile_id is not None:
            raise BackendError("invalid", f"nics[{nic.mac}]: profile_id and vsi_… exclude each other")
    elif present in {None, device_xml.VSI_PORT}:
        kind = "802.1Qbh" if nic.source_type == "direct" else "openvswitch"
    else:
        kind = str(present)
    if not parameters and nic.profile_id is not None:
        parameters = {"profileid": nic.profile_id}
    if kind != present or not parameters:
        edit.drop(element, "virtualport")
    for name, value in parameters.items():
        edit.set_attribute(element, "virtualport", "type", kind)
        edit.set_attribute(element, "virtualport/parameters", name, value)


def write_vlans(element: _Element, ids: tuple[int, ...]) -> None:
    """Set the VLANs of an interface or network; more than one are a trunk."""
    edit.drop(element, "vlan")
    if ids:
        vlan = etree.SubElement(element, "vlan")
        if len(ids) > 1:
            vlan.set("trunk", "yes")
        for number in ids:
            etree.SubElement(vlan, "tag", id=str(number))


def write_bandwidth(element: _Element, direction: str, limits: Bandwidth | None) -> None:
    """Set the limits of one direction of an interface or network; None takes them away."""
    edit.drop(element, f"bandwidth/{direction}")
    for field, name in _LIMITS if limits else ():
        edit.set_attribute(element, f"bandwidth/{direction}", name, getattr(limits, field))
    bandwidth = element.find("bandwidth")
    if bandwidth is not None and len(bandwidth) == 0:
        edit.remove(bandwidth)

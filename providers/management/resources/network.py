"""Network interfaces.

What one is connected to is told by NetworkName or Connection (and NetworkType, where the name alone
does not), or by PoolID.

Source: DSP1050 1.0 (Ethernet port resource allocation).
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.records import Bandwidth, Bridge, Network, Nic, VirtualMachine
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.pool_ids import pool_name
from xencim.providers.management.resource import Resource
from xencim.providers.management.units import KIB, in_unit
from xencim.providers.vm.rows import NICS, config_of, origins
from xencim.providers.vm.settings import vsi
from xencim.providers.vm.settings.network import SPEC

if TYPE_CHECKING:
    from typing import Any, Literal

    from xencim.providers.backends.inventory import View
    from xencim.providers.core.spec import Context
    from xencim.providers.management.given import Given
    from xencim.providers.management.resource import Scene, Setter

_UNITS = dict.fromkeys(("Limit", "Reservation", "OutboundLimit"), "AllocationUnits")
# What is given to machines without an address of their own choice: Xen's prefix, and that of KVM's tools.
_MAC_PREFIXES = {"KVM": "00:1a:4a"}
_XEN_MAC_PREFIX = "00:16:3e"


def _normalised(asked: Given, _is_new: bool) -> Given:  # noqa: FBT001 - a fact
    asked = in_unit(asked, "byte * 2^10 / second", _UNITS, KIB)
    quantity = asked.values.get("VirtualQuantity")
    if quantity not in (None, 1):
        raise asked.refusal("VirtualQuantity", "each interface has settings of its own")
    address = asked.text("Address")
    return asked.without(set(), Address=address.lower().replace("-", ":")) if address else asked


def _with_address(asked: Given, context: Context, machine: VirtualMachine) -> Given:
    return asked if asked.text("Address") else asked.without(set(), Address=free_mac(context.view, machine))


def _make(asked: Given, _scene: Scene) -> Nic:
    return Nic(mac=asked.text("Address") or "", source_type="")


def free_mac(view: View, machine: VirtualMachine) -> str:
    """Return an address that no machine of the host has, nor the one that is being made."""
    taken = {
        nic.mac
        for machine in (*view.all(VirtualMachine).values(), machine)
        for origin in origins(machine)
        for nic in getattr(config_of(machine, origin), "nics", ())
    }
    prefix = _MAC_PREFIXES.get(view.host.prefix, _XEN_MAC_PREFIX)
    while True:
        mac = f"{prefix}:{secrets.token_bytes(3).hex(':')}"
        if mac not in taken:
            return mac


def _type(nic: Nic, value: str, _scene: Scene) -> Nic:
    return replace(nic, source_type=value, network=None, bridge=None, source_dev=None, mode=None)


def _name(nic: Nic, value: str, scene: Scene) -> Nic:
    if nic.source_type not in {"", "network", "bridge"}:
        return nic
    view = scene.context.view
    is_bridge = nic.source_type == "bridge" or (view.get(Network, value) is None and view.get(Bridge, value))
    if is_bridge:
        return replace(nic, source_type="bridge", network=None, bridge=value)
    _network(scene, value)
    return replace(nic, source_type="network", network=value, bridge=None)


def _network(scene: Scene, name: str) -> Network:
    network = scene.context.view.get(Network, name)
    if network is None:
        raise CimError(Status.INVALID_PARAMETER, f"{SPEC.cim_class}: there is no network {name!r}")
    return network


def _connection(nic: Nic, value: tuple[str, ...], scene: Scene) -> Nic:
    return _name(nic, value[0], scene) if len(value) == 1 else nic


def _pool(nic: Nic, value: str, scene: Scene) -> Nic:
    try:
        bridge, name = pool_name("Network", value)
    except LookupError:
        return nic
    if name is None:
        return nic
    if bridge is not None:
        return replace(nic, source_type="bridge", network=None, bridge=name)
    network = _network(scene, name)
    if nic.source_type == "bridge" and nic.bridge == network.bridge:
        return nic  # on the network's bridge is in its pool already
    return replace(nic, source_type="network", network=name, bridge=None)


def _placed(nic: Nic, _others: tuple[Any, ...]) -> Nic:
    if not nic.source_type:
        raise CimError(
            Status.INVALID_PARAMETER,
            f"{SPEC.cim_class}: neither NetworkType and NetworkName nor PoolID tell "
            f"what {nic.mac} is connected to",
        )
    return nic


def _plainly(field: str) -> Setter:
    return lambda nic, value, _scene: replace(nic, **{field: value or None})


def _limited(nic: Nic, direction: Literal["inbound", "outbound"], field: str, value: int) -> Nic:
    present = getattr(nic, direction) or Bandwidth()
    limits = replace(present, **{field: value or None})
    changed: dict[str, Any] = {direction: None if limits == Bandwidth() else limits}
    return replace(nic, **changed)


RESOURCE = Resource(
    spec=SPEC,
    parts=NICS,
    field="nics",
    resource_types=(10, 33),
    make=_make,
    completed=_with_address,
    placed=_placed,
    normalised=_normalised,
    setters={
        "Address": lambda nic, value, _scene: replace(nic, mac=value),
        "NetworkType": _type,
        "NetworkName": _name,
        "Connection": _connection,
        "PoolID": _pool,
        "SourceDevice": lambda nic, value, _scene: replace(nic, source_dev=value or None),
        "NetworkMode": lambda nic, value, _scene: replace(nic, mode=value or None),
        "ResourceSubType": lambda nic, value, _scene: replace(nic, model=value or None),
        "VirtualDevice": lambda nic, value, _scene: replace(nic, target_dev=value or None),
        "FilterRef": lambda nic, value, _scene: replace(nic, filter_ref=value or None),
        "ProfileID": lambda nic, value, _scene: replace(nic, profile_id=value or None),
        "VSIType": lambda nic, _value, _scene: nic,  # it follows from what else is given
        **{name: _plainly(field) for name, field in vsi.FIELDS.items()},
        "VLANIDs": lambda nic, value, _scene: replace(nic, vlan_ids=tuple(value)),
        "MTU": lambda nic, value, _scene: replace(nic, mtu=value or None),
        "BootOrder": lambda nic, value, _scene: replace(nic, boot_order=value or None),
        "Limit": lambda nic, value, _scene: _limited(nic, "inbound", "average_kib_s", value),
        "Reservation": lambda nic, value, _scene: _limited(nic, "inbound", "floor_kib_s", value),
        "InboundPeak": lambda nic, value, _scene: _limited(nic, "inbound", "peak_kib_s", value),
        "InboundBurst": lambda nic, value, _scene: _limited(nic, "inbound", "burst_kib", value),
        "OutboundLimit": lambda nic, value, _scene: _limited(nic, "outbound", "average_kib_s", value),
        "OutboundPeak": lambda nic, value, _scene: _limited(nic, "outbound", "peak_kib_s", value),
        "OutboundBurst": lambda nic, value, _scene: _limited(nic, "outbound", "burst_kib", value),
        "LinkUp": lambda nic, value, _scene: replace(nic, link_up=value),
    },
)

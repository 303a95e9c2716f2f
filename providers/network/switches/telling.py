"""What the settings of a virtual switch tell of its definition.

Addresses, ranges and leases are text, one line each, as MOF describes them.

Source: libvirt's documentation, "Network XML format".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xencim.providers.backends.records import Bridge
from xencim.providers.core.pool_ids import pool_id
from xencim.providers.core.spec import Prop

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.mof.values import Value
    from xencim.providers.backends.records import Host, StaticLease
    from xencim.providers.network.switches.rows import Source
    from xencim.providers.vm.rows import Origin

SWITCH_TYPE = "Virtual Ethernet Switch"
"""What VirtualSystemType says of a switch."""
FORWARD_MODES = (None, "nat", "route", "bridge", "open", "private", "vepa", "passthrough", "hostdev")
"""By ForwardMode."""
_VEB, _VEPA, _DIRECT = 2, 3, 4
_EVB_MODES = {"vepa": _VEPA, "passthrough": _DIRECT, "hostdev": _DIRECT}
STARTUP = {False: 2, True: 4, None: None}  # AutomaticStartupAction: none, always
_BRIDGE = "bridge"
XML = "virNetworkGetXMLDesc: "


def lease_text(lease: StaticLease) -> str:
    """Return a static lease as StaticLeases tells it."""
    parts = (lease.address, lease.mac, lease.name, lease.client_id)
    return ",".join(part or "" for part in parts).rstrip(",")


def field(name: str, attribute: str, element: str) -> Prop:
    """Tell a field of the definition."""

    def get(_source: Source, definition: Source, _origin: Origin, _host: Host) -> Value:
        value: Value = getattr(definition, attribute, None)
        return value

    return Prop(name, get, source=f"{XML}{element}")


def limit(name: str, direction: str, attribute: str) -> Prop:
    """Tell one limit of a direction."""

    def get(_source: Source, definition: Source, _origin: Origin, _host: Host) -> int | None:
        return getattr(getattr(definition, direction, None), attribute, None)

    return Prop(name, get, source=f"{XML}bandwidth/{direction}/@{attribute.partition('_')[0]}")


def of_addresses(name: str, lines: Callable[[Any], list[str]], element: str) -> Prop:
    """Tell lines about each of the host's addresses."""

    def get(_source: Source, definition: Source, _origin: Origin, _host: Host) -> tuple[str, ...] | None:
        addresses = getattr(definition, "addresses", ())
        return tuple(line for one in addresses for line in lines(one)) or None

    return Prop(name, get, source=f"{XML}{element}")


def mode(_source: Source, definition: Source, _origin: Origin, _host: Host) -> int | None:
    """Return ForwardMode."""
    own = _BRIDGE if isinstance(definition, Bridge) else definition.forward_mode
    return FORWARD_MODES.index(own) if own in FORWARD_MODES else None


def bridge(_source: Source, definition: Source, _origin: Origin, _host: Host) -> str | None:
    """Return BridgeName."""
    return definition.name if isinstance(definition, Bridge) else definition.bridge


def evb_mode(_source: Source, definition: Source, _origin: Origin, _host: Host) -> int:
    """Return EVBMode."""
    return _EVB_MODES.get(getattr(definition, "forward_mode", None) or "", _VEB)


def vlans(_source: Source, definition: Source, _origin: Origin, _host: Host) -> tuple[str, ...] | None:
    """Return VLANConnection."""
    return tuple(map(str, getattr(definition, "vlan_ids", ()))) or None


def pool(source: Source, _definition: Source, _origin: Origin, host: Host) -> tuple[str, ...]:
    """Return AssociatedResourcePool: a path that is relative to the settings' own namespace."""
    return (f'{host.prefix}_NetworkPool.InstanceID="{pool_id("Network", source)}"',)

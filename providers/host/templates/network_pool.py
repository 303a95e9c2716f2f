"""Templates of virtual networks: for each mode what CreateChildResourcePool takes for it.

They come from all networks of the host. A row is ``(None, mode, Level.DEFAULT, free)``: the addresses are the
first of 192.168.N.0/24 that no network of the host has. Of a network there is no quantity to be told, and so
neither minimum nor maximum. Nothing is told of bridged ones: which bridge, the host cannot know.

Source: DSP1041 1.1 (settings as input of CreateChildResourcePool); DSP1043 1.0, section 7.
"""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network
from typing import TYPE_CHECKING

from xencim.providers.backends.records import Host, Network
from xencim.providers.core.pool_ids import pool_id
from xencim.providers.core.spec import ClassSpec, Const, Prop, Rows
from xencim.providers.host.templates.common import Level
from xencim.providers.network.network_pool import KIND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.pool_ids import PoolSource
    from xencim.providers.core.spec import Context, Keys, Row

_MODES = {"isolated": 0, "nat": 1, "route": 2}  # ForwardMode
_CANDIDATES = tuple(f"192.168.{number}" for number in (*range(122, 255), *range(122)))
_SOURCE = "virNetworkGetXMLDesc of all networks: ip"
_NO_QUANTITY = "a network is one, with as many ports as are asked for"
_NO_DEVICE = "a network is no machine's device"


class NetworkTemplates:
    """The templates of all modes."""

    kind = KIND

    def of(self, context: Context, source: PoolSource) -> Iterator[Row]:
        """Yield the rows of what can be made from one pool: networks from all of the host's only."""
        if source is None:
            free = _free(context)
            for mode in _MODES:
                yield (None, mode, Level.DEFAULT, free)

    def all(self, context: Context) -> Iterator[Row]:
        """Yield all rows."""
        return self.of(context, None)

    def find(self, context: Context, keys: Keys) -> Row | None:
        """Return the row with an InstanceID."""
        return next((row for row in self.all(context) if _id(*row) == keys.get("instanceid")), None)


def _free(context: Context) -> str | None:
    """Return the beginning of addresses that no network has."""
    used = [
        IPv4Interface(f"{one.address}/{one.prefix or 32}").network
        for network in context.view.all(Network).values()
        for one in network.addresses
        if ":" not in one.address
    ]
    networks = ((one, IPv4Network(f"{one}.0/24")) for one in _CANDIDATES)
    return next((one for one, wanted in networks if not any(map(wanted.overlaps, used))), None)


def _id(source: None, mode: str, level: Level, _free: str | None) -> str:
    return f"{pool_id(KIND.name, source)}/{mode}/{level.value}"


def _caption(_source: None, mode: str, level: Level, _free: str | None) -> str:
    return f"{level.value} of networks that are {mode}"


def _address(name: str, ending: str) -> Prop:
    return Prop(name, lambda _, __, ___, free: free and f"{free}.{ending}", source=_SOURCE)


TEMPLATES = NetworkTemplates()

SPEC = ClassSpec(
    cim_class="NetPoolResourceAllocationSettingData",
    rows=Rows(kinds=(Host, Network), all=TEMPLATES.all, find=TEMPLATES.find),
    profiles=("DSP1041", "DSP1043"),
    keys=(Prop("InstanceID", _id, source="the pool's InstanceID, the mode and what the template tells"),),
    props=(
        Prop("ElementName", _id, source="as InstanceID"),
        Prop("Caption", _caption, source="the mode"),
        Prop("PoolID", Const(pool_id(KIND.name)), source="constant: all networks of the host"),
        Prop("ResourceType", Const(KIND.resource_type), source="constant: the pool's kind"),
        Prop("ResourceSubType", lambda _, mode, *__: mode, source="libvirt's name of the mode"),
        Prop("ForwardMode", lambda _, mode, *__: _MODES[mode], source="the mode"),
        _address("Address", "1"),
        Prop("Netmask", lambda _, __, ___, free: free and "255.255.255.0", source=_SOURCE),
        _address("IPRangeStart", "2"),
        _address("IPRangeEnd", "254"),
        Prop("Autostart", Const(False), source="constant: as CreateChildResourcePool"),
        Prop("ChangeableType", Const(0), source="constant: templates cannot be changed"),
    ),
    unfilled={
        **dict.fromkeys(("ForwardDevice", "BridgeName"), "the hypervisor chooses it"),
        **dict.fromkeys(
            ("VirtualQuantity", "VirtualQuantityUnits", "AllocationUnits", "Reservation", "Limit", "Weight"),
            _NO_QUANTITY,
        ),
        **dict.fromkeys(
            ("OtherResourceType", "ConsumerVisibility", "HostResource", "Parent", "Connection"), _NO_DEVICE
        ),
        **dict.fromkeys(
            ("MappingBehavior", "AddressOnParent", "AutomaticAllocation", "AutomaticDeallocation"), _NO_DEVICE
        ),
    },
)

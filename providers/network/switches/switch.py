"""Xen_VirtualEthernetSwitch: a virtual network, or a bridge of the host, as the switch that it is.

Source: DSP1097 1.0 and DSP1052 1.0, CIM_ComputerSystem.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Bridge, Network
from xencim.providers.core.spec import ClassName, ClassSpec, Const, Prop
from xencim.providers.network.network_methods import METHODS
from xencim.providers.network.switches.rows import SWITCHES, switch_name
from xencim.providers.pools import status

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host
    from xencim.providers.network.switches.rows import Source

_SWITCH, _ETHERNET_SWITCH = 5, 38
_ENABLED, _DISABLED, _NOT_APPLICABLE = 2, 3, 12
_NO_CHANGE, _UNKNOWN = 5, 0
_DEFAULTS = {True: _ENABLED, False: _DISABLED, None: 7}  # EnabledDefault


def is_active(source: Source) -> bool:
    """Tell whether a switch works; a bridge of the host always does."""
    return isinstance(source, Bridge) or source.active


def _available(source: Source, _host: Host) -> tuple[int, ...] | None:
    if isinstance(source, Bridge):
        return None
    return (_DISABLED,) if source.active else (_ENABLED,)


def _default(source: Source, _host: Host) -> int:
    autostart = source.autostart if isinstance(source, Network) else True
    return _DEFAULTS[autostart]


def _own(source: Source) -> int:
    return status.OK if is_active(source) else status.STOPPED


def _health(source: Source, host: Host) -> int:
    return status.health_state(host, status.HEALTH_OK if is_active(source) else status.HEALTH_UNKNOWN)


def _uuid(source: Source) -> str | None:
    return source.uuid if isinstance(source, Network) else None


_ACTIVE = "virNetworkIsActive"
_UUID = "virNetworkGetUUIDString"

SPEC = ClassSpec(
    cim_class="VirtualEthernetSwitch",
    rows=SWITCHES,
    profiles=("DSP1097", "DSP1052"),
    keys=(
        Prop("CreationClassName", ClassName(), source="constant: the class's name"),
        Prop("Name", lambda source, _host: switch_name(source), source="virNetworkGetName, or the bridge's"),
    ),
    props=(
        Prop("ElementName", lambda source, _host: source.name, source="virNetworkGetName, or the bridge's"),
        Prop("NameFormat", Const("Other"), source="constant: names are free text"),
        Prop("Caption", Const("Virtual Ethernet switch"), source="constant: what it is"),
        Prop("Dedicated", Const((_SWITCH, _ETHERNET_SWITCH)), source="DSP1097: the system is a switch"),
        Prop(
            "OtherIdentifyingInfo",
            lambda source, _host: (_uuid(source),) if _uuid(source) else None,
            source=_UUID,
        ),
        Prop(
            "IdentifyingDescriptions",
            lambda source, _host: ("UUID",) if _uuid(source) else None,
            source=_UUID,
        ),
        Prop(
            "EnabledState",
            lambda source, _host: _ENABLED if is_active(source) else _DISABLED,
            source=_ACTIVE,
        ),
        Prop(
            "RequestedState",
            lambda source, _host: _NOT_APPLICABLE if isinstance(source, Bridge) else _UNKNOWN,
            source="constant: what was asked is not kept; a bridge's state cannot be changed",
        ),
        Prop(
            "TransitioningToState",
            lambda source, _host: _NOT_APPLICABLE if isinstance(source, Bridge) else _NO_CHANGE,
            source="constant: a network starts and stops at once",
        ),
        Prop("AvailableRequestedStates", _available, source=_ACTIVE),
        Prop("EnabledDefault", _default, source="virNetworkGetAutostart"),
        Prop(
            "OperationalStatus",
            lambda source, host: status.operational_status(host, _own(source)),
            source=_ACTIVE,
        ),
        Prop(
            "StatusDescriptions",
            lambda source, host: status.status_descriptions(
                host, "active" if is_active(source) else "inactive"
            ),
            source=_ACTIVE,
        ),
        Prop("HealthState", _health, source=_ACTIVE),
        Prop("PrimaryStatus", lambda source, host: status.primary_status(host, _own(source)), source=_ACTIVE),
        Prop(
            "CommunicationStatus",
            lambda _source, host: status.communication_status(host),
            source=status.CONTACT,
        ),
    ),
    methods=tuple(method for method in METHODS if method.name == "RequestStateChange"),
    unfilled={"Description": "Caption says all", "ResetCapability": "a network is stopped and started"},
)

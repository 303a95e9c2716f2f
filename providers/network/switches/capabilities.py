"""Xen_EnabledLogicalElementCapabilities of virtual switches: what one can be asked to do.

Source: DSP1097 1.0 and DSP1052 1.0, CIM_EnabledLogicalElementCapabilities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Bridge, Host, Network
from xencim.providers.core.spec import ClassSpec, Const, Prop, Rows
from xencim.providers.network.switches.rows import all_switches, switch_name, switch_named, switch_row

if TYPE_CHECKING:
    from xencim.providers.core.spec import Context, Keys, Row
    from xencim.providers.network.switches.rows import Source

_PREFIX = "switch/"  # no machine's name has a slash
_STATES = (2, 3)  # enabled, disabled


def _id(source: Source, _host: Host) -> str:
    return f"{_PREFIX}{switch_name(source)}"


def _find(context: Context, keys: Keys) -> Row | None:
    instance_id = str(keys.get("instanceid"))
    source = switch_named(context, instance_id.removeprefix(_PREFIX))
    return switch_row(context, source) if source and instance_id.startswith(_PREFIX) else None


SPEC = ClassSpec(
    cim_class="EnabledLogicalElementCapabilities",
    rows=Rows(kinds=(Network, Bridge, Host), all=all_switches, find=_find),
    profiles=("DSP1097", "DSP1052"),
    keys=(Prop("InstanceID", _id, source="virNetworkGetName, or the bridge's"),),
    props=(
        Prop("ElementName", lambda source, _host: source.name, source="virNetworkGetName, or the bridge's"),
        Prop("Caption", Const("State changes of a virtual switch"), source="constant: what it is"),
        Prop(
            "RequestedStatesSupported",
            lambda source, _host: () if isinstance(source, Bridge) else _STATES,
            source="virNetworkCreate and virNetworkDestroy; a bridge of the host is not changed here",
        ),
        Prop("ElementNameEditSupported", Const(value=False), source="constant: no method renames"),
    ),
    unfilled={
        "Description": "Caption says all",
        "StateAwareness": "what was asked is not kept",
        "MaxElementNameLen": "ElementName cannot be changed",
        "ElementNameMask": "ElementName cannot be changed",
    },
)

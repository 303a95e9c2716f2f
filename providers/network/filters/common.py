"""What filter lists and rules of every kind have in common.

Source: the CIM schema's CIM_FilterEntryBase; libvirt-cim's Action, Direction and Priority.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassName, Const, Prop
from xencim.providers.network.filters.rows import rule_name
from xencim.providers.pools.status import host_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.mof.values import Value
    from xencim.providers.backends.records import FilterRule, Host, NetworkFilter

XML = "virNWFilterGetXMLDesc: "
_ACTIONS = {"accept": 1, "drop": 2, "reject": 3, "return": 4, "continue": 5}
_DIRECTIONS = {"in": 1, "out": 2, "inout": 3}

HOST_KEYS = (
    Prop("SystemCreationClassName", ClassName("HostSystem"), source="constant: the host's class"),
    Prop("SystemName", lambda *row: row[-1].name, source="virConnectGetHostname, fully qualified"),
    Prop("CreationClassName", ClassName(), source="constant: the class's name"),
)
"""The keys of a row whose last record is the host."""

STATUS = host_status(-1)


def of_rule(name: str, get: Callable[[FilterRule], Value], element: str) -> Prop:
    """Return a property that a rule alone tells."""
    return Prop(name, lambda rule, _filter, _host: get(rule), source=f"{XML}{element}")


def _name(rule: FilterRule, network_filter: NetworkFilter, _host: Host) -> str:
    return rule_name(rule, network_filter)


RULE_KEYS = (*HOST_KEYS, Prop("Name", _name, source="virNWFilterGetName, and the rule's number in it"))
RULE_PROPS = (
    Prop("ElementName", _name, source="virNWFilterGetName, and the rule's number in it"),
    Prop("Caption", Const("Network filter rule"), source="constant: what it is"),
    of_rule("Description", lambda rule: rule.comment, "rule/*/@comment"),
    of_rule("IsNegated", lambda rule: rule.is_negated, "rule/*/@match, of all conditions"),
    of_rule("Action", lambda rule: _ACTIONS.get(rule.action), "rule/@action"),
    of_rule("Direction", lambda rule: _DIRECTIONS.get(rule.direction), "rule/@direction"),
    of_rule("Priority", lambda rule: rule.priority, "rule/@priority"),
    of_rule("Protocol", lambda rule: rule.protocol, "rule/*"),
    of_rule("Conditions", lambda rule: tuple(one.text for one in rule.conditions) or None, "rule/*/@*"),
    of_rule("ConnectionTracking", lambda rule: rule.tracks_connections, "rule/@statematch"),
    *STATUS,
)

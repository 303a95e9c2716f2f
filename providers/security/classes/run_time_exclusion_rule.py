"""Xen_RunTimeExclusionRule: a conflict set of the policy in force.

Source: Xen 4.1, ACM (ConflictSets); CIM_PolicyRule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassName, ClassSpec, Const, Prop
from xencim.providers.security.classes.acm_policy import ENABLED
from xencim.providers.security.rows import CONFLICT_SETS, rule_name

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, SecurityPolicy

_SETS = "the policy's document: ConflictSets"


def _usage(conflict_set: tuple[str, tuple[str, ...]], _policy: SecurityPolicy, _host: Host) -> str:
    return f"of these, a host runs one at most: {', '.join(conflict_set[1])}"


SPEC = ClassSpec(
    cim_class="RunTimeExclusionRule",
    rows=CONFLICT_SETS,
    profiles=("SecurityPolicy",),
    keys=(
        Prop("SystemCreationClassName", ClassName("HostSystem"), source="the host's class"),
        Prop("SystemName", lambda *row: row[-1].name, source="virConnectGetHostname, fully qualified"),
        Prop("CreationClassName", ClassName(), source="the class's name"),
        Prop("PolicyRuleName", rule_name, source=f"{_SETS}; numbered where a name repeats"),
    ),
    props=(
        Prop("ElementName", lambda conflict_set, *_: conflict_set[0], source=_SETS),
        Prop("Caption", lambda *row: f"Conflict set {rule_name(*row)}"[:64], source=_SETS),
        Prop("CommonName", rule_name, source=_SETS),
        Prop("ConflictName", lambda conflict_set, *_: conflict_set[0], source=_SETS),
        Prop("PolicyKeywords", Const(("SECURITY",)), source="constant: CIM_Policy's keyword for such"),
        Prop(
            "Enabled",
            lambda _set, policy, _host: ENABLED[policy.mode],
            source="the mode that the server is in",
        ),
        Prop("RuleUsage", _usage, source=_SETS),
        Prop("Mandatory", Const(value=True), source="constant: no machine may break it"),
    ),
    unfilled={
        "Description": "RuleUsage says what it means",
        "PolicyRoles": "a policy holds for the whole host",
        **dict.fromkeys(
            (
                *("ConditionListType", "SequencedActions", "ExecutionStrategy", "Priority"),
                "PolicyDecisionStrategy",
            ),
            "a conflict set has no conditions and actions of its own: it says what may not be",
        ),
    },
)

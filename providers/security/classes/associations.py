"""What joins the policy in force with its labels, types, rules, conflict sets and the host.

Source: DSP1106 (shapes); CIM_PolicySetComponent, CIM_PolicySetAppliesToElement, CIM_MemberOfCollection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import AssocSpec, Link
from xencim.providers.host import host_system
from xencim.providers.host.rows import the_host
from xencim.providers.security.classes import (
    access_rule,
    acm_policy,
    run_time_exclusion_rule,
    security_label,
    security_type,
)
from xencim.providers.security.classes.labelled import ELEMENT_SECURITY_LABEL
from xencim.providers.security.rows import (
    TypeKind,
    access_rules,
    conflict_sets,
    labels,
    policies,
    types,
    types_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.core.spec import Context, Row


def _policies(context: Context, _row: Row) -> Iterator[Row]:
    return policies(context)


def _labels_of_type(context: Context, row: Row) -> Iterator[Row]:
    kind, name, *_ = row
    for found in labels(context):
        if name in (found[0].ste_types if kind is TypeKind.SIMPLE else found[0].wall_types):
            yield found


def _types_of_label(_context: Context, row: Row) -> Iterator[Row]:
    label, policy, host = row
    for kind, names in ((TypeKind.SIMPLE, label.ste_types), (TypeKind.WALL, label.wall_types)):
        for name in types_of(policy, kind):
            if name in names:
                yield (kind, name, policy, host)


def _types_of_rule(_context: Context, row: Row) -> Iterator[Row]:
    conflict_set, policy, host = row
    for name in types_of(policy, TypeKind.WALL):
        if name in conflict_set[1]:
            yield (TypeKind.WALL, name, policy, host)


def _rules_of_type(context: Context, row: Row) -> Iterator[Row]:
    kind, name, *_ = row
    for found in conflict_sets(context):
        if kind is TypeKind.WALL and name in found[0][1]:
            yield found


def _type_of_access_rule(_context: Context, row: Row) -> Iterable[Row]:
    return ((TypeKind.SIMPLE, *row),)


def _access_rules_of_type(context: Context, row: Row) -> Iterator[Row]:
    kind, name, *_ = row
    for found in access_rules(context):
        if kind is TypeKind.SIMPLE and name == found[0]:
            yield found


POLICY_DEFINES_LABEL = AssocSpec(
    cim_class="PolicyDefinesLabel",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("SecurityPolicy",),
    links=(
        Link(
            left=acm_policy.SPEC,
            right=security_label.SPEC,
            rights_of=lambda context, _row: labels(context),
            lefts_of=_policies,
        ),
    ),
)

POLICY_DEFINES_ACCESS_RULE = AssocSpec(
    cim_class="PolicyDefinesAccessRule",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("SecurityPolicy",),
    links=(
        Link(
            left=acm_policy.SPEC,
            right=access_rule.SPEC,
            rights_of=lambda context, _row: access_rules(context),
            lefts_of=_policies,
        ),
    ),
)

_RULE_AND_TYPE = Link(
    left=access_rule.SPEC,
    right=security_type.SPEC,
    rights_of=_type_of_access_rule,
    lefts_of=_access_rules_of_type,
)

AUTHORIZED_SUBJECT = AssocSpec(
    cim_class="AuthorizedSubject",
    left_role="Privilege",
    right_role="PrivilegedElement",
    profiles=("SecurityPolicy",),
    links=(_RULE_AND_TYPE,),
)

AUTHORIZED_TARGET = AssocSpec(
    cim_class="AuthorizedTarget",
    left_role="Privilege",
    right_role="TargetElement",
    profiles=("SecurityPolicy",),
    links=(_RULE_AND_TYPE,),
)

SECURITY_TYPE_MEMBERSHIP = AssocSpec(
    cim_class="SecurityTypeMembership",
    left_role="Collection",
    right_role="Member",
    profiles=("SecurityPolicy",),
    links=(
        Link(
            left=security_type.SPEC,
            right=security_label.SPEC,
            rights_of=_labels_of_type,
            lefts_of=_types_of_label,
        ),
    ),
)

HOSTED_COLLECTION = AssocSpec(
    cim_class="HostedCollection",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("SecurityPolicy",),
    links=(
        Link(
            left=host_system.SPEC,
            right=security_type.SPEC,
            rights_of=lambda context, _row: types(context),
            lefts_of=the_host,
        ),
    ),
)

SECURITY_POLICY_COMPONENT = AssocSpec(
    cim_class="SecurityPolicyComponent",
    left_role="GroupComponent",
    right_role="PartComponent",
    profiles=("SecurityPolicy",),
    links=(
        Link(
            left=acm_policy.SPEC,
            right=run_time_exclusion_rule.SPEC,
            rights_of=lambda context, _row: conflict_sets(context),
            lefts_of=_policies,
        ),
    ),
    unfilled={"Priority": "conflict sets have no order: each of them holds"},
)

EXCLUSION_RULE_APPLIES_TO_TYPE = AssocSpec(
    cim_class="ExclusionRuleAppliesToType",
    left_role="PolicySet",
    right_role="ManagedElement",
    profiles=("SecurityPolicy",),
    links=(
        Link(
            left=run_time_exclusion_rule.SPEC,
            right=security_type.SPEC,
            rights_of=_types_of_rule,
            lefts_of=_rules_of_type,
        ),
    ),
)

SECURITY_POLICY_APPLIES_TO_SYSTEM = AssocSpec(
    cim_class="SecurityPolicyAppliesToSystem",
    left_role="PolicySet",
    right_role="ManagedElement",
    profiles=("SecurityPolicy",),
    links=(Link(left=acm_policy.SPEC, right=host_system.SPEC, rights_of=the_host, lefts_of=_policies),),
)

ASSOCIATIONS = (
    POLICY_DEFINES_LABEL,
    POLICY_DEFINES_ACCESS_RULE,
    AUTHORIZED_SUBJECT,
    AUTHORIZED_TARGET,
    SECURITY_TYPE_MEMBERSHIP,
    HOSTED_COLLECTION,
    SECURITY_POLICY_COMPONENT,
    EXCLUSION_RULE_APPLIES_TO_TYPE,
    SECURITY_POLICY_APPLIES_TO_SYSTEM,
    ELEMENT_SECURITY_LABEL,
)

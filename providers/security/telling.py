"""The policy in force as records of the inventory, which classes are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.model import Component, LabelKind
from xencim.acm.slots import slots_of
from xencim.providers.backends.records import PolicyLabel, SecurityPolicy

if TYPE_CHECKING:
    from xencim.acm.model import Label, Policy
    from xencim.acm.slots import Slots
    from xencim.providers.security.enforcement.keeper import InForce, Security

_COMPONENTS = {
    Component.CHINESE_WALL: "ChineseWall",
    Component.SIMPLE_TYPE_ENFORCEMENT: "SimpleTypeEnforcement",
}


def tell_policy(security: Security) -> None:
    """Make the inventory's records what is in force now."""
    inventory, in_force = security.inventory, security.in_force
    if in_force is None:
        inventory.replace_all(SecurityPolicy, ())
        inventory.replace_all(PolicyLabel, ())
        return
    inventory.put(_policy(security, in_force))
    labels = (*in_force.policy.machine_labels, *in_force.policy.resource_labels)
    slots = slots_of(in_force.policy)
    inventory.replace_all(PolicyLabel, (_label(label, slots) for label in labels))


def _policy(security: Security, in_force: InForce) -> SecurityPolicy:
    policy: Policy = in_force.policy
    header = policy.header
    return SecurityPolicy(
        name=header.name,
        version=str(header.version),
        digest=in_force.digest,
        mode=security.mode,
        reaction=security.reaction,
        bootstrap=policy.bootstrap,
        ste_types=policy.ste_types,
        wall_types=policy.chinese_wall_types,
        conflict_sets=tuple((a_set.name, tuple(sorted(a_set.types))) for a_set in policy.conflict_sets),
        primary=_COMPONENTS[policy.primary] if policy.primary else None,
        url=header.url,
        reference=header.reference,
        date=header.date,
        previous=(header.previous.name, header.previous.version) if header.previous else None,
        activated=in_force.activated,
        principal=in_force.principal,
        signer=in_force.signer,
    )


def _label(label: Label, slots: Slots) -> PolicyLabel:
    return PolicyLabel(
        name=label.name,
        is_for_machines=label.kind is LabelKind.MACHINE,
        ste_types=tuple(sorted(label.ste_types)),
        wall_types=tuple(sorted(label.chinese_wall_types)),
        previous=label.previous,
        ssidref=slots.ssidref(label.name, label.kind),
    )

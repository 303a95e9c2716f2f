"""Where the classes of the policy in force have their instances; without a policy there are none.

Every row ends with ``policy, host``. A label's, a type's and a rule's are of the policy in force only.

Source: docs/concepts/acm.md.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from xencim.acm.model import UNLABELED
from xencim.providers.backends.records import (
    AssignedLabel,
    FlaskState,
    Host,
    Labelled,
    PolicyBoolean,
    PolicyLabel,
    SecurityPolicy,
    VirtualMachine,
)
from xencim.providers.core.spec import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import Context, Keys, Row

_THE_POLICY = "policy"


class TypeKind(IntEnum):
    """What a type is for; the numbers are those of Xen_SecurityType.TypeKind."""

    SIMPLE = 1
    WALL = 2


def policy_of(context: Context) -> SecurityPolicy | None:
    """Return the policy in force."""
    return context.view.get(SecurityPolicy, _THE_POLICY)


def policies(context: Context) -> Iterator[Row]:
    """Yield the row of the policy in force, if there is one: ``(policy, host)``."""
    policy = policy_of(context)
    if policy is not None:
        yield (policy, context.view.host)


POLICY = Rows(
    kinds=(SecurityPolicy, Host),
    all=policies,
    find=lambda context, _keys: next(policies(context), None),
)


def host_and_policy(context: Context) -> Row:
    """Return the row of what decides on a host, with a policy or without: ``(host, policy)``."""
    return (context.view.host, policy_of(context))


HOST_AND_POLICY = Rows(
    kinds=(Host, SecurityPolicy),
    all=lambda context: (host_and_policy(context),),
    find=lambda context, _keys: host_and_policy(context),
)


# Labels: (label, policy, host) -----------------------------------------------------------------


def labels(context: Context) -> Iterator[Row]:
    """Yield the rows of all labels that the policy defines."""
    for row in policies(context):
        for label in context.view.all(PolicyLabel).values():
            yield (label, *row)


def label_named(context: Context, name: str, *, is_for_machines: bool) -> Iterator[Row]:
    """Yield the row of a label, if the policy defines it."""
    label = context.view.get(PolicyLabel, f"{'VM' if is_for_machines else 'RES'}:{name}")
    if label is not None:
        for row in policies(context):
            yield (label, *row)


def label_id(label: PolicyLabel, policy: SecurityPolicy, host: Host) -> str:
    """Return a label's InstanceID; names of policies and labels have no colon."""
    return f"{host.prefix}:ACM:{policy.name}:{label.key}"


def _find_label(context: Context, keys: Keys) -> Row | None:
    kind, _, name = str(keys.get("instanceid")).rpartition(":")
    return next(label_named(context, name, is_for_machines=kind.endswith(":VM")), None)


LABELS = Rows(kinds=(PolicyLabel, SecurityPolicy, Host), all=labels, find=_find_label)


# Types: (kind, name, policy, host) -------------------------------------------------------------


def types(context: Context) -> Iterator[Row]:
    """Yield the rows of all types that the policy declares."""
    for row in policies(context):
        for kind in TypeKind:
            for name in types_of(row[0], kind):
                yield (kind, name, *row)


def types_of(policy: SecurityPolicy, kind: TypeKind) -> tuple[str, ...]:
    """Return a policy's types of one kind."""
    return (policy.ste_types if kind is TypeKind.SIMPLE else policy.wall_types) or ()


def type_id(kind: TypeKind, name: str, policy: SecurityPolicy, host: Host) -> str:
    """Return a type's InstanceID."""
    return f"{host.prefix}:ACM:{policy.name}:{'STE' if kind is TypeKind.SIMPLE else 'CHWALL'}/{name}"


def _find_type(context: Context, keys: Keys) -> Row | None:
    wanted = keys.get("instanceid")
    return next((row for row in types(context) if type_id(*row) == wanted), None)


TYPES = Rows(kinds=(SecurityPolicy, Host), all=types, find=_find_type)


# Access rules: (type's name, policy, host) -----------------------------------------------------


def access_rules(context: Context) -> Iterator[Row]:
    """Yield the rows of the rules by which something is shared: one a type that a machine's label has."""
    used = {name for label, *_ in labels(context) if label.is_for_machines for name in label.ste_types}
    for policy, host in policies(context):
        for name in types_of(policy, TypeKind.SIMPLE):
            if name in used:
                yield (name, policy, host)


def access_rule_id(name: str, policy: SecurityPolicy, host: Host) -> str:
    """Return a rule's InstanceID."""
    return f"{host.prefix}:ACM:{policy.name}:SHARE/{name}"


def _find_access_rule(context: Context, keys: Keys) -> Row | None:
    wanted = keys.get("instanceid")
    return next((row for row in access_rules(context) if access_rule_id(*row) == wanted), None)


ACCESS_RULES = Rows(kinds=(PolicyLabel, SecurityPolicy, Host), all=access_rules, find=_find_access_rule)


# FLASK: (host, state), and its booleans: (boolean, host) ---------------------------------------


def flask_of(context: Context) -> FlaskState | None:
    """Return the state of the hypervisor's own access control; None where it has none."""
    return context.view.get(FlaskState, "flask")


def flasks(context: Context) -> Iterator[Row]:
    """Yield the row of the hypervisor's own access control, if it has one."""
    state = flask_of(context)
    if state is not None:
        yield (context.view.host, state)


FLASK = Rows(
    kinds=(FlaskState, Host),
    all=flasks,
    find=lambda context, _keys: next(flasks(context), None),
)


def booleans(context: Context) -> Iterator[Row]:
    """Yield the rows of the booleans of the hypervisor's policy."""
    for boolean in context.view.all(PolicyBoolean).values():
        yield (boolean, context.view.host)


def _find_boolean(context: Context, keys: Keys) -> Row | None:
    boolean = context.view.get(PolicyBoolean, str(keys.get("instanceid")).rpartition(":")[2])
    return (boolean, context.view.host) if boolean else None


BOOLEANS = Rows(kinds=(PolicyBoolean, Host), all=booleans, find=_find_boolean)


# Conflict sets: (set, policy, host) ------------------------------------------------------------


def conflict_sets(context: Context) -> Iterator[Row]:
    """Yield the rows of the policy's conflict sets; a set is its name and its types."""
    for row in policies(context):
        for conflict_set in row[0].conflict_sets:
            yield (conflict_set, *row)


def rule_name(conflict_set: tuple[str, tuple[str, ...]], policy: SecurityPolicy, _host: Host) -> str:
    """Return what tells a conflict set from all others: its name, numbered where that repeats."""
    name, _ = conflict_set
    alike = [other for other in policy.conflict_sets if other[0] == name]
    number = next(number for number, other in enumerate(alike, 1) if other is conflict_set)
    return name if number == 1 else f"{name}:{number}"


def _find_rule(context: Context, keys: Keys) -> Row | None:
    wanted = keys.get("policyrulename")
    return next((row for row in conflict_sets(context) if rule_name(*row) == wanted), None)


CONFLICT_SETS = Rows(kinds=(SecurityPolicy, Host), all=conflict_sets, find=_find_rule)


# Who has which label ---------------------------------------------------------------------------


def label_of(context: Context, kind: Labelled, name: str, default: str | None) -> Iterator[Row]:
    """Yield the label of an object, else that of what has none; ``default`` None: there is no such."""
    assigned = context.view.get(AssignedLabel, f"{kind.value} {name}")
    label = (assigned.label if assigned.is_valid else None) if assigned else default
    if label is not None:
        yield from label_named(context, label, is_for_machines=kind in {Labelled.MACHINE, Labelled.HOST})


def label_of_machine(context: Context, machine: VirtualMachine) -> Iterator[Row]:
    """Yield a machine's label, if the policy defines it."""
    return label_of(context, Labelled.MACHINE, machine.uuid, UNLABELED)


def objects_labelled(context: Context, kind: Labelled, label: PolicyLabel) -> Iterator[str]:
    """Yield the names of the objects of one kind that were given a label."""
    for assigned in context.view.all(AssignedLabel).values():
        if (assigned.kind, assigned.label, assigned.is_valid) == (kind, label.name, True):
            yield assigned.object

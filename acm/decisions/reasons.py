"""Why something is refused, in words and as data.

Made only when something is refused: a decision that permits costs no text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.decisions.decision import Rule
from xencim.acm.model import Finding, FindingKind, LabelKind, XsErr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.acm.decisions.rules import Rules
    from xencim.acm.model import ConflictSet, Policy

_MAX_NAMES = 8  # more make a text longer, not clearer; the data have them all
_CHINESE_WALL_CONFLICT = 0x103
_SHARING_REFUSED = 0x101


def listed(names: Iterable[str]) -> str:
    """Return names as they stand in a sentence, the first few of many."""
    all_names = tuple(names)
    text = ", ".join(repr(name) for name in all_names[:_MAX_NAMES])
    return f"{text} and {len(all_names) - _MAX_NAMES} more" if len(all_names) > _MAX_NAMES else text


def unknown_label(policy: Policy, label: str, kind: LabelKind) -> Finding:
    """Tell of a label that the policy does not have."""
    whose = "machine" if kind is LabelKind.MACHINE else "resource"
    return Finding(
        FindingKind.DENIAL,
        f"policy {policy.name!r} has no {whose} label {label!r}: assign one that it has",
        XsErr.BAD_LABEL,
        rule=Rule.LABEL.value,
        labels=(label,),
    )


def nothing_in_common(rules: Rules, label: str, other: str, kind: LabelKind) -> Finding:
    """Tell that two labels share no STE type."""
    what = "a machine" if kind is LabelKind.MACHINE else "a resource"
    return Finding(
        FindingKind.DENIAL,
        f"a machine labelled {label!r} ({_types_of(rules, label, LabelKind.MACHINE)}) and {what} labelled "
        f"{other!r} ({_types_of(rules, other, kind)}) have no Simple Type Enforcement type in common",
        XsErr.RESOURCE_ACCESS if kind is LabelKind.RESOURCE else XsErr.HV_OP_FAILED,
        hypervisor_code=0 if kind is LabelKind.RESOURCE else _SHARING_REFUSED,
        rule=Rule.SHARING.value,
        labels=(label, other),
        types=tuple(sorted({*_names(rules, label, LabelKind.MACHINE), *_names(rules, other, kind)})),
    )


def not_authorized(rules: Rules, label: str, missing: int) -> Finding:
    """Tell that the host's label does not have all that a label has."""
    lacking = rules.ste_names(missing)
    why = (
        f"the host's label {rules.bootstrap!r} lacks its Simple Type Enforcement types {listed(lacking)}"
        if lacking
        else "it has no Simple Type Enforcement type, and so has nothing in common with the host"
    )
    return Finding(
        FindingKind.DENIAL,
        f"label {label!r} is not authorized to run: {why}",
        XsErr.VM_NOT_AUTHORIZED,
        rule=Rule.AUTHORIZATION.value,
        labels=(label, rules.bootstrap),
        types=lacking,
    )


def in_conflict(
    rules: Rules, label: str, other: str, machines: tuple[str, ...], *, a_set: ConflictSet, met: int
) -> Finding:
    """Tell which conflict set keeps a label from starting beside running machines of another."""
    types = rules.wall_names(met)
    bits = rules.bits(other)
    theirs = tuple(sorted(a_set.types & set(rules.wall_names(bits.wall if bits else 0))))
    return Finding(
        FindingKind.DENIAL,
        f"label {label!r} is in conflict with {listed(machines)} running with label {other!r}: conflict set "
        f"{a_set.name!r} keeps Chinese Wall type {listed(types)} from starting beside {listed(theirs)}",
        XsErr.VM_IN_CONFLICT,
        hypervisor_code=_CHINESE_WALL_CONFLICT,
        rule=f"{Rule.CHINESE_WALL.value} {a_set.name}",
        labels=(label, other),
        types=types,
        machines=machines,
    )


def _names(rules: Rules, label: str, kind: LabelKind) -> tuple[str, ...]:
    bits = rules.bits(label, kind)
    return rules.ste_names(bits.ste) if bits else ()


def _types_of(rules: Rules, label: str, kind: LabelKind) -> str:
    return listed(_names(rules, label, kind)) or "no type"

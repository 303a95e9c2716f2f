"""Where a compiled policy has each label: its slot, and the ssidref made of slots.

Slot 0 is that of what has no label, defined or not; then the bootstrap label, the other machine labels
in the order of their bytes, and behind them (for Simple Type Enforcement only) the resource labels.
A resource label `__UNLABELED__` has no slot of its own: it shares slot 0.

Source: Xen 4.1, the policy compiler; an ssidref has the slot of the primary component in its low 16 bits.
Errors: PolicyError for a policy of more labels than an ssidref can tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from xencim.acm.model import UNLABELED, Finding, FindingKind, LabelKind, PolicyError, XsErr

if TYPE_CHECKING:
    from xencim.acm.model import Label, Policy

INVALID_SSIDREF = 0xFFFF_FFFF
"""The ssidref of no label."""
_MAX_SLOTS = 1 << 16


@dataclass(frozen=True)
class Slots:
    """The slots of a policy's labels by their names."""

    machines: tuple[str, ...]
    resources: tuple[str, ...]
    has_two_components: bool

    @cached_property
    def _indexes(self) -> dict[tuple[LabelKind, str], int]:
        machines = {(LabelKind.MACHINE, name): slot for slot, name in enumerate(self.machines)}
        behind = len(self.machines)
        resources = {(LabelKind.RESOURCE, name): slot for slot, name in enumerate(self.resources, behind)}
        return {(LabelKind.RESOURCE, UNLABELED): 0} | machines | resources

    def ssidref(self, name: str, kind: LabelKind) -> int:
        """Return the ssidref of a label, INVALID_SSIDREF for a name that the policy does not know."""
        slot = self._indexes.get((kind, name))
        if slot is None:
            return INVALID_SSIDREF
        if not self.has_two_components:
            return slot
        return slot << 16 | (slot if kind is LabelKind.MACHINE else 0)


def slots_of(policy: Policy) -> Slots:
    """Return the slots of a policy's labels."""
    first = (UNLABELED,) if policy.bootstrap in {None, UNLABELED} else (UNLABELED, policy.bootstrap)
    machines = _names(policy.machine_labels) - {*first}
    resources = _names(policy.resource_labels) - {UNLABELED}
    count = len(first) + len(machines) + len(resources)
    if count > _MAX_SLOTS:
        message = f"the policy has {count} labels; a compiled policy has at most {_MAX_SLOTS}"
        raise PolicyError((Finding(FindingKind.ERROR, message, XsErr.POLICY_INCONSISTENT),))
    return Slots(
        machines=(*(name for name in first if name is not None), *sorted(machines)),
        resources=tuple(sorted(resources)),
        has_two_components=bool(policy.ste_types) and bool(policy.chinese_wall_types),
    )


def _names(labels: tuple[Label, ...]) -> set[str]:
    return {label.name for label in labels}

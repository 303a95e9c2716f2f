"""A policy made ready for decisions: every label's types as the bits of one integer.

A component that the policy does not have refuses nothing. The unlabeled, machine or resource, has the types
of the machine label of that name, none where the policy has no such label.

Source: Xen 4.1, xen/xsm/acm: sharing and authorization of Simple Type Enforcement, the Chinese Wall's
aggregate set of conflicts.
Errors: a label that the policy does not have is refused (`Decision`), with what it is called for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from xencim.acm.decisions import reasons
from xencim.acm.decisions.decision import PERMITTED, Decision, refused
from xencim.acm.model import UNLABELED, LabelKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.acm.model import ConflictSet, Label, Policy


class Bits(NamedTuple):
    """A label's types: bit i is the i-th type of the policy; ``excluded`` may not start beside it."""

    ste: int
    wall: int
    excluded: int


class Rules:
    """A policy's decisions. Immutable: made once for a policy, asked from anywhere.

    ``bootstrap`` is the label of Domain-0, or of the host where there is none; None: the policy's own.
    """

    def __init__(self, policy: Policy, bootstrap: str | None = None) -> None:
        self.policy = policy
        self.bootstrap = bootstrap or policy.bootstrap or UNLABELED
        self.ste_types = policy.ste_types or ()
        self.wall_types = policy.chinese_wall_types or ()
        self._has_ste = policy.ste_types is not None
        self._ste_bit = {name: 1 << number for number, name in enumerate(self.ste_types)}
        self._wall_bit = {name: 1 << number for number, name in enumerate(self.wall_types)}
        self._conflicts = tuple((a_set, _bits(a_set.types, self._wall_bit)) for a_set in policy.conflict_sets)
        self._sets_of: dict[str, list[int]] = {}
        for place, a_set in enumerate(policy.conflict_sets):
            for name in a_set.types:
                self._sets_of.setdefault(name, []).append(place)
        unlabeled = Bits(0, 0, 0)
        self._machines = {UNLABELED: unlabeled} | {
            label.name: self._bits_of(label) for label in policy.machine_labels
        }
        self._resources = {label.name: self._bits_of(label) for label in policy.resource_labels}
        self._resources[UNLABELED] = self._machines[UNLABELED]._replace(wall=0, excluded=0)

    def bits(self, label: str, kind: LabelKind = LabelKind.MACHINE) -> Bits | None:
        """Return a label's types; None: the policy has no such label."""
        return (self._machines if kind is LabelKind.MACHINE else self._resources).get(label)

    def check_label(self, label: str, kind: LabelKind = LabelKind.MACHINE) -> Decision:
        """Tell whether the policy has a label."""
        if self.bits(label, kind) is None:
            return refused([reasons.unknown_label(self.policy, label, kind)])
        return PERMITTED

    def may_share(self, label: str, other: str, kind: LabelKind = LabelKind.MACHINE) -> Decision:
        """Tell whether a machine may share with another one or use a resource; ``kind`` is the other's."""
        one, two = self.bits(label), self.bits(other, kind)
        if one is None:
            return self.check_label(label)
        if two is None:
            return self.check_label(other, kind)
        if one.ste & two.ste or not self._has_ste:
            return PERMITTED
        return refused([reasons.nothing_in_common(self, label, other, kind)])

    def may_run(self, label: str) -> Decision:
        """Tell whether a label is authorized to run: it has types, and the host's has each of them."""
        one, host = self.bits(label), self._machines.get(self.bootstrap)
        if one is None:
            return self.check_label(label)
        if host is None:
            return self.check_label(self.bootstrap)
        if not self._has_ste or (one.ste and not one.ste & ~host.ste):
            return PERMITTED
        return refused([reasons.not_authorized(self, label, one.ste & ~host.ste)])

    def ste_names(self, bits: int) -> tuple[str, ...]:
        """Return the Simple Type Enforcement types that bits stand for."""
        return tuple(self.ste_types[number] for number in ones(bits))

    def wall_names(self, bits: int) -> tuple[str, ...]:
        """Return the Chinese Wall types that bits stand for."""
        return tuple(self.wall_types[number] for number in ones(bits))

    def conflicts(self, running: str, starting: str) -> list[tuple[ConflictSet, int]]:
        """Return the conflict sets that keep a label from starting beside a running one, with the types."""
        one, other = self._machines[running], self._machines[starting]
        met_types = self.wall_names(one.excluded & other.wall)
        places = sorted({place for name in met_types for place in self._sets_of.get(name, ())})
        return [
            (a_set, met)
            for a_set, mask in (self._conflicts[place] for place in places)
            if one.wall & mask and (met := mask & ~one.wall & other.wall)
        ]

    def _bits_of(self, label: Label) -> Bits:
        wall = _bits(label.chinese_wall_types, self._wall_bit)
        excluded = 0
        for name in label.chinese_wall_types:
            for place in self._sets_of.get(name, ()):
                excluded |= self._conflicts[place][1] & ~wall
        return Bits(_bits(label.ste_types, self._ste_bit), wall, excluded)


def _bits(names: Iterable[str], bit_of: dict[str, int]) -> int:
    bits = 0
    for name in names:
        bits |= bit_of.get(name, 0)  # an undeclared type is no type: reading refuses such a policy
    return bits


def ones(bits: int) -> Iterable[int]:
    """Yield the places of the ones in an integer, the lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest

"""The machines that run, and what may start beside them.

For each Chinese Wall type it is known which running labels exclude it; one integer has a bit for each type
that is excluded, so that a decision is one "and". What was started is never asked again: the order in which
machines start makes the difference where a label carries part of a conflict set.

Source: Xen 4.1, xen/xsm/acm, the Chinese Wall's aggregate set of conflicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from xencim.acm.decisions import reasons
from xencim.acm.decisions.decision import PERMITTED, Decision, all_of, refused
from xencim.acm.decisions.rules import ones

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xencim.acm.decisions.rules import Rules

HOST = "Domain-0"
"""What the bootstrap label runs as: it is there before all machines and never stops."""


class Running(NamedTuple):
    """A running machine: what it is called, and its label."""

    name: str
    label: str


class RunningSet:
    """Which machines run under a policy, by key; Domain-0 is always among them."""

    def __init__(self, rules: Rules, machines: Iterable[tuple[str, Running]] = ()) -> None:
        self.rules = rules
        self._machines: dict[str, Running] = {}
        self._with_label: dict[str, dict[str, None]] = {}
        self._excluders: dict[int, dict[str, None]] = {}
        self._blocked = 0
        self.start(HOST, rules.bootstrap)
        for key, machine in machines:
            self.start(key, machine.label, machine.name)

    @property
    def machines(self) -> Mapping[str, Running]:
        """The running machines by key, in the order in which they started."""
        return self._machines

    def start(self, key: str, label: str, name: str | None = None) -> None:
        """Note that a machine runs, permitted or not; one that is known already has this label now.

        A label that the policy does not have excludes nothing.
        """
        self.stop(key)
        self._machines[key] = Running(name or key, label)
        same = self._with_label.setdefault(label, {})
        bits = self.rules.bits(label)
        if not same and bits:
            self._blocked |= bits.excluded
            for number in ones(bits.excluded):
                self._excluders.setdefault(number, {})[label] = None
        same[key] = None

    def stop(self, key: str) -> None:
        """Note that a machine runs no more; nothing happens when it did not."""
        machine = self._machines.pop(key, None)
        if machine is None:
            return
        same = self._with_label[machine.label]
        del same[key]
        if same:
            return
        del self._with_label[machine.label]
        bits = self.rules.bits(machine.label)
        for number in ones(bits.excluded) if bits else ():
            del self._excluders[number][machine.label]
            if not self._excluders[number]:
                self._blocked &= ~(1 << number)

    def may_start(self, label: str, *, ignoring: str | None = None) -> Decision:
        """Tell whether a machine of a label may start now: it is authorized, and in conflict with nobody.

        ``ignoring``: the key of the machine itself, where it is among those that run.
        """
        authorized, apart = self.rules.may_run(label), self.is_apart(label, ignoring=ignoring)
        return apart if authorized.permitted else all_of((authorized, apart))

    def is_apart(self, label: str, *, ignoring: str | None = None) -> Decision:
        """Tell whether a label is in conflict with nobody who runs, authorized or not."""
        bits = self.rules.bits(label)
        if bits is None or not bits.wall & self._blocked:
            return PERMITTED
        if ignoring in self._machines and not bits.wall & self._blocked_without(ignoring):
            return PERMITTED
        return self._conflicts(label, ignoring)

    def without(self, *keys: str) -> RunningSet:
        """Return these machines but for some: what would be if they were not there."""
        kept = [(key, machine) for key, machine in self._machines.items() if key not in {HOST, *keys}]
        return RunningSet(self.rules, kept)

    def _blocked_without(self, key: str) -> int:
        """Return what the running machines exclude but for one of them."""
        label = self._machines[key].label
        bits = self.rules.bits(label)
        if bits is None or len(self._with_label[label]) > 1:
            return self._blocked
        return self._blocked & ~sum(1 << n for n in ones(bits.excluded) if len(self._excluders[n]) == 1)

    def _conflicts(self, label: str, ignoring: str | None) -> Decision:
        bits = self.rules.bits(label)
        met_types = ones(bits.wall & self._blocked) if bits else ()
        others = dict.fromkeys(other for number in met_types for other in self._excluders[number])
        found = []
        for other in others:
            names = tuple(self._machines[key].name for key in self._with_label[other] if key != ignoring)
            if names:
                found += [
                    reasons.in_conflict(self.rules, label, other, names, a_set=a_set, met=met)
                    for a_set, met in self.rules.conflicts(other, label)
                ]
        return refused(found)


def replay(rules: Rules, machines: Iterable[tuple[str, Running]]) -> dict[str, Decision]:
    """Start machines in turn as an update of the policy does, and return the refusals by key.

    Whether they are authorized is not asked. One that is refused is left out for those after it, so
    that the others can all run once the refused have stopped.
    """
    running = RunningSet(rules)
    refusals = {}
    for key, machine in machines:
        decision = running.is_apart(machine.label)
        if decision.permitted:
            running.start(key, machine.label, machine.name)
        else:
            refusals[key] = decision
    return refusals

"""The machines that run, and what may start beside them.

For each Chinese Wall type there is a count of the running machines that exclude it; one integer has a
bit for each count above zero, so that a decision is one "and". What was started is never asked again: the
order in which machines start makes the difference where a label carries part of a conflict set.

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
        self._counts: dict[int, int] = {}
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
        self._with_label.setdefault(label, {})[key] = None
        bits = self.rules.bits(label)
        for number in ones(bits.excluded) if bits else ():
            count = self._counts.get(number, 0)
            self._counts[number] = count + 1
            if not count:
                self._blocked |= 1 << number

    def stop(self, key: str) -> None:
        """Note that a machine runs no more; nothing happens when it did not."""
        machine = self._machines.pop(key, None)
        if machine is None:
            return
        same = self._with_label[machine.label]
        del same[key]
        if not same:
            del self._with_label[machine.label]
        bits = self.rules.bits(machine.label)
        for number in ones(bits.excluded) if bits else ():
            self._counts[number] -= 1
            if not self._counts[number]:
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
        bits = self.rules.bits(self._machines[key].label)
        only_its = sum(1 << n for n in ones(bits.excluded) if self._counts[n] == 1) if bits else 0
        return self._blocked & ~only_its

    def _conflicts(self, label: str, ignoring: str | None) -> Decision:
        found = []
        for other, keys in self._with_label.items():
            names = tuple(self._machines[key].name for key in keys if key != ignoring)
            if not names or self.rules.bits(other) is None:
                continue
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

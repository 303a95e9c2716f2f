"""What differs between two policies, in words and as data.

Order, and types listed in another order, are no difference: nothing is decided by them. A label that
says from which it was renamed is followed.

Errors: none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.acm.model import ConflictSet, Label, Policy


class ChangeKind(Enum):
    """What happened to something."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; ``before`` and ``after`` are what it had, empty for what was not there."""

    kind: ChangeKind
    what: str
    name: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind is ChangeKind.RENAMED:
            return f"{self.what} {self.before[0]} renamed {self.name}"
        if self.kind is not ChangeKind.CHANGED:
            types = self.after or self.before
            return f"{self.what} {self.name} {self.kind.value}" + (f": {', '.join(types)}" if types else "")
        gained = [f"+{name}" for name in self.after if name not in self.before]
        lost = [f"-{name}" for name in self.before if name not in self.after]
        return f"{self.what} {self.name}: {' '.join((*gained, *lost))}"


def differences(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Return what makes the old policy the new one."""
    return (
        *_header(old, new),
        *_names("type", old.ste_types, new.ste_types),
        *_names("Chinese Wall type", old.chinese_wall_types, new.chinese_wall_types),
        *_conflict_sets(old.conflict_sets, new.conflict_sets),
        *_labels("machine label", old.machine_labels, new.machine_labels),
        *_labels("resource label", old.resource_labels, new.resource_labels),
    )


def _header(old: Policy, new: Policy) -> Iterator[Change]:
    one, two = old.header, new.header
    for name, before, after in (
        ("name", one.name, two.name),
        ("version", str(one.version), str(two.version)),
        ("URL", one.url, two.url),
        ("reference", one.reference, two.reference),
        ("date", one.date, two.date),
        ("name space URL", one.name_space_url, two.name_space_url),
        ("bootstrap label", old.bootstrap, new.bootstrap),
        ("primary component", _component(old), _component(new)),
    ):
        if before != after:
            yield Change(ChangeKind.CHANGED, "policy", name, _given(before), _given(after))


def _component(policy: Policy) -> str | None:
    return policy.primary.name.replace("_", " ").title() if policy.primary else None


def _given(text: str | None) -> tuple[str, ...]:
    return () if text is None else (text,)


def _names(what: str, old: Iterable[str] | None, new: Iterable[str] | None) -> Iterator[Change]:
    before, after = frozenset(old or ()), frozenset(new or ())
    for name in sorted(after - before):
        yield Change(ChangeKind.ADDED, what, name)
    for name in sorted(before - after):
        yield Change(ChangeKind.REMOVED, what, name)


def _conflict_sets(old: tuple[ConflictSet, ...], new: tuple[ConflictSet, ...]) -> Iterator[Change]:
    """Tell of sets by name; of those that share a name, each that both have is left out first."""
    for name in sorted({conflict.name for conflict in (*old, *new)}):
        before = [sorted(conflict.types) for conflict in old if conflict.name == name]
        after = [sorted(conflict.types) for conflict in new if conflict.name == name]
        gone = [types for types in before if types not in after]
        come = [types for types in after if types not in before]
        for one, two in zip(gone, come, strict=False):
            yield Change(ChangeKind.CHANGED, "conflict set", name, tuple(one), tuple(two))
        for types in come[len(gone) :]:
            yield Change(ChangeKind.ADDED, "conflict set", name, (), tuple(types))
        for types in gone[len(come) :]:
            yield Change(ChangeKind.REMOVED, "conflict set", name, tuple(types))


def _labels(what: str, old: tuple[Label, ...], new: tuple[Label, ...]) -> Iterator[Change]:
    before = {label.name: label for label in old}
    for label in new:
        source = label.previous if label.previous in before else label.name
        known = before.pop(source, None)
        if known is None:
            yield Change(ChangeKind.ADDED, what, label.name, (), _types(label))
            continue
        if known.name != label.name:
            yield Change(ChangeKind.RENAMED, what, label.name, (known.name,), (label.name,))
        if _types(known) != _types(label):
            yield Change(ChangeKind.CHANGED, what, label.name, _types(known), _types(label))
    for label in before.values():
        yield Change(ChangeKind.REMOVED, what, label.name, _types(label))


def _types(label: Label) -> tuple[str, ...]:
    """Return a label's types; those of the Chinese Wall say that they are."""
    return (*sorted(label.ste_types), *(f"wall:{name}" for name in sorted(label.chinese_wall_types)))

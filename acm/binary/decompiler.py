"""From a binary policy back to a Policy, with the names of its map or made-up ones.

Compiled again, the result is the same binary: made-up names keep the order of slots and columns, and
Xen's compiler sorted the names it was given.
A binary does not have: dates and URLs, the names of conflict sets, the label `__UNLABELED__` when it
has no types, and, without Chinese Wall, where machine labels end and resource labels begin (a map
tells; without one all are taken for machine labels).

Errors: PolicyError for what is no binary or map, a map of another policy, and names that no policy has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from xencim.acm.binary.mapfile import Names, read_map
from xencim.acm.binary.reader import read_binary
from xencim.acm.language.notes import Notes
from xencim.acm.language.reader import OLD_VERSION
from xencim.acm.language.rules import check_rules
from xencim.acm.model import (
    UNLABELED,
    Component,
    ConflictSet,
    Finding,
    FindingKind,
    Header,
    Label,
    LabelKind,
    Policy,
    PolicyError,
    Version,
    XsErr,
)

if TYPE_CHECKING:
    from xencim.acm.binary.reader import Binary, Section

_EMPTY: frozenset[int] = frozenset()


def decompile(untrusted: bytes, untrusted_map: bytes | None = None) -> Policy:
    """Return the policy of a binary; ``untrusted_map`` is the map that was written with it."""
    binary = read_binary(untrusted)
    names = read_map(untrusted_map) if untrusted_map is not None else None
    if names is not None and names.policy != binary.name:
        _refuse(f"the map is of the policy {names.policy!r}, the binary of {binary.name!r}")
    policy = _Decompiler(binary, names).policy()
    notes = Notes()
    check_rules(policy, notes)
    notes.raise_errors()
    return policy


class _Decompiler:
    def __init__(self, binary: Binary, names: Names | None) -> None:
        self._binary = binary
        self._wall = binary.chinese_wall
        self._ste = binary.ste
        self._names = names or _made_up(binary)
        self._ste_types = self._types(binary.ste, Component.SIMPLE_TYPE_ENFORCEMENT)
        self._wall_types = self._types(binary.chinese_wall, Component.CHINESE_WALL)

    def policy(self) -> Policy:
        wall, ste = self._wall, self._ste
        machines = len(wall.rows) if wall else len(ste.rows) - len(self._names.resources) if ste else 0
        slots = max(len(one.rows) for one in (wall, ste) if one)
        if self._names.resources.keys() != set(range(machines, slots)):
            self._mismatch(f"the binary has the resource labels {machines} to {slots - 1}")
        wanted = set(range(1, machines)) - self._names.machines.keys()
        if wanted or self._names.machines.keys() - set(range(machines)):
            self._mismatch(f"the binary has the machine labels 0 to {machines - 1}")
        if self._names.machines.get(0, UNLABELED) != UNLABELED:
            _refuse(f"the map gives slot 0 to {self._names.machines[0]!r}; it is {UNLABELED!r}'s")
        unlabeled = self._label(0, UNLABELED, LabelKind.MACHINE)
        labels = [
            self._label(slot, self._names.machines[slot], LabelKind.MACHINE) for slot in range(1, machines)
        ]
        is_defined = 0 in self._names.machines or unlabeled.ste_types or unlabeled.chinese_wall_types
        if is_defined or not labels:
            labels.append(unlabeled)
        return Policy(
            header=Header(
                self._binary.name, Version(*self._binary.version) if self._binary.version else OLD_VERSION
            ),
            ste_types=tuple(self._ste_types) if ste else None,
            chinese_wall_types=tuple(self._wall_types) if wall else None,
            conflict_sets=self._conflict_sets(),
            bootstrap=labels[0].name,
            machine_labels=tuple(labels),
            resource_labels=tuple(
                self._label(slot, self._names.resources[slot], LabelKind.RESOURCE)
                for slot in range(machines, slots)
            ),
        )

    def _types(self, section: Section | None, component: Component) -> list[str]:
        names = self._names.types[component]
        count = section.types if section else 0
        if names.keys() != set(range(count)):
            self._mismatch(f"the binary has {count} types in {component.name.replace('_', ' ').title()}")
        return [names[column] for column in range(count)]

    def _label(self, slot: int, name: str, kind: LabelKind) -> Label:
        return Label(
            name,
            kind,
            _named(self._ste_types, _row(self._ste, slot)),
            _named(self._wall_types, _row(self._wall, slot)) if kind is LabelKind.MACHINE else frozenset(),
        )

    def _conflict_sets(self) -> tuple[ConflictSet, ...]:
        sets = self._wall.conflict_sets if self._wall else ()
        made_up = _numbered("conflict", len(sets))
        return tuple(
            ConflictSet(made_up[index], _named(self._wall_types, columns))
            for index, columns in enumerate(sets)
        )

    def _mismatch(self, message: str) -> NoReturn:
        _refuse(f"{message}; the map has others: take the map that was written with it")


def _row(section: Section | None, slot: int) -> frozenset[int]:
    return section.rows[slot] if section and slot < len(section.rows) else _EMPTY


def _named(names: list[str], columns: frozenset[int]) -> frozenset[str]:
    return frozenset(names[column] for column in columns)


def _made_up(binary: Binary) -> Names:
    """Return names for everything; resources are what has no slot for Chinese Wall."""
    wall, ste = binary.chinese_wall, binary.ste
    slots = max(len(section.rows) for section in (wall, ste) if section)
    machines = len(wall.rows) if wall else slots
    numbered = _numbered("label", slots)
    return Names(
        binary.name,
        machines={slot: numbered[slot] for slot in range(1, machines)},
        resources={slot: numbered[slot] for slot in range(machines, slots)},
        types={
            Component.CHINESE_WALL: _numbered("wall", wall.types if wall else 0),
            Component.SIMPLE_TYPE_ENFORCEMENT: _numbered("type", ste.types if ste else 0),
        },
    )


def _numbered(word: str, count: int) -> dict[int, str]:
    """Return names whose order is that of their numbers."""
    width = len(str(max(count - 1, 0)))
    return {number: f"{word}{number:0{width}}" for number in range(count)}


def _refuse(message: str) -> NoReturn:
    raise PolicyError((Finding(FindingKind.ERROR, message, XsErr.POLICY_INCONSISTENT),))

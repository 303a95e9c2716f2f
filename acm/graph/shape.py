"""What a drawing of a policy shows: conflict sets, machine labels, types, resource labels, and lines.

Two labels may share where their lines meet in a type. Labels that a line joins to one conflict set do not
run together, but for those that have the same of its types. It grows with the policy, not with the
pairs of its labels.

Errors: none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.acm.model import Policy


class Column(Enum):
    """What a node stands for; drawn from left to right."""

    CONFLICT_SET = "conflict sets"
    MACHINE = "machine labels"
    TYPE = "types"
    RESOURCE = "resource labels"


@dataclass(frozen=True, slots=True)
class Node:
    """A box; ``key`` is unique, ``is_host``: the label of Domain-0."""

    key: str
    column: Column
    text: str
    is_host: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from left to right; ``types`` are the Chinese Wall types behind a conflict's."""

    left: str
    right: str
    types: tuple[str, ...] = ()
    is_host: bool = False

    @property
    def is_conflict(self) -> bool:
        """Whether the line joins a label to a conflict set."""
        return bool(self.types)


@dataclass(frozen=True, slots=True)
class Graph:
    """A drawing: its title, boxes by column in the document's order, lines."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_of(policy: Policy) -> Graph:
    """Return what a drawing of a policy shows."""
    nodes = (
        *(Node(f"c{n}", Column.CONFLICT_SET, one.name) for n, one in enumerate(policy.conflict_sets)),
        *(
            Node(f"m{n}", Column.MACHINE, label.name, is_host=label.name == policy.bootstrap)
            for n, label in enumerate(policy.machine_labels)
        ),
        *(Node(f"t{n}", Column.TYPE, name) for n, name in enumerate(policy.ste_types or ())),
        *(Node(f"r{n}", Column.RESOURCE, label.name) for n, label in enumerate(policy.resource_labels)),
    )
    return Graph(f"{policy.name} {policy.header.version}", nodes, tuple(_edges(policy)))


def _edges(policy: Policy) -> Iterator[Edge]:
    type_keys = {name: f"t{number}" for number, name in enumerate(policy.ste_types or ())}
    for number, conflict in enumerate(policy.conflict_sets):
        for label_number, label in enumerate(policy.machine_labels):
            if common := conflict.types & label.chinese_wall_types:
                yield Edge(f"c{number}", f"m{label_number}", tuple(sorted(common)))
    for number, label in enumerate(policy.machine_labels):
        for name in sorted(label.ste_types & type_keys.keys()):
            yield Edge(f"m{number}", type_keys[name], is_host=label.name == policy.bootstrap)
    for number, label in enumerate(policy.resource_labels):
        for name in sorted(label.ste_types & type_keys.keys()):
            yield Edge(type_keys[name], f"r{number}")

"""From the bytes of a policy document to a Policy.

A document of Xen 3.0.4 (no Version in its header) is upgraded: its version is 1.0, conflict sets
without a name are numbered, resource labels without a type get none. A resource label of several
types cannot be kept: since Xen 3.1 a resource has one.

Errors: PolicyError with every error found, each with its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xencim.acm.language.document import Node, parse
from xencim.acm.language.notes import Notes
from xencim.acm.language.rules import VERSION, check_rules
from xencim.acm.language.schema import check
from xencim.acm.model import (
    Component,
    ConflictSet,
    Header,
    Label,
    LabelKind,
    Policy,
    PolicyReference,
    Version,
    XsErr,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.acm.language.notes import Place
    from xencim.acm.model import Finding

OLD_VERSION = Version(1, 0)
"""What the version of a document is that has none."""


@dataclass(frozen=True, slots=True)
class Document:
    """A policy as it was read; ``warnings`` are about its text only, ``lines`` are for lint."""

    policy: Policy
    file: str | None
    lines: Mapping[Place, int]
    warnings: tuple[Finding, ...]
    is_upgraded: bool


def read_policy(untrusted: bytes, file: str | None = None) -> Policy:
    """Return the policy of a document; ``file`` is its name in errors."""
    return read_document(untrusted, file).policy


def read_document(untrusted: bytes, file: str | None = None) -> Document:
    """Return the policy of a document with what its text tells beside."""
    root = parse(untrusted, file)
    notes = Notes(file)
    header = root.child("PolicyHeader")
    is_old = header is not None and not (header.child("Version") or header.child("FromPolicy"))
    check(root, notes, is_old=is_old)
    notes.raise_errors()
    policy = _Reader(root, notes, is_old=is_old).policy()
    check_rules(policy, notes)
    notes.raise_errors()
    return Document(policy, file, notes.lines, tuple(notes.found), is_old)


class _Reader:
    """Reads a document that keeps the grammar."""

    def __init__(self, root: Node, notes: Notes, *, is_old: bool) -> None:
        self._root = root
        self._notes = notes
        self._lines = notes.lines
        self._is_old = is_old

    def policy(self) -> Policy:
        ste = self._root.child("SimpleTypeEnforcement")
        wall = self._root.child("ChineseWall")
        template = _known(self._root, "SecurityLabelTemplate")
        subjects, objects = template.child("SubjectLabels"), template.child("ObjectLabels")
        self._lines["bootstrap",] = (subjects or template).line
        return Policy(
            header=self._header(_known(self._root, "PolicyHeader")),
            primary=self._primary(ste, wall),
            ste_types=self._declared(ste, "SimpleTypeEnforcementTypes", "ste_types"),
            chinese_wall_types=self._declared(wall, "ChineseWallTypes", "chinese_wall_types"),
            conflict_sets=self._conflict_sets(wall),
            bootstrap=subjects.attributes["bootstrap"] if subjects else None,
            machine_labels=tuple(
                self._label(node, LabelKind.MACHINE, "machine_labels", index)
                for index, node in enumerate(subjects.children if subjects else ())
            ),
            resource_labels=tuple(
                self._label(node, LabelKind.RESOURCE, "resource_labels", index)
                for index, node in enumerate(objects.children if objects else ())
            ),
        )

    def _header(self, node: Node) -> Header:
        name = _known(node, "PolicyName")
        previous = node.child("FromPolicy")
        self._lines["name",] = name.line
        self._lines["header",] = node.line
        if self._is_old:
            self._notes.warning(
                f"the header has no Version: read as a document of Xen 3.0.4, version {OLD_VERSION}; "
                "add a Version to say which it is",
                "header",
                element="PolicyHeader",
            )
        return Header(
            name=name.text,
            version=OLD_VERSION if self._is_old else self._version(_known(node, "Version")),
            url=_text(node, "PolicyUrl"),
            reference=_text(node, "Reference"),
            date=_text(node, "Date"),
            name_space_url=_text(node, "NameSpaceUrl"),
            previous=self._previous(previous) if previous else None,
        )

    def _previous(self, node: Node) -> PolicyReference:
        version = _known(node, "Version")
        self._lines["previous",] = version.line
        return PolicyReference(_known(node, "PolicyName").text, version.text)

    def _version(self, node: Node) -> Version:
        numbers = VERSION.fullmatch(node.text)
        if numbers is None:
            self._notes.error(
                f"{node.text!r} cannot be read as a version: write two numbers and a dot, such as 1.0",
                XsErr.BAD_XML,
                line=node.line,
                element="Version",
            )
            return OLD_VERSION
        return Version(int(numbers[1]), int(numbers[2]))

    def _primary(self, ste: Node | None, wall: Node | None) -> Component | None:
        ste_first, wall_first = (node is not None and "priority" in node.attributes for node in (ste, wall))
        if ste_first and wall_first:
            self._notes.warning(
                "both components say that they are the primary one; ChineseWall is taken",
                line=wall.line if wall else None,
                element="ChineseWall",
            )
        if wall_first:
            return Component.CHINESE_WALL
        return Component.SIMPLE_TYPE_ENFORCEMENT if ste_first else None

    def _declared(self, component: Node | None, name: str, field: str) -> tuple[str, ...] | None:
        if component is None:
            return None
        self._lines[field,] = component.line
        types = [node for node in _known(component, name).children if node.text]
        for index, node in enumerate(types):
            self._lines[field, index] = self._lines[field, index, node.text] = node.line
        return tuple(node.text for node in types)

    def _conflict_sets(self, wall: Node | None) -> tuple[ConflictSet, ...]:
        sets = wall.child("ConflictSets") if wall else None
        conflicts = []
        for index, node in enumerate(sets.children if sets else ()):
            self._lines["conflict_sets", index] = node.line
            name = node.attributes.get("name", "")
            if self._is_old and not name:
                name = f"Conflict{index + 1}"
            for type_ in node.children:
                self._lines["conflict_sets", index, type_.text] = type_.line
            conflicts.append(
                ConflictSet(name, frozenset(type_.text for type_ in node.children if type_.text))
            )
        return tuple(conflicts)

    def _label(self, node: Node, kind: LabelKind, field: str, index: int) -> Label:
        name = _known(node, "Name")
        self._lines[field, index] = self._lines[field, index, name.text] = name.line
        return Label(
            name.text,
            kind,
            self._types(node, "SimpleTypeEnforcementTypes", (field, index, "ste")),
            self._types(node, "ChineseWallTypes", (field, index, "chinese_wall")),
            name.attributes.get("from"),
        )

    def _types(self, node: Node, name: str, place: tuple[str, int, str]) -> frozenset[str]:
        lists = node.all(name)
        for again in lists[1:]:
            self._notes.warning(
                f"a second {name} in one label: both are taken, Xen's own tools took one; join them",
                line=again.line,
                element=name,
            )
        types = [type_ for one in lists for type_ in one.children if type_.text]
        for type_ in types:
            self._lines[*place, type_.text] = type_.line
        return frozenset(type_.text for type_ in types)


def _known(node: Node, name: str) -> Node:
    """Return a child that the grammar requires."""
    child = node.child(name)
    if child is None:
        raise AssertionError(f"the grammar lets {node.name} have no {name}")
    return child


def _text(node: Node, name: str) -> str | None:
    child = node.child(name)
    return None if child is None else child.text

"""The grammar of the policy language: which elements, in which order, how many, with which attributes.

It accepts what the schema of Xen 4.1 accepts. A document of Xen 3.0.4 has no Version in its header;
there, a Conflict needs no name and a ResourceLabel no single type.

Errors: none; what is wrong is noted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xencim.acm.language.document import NAMESPACE
from xencim.acm.model import XsErr

if TYPE_CHECKING:
    from xencim.acm.language.document import Node
    from xencim.acm.language.notes import Notes

PRIMARY = "PrimaryPolicyComponent"
_MANY = 1 << 30
# The dot of the original's pattern stands for any character; what it lets through is judged by the reader.
_VERSION = re.compile(r"[0-9]{1,8}[^\r\n][0-9]{1,8}")
_XSI = "http://www.w3.org/2001/XMLSchema-instance "
# Where a document says its schema is; nothing is ever fetched from there.
_IGNORED_ATTRIBUTES = frozenset((f"{_XSI}schemaLocation", f"{_XSI}noNamespaceSchemaLocation"))


@dataclass(frozen=True, slots=True)
class _Rule:
    """What an element holds: ``children`` are (name, least, most) in order; ``text``: characters instead."""

    children: tuple[tuple[str, int, int], ...] = ()
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    text: bool = False


@dataclass(frozen=True, slots=True)
class _Types(_Rule):
    children: tuple[tuple[str, int, int], ...] = field(default=(("Type", 1, _MANY),))


_TEXT = _Rule(text=True)
_RULES = {
    "SecurityPolicyDefinition": _Rule(
        (
            ("PolicyHeader", 1, 1),
            ("SimpleTypeEnforcement", 0, 1),
            ("ChineseWall", 0, 1),
            ("SecurityLabelTemplate", 1, 1),
        )
    ),
    "PolicyHeader": _Rule(
        (
            ("PolicyName", 1, 1),
            ("PolicyUrl", 0, 1),
            ("Reference", 0, 1),
            ("Date", 0, 1),
            ("NameSpaceUrl", 0, 1),
            ("Version", 1, 1),
            ("FromPolicy", 0, 1),
        )
    ),
    "FromPolicy": _Rule((("PolicyName", 1, 1), ("Version", 1, 1))),
    "SimpleTypeEnforcement": _Rule((("SimpleTypeEnforcementTypes", 1, 1),), optional=("priority",)),
    "ChineseWall": _Rule((("ChineseWallTypes", 1, 1), ("ConflictSets", 0, 1)), optional=("priority",)),
    "SimpleTypeEnforcementTypes": _Types(),
    "ChineseWallTypes": _Types(),
    "ConflictSets": _Rule((("Conflict", 1, _MANY),)),
    "Conflict": _Types(required=("name",)),
    "SecurityLabelTemplate": _Rule((("SubjectLabels", 0, 1), ("ObjectLabels", 0, 1))),
    "SubjectLabels": _Rule((("VirtualMachineLabel", 1, _MANY),), required=("bootstrap",)),
    "VirtualMachineLabel": _Rule(
        (("Name", 1, 1), ("SimpleTypeEnforcementTypes", 0, _MANY), ("ChineseWallTypes", 0, _MANY))
    ),
    "ObjectLabels": _Rule((("ResourceLabel", 1, _MANY),)),
    "ResourceLabel": _Rule((("Name", 1, 1), ("SimpleTypeEnforcementTypes", 1, 1))),
    "Name": _Rule(text=True, optional=("from",)),
    **dict.fromkeys(
        ("PolicyName", "PolicyUrl", "Reference", "Date", "NameSpaceUrl", "Version", "Type"), _TEXT
    ),
}
_RESOURCE_TYPES = _Rule((("Type", 1, 1),))
# What Xen 3.0.4 wrote otherwise.
_OLD_RULES = {
    "PolicyHeader": _Rule(
        tuple(
            (name, 0 if name == "Version" else least, 1) for name, least, _ in _RULES["PolicyHeader"].children
        )
    ),
    "Conflict": _Types(optional=("name",)),
    "ResourceLabel": _Rule((("Name", 1, 1), ("SimpleTypeEnforcementTypes", 0, _MANY))),
}


def check(root: Node, notes: Notes, *, is_old: bool) -> None:
    """Note every place where a document leaves the grammar."""
    if root.name != "SecurityPolicyDefinition":
        _note(
            notes,
            root,
            f'the root is {_shown(root.name)}, not SecurityPolicyDefinition with xmlns="{NAMESPACE}"',
        )
        return
    _Checker(notes, is_old=is_old).check(root, None)


class _Checker:
    def __init__(self, notes: Notes, *, is_old: bool) -> None:
        self._notes = notes
        self._rules = _RULES | (_OLD_RULES if is_old else {})
        self._is_old = is_old

    def check(self, node: Node, parent: str | None) -> None:
        """Check an element and all that is in it; one that its parent does not know is not looked into."""
        rule = self._rules[node.name]
        if parent == "ResourceLabel" and rule.children and not self._is_old:
            rule = _RESOURCE_TYPES
        self._check_attributes(node, rule)
        if rule.text:
            for child in node.children:
                _note(self._notes, child, f"{node.name} holds text only; remove {_shown(child.name)}")
        else:
            if node.text.strip():
                text = node.text.strip()
                _note(self._notes, node, f"{node.name} holds elements only; remove the text {text[:40]!r}")
            self._check_order(node, rule)
        if node.name == "Version" and not _VERSION.fullmatch(node.text):
            _note(
                self._notes,
                node,
                f"{node.text[:40]!r} is no version: write two numbers of up to 8 digits, such as 1.0",
            )

    def _check_attributes(self, node: Node, rule: _Rule) -> None:
        for name in rule.required:
            if name not in node.attributes:
                _note(self._notes, node, f'{node.name} has no attribute {name}; add {name}="…"')
        for name in node.attributes.keys() - {*rule.required, *rule.optional} - _IGNORED_ATTRIBUTES:
            _note(self._notes, node, f"{node.name} has no attribute {_shown(name)}; remove it")
        priority = node.attributes.get("priority", PRIMARY)
        if "priority" in rule.optional and priority != PRIMARY:
            _note(
                self._notes,
                node,
                f'priority="{priority[:40]}" is not known; write "{PRIMARY}" or leave it out',
            )

    def _check_order(self, node: Node, rule: _Rule) -> None:
        order = {name: place for place, (name, _, _) in enumerate(rule.children)}
        counts = dict.fromkeys(order, 0)
        furthest = 0
        for child in node.children:
            place = order.get(child.name)
            if place is None:
                known = ", ".join(order)
                _note(
                    self._notes,
                    child,
                    f"{_shown(child.name)} is not known in {node.name}; {known} may be there",
                )
                continue
            counts[child.name] += 1
            if place < furthest:
                after = rule.children[furthest][0]
                _note(self._notes, child, f"{child.name} comes after {after} in {node.name}; move it before")
            furthest = max(furthest, place)
            if counts[child.name] == rule.children[place][2] + 1:
                _note(self._notes, child, f"{node.name} holds one {child.name} only; remove the others")
            self.check(child, node.name)
        for name, least, _ in rule.children:
            if counts[name] < least:
                _note(self._notes, node, f"{node.name} holds no {name}; add one")


def _note(notes: Notes, node: Node, message: str) -> None:
    notes.error(message, XsErr.BAD_XML, line=node.line, element=_shown(node.name))


def _shown(name: str) -> str:
    """Return a name as a message shows it: one of another namespace says which."""
    namespace, separator, local = name.rpartition(" ")
    if not separator:
        return name[:80]
    return f"{local[:80]} (of {namespace[:80]})" if namespace else f"{local[:80]} (without namespace)"

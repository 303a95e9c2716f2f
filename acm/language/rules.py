"""What a policy must keep beyond its grammar, with the XSERR code of Xen's tools for each breach.

It works on any Policy: one that was read, decompiled or made by a program.

Source: Xen 3.3-4.1, the policy compiler and its labels (XSERR_BAD_LABEL and its like).
Errors: none; what is wrong is noted.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from xencim.acm.model import LabelKind, XsErr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.acm.language.notes import Notes
    from xencim.acm.model import Label, Policy

VERSION = re.compile(r"([0-9]{1,8})\.([0-9]{1,8})")


def check_rules(policy: Policy, notes: Notes) -> None:
    """Note every rule that a policy breaks."""
    _check_name(policy.name, notes)
    previous = policy.header.previous
    if previous is not None and not VERSION.fullmatch(previous.version):
        notes.error(
            f"{previous.version!r} cannot be read as a version: write two numbers and a dot, such as 1.0",
            XsErr.BAD_XML,
            "previous",
            element="Version",
        )
    _check_once(policy.ste_types or (), notes, "ste_types", "Simple Type Enforcement type")
    _check_once(policy.chinese_wall_types or (), notes, "chinese_wall_types", "Chinese Wall type")
    _check_once((label.name for label in policy.machine_labels), notes, "machine_labels", "machine label")
    _check_once((label.name for label in policy.resource_labels), notes, "resource_labels", "resource label")
    _check_conflict_sets(policy, notes)
    _check_bootstrap(policy, notes)
    ste_types = frozenset(policy.ste_types or ())
    chinese_wall_types = frozenset(policy.chinese_wall_types or ())
    for field, labels in (
        ("machine_labels", policy.machine_labels),
        ("resource_labels", policy.resource_labels),
    ):
        for index, label in enumerate(labels):
            _check_label(label, notes, field, index)
            _check_types(label, label.ste_types - ste_types, notes, (field, index, "ste"))
            unknown = label.chinese_wall_types - chinese_wall_types
            _check_types(label, unknown, notes, (field, index, "chinese_wall"))


def _check_name(name: str, notes: Notes) -> None:
    if not name:
        notes.error("the policy has no name", XsErr.BAD_POLICY_NAME, "name", element="PolicyName")
    if ":" in name:
        notes.error(
            f"the policy's name {name!r} has a ':', which separates the parts of ACM:policy:label; "
            f"take another, such as {name.replace(':', '.')!r}",
            XsErr.BAD_POLICY_NAME,
            "name",
            element="PolicyName",
        )


def _check_once(names: Iterable[str], notes: Notes, field: str, what: str) -> None:
    seen = Counter[str]()
    for index, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            first = next((i for i in range(index) if notes.lines.get((field, i, name))), None)
            line = notes.lines.get((field, first, name)) if first is not None else None
            where = f" (first in line {line})" if line else ""
            notes.error(
                f"the {what} {name!r} is declared again{where}; remove or rename one",
                XsErr.POLICY_HAS_DUPLICATES,
                field,
                index,
                element="Type" if field.endswith("types") else "Name",
            )


def _check_conflict_sets(policy: Policy, notes: Notes) -> None:
    for index, conflict in enumerate(policy.conflict_sets):
        if not conflict.name:
            notes.error(
                'a conflict set has no name; add name="…" to Conflict',
                XsErr.BAD_CONFLICTSET,
                "conflict_sets",
                index,
                element="Conflict",
                types=tuple(sorted(conflict.types)),
            )


def _check_bootstrap(policy: Policy, notes: Notes) -> None:
    names = [label.name for label in policy.machine_labels]
    if policy.bootstrap not in names:
        message = (
            f"the bootstrap label {policy.bootstrap!r}, the one of Domain-0, is none of the machine labels; "
            "add a VirtualMachineLabel of that name or name another"
            if policy.bootstrap
            else "the policy has no bootstrap label, the one of Domain-0; "
            'add SubjectLabels with bootstrap="…" and a VirtualMachineLabel of that name'
        )
        notes.error(message, XsErr.POLICY_INCONSISTENT, "bootstrap", element="SubjectLabels")


def _check_label(label: Label, notes: Notes, field: str, index: int) -> None:
    if not label.name:
        notes.error("a label has no name", XsErr.BAD_LABEL, field, index, element="Name")
    if label.kind is LabelKind.RESOURCE and len(label.ste_types) > 1:
        notes.error(
            f"the resource label {label.name!r} has {len(label.ste_types)} types; since Xen 3.1 a "
            "resource has one: make a label for each",
            XsErr.BAD_LABEL,
            field,
            index,
            element="ResourceLabel",
            labels=(label.name,),
            types=tuple(sorted(label.ste_types)),
        )
    for name in (label.name, label.previous or ""):
        if ":" in name:
            notes.error(
                f"the label {name!r} has a ':', which separates the parts of ACM:policy:label; "
                f"take another, such as {name.replace(':', '.')!r}",
                XsErr.BAD_LABEL,
                field,
                index,
                element="Name",
                labels=(label.name,),
            )


def _check_types(label: Label, unknown: frozenset[str], notes: Notes, place: tuple[str, int, str]) -> None:
    kind = "Simple Type Enforcement" if place[2] == "ste" else "Chinese Wall"
    for name in sorted(unknown):
        notes.error(
            f"the label {label.name!r} has the {kind} type {name!r}, which the policy does not declare; "
            "declare it or correct its name",
            XsErr.BAD_LABEL,
            *place,
            name,
            element="Type",
            labels=(label.name,),
            types=(name,),
        )

"""What a policy may say but hardly means: labels that never run, types without effect, doubtful names.

Source: Xen 4.1, the decisions of its Access Control Module; the user's manual calls a label with
conflicting Chinese Wall types illegal, which no tool ever checked.
Errors: none; warnings only.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from xencim.acm.language.notes import Notes
from xencim.acm.language.rules import VERSION
from xencim.acm.model import DEFAULT_POLICY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xencim.acm.language.notes import Place
    from xencim.acm.model import ConflictSet, Finding, Label, Policy

_MIN_CONFLICT_TYPES = 2


def lint(
    policy: Policy, lines: Mapping[Place, int] | None = None, file: str | None = None
) -> tuple[Finding, ...]:
    """Return warnings about a policy that keeps all rules, in the order of its lines."""
    notes = Notes(file, lines)
    for check in _CHECKS:
        check(policy, notes)
    return tuple(sorted(notes.found, key=lambda finding: finding.line or 0))


def _components(policy: Policy, notes: Notes) -> None:
    if not policy.ste_types and not policy.chinese_wall_types:
        notes.warning("the policy declares no types: it refuses nothing", "header", element="PolicyHeader")
    elif not policy.chinese_wall_types:
        notes.warning(
            "the policy has no ChineseWall: Xen's own compiler makes a binary of it that the hypervisor "
            "refuses; `xencim policy compile` makes a right one",
            "ste_types",
            element="SimpleTypeEnforcement",
        )


def _version(policy: Policy, notes: Notes) -> None:
    previous, renamed = policy.header.previous, any(label.previous for _, label in _labels(policy))
    if previous is None and renamed:
        notes.warning(
            "labels say from which they were renamed, but the header has no FromPolicy: add the name and "
            "version of the policy that had them",
            "header",
            element="PolicyHeader",
        )
    if previous is None or previous.name == DEFAULT_POLICY:
        return
    numbers = VERSION.fullmatch(previous.version)
    version = policy.header.version
    if numbers and (version.major, version.minor) <= (int(numbers[1]), int(numbers[2])):
        notes.warning(
            f"version {version} is not above that of FromPolicy, {previous.version}: an update is refused",
            "header",
            element="Version",
        )


def _names(policy: Policy, notes: Notes) -> None:
    named = [(("name",), policy.name)] + [(place, label.name) for place, label in _labels(policy)]
    for field in ("ste_types", "chinese_wall_types"):
        named += [((field, index), name) for index, name in enumerate(getattr(policy, field) or ())]
    for place, name in named:
        if name.split() != [name]:
            notes.warning(
                f"the name {name!r} has white space: Xen's own tools and map files cannot keep it", *place
            )


def _renames(policy: Policy, notes: Notes) -> None:
    for field in ("machine_labels", "resource_labels"):
        labels: tuple[Label, ...] = getattr(policy, field)
        sources = Counter(label.previous for label in labels if label.previous)
        for index, label in enumerate(labels):
            if label.previous == label.name:
                message = f"the label {label.name!r} is said to be renamed from itself; remove from"
            elif label.previous and sources[label.previous] > 1:
                message = f"{sources[label.previous]} labels are renamed from {label.previous!r}; one can be"
            else:
                continue
            notes.warning(message, field, index, element="Name", labels=(label.name,))


def _unused_types(policy: Policy, notes: Notes) -> None:
    ste = {name for _, label in _labels(policy) for name in label.ste_types}
    wall = {name for label in policy.machine_labels for name in label.chinese_wall_types}
    # Without conflict sets a Chinese Wall is there for the binary only, with a type that nobody needs.
    wall_types = policy.chinese_wall_types if policy.conflict_sets else None
    for field, declared, used in (
        ("ste_types", policy.ste_types, ste),
        ("chinese_wall_types", wall_types, wall),
    ):
        for index, name in enumerate(declared or ()):
            if name not in used:
                message = f"no label has the type {name!r}; use it or remove it"
                notes.warning(message, field, index, element="Type", types=(name,))


def _conflict_sets(policy: Policy, notes: Notes) -> None:
    declared = set(policy.chinese_wall_types or ())
    names = Counter(conflict.name for conflict in policy.conflict_sets)
    for index, conflict in enumerate(policy.conflict_sets):
        place, types = ("conflict_sets", index), tuple(sorted(conflict.types))
        if names[conflict.name] > 1:
            message = f"{names[conflict.name]} conflict sets are named {conflict.name!r}; a refusal names one"
            notes.warning(message, *place, element="Conflict", rule=conflict.name)
        for name in sorted(conflict.types - declared):
            message = f"no label can have {name!r}, which is not declared: this part excludes nothing"
            notes.warning(message, *place, name, element="Type", rule=conflict.name, types=(name,))
        if len(conflict.types & declared) < _MIN_CONFLICT_TYPES:
            message = (
                f"the conflict set {conflict.name!r} has no two types that are declared: it excludes nothing"
            )
            notes.warning(message, *place, element="Conflict", rule=conflict.name, types=types)


def _machine_labels(policy: Policy, notes: Notes) -> None:
    host = next((label for label in policy.machine_labels if label.name == policy.bootstrap), None)
    sets_of: dict[str, list[ConflictSet]] = {}
    for conflict in policy.conflict_sets:
        for name in conflict.types:
            sets_of.setdefault(name, []).append(conflict)
    for index, label in enumerate(policy.machine_labels):
        conflicts = [
            conflict for name in sorted(label.chinese_wall_types) for conflict in sets_of.get(name, ())
        ]
        place = ("machine_labels", index)
        for message, types in _why_never(policy, label, host, conflicts):
            notes.warning(
                f"no machine with the label {label.name!r} can ever run: {message}",
                *place,
                element="VirtualMachineLabel",
                labels=(label.name,),
                types=types,
            )
        for conflict in dict.fromkeys(conflicts):
            own = tuple(sorted(label.chinese_wall_types & conflict.types))
            if len(own) > 1:
                notes.warning(
                    f"the label {label.name!r} has {', '.join(own)}, which are in conflict "
                    f"({conflict.name}): who starts first decides what is refused",
                    *place,
                    element="ChineseWallTypes",
                    rule=conflict.name,
                    labels=(label.name,),
                    types=own,
                )


def _why_never(
    policy: Policy, label: Label, host: Label | None, conflicts: list[ConflictSet]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield why a label can never run, with the types; ``conflicts`` are the sets that it is in."""
    if policy.ste_types is not None and not label.ste_types:
        yield "it has no Simple Type Enforcement type", ()
    if host is None or host is label:
        return
    if policy.ste_types is not None and (missing := tuple(sorted(label.ste_types - host.ste_types))):
        yield f"the bootstrap label {host.name!r} lacks its types {', '.join(missing)}", missing
    for conflict in dict.fromkeys(conflicts):
        met = tuple(sorted((conflict.types - host.chinese_wall_types) & label.chinese_wall_types))
        if met and conflict.types & host.chinese_wall_types:
            yield f"the bootstrap label {host.name!r} is in conflict with it ({conflict.name})", met


def _resource_labels(policy: Policy, notes: Notes) -> None:
    users = {name for label in policy.machine_labels for name in label.ste_types}
    for index, label in enumerate(policy.resource_labels):
        if policy.ste_types is not None and not label.ste_types & users:
            notes.warning(
                f"nobody can use what has the resource label {label.name!r}: no machine label has its type",
                "resource_labels",
                index,
                element="ResourceLabel",
                labels=(label.name,),
                types=tuple(sorted(label.ste_types)),
            )


def _labels(policy: Policy) -> list[tuple[Place, Label]]:
    return [
        ((field, index), label)
        for field in ("machine_labels", "resource_labels")
        for index, label in enumerate(getattr(policy, field))
    ]


_CHECKS = (
    _components,
    _version,
    _names,
    _renames,
    _unused_types,
    _conflict_sets,
    _machine_labels,
    _resource_labels,
)

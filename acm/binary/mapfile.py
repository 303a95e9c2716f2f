"""The map file beside a binary policy: the names that the binary has not.

Lines of words; what a reader needs are the policy's name, `LABEL->SSID whom component name slot` and
`TYPE component name column`. Conflict sets are not in it. The word POLICFILE is written as Xen wrote it.

Source: Xen 4.1, the policy compiler and the look-up of labels in its map.
Errors: PolicyError for a policy whose names have white space, and for what is no map.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from xencim.acm.binary.layout import MAGIC, MAX_BYTES
from xencim.acm.language.notes import Notes
from xencim.acm.language.rules import check_rules
from xencim.acm.model import UNLABELED, Component, Finding, FindingKind, LabelKind, PolicyError, XsErr
from xencim.acm.slots import slots_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xencim.acm.model import Label, Policy
    from xencim.acm.slots import Slots

NULL_LABEL = "__NULL_LABEL__"
"""What slot 0 is called when the policy does not define `__UNLABELED__`."""
_WORDS = {Component.CHINESE_WALL: "CHWALL", Component.SIMPLE_TYPE_ENFORCEMENT: "STE"}
_COMPONENTS = {word: component for component, word in _WORDS.items()}


@dataclass(slots=True)
class Names:
    """The names of a map, by slot or column; ``machines`` has slot 0 only when the policy defines it."""

    policy: str = ""
    machines: dict[int, str] = field(default_factory=dict)
    resources: dict[int, str] = field(default_factory=dict)
    types: dict[Component, dict[int, str]] = field(default_factory=lambda: {one: {} for one in Component})


def write_map(policy: Policy, *, policy_file: str, binary_file: str) -> bytes:
    """Return the map of a policy; the two files are named in it."""
    _check_names(policy)
    slots = slots_of(policy)
    head = [
        f"POLICYREFERENCENAME    {policy.name}",
        f"MAGIC                  {MAGIC:08x}",
        f"POLICFILE              {policy_file}",
        f"BINARYFILE             {binary_file}",
    ]
    for component, count in (
        (Component.CHINESE_WALL, len(slots.machines)),
        (Component.SIMPLE_TYPE_ENFORCEMENT, len(slots.machines) + len(slots.resources)),
    ):
        types, word = len(_types(policy, component)), _WORDS[component]
        for what, number in (("TYPES", types), ("SSIDS", count), ("LABELS", count)):
            head.append(f"{f'MAX-{word}-{what}':<22} {number:08x}")
    blocks = (head, _order(policy), *_labels(policy, slots), *_rows(policy, slots), *_columns(policy))
    return (
        "".join("".join(f"{line}\n" for line in block) + "\n" for block in blocks if block).encode() + b"\n"
    )


def read_map(untrusted: bytes) -> Names:
    """Return the names of a map."""
    if len(untrusted) > MAX_BYTES:
        _refuse(f"the map is larger than {MAX_BYTES >> 20} MB")
    names = Names()
    try:
        text = untrusted.decode()
    except UnicodeDecodeError:
        _refuse("the map is not UTF-8 text")
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        try:
            _read_line(names, words)
        except (KeyError, ValueError):
            _refuse(f"line {number} of the map cannot be read: {line[:80]!r}")
    if not names.policy:
        _refuse("the map has no line POLICYREFERENCENAME")
    return names


def _read_line(names: Names, words: list[str]) -> None:
    match words:
        case ["POLICYREFERENCENAME", name]:
            names.policy = name
        case ["LABEL->SSID", whom, component, name, slot]:
            _COMPONENTS[component]
            kind = LabelKind.MACHINE if whom == "ANY" else LabelKind(whom)
            if name != NULL_LABEL:
                known = names.machines if kind is LabelKind.MACHINE else names.resources
                _once(known, int(slot, 16), name)
        case ["TYPE", component, name, column]:
            _once(names.types[_COMPONENTS[component]], int(column), name)
        case ["POLICYREFERENCENAME" | "LABEL->SSID" | "TYPE", *_]:
            raise ValueError


def _once(known: dict[int, str], number: int, name: str) -> None:
    if known.setdefault(number, name) != name:
        raise ValueError


def _check_names(policy: Policy) -> None:
    notes = Notes()
    check_rules(policy, notes)
    notes.raise_errors()
    labels = (*policy.machine_labels, *policy.resource_labels)
    types = (*(policy.ste_types or ()), *(policy.chinese_wall_types or ()))
    for name in (policy.name, *(label.name for label in labels), *types):
        if name.split() != [name]:
            _refuse(f"the name {name!r} has white space, which separates the words of a map; rename it")


def _types(policy: Policy, component: Component) -> list[str]:
    types = policy.chinese_wall_types if component is Component.CHINESE_WALL else policy.ste_types
    return sorted(types or ())


def _order(policy: Policy) -> Sequence[str]:
    present = [word for component, word in _WORDS.items() if _types(policy, component)]
    primary, secondary = (*present, "NULL", "NULL")[:2]
    second = f"{'SECONDARY':<22} " if secondary != "NULL" else f"{'SECONDARY':<21} "
    return f"{'PRIMARY':<22} {primary}", f"{second}{secondary}"


def _labels(policy: Policy, slots: Slots) -> Iterator[Sequence[str]]:
    is_defined = any(label.name == UNLABELED for label in policy.machine_labels)
    unlabeled = UNLABELED if is_defined else NULL_LABEL
    machines = list(enumerate(slots.machines))[1:]
    resources = enumerate(slots.resources, len(slots.machines))
    if machines:
        yield (
            f"LABEL->SSID ANY CHWALL {unlabeled:<20} 0",
            *(f"LABEL->SSID VM  CHWALL {name:<20} {slot:x}" for slot, name in machines),
        )
    if machines or slots.resources:
        yield (
            f"LABEL->SSID ANY STE    {unlabeled:<20} {0:08x}",
            *(f"LABEL->SSID VM  STE    {name:<20} {slot:x}" for slot, name in machines),
            *(f"LABEL->SSID RES STE    {name:<20} {slot:x}" for slot, name in resources),
        )


def _rows(policy: Policy, slots: Slots) -> Iterator[Sequence[str]]:
    machines = _by_name(policy.machine_labels)
    resources = _by_name(policy.resource_labels)
    named = [machines[name] for name in slots.machines[1:]]
    if named:
        rows = (" ".join(sorted(label.chinese_wall_types)) for label in named)
        yield _numbered("SSID->TYPE CHWALL      ", rows)
    named += [resources[name] for name in slots.resources]
    if named:
        yield _numbered("SSID->TYPE STE         ", (" ".join(sorted(label.ste_types)) for label in named))


def _numbered(start: str, rows: Iterator[str]) -> Sequence[str]:
    return [f"{start}{0:08x}", *(f"{start}{slot:08x} {row}".rstrip() for slot, row in enumerate(rows, 1))]


def _by_name(labels: tuple[Label, ...]) -> dict[str, Label]:
    return {label.name: label for label in labels}


def _columns(policy: Policy) -> Iterator[Sequence[str]]:
    for component, word in _WORDS.items():
        types = _types(policy, component)
        if types:
            yield [f"{f'TYPE {word}':<22} {name:<20} {column}" for column, name in enumerate(types)]


def _refuse(message: str) -> NoReturn:
    raise PolicyError((Finding(FindingKind.ERROR, message, XsErr.FILE_ERROR),)) from None

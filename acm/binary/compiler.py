"""From a Policy to the binary that a hypervisor with ACM loads, byte for byte as Xen 4.1 wrote it.

One case differs, on purpose: of a policy without Chinese Wall types, Xen's compiler wrote a file that
the hypervisor refuses (its primary component says Simple Type Enforcement and points at an empty
Chinese Wall). Here the only component is the primary one, and the secondary one is none.

Errors: PolicyError for a policy that breaks a rule, has no types at all, or is too large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from xencim.acm.binary.layout import (
    CHINESE_WALL,
    CODE_NONE,
    FLAG_BYTES,
    HEADER,
    HEADER_BYTES,
    MAGIC,
    MAX_BYTES,
    REFERENCE,
    SECTION_VERSION,
    SHA1_BYTES,
    STE,
    VERSION,
    padded,
)
from xencim.acm.language.notes import Notes
from xencim.acm.language.rules import check_rules
from xencim.acm.model import Component, Finding, FindingKind, PolicyError, XsErr
from xencim.acm.slots import slots_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.acm.model import Policy
    from xencim.acm.slots import Slots

_FORMAT_WITH_VERSION = 3
_FORMAT_WITH_SHA1 = 4


def compile_policy(policy: Policy, *, version: int = 4, xml_sha1: bytes | None = None) -> bytes:
    """Return a policy in format ``version`` (2, 3 or 4).

    ``xml_sha1`` is what `document_sha1` says of the document (format 4); None: not known, zeros.
    """
    if version not in HEADER_BYTES:
        _refuse(f"there is no binary format {version}; take 2 (Xen 3.0.4), 3 (3.1) or 4 (3.3 to 4.1)")
    notes = Notes()
    check_rules(policy, notes)
    notes.raise_errors()
    slots = slots_of(policy)
    _check_size(policy, slots)
    name = policy.name.encode() + b"\0"
    reference = _padded(REFERENCE.pack(len(name)) + name)
    ste = _ste(policy, slots)
    first = HEADER_BYTES[version] + len(reference)
    if policy.chinese_wall_types:
        wall = _chinese_wall(policy, slots)
        sections = wall + ste
        codes = (
            Component.CHINESE_WALL.value,
            first,
            Component.SIMPLE_TYPE_ENFORCEMENT.value,
            first + len(wall),
        )
    else:
        sections = ste
        codes = Component.SIMPLE_TYPE_ENFORCEMENT.value, first, CODE_NONE, first + len(ste)
    header = HEADER.pack(MAGIC, version, first + len(sections), HEADER_BYTES[version], *codes)
    if version >= _FORMAT_WITH_VERSION:
        header += VERSION.pack(policy.header.version.major, policy.header.version.minor)
    if version >= _FORMAT_WITH_SHA1:
        header += (xml_sha1 or b"").ljust(SHA1_BYTES, b"\0")
    return header + reference + sections


def _check_size(policy: Policy, slots: Slots) -> None:
    ste_types, wall_types = len(policy.ste_types or ()), len(policy.chinese_wall_types or ())
    if not ste_types and not wall_types:
        _refuse("the policy declares no types: there is nothing to compile")
    ste_rows = len(slots.machines) + len(slots.resources)
    wall_rows = len(slots.machines) + len(policy.conflict_sets)
    size = FLAG_BYTES * (ste_types * ste_rows + wall_types * wall_rows)
    if size > MAX_BYTES:
        _refuse(
            f"compiled, the policy has {size} bytes; {MAX_BYTES} are the most: fewer labels or types, please"
        )


def _chinese_wall(policy: Policy, slots: Slots) -> bytes:
    types = sorted(policy.chinese_wall_types or ())
    by_name = {label.name: label.chinese_wall_types for label in policy.machine_labels}
    conflicts = [one.types for one in sorted(policy.conflict_sets, key=lambda one: one.name)]
    rows = _rows(types, (by_name.get(name, frozenset()) for name in slots.machines))
    header = CHINESE_WALL.pack(
        SECTION_VERSION,
        Component.CHINESE_WALL.value,
        len(types),
        len(slots.machines),
        len(conflicts),
        CHINESE_WALL.size,
        CHINESE_WALL.size + len(rows),
        0,
        0,
    )
    return _padded(header + rows + _rows(types, conflicts))


def _ste(policy: Policy, slots: Slots) -> bytes:
    types = sorted(policy.ste_types or ())
    machines = {label.name: label.ste_types for label in policy.machine_labels}
    resources = {label.name: label.ste_types for label in policy.resource_labels}
    sets = [machines.get(name, frozenset()) for name in slots.machines]
    sets += [resources[name] for name in slots.resources]
    code = Component.SIMPLE_TYPE_ENFORCEMENT.value
    header = STE.pack(SECTION_VERSION, code, len(types), len(sets), STE.size)
    return _padded(header + _rows(types, sets))


def _rows(types: list[str], sets: Iterable[frozenset[str]]) -> bytes:
    """Return a row of flags for each set of types; types that are not declared have no flag."""
    columns = {name: column for column, name in enumerate(types)}
    rows = []
    for names in sets:
        row = bytearray(FLAG_BYTES * len(types))
        for name in names & columns.keys():
            row[FLAG_BYTES * columns[name] + 1] = 1
        rows.append(bytes(row))
    return b"".join(rows)


def _padded(section: bytes) -> bytes:
    return section.ljust(padded(len(section)), b"\0")


def _refuse(message: str) -> NoReturn:
    raise PolicyError((Finding(FindingKind.ERROR, message, XsErr.POLICY_INCONSISTENT),))

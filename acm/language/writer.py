"""From a Policy to the bytes of its document; read again, they give the same Policy.

Errors: PolicyError for a policy that breaks a rule, or has characters that XML cannot hold.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xencim.acm.language.document import NAMESPACE
from xencim.acm.language.notes import Notes
from xencim.acm.language.rules import check_rules
from xencim.acm.language.schema import PRIMARY
from xencim.acm.model import Component, XsErr

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from xencim.acm.model import Header, Label, Policy

# A reader makes line ends and tabs of attributes to spaces, and a carriage return of text to a line end.
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE = _TEXT | str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})
# XML 1.0, production 2: what is no Char.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_policy(policy: Policy) -> bytes:
    """Return the document of a policy, in UTF-8."""
    notes = Notes()
    check_rules(policy, notes)
    notes.raise_errors()
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<SecurityPolicyDefinition xmlns="{NAMESPACE}">',
        *_header(policy.header),
        *_components(policy),
        "  <SecurityLabelTemplate>",
        f'    <SubjectLabels bootstrap="{(policy.bootstrap or "").translate(_ATTRIBUTE)}">',
        *(line for label in policy.machine_labels for line in _machine_label(label)),
        "    </SubjectLabels>",
        *_objects(policy.resource_labels),
        "  </SecurityLabelTemplate>",
        "</SecurityPolicyDefinition>",
        "",
    ]
    text = "\n".join(lines)
    if unwritable := _UNWRITABLE.search(text):
        notes.error(f"XML cannot hold the character {unwritable[0]!r}; rename what has it", XsErr.BAD_XML)
        notes.raise_errors()
    return text.encode()


def _header(header: Header) -> Iterator[str]:
    yield "  <PolicyHeader>"
    for name, text in (
        ("PolicyName", header.name),
        ("PolicyUrl", header.url),
        ("Reference", header.reference),
        ("Date", header.date),
        ("NameSpaceUrl", header.name_space_url),
        ("Version", str(header.version)),
    ):
        if text is not None:
            yield f"    {_element(name, text)}"
    if header.previous is not None:
        name, version = header.previous.name, header.previous.version
        yield f"    <FromPolicy>{_element('PolicyName', name)}{_element('Version', version)}</FromPolicy>"
    yield "  </PolicyHeader>"


def _components(policy: Policy) -> Iterator[str]:
    if policy.ste_types is not None:
        yield f"  <SimpleTypeEnforcement{_priority(policy, Component.SIMPLE_TYPE_ENFORCEMENT)}>"
        yield from _types("    ", "SimpleTypeEnforcementTypes", policy.ste_types)
        yield "  </SimpleTypeEnforcement>"
    if policy.chinese_wall_types is not None:
        yield f"  <ChineseWall{_priority(policy, Component.CHINESE_WALL)}>"
        yield from _types("    ", "ChineseWallTypes", policy.chinese_wall_types)
        if policy.conflict_sets:
            yield "    <ConflictSets>"
            for conflict in policy.conflict_sets:
                start = f'Conflict name="{conflict.name.translate(_ATTRIBUTE)}"'
                yield from _types("      ", start, sorted(conflict.types))
            yield "    </ConflictSets>"
        yield "  </ChineseWall>"


def _priority(policy: Policy, component: Component) -> str:
    return f' priority="{PRIMARY}"' if policy.primary is component else ""


def _machine_label(label: Label) -> Iterator[str]:
    yield "      <VirtualMachineLabel>"
    yield f"        {_name(label)}"
    if label.ste_types:
        yield from _types("        ", "SimpleTypeEnforcementTypes", sorted(label.ste_types))
    if label.chinese_wall_types:
        yield from _types("        ", "ChineseWallTypes", sorted(label.chinese_wall_types))
    yield "      </VirtualMachineLabel>"


def _objects(labels: tuple[Label, ...]) -> Iterator[str]:
    if not labels:
        return
    yield "    <ObjectLabels>"
    for label in labels:
        yield "      <ResourceLabel>"
        yield f"        {_name(label)}"
        yield from _types("        ", "SimpleTypeEnforcementTypes", sorted(label.ste_types))
        yield "      </ResourceLabel>"
    yield "    </ObjectLabels>"


def _types(indent: str, start: str, types: Collection[str]) -> Iterator[str]:
    """Write a list of types; the grammar wants one at least, and an empty one is none."""
    yield f"{indent}<{start}>"
    for name in types or ("",):
        yield f"{indent}  {_element('Type', name)}"
    yield f"{indent}</{start.split(' ', 1)[0]}>"


def _name(label: Label) -> str:
    renamed = "" if label.previous is None else f' from="{label.previous.translate(_ATTRIBUTE)}"'
    return f"<Name{renamed}>{label.name.translate(_TEXT)}</Name>"


def _element(name: str, text: str) -> str:
    return f"<{name}>{text.translate(_TEXT)}</{name}>"

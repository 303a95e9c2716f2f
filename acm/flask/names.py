"""ACM names as FLASK identifiers, and back.

ACM names may hold any character but a colon; FLASK identifiers (and m4, which reads the sources of a base
policy) take letters, digits and the underscore. Every other byte becomes an underscore and its two
hexadecimal digits: ``A-Bank`` is ``A_2dBank``. No two names meet, and a context tells its label.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xencim.acm.model import UNLABELED, LabelKind

if TYPE_CHECKING:
    from xencim.acm.model import Label

PREFIX = "acm_"
MACHINES = "acm_machine"
"""The attribute of all types of machines."""
AUTHORIZED = "acm_authorized"
"""The attribute of the machines' types that the host may start."""
RESOURCES = "acm_resource"
"""The attribute of all types of resources."""
SELF = "acm_self_t"
"""What a machine is to itself: by it, two machines of one label stay apart."""
UNLABELLED_DEVICE = "system_u:object_r:device_t"
"""The context of devices that nobody has labelled, as in Xen's own policy."""

_TYPE = re.compile(r"acm_(?P<kind>vm|res)_(?P<name>\w+)_t")
_CONTEXT = re.compile(r"(?P<user>[^:]+):(?P<role>[^:]+):(?P<type>[^:]+)(?::(?P<range>.+))?")
_KINDS = {"vm": LabelKind.MACHINE, "res": LabelKind.RESOURCE}
_WORDS = {kind: word for word, kind in _KINDS.items()}


def encode(name: str) -> str:
    """Return an ACM name as the part of an identifier."""
    return "".join(
        character if character.isascii() and character.isalnum() else _escaped(character)
        for character in name
    )


def decode(part: str) -> str | None:
    """Return the ACM name that became this part of an identifier; None: no name did."""
    try:
        name = re.sub(
            rb"_([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), part.encode()
        ).decode()
    except UnicodeDecodeError:
        return None
    return name if encode(name) == part else None


def attribute_of(ste_type: str, kind: LabelKind) -> str:
    """Return the attribute that stands for an STE type, on labels of a kind."""
    return f"{PREFIX}{'ste' if kind is LabelKind.MACHINE else 'dev'}_{encode(ste_type)}"


def type_of(name: str, kind: LabelKind) -> str:
    """Return the FLASK type of a label."""
    return f"{PREFIX}{_WORDS[kind]}_{encode(name)}_t"


def context_of(name: str, kind: LabelKind) -> str:
    """Return the context of a machine (``seclabel`` of xl.cfg) or a device that has a label."""
    role = "system_r" if kind is LabelKind.MACHINE else "object_r"
    return f"system_u:{role}:{type_of(name, kind)}"


def label_of(context: str) -> tuple[str, LabelKind] | None:
    """Return the label that a context stands for; None: it is no context of an ACM label."""
    match = _CONTEXT.fullmatch(context)
    found = match and _TYPE.fullmatch(match["type"])
    if not found:
        return None
    name = decode(found["name"])
    return None if name is None else (name, _KINDS[found["kind"]])


def type_in(context: str) -> str | None:
    """Return the FLASK type in a context; None: it is no context."""
    match = _CONTEXT.fullmatch(context)
    return match and match["type"]


def unlabeled(labels: tuple[Label, ...]) -> bool:
    """Say whether labels have one for what has none."""
    return any(label.name == UNLABELED for label in labels)


def _escaped(character: str) -> str:
    return "".join(f"_{byte:02x}" for byte in character.encode())

"""What is published: a policy and the labels of elements, signed as one.

The signature is over a statement that names the policy's and the labels' digests and a number that only
grows. A directory that changes, drops, adds or mixes entries, or shows an older publication, is found out.
Errors: ValueError for what cannot be published.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

MAX_DOCUMENT_BYTES = 4 << 20
MAX_ASSIGNMENTS = 100_000
MAX_VALUE_BYTES = 4096
"""The longest element (a path has this much) and the longest label."""
MAX_SIGNATURE_BYTES = 4096
MAX_SERIAL = 2**63 - 1


@dataclass(frozen=True, slots=True, order=True)
class Assignment:
    """An element, named as the store of labels names it, and its label."""

    element: str
    label: str


@dataclass(frozen=True, slots=True)
class Content:
    """What is signed. ``document`` is opaque here; an element has one label."""

    name: str
    serial: int
    document: bytes
    assignments: tuple[Assignment, ...] = ()

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise ValueError(problem)

    def statement(self) -> bytes:
        """Return the bytes that a signature is over."""
        labels = [[assignment.element, assignment.label] for assignment in sorted(self.assignments)]
        fields = {
            "what": "xencim publication 1",
            "name": self.name,
            "serial": self.serial,
            "document": hashlib.sha256(self.document).hexdigest(),
            "labels": hashlib.sha256(_canonical(labels)).hexdigest(),
            "count": len(labels),
        }
        return _canonical(fields)

    def _problem(self) -> str | None:
        if not self.name or "\0" in self.name or len(self.name.encode(errors="replace")) > MAX_VALUE_BYTES:
            return "a publication needs a name"
        if not 0 < self.serial <= MAX_SERIAL:
            return f"the serial number {self.serial} is not between 1 and {MAX_SERIAL}"
        if not 0 < len(self.document) <= MAX_DOCUMENT_BYTES:
            return f"a policy has between 1 byte and {MAX_DOCUMENT_BYTES >> 20} MiB"
        if len(self.assignments) > MAX_ASSIGNMENTS:
            return f"there are more than {MAX_ASSIGNMENTS} labels"
        for assignment in self.assignments:
            for value in (assignment.element, assignment.label):
                if not value or len(value.encode(errors="replace")) > MAX_VALUE_BYTES:
                    return f"an element or label is empty or longer than {MAX_VALUE_BYTES} bytes"
        if len({assignment.element for assignment in self.assignments}) < len(self.assignments):
            return "an element has two labels"
        return None


@dataclass(frozen=True, slots=True)
class Publication:
    """A content with its signature, which says nothing until it is verified."""

    content: Content
    signature: bytes


def _canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()

"""A publication followed: taken over when its signature holds, else the last good one stays.

A directory that is away, or hostile, takes nothing from a host: what was verified last is kept, on disk too,
and a finding says what is wrong. An older publication, or another one of the same number, is never taken.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from xencim.acm.directory.connection import DirectoryError
from xencim.acm.directory.publication import Assignment, Content, Publication
from xencim.acm.model import Finding, FindingKind

if TYPE_CHECKING:
    from xencim.acm.directory.store import Mark

Verify = Callable[[bytes, bytes], str | None]
"""Given a statement and a signature, returns whose trusted key made it (`TrustStore.signer`), or None."""
_TELLS = {
    "away": "is away",
    "certificate": "is not the one that it should be",
    "refused": "refuses",
    "missing": "has no such publication",
    "invalid": "holds what cannot be",
}


class Source(Protocol):
    """Where publications come from: a `DirectoryStore`."""

    def mark(self, name: str) -> Mark:
        """Return the mark of a publication."""

    def fetch(self, name: str) -> tuple[Mark, Publication]:
        """Return a publication with its mark."""


@dataclass(frozen=True, slots=True)
class Good:
    """A verified publication."""

    content: Content
    signer: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a look at the directory gave; ``good`` None: nothing verified yet."""

    good: Good | None
    is_new: bool = False
    findings: tuple[Finding, ...] = ()


class Follower:
    """Follows one publication. `check` blocks: to be called on a thread, one at a time."""

    def __init__(self, source: Source, name: str, verify: Verify, kept: Path) -> None:
        self._source = source
        self._name = name
        self._verify = verify
        self._kept = kept
        self._mark: Mark | None = None
        self._good: Good | None = self._remembered()

    @property
    def good(self) -> Good | None:
        """The last publication that was verified, also before a restart."""
        return self._good

    def check(self) -> Outcome:
        """Look whether something new is published; take it over when it is good."""
        try:
            if self._mark is not None and self._source.mark(self._name) == self._mark:
                return Outcome(self._good)
            mark, found = self._source.fetch(self._name)
        except DirectoryError as error:
            return self._stays(f"The directory {_TELLS.get(error.kind, 'failed')}: {error}")
        problem, good = self._judge(found)
        if problem or good is None:
            return self._stays(problem)
        is_new = self._good is None or good.content.statement() != self._good.content.statement()
        if is_new:
            _write(self._kept, found)
        self._good, self._mark = good, mark
        return Outcome(good, is_new)

    def _judge(self, found: Publication) -> tuple[str, Good | None]:
        """Say what is wrong with a publication, or return it as good."""
        content, last = found.content, self._good.content if self._good else None
        what = f"The publication {content.name} {content.serial}"
        signer = self._verify(content.statement(), found.signature)
        if signer is None:
            return (
                f"{what} is not signed by a trusted key, or was changed after it was signed; "
                "publish it anew, or look who writes in the directory"
            ), None
        if last is not None and content.serial < last.serial:
            return f"{what} is older than {last.serial}, which is in use: the directory shows the past", None
        if last is not None and content.serial == last.serial and content.statement() != last.statement():
            return (
                f"{what} is another than the one in use under the same number: publish under a new one",
                None,
            )
        return "", Good(content, signer)

    def _stays(self, problem: str) -> Outcome:
        kept = (
            f"; {self._good.content.name} {self._good.content.serial} stays in use"
            if self._good
            else "; there is no earlier one to use"
        )
        return Outcome(self._good, findings=(Finding(FindingKind.WARNING, problem + kept),))

    def _remembered(self) -> Good | None:
        """Return what was kept on disk, if its signature still holds."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = _read(self._kept)
            signer = self._verify(found.content.statement(), found.signature)
            if signer is not None and found.content.name == self._name:
                return Good(found.content, signer)
        return None


def _write(path: Path, publication: Publication) -> None:
    """Write a publication whole or not at all."""
    content = publication.content
    kept = {
        "name": content.name,
        "serial": content.serial,
        "document": base64.b64encode(content.document).decode(),
        "assignments": [[assignment.element, assignment.label] for assignment in content.assignments],
        "signature": base64.b64encode(publication.signature).decode(),
    }
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        try:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _read(path: Path) -> Publication:
    kept = json.loads(path.read_text())
    content = Content(
        str(kept["name"]),
        int(kept["serial"]),
        base64.b64decode(kept["document"]),
        tuple(Assignment(str(element), str(label)) for element, label in kept["assignments"]),
    )
    return Publication(content, base64.b64decode(kept["signature"]))

"""Publications in a directory: written so that a reader never meets half of one, and read again.

A publication is one entry; its labels are entries below a set of their own, named by its serial number. The
set is written first, then one change of the entry leads to it, then older sets go.
Errors: DirectoryError.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn

from xencim.acm.directory.connection import DirectoryError, connected
from xencim.acm.directory.publication import (
    MAX_ASSIGNMENTS,
    MAX_DOCUMENT_BYTES,
    MAX_SIGNATURE_BYTES,
    Assignment,
    Content,
    Publication,
)

if TYPE_CHECKING:
    from xencim.acm.directory.connection import Entry, Session, Settings

MAX_SETS = 1000
"""Sets of labels that interrupted publications may have left; more is no accident."""
_SERIAL, _DOCUMENT, _SIGNATURE = "xencimSerial", "xencimPolicyDocument", "xencimSignature"
_MARKS = ("entryCSN", "modifyTimestamp")
_ANY = "(objectClass=*)"


@dataclass(frozen=True, slots=True)
class Mark:
    """By what a change is noticed without reading it all: its entry's change number or time, its serial."""

    serial: int
    changed: bytes


class DirectoryStore:
    """The publications below a base entry. Blocks: to be called on a thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def mark(self, name: str) -> Mark:
        """Return the mark of a publication."""
        with connected(self._settings) as session:
            return _mark(self._entry(session, name, (_SERIAL, *_MARKS)))

    def fetch(self, name: str) -> tuple[Mark, Publication]:
        """Return a publication, not yet verified, with the mark that it had when it was read."""
        with connected(self._settings) as session:
            entry = self._entry(session, name, (_SERIAL, _DOCUMENT, _SIGNATURE, *_MARKS))
            mark, document, signature = _mark(entry), entry.one(_DOCUMENT), entry.one(_SIGNATURE)
            if len(document) > MAX_DOCUMENT_BYTES or len(signature) > MAX_SIGNATURE_BYTES:
                raise DirectoryError("invalid", f"{entry.name} is too large")
            labels = session.search(
                self._set_name(name, mark.serial),
                "LEVEL",
                "(objectClass=xencimLabelAssignment)",
                ("xencimElement", "xencimLabel"),
                most=MAX_ASSIGNMENTS,
            )
        try:
            assignments = tuple(
                sorted(
                    Assignment(label.one("xencimElement").decode(), label.one("xencimLabel").decode())
                    for label in labels
                )
            )
            return mark, Publication(Content(name, mark.serial, document, assignments), signature)
        except ValueError as error:
            raise DirectoryError("invalid", f"{entry.name}: {error}") from None

    def publish(self, publication: Publication) -> None:
        """Publish; the serial number is to be greater than the published one's."""
        content = publication.content
        attributes: dict[str, bytes | str] = {
            _SERIAL: str(content.serial),
            _DOCUMENT: content.document,
            _SIGNATURE: publication.signature,
        }
        with connected(self._settings) as session:
            before = self._serial(session, content.name)
            if before is not None and before >= content.serial:
                message = f"{content.name} is published with the serial number {before}: take a greater one"
                raise DirectoryError("conflict", message)
            self._write_set(session, content)
            name = self._name(content.name)
            if before is None:
                session.add(name, "xencimPublication", attributes)
            else:
                session.replace(name, attributes, was={_SERIAL: str(before)})
            self._tidy(session, content)

    def _entry(self, session: Session, name: str, attributes: tuple[str, ...]) -> Entry:
        found = session.search(self._name(name), "BASE", _ANY, attributes, most=1)
        if not found:
            raise DirectoryError("missing", f"The directory has no {self._name(name)}")
        return found[0]

    def _serial(self, session: Session, name: str) -> int | None:
        try:
            return _mark(self._entry(session, name, (_SERIAL, *_MARKS))).serial
        except DirectoryError as error:
            if error.kind != "missing":
                raise
            return None

    def _write_set(self, session: Session, content: Content) -> None:
        top = self._set_name(content.name, content.serial)
        # One of this number that is not published is what an interrupted publication left.
        self._delete_set(session, top)
        attributes = {_SERIAL: str(content.serial), "xencimPolicyName": content.name}
        session.add(top, "xencimLabelSet", attributes)
        for number, assignment in enumerate(content.assignments):
            values = {"xencimElement": assignment.element, "xencimLabel": assignment.label}
            session.add(f"cn={number},{top}", "xencimLabelAssignment", values)

    def _tidy(self, session: Session, content: Content) -> None:
        """Take away the sets that are older."""
        query = (
            f"(&(objectClass=xencimLabelSet)(xencimPolicyName={escape_filter_chars(content.name)})"
            f"(!({_SERIAL}>={content.serial})))"
        )
        for old in session.search(self._settings.base, "LEVEL", query, (_SERIAL,), most=MAX_SETS):
            self._delete_set(session, old.name)

    def _delete_set(self, session: Session, top: str) -> None:
        try:
            for label in session.search(top, "LEVEL", _ANY, ("cn",), most=MAX_ASSIGNMENTS):
                session.delete(label.name)
            session.delete(top)
        except DirectoryError as error:
            if error.kind != "missing":
                raise

    def _name(self, name: str) -> str:
        return f"cn={escape_rdn(name)},{self._settings.base}"

    def _set_name(self, name: str, serial: int) -> str:
        return f"cn={escape_rdn(name)} {serial},{self._settings.base}"


def _mark(entry: Entry) -> Mark:
    """Return an entry's mark; a directory without change numbers has times."""
    changed = next((values[0] for mark in _MARKS if (values := entry.attributes.get(mark))), b"")
    text = entry.one(_SERIAL)
    if not text.isdigit() or len(text) > len("9223372036854775807"):
        raise DirectoryError("invalid", f"{entry.name} has no serial number")
    return Mark(int(text), changed)

"""What a registration did, kept in the state directory until `xencim unregister` undoes it.

Errors: RegistrationError for a record that cannot be read.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.registration.errors import RegistrationError

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = "registrations"
_DIGITS = 12


@dataclass(slots=True)
class Record:
    """One registration; ``digest`` is of all that was to be loaded and registered.

    ``loaded``: by namespace, the classes that were loaded, in that order. ``replaced``: what the CIMOM's
    own module keeps of other providers to give it back. ``link``: the library's, if we made one.
    ``names``: what the CIMOM calls the daemon's namespaces.
    """

    cimom: str
    root: str
    version: str
    digest: str
    user: str
    namespace: str
    loaded: dict[str, list[str]]
    lacking: list[str]
    link: str | None = None
    is_complete: bool = False
    names: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, Any] = field(default_factory=dict)


def digest_of(*parts: str) -> str:
    """Return one digest of texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def read_record(state_dir: Path, cimom: str, root: Path) -> Record | None:
    """Return the record of a registration, None when there is none."""
    return _read(_path(state_dir, cimom, root))


def write_record(state_dir: Path, record: Record, root: Path) -> None:
    """Keep a record; it is there whole or not at all."""
    path = _path(state_dir, record.cimom, root)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = state_dir.stat()
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        if os.geteuid() == 0:
            # root registers for a server that runs as somebody else.
            os.chown(path.parent, owner.st_uid, owner.st_gid)
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        json.dump(asdict(record), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def remove_record(state_dir: Path, cimom: str, root: Path) -> None:
    """Forget a registration."""
    _path(state_dir, cimom, root).unlink(missing_ok=True)


def registered_users(state_dir: Path) -> frozenset[str]:
    """Return the users as whom the registered CIMOMs run our provider library."""
    return frozenset(record.user for record in read_records(state_dir))


def registered_names(state_dir: Path) -> dict[str, str]:
    """Return what the registered CIMOMs call our namespaces, where all of them call it the same."""
    found: dict[str, set[str]] = {}
    for record in read_records(state_dir):
        for ours, theirs in record.names.items():
            found.setdefault(ours, set()).add(theirs)
    return {ours: theirs.pop() for ours, theirs in found.items() if len(theirs) == 1}


def read_records(state_dir: Path) -> tuple[Record, ...]:
    """Return the records of all registrations."""
    found = (_read(path) for path in sorted((state_dir / _FOLDER).glob("*.json")))
    return tuple(record for record in found if record is not None)


def user_name(uid: int) -> str:
    """Return a user's name, or the number of one without."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _path(state_dir: Path, cimom: str, root: Path) -> Path:
    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:_DIGITS]
    return state_dir / _FOLDER / f"{cimom}-{name}.json"


def _read(path: Path) -> Record | None:
    try:
        return Record(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise RegistrationError(f"{path}: this record of a registration cannot be read: {error}") from error

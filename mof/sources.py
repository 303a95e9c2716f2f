"""Where MOF comes from: the files of this package, and a folder or ZIP archive with a DMTF schema.

A schema is laid out as the DMTF publishes it: one class a file, ``qualifiers*.mof``, and an index named
``cim_schema_<version>.mof``. Every ``*.mof`` file counts, whatever the index includes.

Errors: SchemaError, naming the path.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from xencim.mof.declarations import SchemaError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

_INDEX = re.compile(r"cim_schema_(\d+(?:\.\d+)+)\w*\.mof\Z", re.IGNORECASE)
_QUALIFIER_TYPE = re.compile(r"^\s*Qualifier\s+\w+\s*:", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MofFiles:
    """MOF texts by file name, those that declare qualifier types first; the index is left out."""

    texts: dict[str, str]
    version: str


def packaged_schema() -> MofFiles:
    """Read the part of the DMTF schema that this package carries."""
    return _read(resources.files("xencim.mof").joinpath("schema"))


def packaged_classes() -> dict[str, str]:
    """Read the MOF of our own classes."""
    files = resources.files("xencim.mof").iterdir()
    ours = sorted((f for f in files if f.name.endswith(".mof")), key=lambda f: f.name)
    return {f.name: f.read_text("utf-8") for f in ours}


def given_schema(path: pathlib.Path) -> MofFiles:
    """Read a DMTF schema from a folder or a ZIP archive."""
    try:
        if path.is_dir():
            found = _read(path)
        else:
            # In memory, so that no file stays open: zipfile.Path keeps its archive.
            found = _read(zipfile.Path(zipfile.ZipFile(io.BytesIO(path.read_bytes()))))
    except (OSError, zipfile.BadZipFile) as error:
        cause = error.strerror if isinstance(error, OSError) else error
        raise SchemaError(f"{path}: no folder or ZIP archive with a CIM schema: {cause}") from error
    except UnicodeDecodeError as error:
        raise SchemaError(f"{path}: MOF that is not UTF-8: {error}") from error
    if not found.texts:
        raise SchemaError(f"{path}: there is no *.mof file in it")
    return found


def digest(*parts: str) -> str:
    """Return one digest of texts, whatever their borders."""
    total = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        total.update(b"%d " % len(encoded))
        total.update(encoded)
    return total.hexdigest()


def _read(root: Traversable | zipfile.Path) -> MofFiles:
    version = "unknown"
    texts: dict[str, str] = {}
    for name, file in sorted(_walk(root, ""), key=lambda found: found[0]):
        if index := _INDEX.match(file.name):
            version = index[1]
        else:
            texts[name] = file.read_text("utf-8")
    return MofFiles(
        dict(sorted(texts.items(), key=lambda item: not _QUALIFIER_TYPE.search(item[1]))), version
    )


def _walk(folder: Traversable | zipfile.Path, above: str) -> Iterator[tuple[str, Traversable | zipfile.Path]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{above}{entry.name}/")
        elif entry.name.lower().endswith(".mof"):
            yield f"{above}{entry.name}", entry

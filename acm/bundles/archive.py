"""A bundle's files in one: an uncompressed tar of plain files, made the same way every time.

Source: POSIX.1-2001, pax (the ustar format).
Errors: PolicyError for an archive that has anything else than a few plain files of bounded size.
"""

from __future__ import annotations

import io
import re
import tarfile
from typing import TYPE_CHECKING

from xencim.acm.bundles.keys import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 128 << 20
"""The largest archive: a document, its binary, its map and one for FLASK, with room."""
_MAX_FILES = 32
# No folder, nothing hidden, nothing that a shell or a file system takes for something else.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_RIGHTS = 0o644


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the archive of some files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            _check_name(name)
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = _RIGHTS
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def unpack(untrusted: bytes) -> dict[str, bytes]:
    """Return the files of an archive; nothing is written anywhere."""
    if len(untrusted) > MAX_BYTES:
        refuse(f"the bundle is larger than {MAX_BYTES >> 20} MB")
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(untrusted), mode="r:") as archive:
            for member in archive:
                if len(files) == _MAX_FILES:
                    refuse(f"the bundle has more than {_MAX_FILES} files")
                name = _checked(member, files)
                files[name] = _content(archive, member)
    except (tarfile.TarError, ValueError, OverflowError) as error:
        refuse(f"this is no bundle: {error}")
    return files


def _checked(member: tarfile.TarInfo, files: Mapping[str, bytes]) -> str:
    _check_name(member.name)
    if member.type not in {tarfile.REGTYPE, tarfile.AREGTYPE} or member.pax_headers:
        refuse(f"{member.name!r} in the bundle is no plain file")
    if member.name in files:
        refuse(f"{member.name!r} is in the bundle twice")
    return member.name


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    data = file.read() if file else b""
    if len(data) != member.size:
        refuse(f"the bundle ends within {member.name!r}")
    return data


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        refuse(f"{name[:100]!r} is no name for a file of a bundle: letters, digits, '.', '_' and '-' are")

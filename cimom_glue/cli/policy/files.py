"""Policies from files, in every form that a policy has; results into files.

Errors: PolicyError for what is no policy; CommandError (2) for a file that cannot be read or written.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xencim.acm.binary import MAGIC_BYTES, decompile, read_binary
from xencim.acm.language import document_sha1, read_document
from xencim.acm.model import Finding, FindingKind, PolicyError
from xencim.cimom_glue.cli.output import CommandError, Exit

if TYPE_CHECKING:
    import argparse

    from xencim.acm.language import Document
    from xencim.acm.model import Policy

STANDARD = "-"
"""What stands for standard input or output in place of a file's name."""
_MAX_BYTES = 64 << 20  # the largest that any form of a policy may have


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy and what its file tells beside; ``document`` None: the file is a binary."""

    policy: Policy
    name: str
    xml_sha1: bytes | None
    document: Document | None


def load(path: str, map_path: str | None = None) -> Loaded:
    """Return the policy of a document or of a binary, of which the map may be given."""
    untrusted, name = read(path), "standard input" if path == STANDARD else path
    if not untrusted.startswith(MAGIC_BYTES):
        document = read_document(untrusted, name)
        return Loaded(document.policy, name, document_sha1(untrusted), document)
    try:
        policy = decompile(untrusted, None if map_path is None else read(map_path))
    except PolicyError as error:
        raise PolicyError(tuple(_placed(finding, name) for finding in error.findings)) from None
    return Loaded(policy, name, read_binary(untrusted).xml_sha1, None)


def read(path: str) -> bytes:
    """Return what is in a file, or comes on standard input."""
    try:
        if path == STANDARD:
            data = sys.stdin.buffer.read(_MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}", code=Exit.USAGE) from error
    if len(data) > _MAX_BYTES:
        raise CommandError(f"{path}: larger than {_MAX_BYTES >> 20} MB", code=Exit.USAGE)
    return data


def check_output(args: argparse.Namespace) -> None:
    """Refuse to answer in JSON where the result itself would go to the same place."""
    if args.json and args.output in {None, STANDARD}:
        raise CommandError("--json needs -o FILE: the result itself is on standard output", code=Exit.USAGE)


def write(path: str | None, data: bytes) -> None:
    """Put a result into a file, whole or not at all; None: on standard output."""
    if path in {None, STANDARD}:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return
    place = Path(str(path))
    try:
        if place.exists() and not place.is_file():
            place.write_bytes(data)  # a device or pipe is written to, never replaced
            return
        number, made = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        try:
            with os.fdopen(number, "wb") as file:
                file.write(data)
            # A new file gets the rights that a program's own open would give it.
            mask = os.umask(0)
            os.umask(mask)
            Path(made).chmod(0o666 & ~mask)
            Path(made).replace(place)
        except BaseException:
            Path(made).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}", code=Exit.USAGE) from error


def _placed(finding: Finding, name: str) -> Finding:
    return Finding(FindingKind.ERROR, finding.message, finding.xserr, file=name, element=finding.element)

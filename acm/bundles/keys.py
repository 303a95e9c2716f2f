"""Ed25519 keys: those that sign, and the folder of public keys of those who are trusted.

A trust store is a folder of PEM files, one public key each; the file's name says whose key it is. A
folder or file that others may write could have been given any key, so it is refused.

Source: RFC 8032; RFC 8410 (PEM files as OpenSSL writes them).
Errors: PolicyError for keys that cannot be used and for signatures of nobody trusted.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from xencim.acm.model import Finding, FindingKind, PolicyError, XsErr

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_ENDING = ".pem"
# A folder of thousands of keys is none that anybody keeps.
_MAX_KEYS = 1000
_MAX_KEY_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class TrustStore:
    """Public keys by the name of whom they belong to."""

    keys: Mapping[str, Ed25519PublicKey]

    @classmethod
    def load(cls, folder: Path) -> TrustStore:
        """Read a trust store's folder."""
        try:
            _check_rights(folder)
            files = sorted(path for path in folder.iterdir() if path.suffix == _ENDING)
            if len(files) > _MAX_KEYS:
                refuse(f"{folder} has {len(files)} keys; {_MAX_KEYS} are the most")
            return cls({path.stem: _public_key(path) for path in files})
        except OSError as error:
            refuse(f"the trust store {folder} cannot be read: {error.strerror or error}")

    def signer(self, data: bytes, signature: bytes) -> str | None:
        """Return who signed something, None: nobody who is trusted, or it was changed since."""
        for name, key in self.keys.items():
            try:
                key.verify(signature, data)
            except InvalidSignature:
                continue
            return name
        return None


def key_id(key: Ed25519PublicKey) -> str:
    """Return what a key is called where its owner's name is not known."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def make_key() -> tuple[bytes, bytes]:
    """Make a key pair and return it as PEM, the private one first."""
    private = Ed25519PrivateKey.generate()
    return (
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )


def load_private_key(path: Path, password: bytes | None = None) -> Ed25519PrivateKey:
    """Read a key that signs."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password)
    except OSError as error:
        refuse(f"the key {path} cannot be read: {error.strerror or error}")
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        refuse(f"{path} is no private key that can be read: {error}")
    if not isinstance(key, Ed25519PrivateKey):
        refuse(f"{path} is no Ed25519 key; `xencim policy keygen` makes one")
    return key


def refuse(message: str) -> NoReturn:
    """Refuse a key, a signature or a bundle."""
    raise PolicyError((Finding(FindingKind.ERROR, message, XsErr.FILE_ERROR),)) from None


def _public_key(path: Path) -> Ed25519PublicKey:
    _check_rights(path)
    with path.open("rb") as file:
        pem = file.read(_MAX_KEY_BYTES)
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        refuse(f"{path} is no public key in PEM")
    if not isinstance(key, Ed25519PublicKey):
        refuse(f"{path} is no Ed25519 key; only those sign policies")
    return key


def _check_rights(path: Path) -> None:
    status = path.stat()
    if status.st_mode & _OTHERS_WRITE:
        refuse(f"others may write {path}, so nothing in it can be trusted; chmod go-w {path}")
    if status.st_uid not in {0, os.geteuid()}:
        refuse(f"{path} belongs to user {status.st_uid}, who may write it; give it to root")

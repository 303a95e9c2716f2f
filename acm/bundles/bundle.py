"""A policy and what belongs to it, signed: made, verified, refused where it would lead back.

    manifest.json   what the bundle is, and the SHA-256 of every other file
    manifest.sig    the Ed25519 signature of manifest.json (64 bytes; OpenSSL can check it too)
    policy.xml      the document
    policy.bin, …   what else was put in; a policy.bin must be what the document compiles to

Errors: PolicyError for a bundle that is not what was signed, and for one that the policy in force excludes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xencim.acm.binary import compile_policy, read_binary
from xencim.acm.bundles.archive import pack, unpack
from xencim.acm.bundles.keys import key_id, refuse
from xencim.acm.language import document_sha1, read_policy
from xencim.acm.model import PolicyError
from xencim.acm.planning import plan_update

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from xencim.acm.bundles.keys import TrustStore
    from xencim.acm.model import Policy

MANIFEST, SIGNATURE, DOCUMENT, BINARY = "manifest.json", "manifest.sig", "policy.xml", "policy.bin"
FORMAT = "xencim-policy-bundle/1"
# 32 files of 200 bytes each.
_MAX_MANIFEST_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose signature and digests are right; ``created`` is what its signer said."""

    policy: Policy
    signer: str
    created: str
    files: Mapping[str, bytes]

    @property
    def document(self) -> bytes:
        """The policy's document."""
        return self.files[DOCUMENT]


def create_bundle(
    document: bytes,
    key: Ed25519PrivateKey,
    created: datetime,
    others: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return the signed bundle of a policy's document and other files."""
    files = {DOCUMENT: document, **(others or {})}
    policy = read_policy(document, DOCUMENT)
    _check_binary(policy, files)
    previous = policy.header.previous
    manifest = {
        "format": FORMAT,
        "policy": policy.name,
        "version": str(policy.header.version),
        "from": {"policy": previous.name, "version": previous.version} if previous else None,
        "created": created.isoformat(timespec="seconds"),
        "key": key_id(key.public_key()),
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in files.items()
        },
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n"
    bundle = pack({MANIFEST: text, SIGNATURE: key.sign(text), **files})
    unpack(bundle)  # its limits, before anybody else meets them
    return bundle


def verify_bundle(untrusted: bytes, trust: TrustStore, in_force: Policy | None = None) -> Bundle:
    """Return what is in a bundle, after its signature, its digests and the version chain were checked.

    ``in_force``: the policy that the bundle's would follow; None: whatever version is good.
    """
    files = unpack(untrusted)
    text, signature = files.pop(MANIFEST, None), files.pop(SIGNATURE, None)
    if text is None or signature is None:
        refuse(f"the bundle has no {MANIFEST} or no {SIGNATURE}")
    signer = trust.signer(text, signature)
    if signer is None:
        trusted = ", ".join(trust.keys) or "nobody"
        refuse(f"the bundle is signed by nobody who is trusted (trusted: {trusted}), or was changed since")
    manifest = _manifest(text)
    if files.keys() != manifest["files"].keys():
        odd = ", ".join(sorted(files.keys() ^ manifest["files"].keys()))
        refuse(f"the bundle's files are not those of its manifest: {odd}")
    for name, data in files.items():
        if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), manifest["files"][name]["sha256"]):
            refuse(f"{name} is not what was signed: its SHA-256 is another one")
    if DOCUMENT not in files:
        refuse(f"the bundle has no {DOCUMENT}")
    policy = read_policy(files[DOCUMENT], DOCUMENT)
    if (policy.name, str(policy.header.version)) != (manifest["policy"], manifest["version"]):
        refuse(f"the manifest is for {manifest['policy']} {manifest['version']}, the document for another")
    _check_binary(policy, files)
    if in_force is not None:
        plan = plan_update(in_force, policy)
        if not plan.is_feasible:
            raise PolicyError(plan.hindrances)
    return Bundle(policy, signer, manifest["created"], files)


def _manifest(text: bytes) -> dict[str, Any]:
    """Return a manifest that has all it should; whoever signed it may still have erred."""
    if len(text) > _MAX_MANIFEST_BYTES:
        refuse(f"{MANIFEST} is larger than {_MAX_MANIFEST_BYTES} bytes")
    try:
        manifest = json.loads(text)
        texts = [manifest[key] for key in ("format", "policy", "version", "created")]
        texts += [entry["sha256"] for entry in manifest["files"].values()]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        refuse(f"{MANIFEST} is not what a manifest is")
    if not all(isinstance(value, str) and value.isprintable() for value in texts):
        refuse(f"{MANIFEST} is not what a manifest is")
    if manifest["format"] != FORMAT:
        refuse(f"the bundle is of the format {manifest['format'][:40]!r}; {FORMAT!r} is known")
    found: dict[str, Any] = manifest
    return found


def _check_binary(policy: Policy, files: Mapping[str, bytes]) -> None:
    if BINARY not in files:
        return
    version = read_binary(files[BINARY]).format
    if compile_policy(policy, version=version, xml_sha1=document_sha1(files[DOCUMENT])) != files[BINARY]:
        refuse(f"{BINARY} is not what {DOCUMENT} compiles to; compile it again")

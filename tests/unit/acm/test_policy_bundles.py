"""Signed bundles: made and verified, tampered with, rolled back, hostile archives, trust stores."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from xencim.acm.binary import compile_policy
from xencim.acm.bundles import (
    TrustStore,
    create_bundle,
    key_id,
    load_private_key,
    make_key,
    verify_bundle,
)
from xencim.acm.bundles.archive import pack, unpack
from xencim.acm.language import document_sha1, write_policy
from xencim.acm.model import Header, Label, LabelKind, Policy, PolicyError, PolicyReference, Version, XsErr

if TYPE_CHECKING:
    from pathlib import Path

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
TRUST = TrustStore({"alice": KEY.public_key()})


def policy(version: int, previous: int | None = None, name: str = "p") -> Policy:
    return Policy(
        Header(
            name,
            Version(1, version),
            previous=None if previous is None else PolicyReference("p", f"1.{previous}"),
        ),
        ste_types=("a",),
        bootstrap="host",
        machine_labels=(Label("host", LabelKind.MACHINE, frozenset("a")),),
    )


DOCUMENT = write_policy(policy(1))
BINARY = compile_policy(policy(1), xml_sha1=document_sha1(DOCUMENT))


def signed(files: dict[str, bytes], /, **changes: object) -> bytes:
    """Make a bundle by hand, rightly signed, whatever is in it."""
    whole = json.loads(unpack(create_bundle(DOCUMENT, KEY, WHEN))["manifest.json"]) | changes
    manifest = json.dumps(whole).encode()
    return pack({"manifest.json": manifest, "manifest.sig": KEY.sign(manifest), **files})


def refusal(bundle: bytes, in_force: Policy | None = None) -> str:
    with pytest.raises(PolicyError) as raised:
        verify_bundle(bundle, TRUST, in_force)
    return raised.value.findings[0].message


def test_what_was_signed_is_what_is_read() -> None:
    bundle = create_bundle(DOCUMENT, KEY, WHEN, {"policy.bin": BINARY, "notes.txt": b"x"})
    assert bundle == create_bundle(DOCUMENT, KEY, WHEN, {"policy.bin": BINARY, "notes.txt": b"x"})
    read = verify_bundle(bundle, TRUST)
    assert (read.policy, read.signer, read.created) == (policy(1), "alice", "2026-01-02T03:04:05+00:00")
    assert read.files == {"policy.xml": DOCUMENT, "policy.bin": BINARY, "notes.txt": b"x"}
    assert read.document == DOCUMENT
    assert json.loads(unpack(bundle)["manifest.json"])["key"] == key_id(KEY.public_key())


def test_somebody_elses_signature() -> None:
    other = create_bundle(DOCUMENT, Ed25519PrivateKey.generate(), WHEN)
    assert (
        refusal(other)
        == "the bundle is signed by nobody who is trusted (trusted: alice), or was changed since"
    )


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "policy.xml",
            write_policy(policy(9)),
            "policy.xml is not what was signed: its SHA-256 is another one",
        ),
        ("other.txt", b"", "the bundle's files are not those of its manifest: other.txt"),
        ("policy.xml", None, "the bundle's files are not those of its manifest: policy.xml"),
        (
            "manifest.sig",
            b"x",
            "the bundle is signed by nobody who is trusted (trusted: alice), or was changed since",
        ),
        ("manifest.sig", None, "the bundle has no manifest.json or no manifest.sig"),
        (
            "manifest.json",
            b"{}",
            "the bundle is signed by nobody who is trusted (trusted: alice), or was changed since",
        ),
    ],
)
def test_a_bundle_changed_after_it_was_signed(name: str, data: bytes | None, message: str) -> None:
    files = unpack(create_bundle(DOCUMENT, KEY, WHEN))
    if data is None:
        del files[name]
    else:
        files[name] = data
    assert refusal(pack(files)) == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "the bundle is of the format 'other'; 'xencim-policy-bundle/1' is known"),
        ({"version": "1.2"}, "the manifest is for p 1.2, the document for another"),
        ({"files": []}, "manifest.json is not what a manifest is"),
        ({"files": {"policy.xml": "x"}}, "manifest.json is not what a manifest is"),
        ({"created": 7}, "manifest.json is not what a manifest is"),
        ({"created": "\u001b[31m"}, "manifest.json is not what a manifest is"),
        ({"more": "x" * 100_000}, "manifest.json is larger than 100000 bytes"),
    ],
)
def test_a_signer_who_erred(changes: dict[str, object], message: str) -> None:
    assert refusal(signed({"policy.xml": DOCUMENT}, **changes)) == message


def test_a_binary_of_another_policy_is_refused() -> None:
    with pytest.raises(PolicyError, match="compile it again"):
        create_bundle(DOCUMENT, KEY, WHEN, {"policy.bin": compile_policy(policy(2))})


def test_no_way_back() -> None:
    def bundle(of: Policy) -> bytes:
        return create_bundle(write_policy(of), KEY, WHEN)

    assert verify_bundle(bundle(policy(3, 2)), TRUST, policy(2)).policy == policy(3, 2)
    for offered in (policy(2, 1), policy(1), policy(2, 2), policy(4, 3), policy(3, name="q")):
        with pytest.raises(PolicyError) as raised:
            verify_bundle(bundle(offered), TRUST, policy(2))
        assert raised.value.findings[0].xserr is XsErr.VERSION_PREVENTS_UPDATE
    assert verify_bundle(bundle(policy(1)), TRUST, policy(2, name="DEFAULT")).policy == policy(1)


@pytest.mark.parametrize("name", ["../policy.xml", "/etc/passwd", ".hidden", "a/b", "", "-o", "ä", "a" * 101])
def test_names_that_lead_elsewhere(name: str) -> None:
    with pytest.raises(PolicyError, match="is no name for a file of a bundle"):
        pack({name: b""})
    if name and len(name) <= 100:
        assert "is no name for a file of a bundle" in refusal(archive(tarfile.TarInfo(name)))


def archive(*members: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member in members:
            tar.addfile(member)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_only_plain_files(kind: bytes) -> None:
    member = tarfile.TarInfo("a")
    member.type, member.linkname = kind, "/etc/passwd"
    assert refusal(archive(member)) == "'a' in the bundle is no plain file"


def test_archives_beyond_their_limits() -> None:
    assert refusal(archive(tarfile.TarInfo("a"), tarfile.TarInfo("a"))) == "'a' is in the bundle twice"
    many = archive(*(tarfile.TarInfo(f"f{number}") for number in range(33)))
    assert refusal(many) == "the bundle has more than 32 files"
    assert refusal(b"\0" * ((128 << 20) + 1)) == "the bundle is larger than 128 MB"
    long = tarfile.TarInfo("a")
    data = bytearray(archive(long))
    data[124:136] = b"77777777777\0"
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + 8 * 32 + sum(data[156:512]))
    assert refusal(bytes(data)).startswith(("this is no bundle", "the bundle ends within"))
    for nothing in (b"", b"x", b"\x1f\x8b" + b"x" * 600):
        assert refusal(nothing).startswith(("this is no bundle", "the bundle has no manifest"))


@given(st.data())
@settings(deadline=None)
def test_broken_archives_never_pass(data: st.DataObject) -> None:
    bundle = bytearray(create_bundle(DOCUMENT, KEY, WHEN))
    content = len(DOCUMENT) + 5 * 512
    for _ in range(data.draw(st.integers(1, 3))):
        bundle[data.draw(st.integers(0, content))] = data.draw(st.integers(0, 255))
    try:
        read = verify_bundle(bytes(bundle), TRUST)
    except PolicyError:
        return
    assert (read.policy, read.files) == (policy(1), {"policy.xml": DOCUMENT})


def test_a_trust_store_is_a_folder(tmp_path: Path) -> None:
    private, public = make_key()
    (tmp_path / "alice.pem").write_bytes(public)
    (tmp_path / "readme.txt").write_text("no key")
    key_file = tmp_path / "private"
    key_file.write_bytes(private)
    bundle = create_bundle(DOCUMENT, load_private_key(key_file), WHEN)
    trust = TrustStore.load(tmp_path)
    assert verify_bundle(bundle, trust).signer == "alice"
    assert trust.signer(b"x", b"y") is None


def test_trust_stores_that_are_none(tmp_path: Path) -> None:
    def message(folder: Path) -> str:
        with pytest.raises(PolicyError) as raised:
            TrustStore.load(folder)
        return raised.value.findings[0].message

    assert message(tmp_path / "no").endswith("cannot be read: No such file or directory")
    key = tmp_path / "a.pem"
    key.write_bytes(b"no key")
    assert message(tmp_path) == f"{key} is no public key in PEM"
    elliptic = generate_private_key(SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    key.write_bytes(elliptic.public_bytes(serialization.Encoding.PEM, form))
    assert message(tmp_path) == f"{key} is no Ed25519 key; only those sign policies"
    key.write_bytes(make_key()[1])
    key.chmod(0o666)
    assert message(tmp_path) == f"others may write {key}, so nothing in it can be trusted; chmod go-w {key}"
    tmp_path.chmod(0o777)
    assert message(tmp_path).startswith(f"others may write {tmp_path}")


def test_private_keys_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(PolicyError, match="cannot be read: No such file"):
        load_private_key(path)
    path.write_bytes(b"x")
    with pytest.raises(PolicyError, match="is no private key"):
        load_private_key(path)
    locked = KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    path.write_bytes(locked)
    with pytest.raises(PolicyError, match="is no private key"):
        load_private_key(path)
    assert key_id(load_private_key(path, b"secret").public_key()) == key_id(KEY.public_key())

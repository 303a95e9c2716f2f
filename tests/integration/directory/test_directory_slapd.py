"""Policies and labels in a real slapd: published, fetched, tampered with, expired, gone and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from xencim.acm.bundles.keys import TrustStore
from xencim.acm.directory.connection import DirectoryError, connected
from xencim.acm.directory.follower import Follower, Outcome
from xencim.acm.directory.publication import Assignment, Content, Publication
from xencim.acm.directory.store import DirectoryStore

from .slapd import BASE, READER, READER_PASSWORD, SLAPD, Authority, Slapd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    SLAPD is None, reason="slapd is not installed (Debian's package of that name)"
)
LABELS = (Assignment("disk:/var/lib/a, b+c.img", "A-Bank"), Assignment("machine:50000000", " Bänk=#1 "))
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def signed(serial: int, labels: tuple[Assignment, ...] = LABELS, *, name: str = "my, test") -> Publication:
    content = Content(name, serial, f"<policy {serial}/>".encode(), labels)
    return Publication(content, KEY.sign(content.statement()))


TRUST = TrustStore({"policy office": KEY.public_key()})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authorities") / "one")


@pytest.fixture
def slapd(tmp_path: Path, authority: Authority) -> Iterator[Slapd]:
    (tmp_path / "slapd").mkdir()
    server = Slapd(tmp_path / "slapd", authority)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def store(slapd: Slapd) -> DirectoryStore:
    return DirectoryStore(slapd.settings())


def follower(store: DirectoryStore, folder: Path) -> Follower:
    return Follower(store, "my, test", TRUST.signer, folder / "kept.json")


def told(outcome: Outcome) -> str:
    [finding] = outcome.findings
    assert not outcome.is_new
    return finding.message


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_what_is_published_is_fetched(slapd: Slapd, scheme: str) -> None:
    store = DirectoryStore(slapd.settings(scheme))
    store.publish(signed(1))
    mark, found = store.fetch("my, test")
    assert found == signed(1, tuple(sorted(LABELS)))
    assert mark == store.mark("my, test")


def test_a_reader_needs_no_account(slapd: Slapd, store: DirectoryStore) -> None:
    store.publish(signed(1))
    anonymous = replace(slapd.settings(), bind_name=None, password=None)
    assert DirectoryStore(anonymous).fetch("my, test")[1].content.serial == 1
    with pytest.raises(DirectoryError, match="refuses") as refused:
        DirectoryStore(anonymous).publish(signed(2))
    assert refused.value.kind == "refused"


def test_more_labels_than_a_page(slapd: Slapd, store: DirectoryStore) -> None:
    labels = tuple(Assignment(f"machine:{number:04}", "A") for number in range(1203))
    store.publish(signed(1, labels))
    anonymous = DirectoryStore(replace(slapd.settings(), bind_name=None, password=None))
    assert anonymous.fetch("my, test")[1].content.assignments == labels
    limited = replace(slapd.settings(password=READER_PASSWORD), bind_name=READER)
    with pytest.raises(DirectoryError, match=r"gives no more than 500 entries of .*: raise its size limit"):
        DirectoryStore(limited).fetch("my, test")


def test_a_publication_replaces_the_one_before(slapd: Slapd, store: DirectoryStore) -> None:
    store.publish(signed(1))
    before = store.mark("my, test")
    store.publish(signed(5, LABELS[:1]))
    assert store.mark("my, test") != before
    assert store.fetch("my, test")[1] == signed(5, LABELS[:1])
    with connected(slapd.settings()) as session:
        names = {entry.name for entry in session.search(BASE, "SUBTREE", "(cn=*)", ("cn",), most=99)}
    assert len(names) == 3
    with pytest.raises(DirectoryError, match="take a greater one") as conflict:
        store.publish(signed(5))
    assert conflict.value.kind == "conflict"


def test_what_an_interrupted_publication_left_is_no_hindrance(slapd: Slapd, store: DirectoryStore) -> None:
    store.publish(signed(1))
    with connected(slapd.settings()) as session:
        attributes = {"xencimSerial": "2", "xencimPolicyName": "my, test"}
        session.add(f"cn=my\\, test 2,{BASE}", "xencimLabelSet", attributes)
        stale = {"xencimElement": "host:", "xencimLabel": "stale"}
        session.add(f"cn=0,cn=my\\, test 2,{BASE}", "xencimLabelAssignment", stale)
    assert store.fetch("my, test")[1] == signed(1, tuple(sorted(LABELS)))
    store.publish(signed(2))
    assert store.fetch("my, test")[1] == signed(2, tuple(sorted(LABELS)))


def test_a_follower_takes_over_what_is_new(store: DirectoryStore, tmp_path: Path) -> None:
    following = follower(store, tmp_path)
    assert "has no such publication" in told(following.check())
    store.publish(signed(1))
    first, second = following.check(), following.check()
    assert first.good is not None
    assert (first.is_new, first.good.signer, first.good.content.serial) == (True, "policy office", 1)
    assert (second.is_new, second.good, second.findings) == (False, first.good, ())
    store.publish(signed(2))
    assert following.check().is_new


@pytest.mark.parametrize(
    ("entry", "change"),
    [
        ("cn=0,cn=my\\, test 2", {"xencimLabel": "B-Bank"}),
        ("cn=my\\, test", {"xencimPolicyDocument": b"<evil/>"}),
        ("cn=my\\, test", {"xencimSignature": b"forged"}),
    ],
)
def test_a_tampered_entry_is_not_taken(
    slapd: Slapd, store: DirectoryStore, tmp_path: Path, entry: str, change: dict[str, str | bytes]
) -> None:
    following = follower(store, tmp_path)
    store.publish(signed(1))
    good = following.check().good
    store.publish(signed(2))
    with connected(slapd.settings()) as session:
        session.replace(f"{entry},{BASE}", change, was={})
    outcome = following.check()
    assert "not signed by a trusted key, or was changed" in told(outcome)
    assert "my, test 1 stays in use" in told(outcome)
    assert outcome.good == good


def test_a_dropped_label_is_noticed(slapd: Slapd, store: DirectoryStore, tmp_path: Path) -> None:
    store.publish(signed(1))
    with connected(slapd.settings()) as session:
        session.delete(f"cn=0,cn=my\\, test 1,{BASE}")
    outcome = follower(store, tmp_path).check()
    assert "there is no earlier one to use" in told(outcome)
    assert outcome.good is None


def test_an_older_publication_is_not_taken_again(slapd: Slapd, store: DirectoryStore, tmp_path: Path) -> None:
    following = follower(store, tmp_path)
    store.publish(signed(2))
    assert following.check().is_new
    for publication in ("cn=0,cn=my\\, test 2", "cn=1,cn=my\\, test 2", "cn=my\\, test 2", "cn=my\\, test"):
        with connected(slapd.settings()) as session:
            session.delete(f"{publication},{BASE}")
    store.publish(signed(1))
    assert "the directory shows the past" in told(following.check())
    store.publish(signed(2, LABELS[:1]))
    assert "another than the one in use under the same number" in told(following.check())


def test_gone_and_back(slapd: Slapd, store: DirectoryStore, tmp_path: Path) -> None:
    following = follower(store, tmp_path)
    store.publish(signed(1))
    good = following.check().good
    slapd.stop()
    outcome = following.check()
    assert "The directory is away" in told(outcome)
    assert outcome.good == good
    # Nor does a restart of ours in between lose what was verified.
    after = follower(store, tmp_path)
    assert after.good == good
    slapd.start()
    assert after.check() == Outcome(good)
    store.publish(signed(2))
    assert following.check().is_new


def test_what_is_kept_is_verified_again(store: DirectoryStore, tmp_path: Path) -> None:
    store.publish(signed(1))
    follower(store, tmp_path).check()
    kept = tmp_path / "kept.json"
    kept.write_text(kept.read_text().replace("A-Bank", "B-Bank"))
    assert follower(store, tmp_path).good is None
    kept.write_text("[]")
    assert follower(store, tmp_path).good is None


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_an_expired_certificate(slapd: Slapd, tmp_path: Path, scheme: str) -> None:
    store = DirectoryStore(slapd.settings(scheme))
    store.publish(signed(1))
    following = follower(store, tmp_path)
    good = following.check().good
    slapd.stop()
    slapd.authority.certify(slapd.folder, days=-1)
    slapd.start()
    outcome = following.check()
    assert "The directory is not the one that it should be" in told(outcome)
    assert "expired" in told(outcome)
    assert outcome.good == good


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_certificate_of_another_authority_or_host(
    slapd: Slapd, tmp_path: Path, authority: Authority, scheme: str
) -> None:
    stranger = replace(slapd.settings(scheme), ca_file=str(Authority(tmp_path / "other").file))
    with pytest.raises(DirectoryError, match="certificate") as refused:
        DirectoryStore(stranger).mark("my, test")
    assert refused.value.kind == "certificate"
    slapd.stop()
    authority.certify(slapd.folder, host="elsewhere.example")
    slapd.start()
    with pytest.raises(DirectoryError, match="certificate") as refused:
        DirectoryStore(slapd.settings(scheme)).mark("my, test")
    assert refused.value.kind == "certificate"


def test_a_wrong_password_and_a_wrong_address(slapd: Slapd) -> None:
    with pytest.raises(DirectoryError, match="refuses") as refused:
        DirectoryStore(slapd.settings(password="wrong")).mark("my, test")
    assert refused.value.kind == "refused"
    for url in ("http://localhost", "ldaps://", "localhost"):
        with pytest.raises(DirectoryError, match="is no address of a directory"):
            DirectoryStore(replace(slapd.settings(), url=url)).mark("my, test")
    assert "wrong" not in repr(slapd.settings(password="wrong"))

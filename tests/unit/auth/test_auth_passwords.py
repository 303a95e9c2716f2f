"""The file of users."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.server import PasswordFile, PasswordFileError
from xencim.cimom_glue.server.auth.passwords import Cost

if TYPE_CHECKING:
    from pathlib import Path

CHEAP = Cost(log2_n=4, r=1, p=1)


@pytest.fixture
def users(tmp_path: Path) -> PasswordFile:
    return PasswordFile(tmp_path / "users", cost=CHEAP)


def test_a_user_is_let_in_by_its_password_alone(users: PasswordFile) -> None:
    users.add("alice", "wonderland", ["xencim", "xencim-admin"])
    assert users.verify("alice", "wonderland") == frozenset({"xencim", "xencim-admin"})
    assert users.verify("alice", "Wonderland") is None
    assert users.verify("bob", "wonderland") is None
    assert users.groups("alice") == {"xencim", "xencim-admin"}
    assert users.groups("bob") == frozenset()


def test_without_a_file_there_is_nobody(users: PasswordFile) -> None:
    assert users.list() == ()
    assert users.verify("alice", "x") is None


def test_the_default_cost_is_what_the_standard_recommendation_asks(tmp_path: Path) -> None:
    users = PasswordFile(tmp_path / "users")
    users.add("alice", "wonderland")
    assert ":scrypt$14$8$5$" in users.path.read_text()
    assert users.verify("alice", "wonderland") == frozenset()


def test_the_file_holds_no_password_and_is_closed_to_others(users: PasswordFile) -> None:
    users.add("alice", "wonderland", ["xencim"])
    lines = users.path.read_text().splitlines()
    assert lines[0] == "xencim-users 1"
    assert lines[1].startswith("alice:xencim:scrypt$4$1$1$")
    assert "wonderland" not in users.path.read_text()
    assert users.path.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in users.path.parent.iterdir()) == ["users", "users.lock"]


def test_equal_passwords_have_different_hashes(users: PasswordFile) -> None:
    for name in ("a", "b"):
        users.add(name, "same")
    first, second = (user.hash for user in users.list())
    assert first.key != second.key


def test_another_writer_is_seen(users: PasswordFile) -> None:
    users.add("alice", "wonderland")
    other = PasswordFile(users.path, cost=CHEAP)
    before = users.version()
    other.set_password("alice", "looking-glass")
    assert users.version() != before
    assert users.verify("alice", "wonderland") is None
    assert users.verify("alice", "looking-glass") == frozenset()
    other.remove("alice")
    assert users.list() == ()


def test_writers_side_by_side_lose_nothing(users: PasswordFile) -> None:
    names = [f"user{number}" for number in range(20)]
    threads = [
        threading.Thread(target=PasswordFile(users.path, cost=CHEAP).add, args=(name, "x")) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {user.name for user in users.list()} == set(names)


def test_hashes_of_another_cost_stay_valid(users: PasswordFile) -> None:
    users.add("alice", "wonderland")
    costlier = PasswordFile(users.path, cost=Cost(log2_n=5, r=2, p=2))
    assert costlier.verify("alice", "wonderland") == frozenset()
    costlier.set_password("alice", "wonderland")
    assert users.verify("alice", "wonderland") == frozenset()


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a,b", "a/b", "a\nb", "x" * 65])
def test_names_that_would_break_the_file_are_refused(users: PasswordFile, name: str) -> None:
    with pytest.raises(PasswordFileError, match="is no name"):
        users.add(name, "x")
    with pytest.raises(PasswordFileError, match="is no name"):
        users.add("alice", "x", [name])


def test_accounts_that_are_not_as_asked_are_named(users: PasswordFile) -> None:
    users.add("alice", "x")
    with pytest.raises(PasswordFileError, match="there is a user 'alice' already"):
        users.add("alice", "y")
    with pytest.raises(PasswordFileError, match="there is no user 'bob'"):
        users.remove("bob")
    with pytest.raises(PasswordFileError, match="there is no user 'bob'"):
        users.set_password("bob", "x")
    with pytest.raises(PasswordFileError, match="cannot be empty"):
        users.set_password("alice", "")
    assert users.verify("alice", "x") == frozenset()


def test_a_broken_line_is_named_without_its_hash(users: PasswordFile) -> None:
    users.path.write_text("xencim-users 1\nalice::scrypt$4$1$1$secret!$secret!\n")
    with pytest.raises(PasswordFileError, match=r"users:2: ") as caught:
        users.list()
    assert "secret" not in str(caught.value)


def test_another_format_is_refused(users: PasswordFile) -> None:
    users.path.write_text("xencim-users 2\n")
    with pytest.raises(PasswordFileError, match=r"users:1: "):
        users.list()


def test_a_file_open_to_others_is_warned_of(users: PasswordFile, caplog: pytest.LogCaptureFixture) -> None:
    users.add("alice", "x")
    users.path.chmod(0o644)
    assert PasswordFile(users.path).list()[0].name == "alice"
    assert "chmod 600" in caplog.text


def test_what_is_not_text_is_refused_and_changes_nothing(users: PasswordFile) -> None:
    with pytest.raises(PasswordFileError, match="is no name"):
        users.add("bob\udcff", "x")
    with pytest.raises(PasswordFileError, match="the password is not text"):
        users.add("bob", "x\udcff")
    assert users.list() == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_roots_files_are_the_servers_own_users(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12346)
    PasswordFile(tmp_path / "passwords").add("alice", "a password", ())
    owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in tmp_path.iterdir()}
    assert owners == dict.fromkeys(("passwords", "passwords.lock"), (12345, 12346))

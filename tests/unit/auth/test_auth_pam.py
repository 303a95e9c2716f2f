"""The machine's accounts, asked through PAM with a service of the test's own."""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.server.auth.pam import PamAccounts, PamError

if TYPE_CHECKING:
    from pathlib import Path

CHECK = """#!/bin/sh
test "$PAM_USER" = daemon && test "$(tr -d '\\0')" = "pass word"
"""


@pytest.fixture
def accounts(tmp_path: Path) -> PamAccounts:
    name = ctypes.util.find_library("pam")
    if name is None or not hasattr(ctypes.CDLL(name), "pam_start_confdir"):
        pytest.skip("Linux-PAM 1.4 or later is not installed")
    script = tmp_path / "check"
    script.write_text(CHECK)
    script.chmod(0o755)
    (tmp_path / "xencim").write_text(
        f"auth required pam_exec.so quiet expose_authtok {script}\naccount required pam_permit.so\n"
    )
    (tmp_path / "closed").write_text("auth required pam_permit.so\naccount required pam_deny.so\n")
    return PamAccounts(config_dir=tmp_path)


def test_pam_decides_by_name_and_password(accounts: PamAccounts) -> None:
    assert accounts.verify("daemon", "pass word") == frozenset({"daemon"})
    assert accounts.verify("daemon", "password") is None
    assert accounts.verify("bin", "pass word") is None
    assert accounts.verify("", "pass word") is None
    assert accounts.verify("daemon", "pass word\0") is None


@pytest.mark.usefixtures("accounts")
def test_an_account_that_is_closed_is_refused(tmp_path: Path) -> None:
    assert PamAccounts("closed", config_dir=tmp_path).verify("daemon", "pass word") is None


def test_groups_are_those_of_the_machine(accounts: PamAccounts) -> None:
    assert accounts.groups("daemon") == frozenset({"daemon"})
    assert accounts.groups("no such user") == frozenset()


def test_without_the_library_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda _name: None)
    with pytest.raises(PamError, match="libpam0g"):
        PamAccounts()

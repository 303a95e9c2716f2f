"""Where configuration and state are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from xencim.cimom_glue.config import places


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/alice")


@pytest.mark.usefixtures("root")
def test_root_has_the_systems_places() -> None:
    assert places.config_files({}) == (Path("/etc/xencim/xencim.toml"),)
    assert places.state_dir({}) == Path("/var/lib/xencim")
    assert places.socket_path({}, Path("/var/lib/xencim")) == Path("/run/xencim/xencim.sock")


@pytest.mark.usefixtures("user")
def test_a_user_has_places_below_home() -> None:
    assert places.config_files({}) == (
        Path("/home/alice/.config/xencim/xencim.toml"),
        Path("/etc/xencim/xencim.toml"),
    )
    assert places.state_dir({}) == Path("/home/alice/.local/state/xencim")
    assert places.state_dir({"XDG_STATE_HOME": "/data"}) == Path("/data/xencim")
    assert places.state_dir({"XDG_STATE_HOME": "relative"}) == Path("/home/alice/.local/state/xencim")


def test_the_service_manager_says_where() -> None:
    assert places.state_dir({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}) == Path("/var/lib/a")
    assert places.socket_path({"RUNTIME_DIRECTORY": "/run/a"}, Path("/x")) == Path("/run/a/xencim.sock")


def test_the_socket_is_beside_a_state_directory_of_ones_own() -> None:
    assert places.socket_path({}, Path("/srv/x")) == Path("/srv/x/xencim.sock")

"""Where the platform wants the configuration and the state: the system's places for root, else the user's.

Source: the Filesystem Hierarchy Standard 3.0; the XDG Base Directory Specification; systemd.exec(5)
for STATE_DIRECTORY and RUNTIME_DIRECTORY.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM_CONFIG = Path("/etc/xencim/xencim.toml")


def _users(environ: Mapping[str, str], variable: str, below_home: str) -> Path:
    given = environ.get(variable, "")
    base = Path(given) if given.startswith("/") else Path.home() / below_home
    return base / "xencim"


def config_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where a configuration is looked for, the first that exists wins."""
    if os.geteuid() == 0:
        return (SYSTEM_CONFIG,)
    return (_users(environ, "XDG_CONFIG_HOME", ".config") / "xencim.toml", SYSTEM_CONFIG)


def state_dir(environ: Mapping[str, str]) -> Path:
    """Return where the server keeps its state unless it is told otherwise."""
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.split(":", 1)[0])
    if os.geteuid() == 0:
        return Path("/var/lib/xencim")
    return _users(environ, "XDG_STATE_HOME", ".local/state")


def socket_path(environ: Mapping[str, str], state: Path) -> Path:
    """Return the Unix socket's place: beside the state, so that two servers do not meet in one."""
    if given := environ.get("RUNTIME_DIRECTORY"):
        return Path(given.split(":", 1)[0]) / "xencim.sock"
    if state == Path("/var/lib/xencim"):
        return Path("/run/xencim/xencim.sock")
    return state / "xencim.sock"

"""The configured directory of policies, made ready to be followed.

Errors: ConfigError where trusted keys or the password cannot be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.bundles import TrustStore
from xencim.acm.directory.connection import Settings
from xencim.acm.directory.follower import Follower
from xencim.acm.directory.store import DirectoryStore
from xencim.acm.model import PolicyError
from xencim.cimom_glue.config import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from xencim.cimom_glue.config import Config

KEPT = "directory.kept"
"""The file in the state directory that holds the last good publication."""


def make_follower(config: Config, kept: Path) -> Follower | None:
    """Return what follows the configured publication; None: none is configured. It reads files.

    The keys are read again for each publication, so that one that is taken away counts no more.
    """
    wanted, trust = config.policy.directory, config.policy.trust
    if wanted.url is None or trust is None:
        return None
    settings = Settings(
        wanted.url,
        wanted.base,
        None if wanted.ca is None else str(wanted.ca),
        wanted.bind,
        _password(wanted.password_file),
    )

    def verify(statement: bytes, signature: bytes) -> str | None:
        return TrustStore.load(trust).signer(statement, signature)

    try:
        TrustStore.load(trust)
        return Follower(DirectoryStore(settings), wanted.name, verify, kept)
    except PolicyError as error:
        raise ConfigError(f"policy.trust: {error}") from error


def _password(path: Path | None) -> str | None:
    try:
        return None if path is None else path.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"policy.directory.password_file: {path}: {error}") from error

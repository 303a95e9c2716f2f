"""What `xencim doctor` looks at of the directory that policies come from."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from xencim.acm.model import PolicyError
from xencim.cimom_glue.config import ConfigError
from xencim.providers.backends.base import Check

if TYPE_CHECKING:
    from xencim.acm.directory.follower import Follower, Outcome
    from xencim.cimom_glue.config import Config

_NAME = "policy directory"


def check_directory(config: Config) -> Check:
    """Look at what is published, as the server does, and take nothing over. It blocks."""
    if config.policy.directory.url is None:
        return Check(_NAME, ok=True, detail="none is followed")
    from xencim.cimom_glue.directory import KEPT, make_follower  # noqa: PLC0415 - it takes its time

    with tempfile.TemporaryDirectory(prefix="xencim-doctor-") as folder:
        kept = Path(folder, KEPT)
        if (config.state_dir / KEPT).exists():
            shutil.copy(config.state_dir / KEPT, kept)
        try:
            follower = make_follower(config, kept)
            return Check(_NAME, ok=True, detail="none is followed") if follower is None else _check(follower)
        except (ConfigError, PolicyError, OSError) as error:
            return Check(_NAME, ok=False, detail=str(error))


def _check(follower: Follower) -> Check:
    outcome: Outcome = follower.check()
    if outcome.findings:
        return Check(_NAME, ok=False, detail="; ".join(finding.message for finding in outcome.findings))
    if outcome.good is None:
        return Check(_NAME, ok=False, detail="nothing is published")
    content = outcome.good.content
    taken = " and not yet taken over" if outcome.is_new else ", and in use"
    labels = f"{len(content.assignments)} labels"
    detail = f"{content.name} {content.serial} with {labels}, signed by {outcome.good.signer!r}{taken}"
    return Check(_NAME, ok=True, detail=detail)

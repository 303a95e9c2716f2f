"""The flags that stand for settings, made from the configuration's own table, and reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.cimom_glue.config import load
from xencim.cimom_glue.config.model import options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from xencim.cimom_glue.config import Loaded

# What each flag is followed by in the help.
_METAVARS = {
    "backends": "URI|fake:N",
    "state_dir": "DIR",
    "schema": "DIR|ZIP",
    "server.http": "ADDR:PORT|off",
    "server.https": "ADDR:PORT|off",
    "server.socket": "PATH|off",
    "server.anonymous": "none|read",
    "cmpi.socket": "PATH|off",
    "logging.format": "human|json",
    "logging.level": "debug|info|warning|error",
}


def add_settings(parser: argparse.ArgumentParser, only: Iterable[str] | None = None) -> None:
    """Add ``--config`` and the flags of the settings (those named, or all that have one)."""
    group = parser.add_argument_group(
        "settings",
        "Flags win over the environment, the environment over the file, the file over defaults.",
    )
    group.add_argument(
        "--config", metavar="FILE", help="the configuration (default: XENCIM_CONFIG, /etc/xencim/xencim.toml)"
    )
    wanted = None if only is None else set(only)
    for key, option in options():
        if option.flag is None or (wanted is not None and key not in wanted):
            continue
        repeated = key == "backends"
        group.add_argument(
            option.flag,
            dest=key,
            metavar=_METAVARS[key],
            action="append" if repeated else "store",
            help=option.help + (" (may be given several times)" if repeated else ""),
        )


def load_settings(args: argparse.Namespace) -> Loaded:
    """Return the configuration that is in force for a command's flags."""
    given = vars(args)
    flags = {key: given[key] for key, _ in options() if given.get(key) is not None}
    return load(flags, file=args.config)

"""The commands of `xencim policy` that the running server carries out, and their flags."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.settings import add_settings

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 2**32 - 1
"""What an uint32 holds."""
MODES = ("off", "permissive", "enforcing")
REACTIONS = ("alert", "pause", "destroy")
TOPICS = ("policy", "setting", "label", "refusal")
_TIMES = "2026-05-06, 2026-05-06T13:00, or 30m, 2h, 7d ago"
_AGO = {"m": "minutes", "h": "hours", "d": "days"}
_OBJECT = (
    "machine:NAME, host, a disk's path, volume:POOL/NAME, virtualnetwork:NAME, bridge:NAME, vlan:NUMBER or "
    "device:ADDRESS (a PCI device, where the hypervisor has FLASK)"
)


def _many(text: str) -> int:
    number = int(text)
    if not 0 < number <= MOST:
        raise argparse.ArgumentTypeError(f"{text} is not 1 to {MOST}")
    return number


def _time(text: str) -> datetime:
    """Return a point in time; one without a zone is this machine's."""
    try:
        if text[-1:] in _AGO and text[:-1].isdigit():
            return datetime.now(UTC) - timedelta(**{_AGO[text[-1]]: int(text[:-1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: {_TIMES}") from None


def add_asking(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which server and host is asked."""
    parser.add_argument("--namespace", metavar="NAME", help="which host, where several are served")
    add_settings(parser, only=("state_dir", "server.socket"))


def add_live(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands."""

    def live(name: str, summary: str, run: str) -> argparse.ArgumentParser:
        parser = action(name, summary, f"live.{run}")
        add_asking(parser)
        return parser

    apply = live("apply", "put a policy or signed bundle in force", "changing:apply")
    apply.add_argument("file", metavar="FILE", help="a policy's document or bundle; - is standard input")
    back = live("rollback", "bring back a policy that was in force before", "changing:roll_back")
    back.add_argument("digest", metavar="DIGEST", help="its digest or the beginning; `history` tells it")
    reset = live("reset", "take the policy out of force", "changing:reset")
    for one in (apply, back, reset):
        one.add_argument(
            "--expect",
            metavar="DIGEST",
            help='only if the policy of this digest is in force; "" is none',
        )
    mode = live("mode", "tell or say what a refusal comes to", "changing:mode")
    mode.add_argument("mode", metavar="MODE", nargs="?", choices=MODES, help=", ".join(MODES))
    reaction = live("reaction", "tell or say what is done to machines started past us", "changing:reaction")
    reaction.add_argument("reaction", metavar="WHAT", nargs="?", choices=REACTIONS, help=", ".join(REACTIONS))
    for one in (mode, reaction):
        one.add_argument("--reason", metavar="TEXT", help="why; it is kept in the history")
    live("drift", "tell what is not as the policy has it", "telling:drift")
    told = live("history", "tell who did what about the policy", "telling:history")
    told.add_argument("--most", type=_many, metavar="N", help="how many entries, the latest (100)")
    told.add_argument("--since", type=_time, metavar="TIME", help=f"not older: {_TIMES}")
    told.add_argument("--until", type=_time, metavar="TIME", help=f"not newer: {_TIMES}")
    told.add_argument("--who", metavar="NAME", help="by whom")
    about = f"only {', '.join(TOPICS)}; repeatable"
    told.add_argument("--about", metavar="WHAT", action="append", choices=TOPICS, help=about)
    tried = [apply, *_add_labels(live)]
    for one in tried:
        one.add_argument("--dry-run", action="store_true", help="only tell what would come of it")


def _add_labels(live: Callable[..., argparse.ArgumentParser]) -> list[argparse.ArgumentParser]:
    live("labels", "list the labels that objects were given", "labels:labels")
    label = live("label", "give an object a label", "labels:label")
    unlabel = live("unlabel", "take an object's label away", "labels:unlabel")
    for one in (label, unlabel):
        one.add_argument("object", metavar="OBJECT", help=_OBJECT)
        one.add_argument("--old", metavar="LABEL", help='only if it has this label; "" is none')
    label.add_argument("label", metavar="LABEL", help="a label of the policy in force")
    imported = live("import-labels", "take over an old host's resource_labels", "labels:import_labels")
    imported.add_argument("file", metavar="FILE", help="the file; - is standard input")
    return [label, unlabel, imported]

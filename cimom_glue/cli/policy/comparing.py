"""`xencim policy diff`: what makes one policy another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.difference import differences
from xencim.cimom_glue.cli.output import Exit, print_json, print_line
from xencim.cimom_glue.cli.policy.files import load
from xencim.cimom_glue.cli.policy.findings import telling
from xencim.cimom_glue.cli.policy.live.telling import in_force

if TYPE_CHECKING:
    import argparse


@telling
def run(args: argparse.Namespace) -> int:
    """Print what differs between two policies, the one in force and another where one file is named."""
    old = in_force(args) if args.old is None else load(args.old)
    changes = differences(old.policy, load(args.new).policy)
    if args.json:
        print_json(
            [
                {
                    "kind": change.kind.value,
                    "what": change.what,
                    "name": change.name,
                    "before": list(change.before),
                    "after": list(change.after),
                }
                for change in changes
            ]
        )
    else:
        for change in changes:
            print_line(str(change))
    return Exit.FAILED if changes else Exit.DONE

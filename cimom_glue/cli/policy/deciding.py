"""`xencim policy explain`: what a policy would say to machines that only run in a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.decisions import Rules, RunningSet
from xencim.acm.model import LabelKind
from xencim.cimom_glue.cli.output import CommandError, Exit, print_json, print_line, tell
from xencim.cimom_glue.cli.policy.files import load
from xencim.cimom_glue.cli.policy.findings import as_json, telling
from xencim.cimom_glue.cli.policy.live import telling as telling_live

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from xencim.acm.decisions import Decision


@telling
def run(args: argparse.Namespace) -> int:
    """Tell whether a machine may start beside others, and use resources; without a file, on the host."""
    if args.file is None:
        return telling_live.explain(args)
    if args.start is None:
        raise CommandError("--start says which label is asked about", code=Exit.USAGE)
    rules = Rules(load(args.file, args.map).policy)
    running_labels = _split(args.running)
    resources = _split(args.resource)
    for label in (args.start, *running_labels):
        _require(rules.check_label(label))
    for label in resources:
        _require(rules.check_label(label, LabelKind.RESOURCE))
    running = RunningSet(rules)
    for number, label in enumerate(running_labels):
        order = running.may_start(label)
        if not order:
            tell(f"{label} is taken to run, though it could not have started: {order.reason}")
        running.start(f"{label} ({number + 1})", label, label)
    decisions = [
        (f"start {args.start}", running.may_start(args.start)),
        *((f"use {label}", rules.may_share(args.start, label, LabelKind.RESOURCE)) for label in resources),
    ]
    permitted = all(decision.permitted for _, decision in decisions)
    if args.json:
        print_json(
            {
                "start": args.start,
                "running": running_labels,
                "permitted": permitted,
                "decisions": [
                    {
                        "action": action,
                        "permitted": decision.permitted,
                        "findings": [as_json(finding) for finding in decision.findings],
                    }
                    for action, decision in decisions
                ],
            }
        )
    else:
        for line in _lines(decisions):
            print_line(line)
    return Exit.DONE if permitted else Exit.FAILED


def _lines(decisions: list[tuple[str, Decision]]) -> Iterator[str]:
    for action, decision in decisions:
        yield f"{action}: {'permitted' if decision.permitted else 'refused'}"
        for finding in decision.findings:
            yield f"  {finding.message}"


def _split(given: list[str]) -> list[str]:
    """Return the labels of a flag that takes several, separated by commas or given again."""
    return [label for text in given for label in text.split(",") if label]


def _require(decision: Decision) -> None:
    if not decision.permitted:
        hint = "`xencim policy show` lists the labels of a policy"
        raise CommandError(decision.reason, hint=hint, code=Exit.USAGE)

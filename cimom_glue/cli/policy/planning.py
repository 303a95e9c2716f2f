"""`xencim policy plan`: what an update of the policy would do, before it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.planning import HostMachine, HostState, plan_update
from xencim.cimom_glue.cli.output import CommandError, Exit, print_json, print_line
from xencim.cimom_glue.cli.policy.files import load
from xencim.cimom_glue.cli.policy.findings import as_json, as_line, telling
from xencim.cimom_glue.cli.policy.live import plans

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from xencim.acm.planning import UpdatePlan


@telling
def run(args: argparse.Namespace) -> int:
    """Print the plan of an update for machines that run with the labels given, or for the host as it is."""
    if args.old is None:
        return plans.run(args)
    old, new = load(args.old).policy, load(args.new).policy
    labels = [label for text in args.running for label in text.split(",") if label]
    known = {label.name for label in old.machine_labels}
    if unknown := [label for label in labels if label not in known]:
        raise CommandError(f"{args.old} has no machine label {', '.join(unknown)}", code=Exit.USAGE)
    machines = tuple(
        HostMachine(f"{number}", f"machine {number} ({label})", label, is_running=True)
        for number, label in enumerate(labels, 1)
    )
    plan = plan_update(old, new, HostState(machines))
    if args.json:
        print_json(
            {
                "from": plan.from_policy,
                "to": plan.to_policy,
                "feasible": plan.is_feasible,
                "renamed": [{"kind": r.kind.value, "from": r.old, "to": r.new} for r in plan.renamed],
                "deleted": [{"kind": label.kind.value, "name": label.name} for label in plan.deleted],
                "added": [{"kind": label.kind.value, "name": label.name} for label in plan.added],
                "machines_to_stop": list(plan.machines_to_stop),
                "findings": [as_json(finding) for finding in plan.findings],
            }
        )
    else:
        for line in _lines(plan):
            print_line(line)
    return Exit.DONE if plan.is_feasible else Exit.FAILED


def _lines(plan: UpdatePlan) -> Iterator[str]:
    yield f"{plan.from_policy} -> {plan.to_policy}: {'feasible' if plan.is_feasible else 'not feasible'}"
    for renaming in plan.renamed:
        yield f"renamed {renaming.kind.value} label {renaming.old} to {renaming.new}"
    for verb, labels in (("deleted", plan.deleted), ("added", plan.added)):
        for label in labels:
            yield f"{verb} {label.kind.value} label {label.name}"
    for machine in plan.machines_to_stop:
        yield f"stop {machine}"
    for finding in plan.findings:
        yield as_line(finding)

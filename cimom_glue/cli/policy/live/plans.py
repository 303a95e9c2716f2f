"""Plans of updates as the server tells them: as lines, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.cli.output import Exit, print_json, print_line
from xencim.cimom_glue.cli.policy.files import read
from xencim.cimom_glue.cli.policy.findings import as_json, as_line, telling
from xencim.cimom_glue.cli.policy.live.asking import findings, service

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pywbem import CIMInstance


@telling
def run(args: argparse.Namespace) -> int:
    """Print the plan of an update of the policy in force for the host as it is."""
    with service(args) as asked:
        plan = asked.call("PlanUpdate", Representation=read(args.new).decode(errors="replace"))["Plan"]
    if args.json:
        print_json(plan_json(plan))
    else:
        for line in plan_lines(plan):
            print_line(line)
    return Exit.DONE if plan["Feasible"] else Exit.FAILED


def plan_json(plan: CIMInstance) -> dict[str, Any]:
    """Return a plan's data."""
    return {
        "from": plan.get("FromPolicy"),
        "to": plan["ToPolicy"],
        "feasible": bool(plan["Feasible"]),
        "renamed": [
            dict(zip(("from", "to"), one.split(" "), strict=True)) for one in _several(plan, "RenamedLabels")
        ],
        "deleted": [{"name": one} for one in _several(plan, "DeletedLabels")],
        "added": [{"name": one} for one in _several(plan, "AddedLabels")],
        "relabelled": _several(plan, "RelabelledElements"),
        "invalidated": _several(plan, "InvalidatedElements"),
        "machines_to_stop": _several(plan, "MachinesToStop"),
        "findings": [as_json(one) for one in findings(plan.get("Findings"))],
    }


def plan_lines(plan: CIMInstance) -> Iterator[str]:
    """Yield a plan as people read it."""
    feasible = "feasible" if plan["Feasible"] else "not feasible"
    yield f"{plan.get('FromPolicy') or 'no policy'} -> {plan['ToPolicy']}: {feasible}"
    for one in _several(plan, "RenamedLabels"):
        yield f"renamed label {one.replace(' ', ' to ')}"
    for verb, name in (
        ("deleted label", "DeletedLabels"),
        ("added label", "AddedLabels"),
        ("relabelled", "RelabelledElements"),
        ("label taken from", "InvalidatedElements"),
        ("stop", "MachinesToStop"),
    ):
        for one in _several(plan, name):
            yield f"{verb} {one}"
    for finding in findings(plan.get("Findings")):
        yield as_line(finding)


def _several(plan: CIMInstance, name: str) -> list[str]:
    return list(plan.get(name) or ())

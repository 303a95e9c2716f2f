"""`xencim policy check` and `show`: what is wrong with policies, and what is in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xencim.acm.language import lint
from xencim.acm.model import PolicyError
from xencim.acm.slots import slots_of
from xencim.cimom_glue.cli.output import Exit, print_json, print_line, print_table
from xencim.cimom_glue.cli.policy.files import load
from xencim.cimom_glue.cli.policy.findings import as_json, has_error, print_findings, telling
from xencim.cimom_glue.cli.policy.live.telling import in_force

if TYPE_CHECKING:
    import argparse

    from xencim.acm.model import Finding, Label, Policy


def check(args: argparse.Namespace) -> int:
    """Tell what is wrong with each policy, and what is hardly meant."""
    results = [(path, *_checked(path)) for path in args.files]
    code = Exit.DONE
    for _, _, findings in results:
        if has_error(findings, strict=args.strict):
            code = Exit.FAILED
    if args.json:
        print_json(
            [
                {
                    "file": path,
                    "valid": not has_error(findings),
                    "policy": policy.name if policy else None,
                    "version": str(policy.header.version) if policy else None,
                    "findings": [as_json(finding) for finding in findings],
                }
                for path, policy, findings in results
            ]
        )
        return code
    for path, policy, findings in results:
        print_findings(findings)
        if policy is not None:
            print_line(f"{path}: {policy.name} {policy.header.version} is valid")
    return code


def _checked(path: str) -> tuple[Policy | None, tuple[Finding, ...]]:
    try:
        loaded = load(path)
    except PolicyError as error:
        return None, error.findings
    document = loaded.document
    if document is None:
        return loaded.policy, lint(loaded.policy, file=loaded.name)
    return loaded.policy, (*document.warnings, *lint(loaded.policy, document.lines, document.file))


@telling
def show(args: argparse.Namespace) -> int:
    """Print what is in a policy, in the one in force where no file is named."""
    policy = (in_force(args) if args.file is None else load(args.file, args.map)).policy
    if args.json:
        print_json(_as_json(policy))
        return Exit.DONE
    header = policy.header
    print_line(f"policy: {header.name} {header.version}")
    for name, value in (
        ("updates", f"{header.previous.name} {header.previous.version}" if header.previous else None),
        ("URL", header.url),
        ("reference", header.reference),
        ("date", header.date),
        ("name space URL", header.name_space_url),
        ("bootstrap label", policy.bootstrap),
        ("types", _listed(policy.ste_types)),
        ("Chinese Wall types", _listed(policy.chinese_wall_types)),
    ):
        if value:
            print_line(f"{name}: {value}")
    for conflict in policy.conflict_sets:
        print_line(f"conflict set {conflict.name}: {_listed(conflict.types)}")
    print_line()
    slots = slots_of(policy)
    rows = [
        (
            label.kind.value,
            label.name,
            f"{slots.ssidref(label.name, label.kind):08x}",
            _listed(label.ste_types) or "-",
            _listed(label.chinese_wall_types) or "-",
        )
        for label in (*policy.machine_labels, *policy.resource_labels)
    ]
    print_table(("FOR", "LABEL", "SSIDREF", "TYPES", "CHINESE WALL TYPES"), rows)
    return Exit.DONE


def _listed(names: frozenset[str] | tuple[str, ...] | None) -> str:
    return ", ".join(sorted(names or ()))


def _as_json(policy: Policy) -> dict[str, Any]:
    header, slots = policy.header, slots_of(policy)

    def label_json(label: Label) -> dict[str, Any]:
        return {
            "name": label.name,
            "renamed_from": label.previous,
            "ssidref": slots.ssidref(label.name, label.kind),
            "types": sorted(label.ste_types),
            "chinese_wall_types": sorted(label.chinese_wall_types),
        }

    previous = header.previous
    return {
        "name": header.name,
        "version": str(header.version),
        "from": {"name": previous.name, "version": previous.version} if previous else None,
        "url": header.url,
        "reference": header.reference,
        "date": header.date,
        "name_space_url": header.name_space_url,
        "bootstrap": policy.bootstrap,
        "types": policy.ste_types,
        "chinese_wall_types": policy.chinese_wall_types,
        "conflict_sets": [{"name": one.name, "types": sorted(one.types)} for one in policy.conflict_sets],
        "machine_labels": [label_json(label) for label in policy.machine_labels],
        "resource_labels": [label_json(label) for label in policy.resource_labels],
    }

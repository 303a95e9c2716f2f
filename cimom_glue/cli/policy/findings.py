"""Findings as a command tells them: a line each, or the same as JSON."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from xencim.acm.model import FindingKind, PolicyError
from xencim.cimom_glue.cli.output import Exit, print_json, print_line, tell

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from xencim.acm.model import Finding


def as_json(finding: Finding) -> dict[str, Any]:
    """Return a finding's data; what it has not is left out."""
    data: dict[str, Any] = {
        "kind": finding.kind.name.lower(),
        "message": finding.message,
        "file": finding.file,
        "line": finding.line,
        "element": finding.element,
        "xserr": f"XSERR_{finding.xserr.name}" if finding.xserr else None,
        "xserr_code": int(finding.xserr) or None,
        "hypervisor_code": finding.hypervisor_code or None,
        "rule": finding.rule,
        "labels": list(finding.labels),
        "types": list(finding.types),
        "machines": list(finding.machines),
    }
    return {key: value for key, value in data.items() if value not in (None, [])}


def as_line(finding: Finding) -> str:
    """Return a finding as compilers write theirs: file:line: kind: message [code]."""
    place = "".join(f"{part}:" for part in (finding.file, finding.line) if part is not None)
    kind = f"{finding.kind.name.lower()}:"
    code = f"[XSERR_{finding.xserr.name}]" if finding.xserr else ""
    return " ".join(part for part in (place, kind, finding.message, code) if part)


def print_findings(findings: Iterable[Finding]) -> None:
    """Write findings, one a line."""
    for finding in findings:
        print_line(as_line(finding))


def telling(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """End with 1 and every finding when a policy cannot be; with --json these are the answer."""

    @wraps(run)
    def wrapped(args: argparse.Namespace) -> int:
        try:
            return run(args)
        except PolicyError as error:
            if args.json:
                print_json({"findings": [as_json(finding) for finding in error.findings]})
            for finding in () if args.json else error.findings:
                tell(as_line(finding))
            return Exit.FAILED

    return wrapped


def has_error(findings: Iterable[Finding], *, strict: bool = False) -> bool:
    """Tell whether a finding is an error; ``strict``: or a warning."""
    return any(finding.kind is not FindingKind.WARNING or strict for finding in findings)

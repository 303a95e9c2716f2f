"""`xencim policy denials`: what the hypervisor refused, in the policy's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.flask.denials import denials, explain
from xencim.cimom_glue.cli.output import Exit, print_json
from xencim.cimom_glue.cli.policy.files import load, read
from xencim.cimom_glue.cli.policy.findings import as_json, print_findings, telling

if TYPE_CHECKING:
    import argparse


@telling
def run(args: argparse.Namespace) -> int:
    """Explain each refusal in a log of the hypervisor; the same one is told once."""
    policy = load(args.file, args.map).policy
    log = read(args.log).decode(errors="replace")
    findings = tuple(dict.fromkeys(explain(refusal, policy) for refusal in denials(log)))
    if args.json:
        print_json({"findings": [as_json(finding) for finding in findings]})
    else:
        print_findings(findings)
    return Exit.FAILED if findings else Exit.DONE

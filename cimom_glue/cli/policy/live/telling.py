"""`xencim policy drift`, `history`, `show`, `diff` and `explain` of the policy in force on a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pywbem

from xencim.acm.language import document_sha1, read_document
from xencim.cimom_glue.cli.output import Exit, print_json, print_line, print_table
from xencim.cimom_glue.cli.policy.files import Loaded
from xencim.cimom_glue.cli.policy.findings import as_json, as_line, print_findings, telling
from xencim.cimom_glue.cli.policy.live.arguments import TOPICS
from xencim.cimom_glue.cli.policy.live.asking import findings, number, service

if TYPE_CHECKING:
    import argparse

_SOURCE = 1
_PERMITTED = 1
_SHORT = 12


@telling
def drift(args: argparse.Namespace) -> int:
    """Tell what is not as the policy has it."""
    with service(args) as asked:
        found = findings(asked.call("DetectDrift").get("Findings"))
    if args.json:
        print_json([as_json(finding) for finding in found])
    else:
        print_findings(found)
    return Exit.FAILED if found else Exit.DONE


@telling
def history(args: argparse.Namespace) -> int:
    """Tell who did what about the policy, the latest first."""
    with service(args) as asked:
        out = asked.call(
            "GetHistory",
            Most=args.most and pywbem.Uint32(args.most),
            Since=args.since and pywbem.CIMDateTime(args.since),
            Until=args.until and pywbem.CIMDateTime(args.until),
            Principal=args.who,
            Topics=args.about and [number(TOPICS.index(topic) + 1) for topic in args.about],
        )
    rows = [
        {
            "time": one["Time"].datetime.isoformat(timespec="seconds"),
            "principal": one["Principal"],
            "about": TOPICS[one["Topic"] - 1],
            "action": one["Action"],
            "from": one.get("FromDigest"),
            "to": one.get("ToDigest"),
            "detail": one["Detail"],
        }
        for one in out.get("Entries") or ()
    ]
    if args.json:
        print_json(rows)
    else:
        print_table(
            ("TIME", "WHO", "WHAT", "POLICY", "DETAIL"),
            ((r["time"], r["principal"], r["action"], (r["to"] or "-")[:_SHORT], r["detail"]) for r in rows),
        )
    return Exit.DONE


def in_force(args: argparse.Namespace) -> Loaded:
    """Return the policy in force."""
    with service(args) as asked:
        policy = asked.needed_policy()
        out = asked.call("GetRepresentation", Policy=policy.path, Form=number(_SOURCE))
    text = out["Representation"].encode()
    document = read_document(text, "the policy in force")
    return Loaded(document.policy, "the policy in force", document_sha1(text), document)


@telling
def explain(args: argparse.Namespace) -> int:
    """Tell whether a machine may start on the host as it is, or explain a refusal."""
    with service(args) as asked:
        if args.start is None:
            out = asked.call("ExplainDenial", Record=args.denial)
        else:
            assumed = [label for text in args.running for label in text.split(",") if label]
            out = asked.call("CheckCanRun", Label=args.start, AssumedRunningLabels=assumed or None)
    found = findings(out.get("Findings"))
    permitted = None if out.get("Decision") is None else out["Decision"] == _PERMITTED
    if args.json:
        told = {"permitted": permitted, "findings": [as_json(finding) for finding in found]}
        print_json({**told, "suggested": out.get("SuggestedChange")})
    else:
        if permitted is not None:
            print_line(f"start {args.start}: {'permitted' if permitted else 'refused'}")
        for finding in found:
            print_line(f"  {finding.message}" if permitted is not None else as_line(finding))
        if out.get("SuggestedChange"):
            print_line(f"to change it: {out['SuggestedChange']}")
    return Exit.FAILED if permitted is False else Exit.DONE

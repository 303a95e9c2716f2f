"""`xencim policy apply`, `rollback`, `reset`, `mode` and `reaction`: what is in force on a host."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pywbem

from xencim.cimom_glue.cli.output import CommandError, Exit, print_json, print_line
from xencim.cimom_glue.cli.policy.files import read
from xencim.cimom_glue.cli.policy.findings import telling
from xencim.cimom_glue.cli.policy.live.arguments import MODES, MOST, REACTIONS, TOPICS
from xencim.cimom_glue.cli.policy.live.asking import number, service
from xencim.cimom_glue.cli.policy.live.plans import plan_json, plan_lines

if TYPE_CHECKING:
    import argparse

_NO_POLICY = 4
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257


@telling
def apply(args: argparse.Namespace) -> int:
    """Put a policy or a signed bundle in force; with --dry-run, tell what that would come to."""
    document = read(args.file)
    given = {"ExpectedDigest": args.expect, "DryRun": args.dry_run}
    with service(args) as asked:
        if document[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC):
            out = asked.call("ImportBundle", Bundle=base64.b64encode(document).decode(), **given)
        else:
            out = asked.call("LoadPolicy", Representation=_text(args.file, document), **given)
    plan, digest = out["Plan"], out["Policy"]["PolicyID"] if out.get("Policy") else None
    if args.json:
        print_json({**plan_json(plan), "digest": digest, "signer": out.get("Signer")})
    else:
        for line in plan_lines(plan):
            print_line(line)
        if out.get("Signer"):
            print_line(f"signed by {out['Signer']}")
        if digest is not None:
            print_line(f"in force: {plan['ToPolicy']}, digest {digest}")
    return Exit.DONE if plan["Feasible"] else Exit.FAILED


@telling
def roll_back(args: argparse.Namespace) -> int:
    """Bring back a policy that was in force before; its digest may be cut short."""
    with service(args) as asked:
        policies = [number(TOPICS.index("policy") + 1)]
        entries = asked.call("GetHistory", Most=pywbem.Uint32(MOST), Topics=policies).get("Entries") or ()
        known = {
            digest for one in entries for digest in (one.get("FromDigest"), one.get("ToDigest")) if digest
        }
        found = sorted(digest for digest in known if digest.startswith(args.digest.lower())) or [args.digest]
        if len(found) > 1:
            raise CommandError(f"{len(found)} policies' digests begin with {args.digest}", code=Exit.USAGE)
        asked.call("RollBackPolicy", Digest=found[0], ExpectedDigest=args.expect)
        policy = asked.needed_policy()
    _tell(args, {"policy": policy["PolicyName"], "version": policy["PolicyVersion"], "digest": found[0]})
    return Exit.DONE


@telling
def reset(args: argparse.Namespace) -> int:
    """Take the policy out of force."""
    with service(args) as asked:
        asked.call("ResetPolicy", ExpectedDigest=args.expect)
    _tell(args, {"policy": None})
    return Exit.DONE


@telling
def mode(args: argparse.Namespace) -> int:
    """Tell what a refusal comes to, or change it."""
    with service(args) as asked:
        if args.mode is not None:
            asked.call("SetEnforcementMode", Mode=number(MODES.index(args.mode) + 1), Reason=args.reason)
        told = int(asked.module()["EnforcementMode"])
    _tell(args, {"mode": args.mode if told == _NO_POLICY else MODES[told - 1]})
    return Exit.DONE


@telling
def reaction(args: argparse.Namespace) -> int:
    """Tell what is done to machines started past the server, or change it."""
    with service(args) as asked:
        if args.reaction is not None:
            code = number(REACTIONS.index(args.reaction) + 1)
            asked.call("SetUnmanagedStartReaction", Reaction=code, Reason=args.reason)
        told = asked.module()["UnmanagedStartReaction"]
    _tell(args, {"reaction": None if told is None else REACTIONS[told - 1]})
    return Exit.DONE


def _text(name: str, document: bytes) -> str:
    try:
        return document.decode()
    except UnicodeDecodeError:
        raise CommandError(
            f"{name}: no document in UTF-8",
            hint="`xencim policy decompile` makes a document of a binary",
            code=Exit.USAGE,
        ) from None


def _tell(args: argparse.Namespace, facts: dict[str, Any]) -> None:
    if args.json:
        print_json(facts)
    else:
        for name, value in facts.items():
            print_line(f"{name}: {'none' if value is None else value}")

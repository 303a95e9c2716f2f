"""`xencim policy publish` and `fetch`: signed policies and labels, into a directory and from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from xencim.acm.bundles.keys import TrustStore, load_private_key
from xencim.acm.directory.connection import DirectoryError, Settings
from xencim.acm.directory.follower import Follower
from xencim.acm.directory.publication import Assignment, Content, Publication
from xencim.acm.directory.store import DirectoryStore
from xencim.acm.language import read_document
from xencim.cimom_glue.cli.output import CommandError, Exit, print_json, print_line, tell
from xencim.cimom_glue.cli.policy.bundles import key_password
from xencim.cimom_glue.cli.policy.files import read, write
from xencim.cimom_glue.cli.policy.findings import as_json, as_line, telling

if TYPE_CHECKING:
    import argparse
    from typing import Any


@telling
def publish(args: argparse.Namespace) -> int:
    """Sign a policy's document with its labels, and publish them."""
    document = read(args.file)
    policy = read_document(document, args.file).policy
    labels = () if args.labels is None else _labels(args.labels)
    try:
        content = Content(policy.name, args.serial, document, labels)
    except ValueError as error:
        raise CommandError(f"{args.file}: {error}", code=Exit.USAGE) from None
    signature = load_private_key(Path(args.key), key_password()).sign(content.statement())
    try:
        DirectoryStore(_settings(args)).publish(Publication(content, signature))
    except DirectoryError as error:
        raise CommandError(str(error)) from None
    _tell(args, {"name": content.name, "serial": content.serial, "labels": len(content.assignments)})
    return Exit.DONE


@telling
def fetch(args: argparse.Namespace) -> int:
    """Write the newest publication that a trusted key signed; tell why when it is an earlier one."""
    trust = TrustStore.load(Path(args.trust))
    outcome = Follower(DirectoryStore(_settings(args)), args.name, trust.signer, Path(args.kept)).check()
    findings = [as_json(finding) for finding in outcome.findings]
    if outcome.good is not None:
        content = outcome.good.content
        write(args.output, content.document)
        if args.labels is not None:
            labels = {assignment.element: assignment.label for assignment in content.assignments}
            write(args.labels, json.dumps(labels, indent=2, ensure_ascii=False).encode() + b"\n")
        found = {"name": content.name, "serial": content.serial, "signer": outcome.good.signer}
        _tell(args, {**found, "new": outcome.is_new, "findings": findings})
    elif args.json:
        print_json({"findings": findings})
    for finding in () if args.json else outcome.findings:
        tell(as_line(finding))
    return Exit.FAILED if outcome.findings else Exit.DONE


def _tell(args: argparse.Namespace, facts: dict[str, Any]) -> None:
    if args.json:
        print_json(facts)
    else:
        print_line(", ".join(f"{name} {value}" for name, value in facts.items() if name != "findings"))


def _settings(args: argparse.Namespace) -> Settings:
    password = None if args.password_file is None else read(args.password_file).decode().rstrip("\r\n")
    if (args.bind is None) != (password is None):
        raise CommandError("--bind and --password-file go together", code=Exit.USAGE)
    return Settings(args.directory, args.base, args.ca, args.bind, password)


def _labels(path: str) -> tuple[Assignment, ...]:
    try:
        labels = json.loads(read(path))
    except ValueError as error:
        raise CommandError(f"{path}: {error}", code=Exit.USAGE) from None
    if not isinstance(labels, dict) or not all(isinstance(label, str) for label in labels.values()):
        raise CommandError(f"{path}: not an object of elements and their labels", code=Exit.USAGE)
    return tuple(Assignment(element, label) for element, label in labels.items())

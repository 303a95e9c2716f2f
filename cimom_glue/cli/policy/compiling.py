"""`xencim policy compile` and `decompile`: from a document to what a hypervisor loads, and back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from xencim.acm.binary import compile_policy, write_map
from xencim.acm.flask.compiler import assemble, compile_source
from xencim.acm.flask.vectors import OLDEST
from xencim.acm.language import lint, write_policy
from xencim.cimom_glue.cli.output import CommandError, Exit, print_json, tell
from xencim.cimom_glue.cli.policy.files import check_output, load, write
from xencim.cimom_glue.cli.policy.findings import as_json, as_line, telling

if TYPE_CHECKING:
    import argparse

    from xencim.acm.flask.compiler import FlaskSource
    from xencim.acm.model import Finding
    from xencim.cimom_glue.cli.policy.files import Loaded

_RELEASE = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")


@telling
def run_compile(args: argparse.Namespace) -> int:
    """Compile a policy; what the result cannot express is told on standard error."""
    check_output(args)
    loaded = load(args.file, args.map)
    if args.format.startswith("flask"):
        source = _flask(loaded, args)
        result = source.text.encode() if args.format == "flask-source" else assemble(source)
        findings: tuple[Finding, ...] = source.findings
    elif args.format == "map":
        result = write_map(
            loaded.policy,
            policy_file=loaded.name,
            binary_file=str(Path(loaded.name).with_suffix(".bin")),
        )
        findings = ()
    else:
        result = compile_policy(loaded.policy, version=int(args.format), xml_sha1=loaded.xml_sha1)
        findings = lint(loaded.policy, file=loaded.name) if not loaded.policy.chinese_wall_types else ()
    write(args.output, result)
    _report(args, result, findings)
    return Exit.DONE


@telling
def run_decompile(args: argparse.Namespace) -> int:
    """Write the document of a binary policy."""
    check_output(args)
    loaded = load(args.file, args.map)
    result = write_policy(loaded.policy)
    write(args.output, result)
    _report(args, result, ())
    return Exit.DONE


def _flask(loaded: Loaded, args: argparse.Namespace) -> FlaskSource:
    release = OLDEST
    if args.xen_release is not None:
        numbers = _RELEASE.fullmatch(args.xen_release)
        if numbers is None:
            raise CommandError(
                f"--xen-release {args.xen_release}: not two numbers such as 4.17", code=Exit.USAGE
            )
        release = int(numbers[1]), int(numbers[2])
    base = None if args.base is None else Path(args.base)
    return compile_source(loaded.policy, base=base, release=release)


def _report(args: argparse.Namespace, result: bytes, findings: tuple[Finding, ...]) -> None:
    if args.json:
        print_json(
            {
                "file": args.output,
                "bytes": len(result),
                "findings": [as_json(finding) for finding in findings],
            }
        )
        return
    for finding in findings:
        tell(as_line(finding))

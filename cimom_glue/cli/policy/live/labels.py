"""`xencim policy label`, `unlabel`, `labels` and `import-labels`: which label objects of a host have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.output import Exit, print_json, print_line, print_table, tell
from xencim.cimom_glue.cli.policy.files import read
from xencim.cimom_glue.cli.policy.findings import as_json, as_line, telling
from xencim.cimom_glue.cli.policy.live.asking import findings, service

if TYPE_CHECKING:
    import argparse

_KINDS = ("machine", "disk", "network", "VLAN", "host", "device")


@telling
def label(args: argparse.Namespace) -> int:
    """Give an object a label."""
    with service(args) as asked:
        out = asked.call(
            "AssignLabel", Resource=args.object, Label=args.label, OldLabel=args.old, DryRun=args.dry_run
        )
    _tell(args, args.label, out.get("SsidRef"))
    return Exit.DONE


@telling
def unlabel(args: argparse.Namespace) -> int:
    """Take an object's label away."""
    with service(args) as asked:
        asked.call("AssignLabel", Resource=args.object, OldLabel=args.old, DryRun=args.dry_run)
    _tell(args, None, None)
    return Exit.DONE


@telling
def labels(args: argparse.Namespace) -> int:
    """List the labels that objects were given."""
    with service(args) as asked:
        told = asked.call("GetLabels").get("Labels") or ()
    rows = [
        {
            "kind": _KINDS[one["Kind"] - 1],
            "object": one["Object"],
            "label": one["Label"],
            "policy": one["PolicyName"],
            "valid": bool(one["Valid"]),
            "principal": one.get("Principal"),
            "assigned": one["Time"].datetime.isoformat(timespec="seconds") if one.get("Time") else None,
        }
        for one in sorted(told, key=lambda one: (one["Kind"], one["Object"]))
    ]
    if args.json:
        print_json(rows)
    else:
        heads = ("KIND", "LABEL", "POLICY", "BY", "SINCE", "OBJECT")
        print_table(
            heads,
            (
                (
                    row["kind"],
                    row["label"] if row["valid"] else f"{row['label']} (taken away)",
                    row["policy"],
                    row["principal"] or "-",
                    row["assigned"] or "-",
                    row["object"],
                )
                for row in rows
            ),
        )
    return Exit.DONE


@telling
def import_labels(args: argparse.Namespace) -> int:
    """Take over the labels in a file resource_labels of an old host; tell which are not."""
    with service(args) as asked:
        text = read(args.file).decode(errors="replace")
        out = asked.call("ImportResourceLabels", Representation=text, DryRun=args.dry_run)
    taken, left = list(out.get("Elements") or ()), findings(out.get("Findings"))
    if args.json:
        print_json({"labelled": taken, "findings": [as_json(finding) for finding in left]})
    else:
        for one in taken:
            print_line(one)
        for finding in left:
            tell(as_line(finding))
    return Exit.FAILED if left else Exit.DONE


def _tell(args: argparse.Namespace, name: str | None, ssidref: int | None) -> None:
    if args.json:
        print_json({"object": args.object, "label": name, "ssidref": ssidref, "dry_run": args.dry_run})
    else:
        would = "could have" if args.dry_run else "has"
        print_line(f"{args.object} {would} {f'label {name}' if name else 'no label'}")

"""`xencim policy graph`: a policy drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.graph import dot, graph_of, svg
from xencim.cimom_glue.cli.output import Exit, print_json
from xencim.cimom_glue.cli.policy.files import load, write
from xencim.cimom_glue.cli.policy.findings import telling

if TYPE_CHECKING:
    import argparse


@telling
def run(args: argparse.Namespace) -> int:
    """Write the drawing of a policy, or with --json what it shows."""
    graph = graph_of(load(args.file, args.map).policy)
    if args.json:
        print_json(
            {
                "title": graph.title,
                "nodes": [
                    {
                        "key": node.key,
                        "kind": node.column.name.lower(),
                        "text": node.text,
                        "host": node.is_host,
                    }
                    for node in graph.nodes
                ],
                "edges": [
                    {"left": edge.left, "right": edge.right, "conflict_types": list(edge.types)}
                    for edge in graph.edges
                ],
            }
        )
        return Exit.DONE
    text = svg(graph) if args.format == "svg" else dot(graph)
    write(args.output, text.encode())
    return Exit.DONE

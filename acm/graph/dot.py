"""A policy's drawing in Graphviz's language, for whoever wants another lay-out.

Source: Graphviz, the DOT language.
Errors: none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.graph.shape import Column

if TYPE_CHECKING:
    from xencim.acm.graph.shape import Edge, Graph

_SHAPES = {
    Column.CONFLICT_SET: "shape=octagon color=firebrick",
    Column.MACHINE: "shape=box",
    Column.TYPE: "shape=ellipse",
    Column.RESOURCE: "shape=cylinder",
}


def dot(graph: Graph) -> str:
    """Return the text of a drawing."""
    lines = [f"graph {_quoted(graph.title)} {{", "  rankdir=LR;"]
    for column, shape in _SHAPES.items():
        nodes = [node for node in graph.nodes if node.column is column]
        if nodes:
            lines += ["  {", f"    rank=same; node [{shape}];"]
            for node in nodes:
                bold = " style=bold" if node.is_host else ""
                lines.append(f"    {node.key} [label={_quoted(node.text)}{bold}];")
            lines.append("  }")
    lines += [f"  {edge.left} -- {edge.right}{_style(edge)};" for edge in graph.edges]
    return "\n".join((*lines, "}", ""))


def _style(edge: Edge) -> str:
    if edge.is_conflict:
        return f" [color=firebrick label={_quoted(', '.join(edge.types))}]"
    return " [color=gray]" if edge.is_host else ""


def _quoted(text: str) -> str:
    """Quote a string; a backslash would start an escape of Graphviz's own."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\0", "")
    return f'"{escaped}"'

"""A policy's drawing as SVG, laid out in columns; it needs no other program.

Source: SVG 1.1.
Errors: none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xencim.acm.graph.shape import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.acm.graph.shape import Edge, Graph, Node

# Pixels. Of the monospaced font at 13, a character is 8 wide in every browser.
_CHARACTER, _ROW, _BOX, _PAD, _GAP, _MARGIN, _TOP = 8, 34, 24, 10, 110, 20, 84
_LEGEND = (
    "Two labels may share where their lines meet in a type.",
    "Red: labels of one conflict set do not run together, unless they have the same of its types.",
)
_STYLE = """\
text { font: 13px monospace; fill: #222 } .head { font-weight: bold; fill: #555 } .legend { fill: #555 }
rect { fill: #fff; stroke: #446; stroke-width: 1.2 } .host rect { stroke-width: 3 }
.TYPE rect { fill: #eef4ff } .RESOURCE rect { fill: #f3f3ea }
.CONFLICT_SET rect { fill: #fdeaea; stroke: #b22 }
path { fill: none; stroke: #557; stroke-width: 1.2 }
path.host { stroke: #ccc } path.conflict { stroke: #b22 }
path:hover, g:hover rect { stroke-width: 3.5 }"""
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a box is: its left and right sides and its middle."""

    left: int
    right: int
    middle: int


def svg(graph: Graph) -> str:
    """Return the drawing."""
    heads, places, width, rows = _lay_out(graph)
    legend_width = max(len(line) for line in (*_LEGEND, graph.title)) * _CHARACTER + 2 * _MARGIN
    size = max(width, legend_width), _TOP + max(rows, 1) * _ROW + _MARGIN
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}">'.format(
            *size
        ),
        f"<title>{_text(graph.title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<text class="head" x="{_MARGIN}" y="20">{_text(graph.title)}</text>',
        *(
            f'<text class="legend" x="{_MARGIN}" y="{38 + 16 * number}">{line}</text>'
            for number, line in enumerate(_LEGEND)
        ),
        *(f'<text class="head" x="{x}" y="{_TOP - 8}">{column.value}</text>' for column, x in heads),
        *(_line(edge, places) for edge in sorted(graph.edges, key=lambda one: not one.is_host)),
        *(_box(node, places[node.key]) for node in graph.nodes),
        "</svg>",
        "",
    ]
    return "\n".join(lines)


def _lay_out(graph: Graph) -> tuple[list[tuple[Column, int]], dict[str, _Place], int, int]:
    """Return the columns' sides, the boxes' places, the whole width and the most rows."""
    heads, places = [], {}
    x, most = _MARGIN, 0
    for column in Column:
        nodes = [node for node in graph.nodes if node.column is column]
        if not nodes:
            continue
        longest = max(len(column.value), *(len(node.text) for node in nodes))
        right = x + longest * _CHARACTER + 2 * _PAD
        for row, node in enumerate(nodes):
            places[node.key] = _Place(x, right, _TOP + row * _ROW + _BOX // 2)
        heads.append((column, x))
        x, most = right + _GAP, max(most, len(nodes))
    return heads, places, x - _GAP + _MARGIN, most


def _line(edge: Edge, places: Mapping[str, _Place]) -> str:
    left, right = places[edge.left], places[edge.right]
    bend = (left.right + right.left) // 2
    path = (
        f"M{left.right} {left.middle}C{bend} {left.middle} {bend} {right.middle} {right.left} {right.middle}"
    )
    title = f"<title>{_text(', '.join(edge.types))}</title>" if edge.is_conflict else ""
    kind = ' class="conflict"' if edge.is_conflict else ' class="host"' if edge.is_host else ""
    return f'<path{kind} d="{path}">{title}</path>' if title else f'<path{kind} d="{path}"/>'


def _box(node: Node, place: _Place) -> str:
    kind = f"{node.column.name} host" if node.is_host else node.column.name
    top = place.middle - _BOX // 2
    return (
        f'<g class="{kind}"><rect x="{place.left}" y="{top}" width="{place.right - place.left}" '
        f'height="{_BOX}" rx="4"/><text x="{place.left + _PAD}" y="{top + 17}">{_text(node.text)}</text></g>'
    )


def _text(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text).translate(_ESCAPED)

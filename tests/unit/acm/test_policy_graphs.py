"""Policies compared and drawn."""

from __future__ import annotations

import dataclasses

import pytest
from lxml import etree

from xencim.acm.difference import differences
from xencim.acm.graph import dot, graph_of, svg
from xencim.acm.model import Component, ConflictSet, Header, Label, LabelKind, Policy, Version

OLD = Policy(
    Header("two", Version(1, 0), url="u"),
    ste_types=("a", "b"),
    chinese_wall_types=("v", "w"),
    conflict_sets=(ConflictSet("k", frozenset("vw")), ConflictSet("gone", frozenset("v"))),
    bootstrap="host",
    machine_labels=(
        Label("host", LabelKind.MACHINE, frozenset("ab")),
        Label('<"one">', LabelKind.MACHINE, frozenset("a"), frozenset("v")),
        Label("two", LabelKind.MACHINE, frozenset("b"), frozenset("w")),
    ),
    resource_labels=(Label("disk", LabelKind.RESOURCE, frozenset("a")),),
)
NEW = dataclasses.replace(
    OLD,
    header=Header("two", Version(1, 1)),
    primary=Component.CHINESE_WALL,
    ste_types=("c", "b", "a"),
    chinese_wall_types=("v",),
    conflict_sets=(ConflictSet("k", frozenset("v")), ConflictSet("k", frozenset("x"))),
    machine_labels=(
        OLD.machine_labels[0],
        Label("uno", LabelKind.MACHINE, frozenset("c"), frozenset("v"), previous='<"one">'),
        Label("three", LabelKind.MACHINE, frozenset("c")),
    ),
    resource_labels=(),
)


def test_differences() -> None:
    assert [str(change) for change in differences(OLD, NEW)] == [
        "policy version: +1.1 -1.0",
        "policy URL: -u",
        "policy primary component: +Chinese Wall",
        "type c added",
        "Chinese Wall type w removed",
        "conflict set gone removed: v",
        "conflict set k: -w",
        "conflict set k added: x",
        'machine label <"one"> renamed uno',
        "machine label uno: +c -a",
        "machine label three added: c",
        "machine label two removed: b, wall:w",
        "resource label disk removed: a",
    ]


def test_order_is_no_difference() -> None:
    turned = dataclasses.replace(
        OLD,
        ste_types=("b", "a"),
        machine_labels=OLD.machine_labels[::-1],
        conflict_sets=OLD.conflict_sets[::-1],
    )
    assert differences(OLD, turned) == ()


def test_lines_meet_where_labels_share() -> None:
    graph = graph_of(OLD)
    texts = {node.key: node.text for node in graph.nodes}
    assert [node.text for node in graph.nodes if node.is_host] == ["host"]
    assert [(texts[edge.left], texts[edge.right], edge.types) for edge in graph.edges] == [
        ("k", '<"one">', ("v",)),
        ("k", "two", ("w",)),
        ("gone", '<"one">', ("v",)),
        ("host", "a", ()),
        ("host", "b", ()),
        ('<"one">', "a", ()),
        ("two", "b", ()),
        ("a", "disk", ()),
    ]


def test_dot() -> None:
    policy = dataclasses.replace(
        OLD,
        conflict_sets=(ConflictSet("k", frozenset("v")),),
        machine_labels=OLD.machine_labels[:2],
        ste_types=("a",),
    )
    assert dot(graph_of(policy)) == (
        'graph "two 1.0" {\n  rankdir=LR;\n'
        '  {\n    rank=same; node [shape=octagon color=firebrick];\n    c0 [label="k"];\n  }\n'
        '  {\n    rank=same; node [shape=box];\n    m0 [label="host" style=bold];\n'
        '    m1 [label="<\\"one\\">"];\n  }\n'
        '  {\n    rank=same; node [shape=ellipse];\n    t0 [label="a"];\n  }\n'
        '  {\n    rank=same; node [shape=cylinder];\n    r0 [label="disk"];\n  }\n'
        '  c0 -- m1 [color=firebrick label="v"];\n'
        "  m0 -- t0 [color=gray];\n  m1 -- t0;\n  t0 -- r0;\n}\n"
    )


def test_svg_is_whole_and_inside_its_frame() -> None:
    root = etree.fromstring(svg(graph_of(OLD)).encode())
    space = {"s": "http://www.w3.org/2000/svg"}
    width, height = int(root.get("width", "")), int(root.get("height", ""))
    boxes = [
        tuple(int(box.get(name, "")) for name in ("x", "y", "width", "height"))
        for box in root.iterfind(".//s:rect", space)
    ]
    assert len(boxes) == len(graph_of(OLD).nodes)
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
    assert len({(x, y) for x, y, _, _ in boxes}) == len(boxes)
    assert len(root.findall("s:path", space)) == len(graph_of(OLD).edges)
    assert '<"one">' in {text.text for text in root.iterfind(".//s:text", space)}


@pytest.mark.parametrize("name", ["a\0b", "<&>", "\ud800"])
def test_any_name_can_be_drawn(name: str) -> None:
    label = Label(name, LabelKind.MACHINE)
    graph = graph_of(Policy(Header(name, Version(1, 0)), bootstrap=name, machine_labels=(label,)))
    etree.fromstring(svg(graph).encode())
    assert "\0" not in dot(graph)

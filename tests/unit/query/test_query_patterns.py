from __future__ import annotations

import time

import pytest

from xencim.providers.core.query.pattern import MAX_GROUP_DEPTH, MAX_POSITIONS, PatternError
from xencim.providers.core.query.pattern_text import read_expression, read_wildcards


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("", [""], ["a"]),
        ("%", ["", "a", "a\nb"], []),
        ("%%", ["", "ab"], []),
        ("a%", ["a", "ab"], ["", "ba"]),
        ("%a%b%", ["ab", "xaxbx"], ["ba"]),
        ("_", ["a", "\n", "😀"], ["", "ab"]),
        ("[abc]", ["a", "c"], ["d", "", "ab"]),
        ("[a-c]x", ["bx"], ["dx", "-x"]),
        ("[a=c]", ["b"], ["="]),
        ("[^a-c]", ["d"], ["b"]),
        ("[^^]", ["a"], ["^"]),
        ("[_][%][[]", ["_%["], ["a%["]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[-a]", ["a", "-"], ["b"]),
        ("]", ["]"], ["["]),
        (r"\%", [r"\x"], ["%"]),
        (".*", [".*"], ["ab"]),
    ],
)
def test_wildcards(pattern: str, matching: list[str], other: list[str]) -> None:
    compiled = read_wildcards(pattern)
    assert [text for text in matching if not compiled.matches(text)] == []
    assert [text for text in other if compiled.matches(text)] == []


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("", [""], ["a"]),
        ("abc", ["abc"], ["ab", "abcd", "ABC"]),
        ("^abc$", ["abc"], ["xabc"]),
        ("D.F", ["DAF", "D.F"], ["DF"]),
        (".*", ["", "a\nb"], []),
        ("ABC*", ["AB", "ABC", "ABCCC"], ["A"]),
        ("a+b?", ["a", "aab"], ["", "b", "abb"]),
        ("GH[IJ]", ["GHI", "GHJ"], ["GHK"]),
        ("r[au]^t", ["ret", "r.t"], ["rat", "rut"]),
        ("1[.]{2,3}n", ["1..n", "1...n"], ["1.n", "1....n", "1aan"]),
        ("a{2}", ["aa"], ["a", "aaa"]),
        ("a{2,}", ["aa", "aaaa"], ["a"]),
        ("a{0,1}b", ["b", "ab"], ["aab"]),
        ("(XYZ)+", ["XYZ", "XYZXYZ"], ["", "XYZX"]),
        ("(DEF)?|GHI", ["", "DEF", "GHI"], ["DEFGHI"]),
        ("^a$|^b$", ["a", "b"], ["ab"]),
        ("(a|b(c|d)){2}", ["aa", "bca", "bdbc"], ["a", "b"]),
        (r"\.ab", [".ab"], ["xab", r"\.ab"]),
        (r"\(\)\[\]\{\}\^\$\*\+\?\|\\", [r"()[]{}^$*+?|\ ".strip()], []),
        (r"[\]\\]", ["]", "\\"], ["a"]),
        ("[a-c]", ["a", "-", "c"], ["b"]),
        ("Xen:web/0", ["Xen:web/0"], []),
    ],
)
def test_expressions(pattern: str, matching: list[str], other: list[str]) -> None:
    compiled = read_expression(pattern)
    assert [text for text in matching if not compiled.matches(text)] == []
    assert [text for text in other if compiled.matches(text)] == []


@pytest.mark.parametrize(("pattern", "position"), [("a[", 1), ("a[]", 2), ("[^]", 1), ("[z-a]", 1)])
def test_wildcards_that_are_none(pattern: str, position: int) -> None:
    with pytest.raises(PatternError) as caught:
        read_wildcards(pattern)
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("pattern", "position"),
    [
        ("*", 0),
        ("a**", 2),
        ("a|+", 2),
        ("a[b", 1),
        ("a[]", 2),
        ("[^ab]", 1),
        ("(a", 0),
        ("()", 1),
        ("a)", 1),
        ("a$b", 1),
        ("a^", 1),
        ("a\\", 1),
        (r"a\n", 1),
        ("a{", 1),
        ("a{2,1}", 1),
        ("a{0}", 1),
        ("a{0,0}", 1),
        (f"a{{{MAX_POSITIONS + 1}}}", 1),
        ("a}", 1),
    ],
)
def test_expressions_that_are_none(pattern: str, position: int) -> None:
    with pytest.raises(PatternError) as caught:
        read_expression(pattern)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "pattern",
    [
        "a" * (MAX_POSITIONS + 1),
        f"(a{{{MAX_POSITIONS}}}){{2}}",
        "((((a{200}){200}){200}){200}){200}",
        "(" * (MAX_GROUP_DEPTH + 1) + "a" + ")" * (MAX_GROUP_DEPTH + 1),
    ],
)
def test_expressions_beyond_the_limits(pattern: str) -> None:
    with pytest.raises(PatternError):
        read_expression(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a*)*b", "(a|a)*b", "(a?){120}a{120}", "(.*a){100}b", "(a+)+$", "((a*)*)*b"]
)
def test_no_expression_makes_matching_explode(pattern: str) -> None:
    compiled = read_expression(pattern)
    started = time.process_time()
    compiled.matches("a" * 5000)
    # Backtracking would take longer than the universe is old; a wide margin for slow machines.
    assert time.process_time() - started < 5


def test_no_wildcards_make_matching_explode() -> None:
    compiled = read_wildcards("%a" * 120 + "b")
    started = time.process_time()
    assert not compiled.matches("a" * 5000)
    assert time.process_time() - started < 5


def test_many_texts_leave_little_behind() -> None:
    compiled = read_expression("(a|b)*.{8}")
    for number in range(10_000):
        compiled.matches(f"{number:b}".replace("0", "a").replace("1", "b") + chr(0x100 + number))
    assert len(compiled._masks) <= 4096
    assert len(compiled._after) <= 4096

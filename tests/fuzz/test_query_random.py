"""Random queries: only CimError comes out, and what is printed and read again means what it meant."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st

from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.query import parse_filter, parse_query

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from xencim.mof.values import Instance, Value

LANGUAGES = st.sampled_from(["WQL", "DMTF:CQL", "DMTF:FQL"])
SELECT = "SELECT * FROM CIM_X WHERE "
ERRORS = {Status.INVALID_QUERY, Status.QUERY_FEATURE_NOT_SUPPORTED, Status.SERVER_LIMITS_EXCEEDED}
WORD_LIST = (
    "SELECT FROM WHERE AND OR NOT LIKE IS NULL ISA TRUE FALSE ANY EVERY AS IN a b C __CLASS CIM_X "
    "( ) [ ] { } , . .. :: : # * + - / || = <> != < <= > >= 0 1 2.5 0x1F 101b 1e3 99999999999999999999 "
    "'x' \"y\" '%_[a]' '(a|b)*' '[a]^' '\\' '\\x41' '\\q' '20240101000000.000000+000'"
)
WORDS = WORD_LIST.split()
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join),
    st.lists(st.sampled_from(WORDS), max_size=30).map("".join),
)
STATEMENTS = st.tuples(st.sampled_from(["", SELECT, "SELECT a, "]), TEXTS).map("".join)
VALUES: SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=5),
    st.timedeltas(),
    st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=3).map(tuple),
)


class Row:
    def __init__(self, values: dict[str, Value]) -> None:
        self.values = values

    def value(self, name: str) -> Value:
        return self.values[name.lower()]

    def is_a(self, class_name: str, embedded: Instance | None = None) -> bool:
        return (embedded.class_name if embedded else class_name) == "a"


ROWS = st.fixed_dictionaries({}, optional={"a": VALUES, "b": VALUES, "c": VALUES}).map(Row)


@given(LANGUAGES, STATEMENTS, ROWS)
@example("WQL", "SELECT * FROM a WHERE a = '" + "\\" * 9, Row({}))
@example("DMTF:CQL", "SELECT * FROM a WHERE a = " + "9" * 5000, Row({}))
@example("DMTF:FQL", "a LIKE '((((((a{200}){200}){200}){200}){200}){200})'", Row({"a": "a"}))
@example("DMTF:FQL", "NOT" * 2000, Row({}))
@example("DMTF:FQL", "(" * 16_000, Row({}))
def test_random_queries_raise_only_what_is_expected(language: str, text: str, row: Row) -> None:
    failure = None
    try:
        query = parse_filter(language, text) if language == "DMTF:FQL" else parse_query(language, text)
        query.matches(row)
    except CimError as error:
        failure = error
    assert failure is None or failure.status in ERRORS
    assert failure is None or len(failure.description) < 400


@given(st.text(), st.text(max_size=50))
def test_random_languages_raise_only_what_is_expected(language: str, text: str) -> None:
    with contextlib.suppress(CimError):
        parse_query(language, text)
    with contextlib.suppress(CimError):
        parse_filter(language, text)


# Expressions with their meaning ------------------------------------------------------------------

# A tree is ("=", name, number), ("NOT", tree), or ("AND" or "OR", tree, tree).
OPERATORS = ["=", "<>", "<", "<=", ">", ">="]
LEAVES = st.tuples(st.sampled_from(OPERATORS), st.sampled_from("abc"), st.integers(-2, 2))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.just("NOT"), inner), st.tuples(st.sampled_from(["AND", "OR"]), inner, inner)
    ),
    max_leaves=12,
)
NUMBERS = st.fixed_dictionaries({name: st.one_of(st.none(), st.integers(-2, 2)) for name in "abc"})
# Kleene's logic as numbers: false, unknown, true.
FALSE, UNKNOWN, TRUE = 0, 1, 2


def printed(tree: tuple[object, ...]) -> str:
    """Write the tree with the parentheses that it needs and no more."""
    match tree:
        case ("NOT", tuple() as inner):
            return f"NOT ({printed(inner)})" if inner[0] in {"AND", "OR"} else f"NOT {printed(inner)}"
        case ("AND", tuple() as left, tuple() as right):
            return " AND ".join(
                f"({printed(side)})" if side[0] == "OR" else printed(side) for side in (left, right)
            )
        case ("OR", tuple() as left, tuple() as right):
            return f"{printed(left)} OR {printed(right)}"
        case (operator, name, number):
            return f"{name} {operator} {number}"
    raise AssertionError(tree)


def meaning(tree: tuple[object, ...], values: dict[str, int | None]) -> int:
    match tree:
        case ("NOT", tuple() as inner):
            return TRUE - meaning(inner, values)
        case ("AND", tuple() as left, tuple() as right):
            return min(meaning(left, values), meaning(right, values))
        case ("OR", tuple() as left, tuple() as right):
            return max(meaning(left, values), meaning(right, values))
        case (operator, str() as name, int() as number):
            value = values[name]
            if value is None:
                return UNKNOWN
            sign = (value > number) - (value < number)
            wanted = {"=": {0}, "<>": {-1, 1}, "<": {-1}, "<=": {-1, 0}, ">": {1}, ">=": {0, 1}}
            return TRUE if sign in wanted[str(operator)] else FALSE
    raise AssertionError(tree)


def is_true(condition: str, values: dict[str, int | None]) -> bool:
    query = parse_query("DMTF:CQL", SELECT + condition)
    return query.matches(Row(dict(values)))


@given(TREES, NUMBERS)
def test_an_expression_means_what_its_tree_means(
    tree: tuple[object, ...], values: dict[str, int | None]
) -> None:
    expected = meaning(tree, values)
    assert is_true(printed(tree), values) is (expected == TRUE)
    assert is_true(f"NOT ({printed(tree)})", values) is (expected == FALSE)


@given(TREES, TREES, NUMBERS)
def test_three_valued_laws(
    left: tuple[object, ...], right: tuple[object, ...], values: dict[str, int | None]
) -> None:
    a, b = f"({printed(left)})", f"({printed(right)})"
    for one, other in (
        (f"NOT ({a} AND {b})", f"NOT {a} OR NOT {b}"),
        (f"NOT ({a} OR {b})", f"NOT {a} AND NOT {b}"),
        (f"{a} AND {b}", f"{b} AND {a}"),
        (f"{a} OR {b}", f"{b} OR {a}"),
        (f"NOT NOT {a}", a),
    ):
        assert is_true(one, values) is is_true(other, values)
    if None not in values.values():
        assert is_true(f"{a} OR NOT {a}", values)


STRINGS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(LANGUAGES, STRINGS, STRINGS)
def test_any_string_can_be_quoted(language: str, text: str, other: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    row = Row({"a": other})
    condition = f"a = '{escaped}'"
    query = (
        parse_filter(language, condition)
        if language == "DMTF:FQL"
        else parse_query(language, SELECT + condition)
    )
    assert query.matches(row) is (text == other)
    assert query.matches(Row({"a": text}))


@given(st.text("ab%_", max_size=8), st.text("ab", max_size=8))
def test_wildcards_mean_what_a_plain_matcher_says(pattern: str, text: str) -> None:
    def plain(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "%":
            return plain(pattern[1:], text) or (bool(text) and plain(pattern, text[1:]))
        return bool(text) and pattern[0] in {"_", text[0]} and plain(pattern[1:], text[1:])

    query = parse_query("WQL", SELECT + f"a LIKE '{pattern}'")
    assert query.matches(Row({"a": text})) is plain(pattern, text)

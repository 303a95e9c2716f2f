from __future__ import annotations

import pytest

from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.query import parse_filter, parse_query
from xencim.providers.core.query.conditions import MAX_DEPTH, MAX_PATTERN_SIZE, MAX_TERMS
from xencim.providers.core.query.lexer import MAX_QUERY_LENGTH
from xencim.providers.core.query.pattern import MAX_POSITIONS


def refused(language: str, text: str) -> CimError:
    with pytest.raises(CimError) as caught:
        parse_filter(language, text) if language == "DMTF:FQL" else parse_query(language, text)
    return caught.value


@pytest.mark.parametrize("language", ["WQL", "wql", "DMTF:CQL", "dmtf:cql", "CIM:CQL"])
@pytest.mark.parametrize(
    ("text", "class_name", "properties", "names"),
    [
        ("SELECT * FROM CIM_X", "CIM_X", None, set()),
        ("select\n*\tfrom CIM_X", "CIM_X", None, set()),
        ("SELECT Name FROM CIM_X", "CIM_X", ("Name",), {"Name"}),
        (
            "SELECT Name, Caption FROM CIM_X WHERE B = 1",
            "CIM_X",
            ("Name", "Caption"),
            {"Name", "Caption", "B"},
        ),
        ("SELECT cim_x.Name FROM CIM_X WHERE CIM_x.B = 1", "CIM_X", ("Name",), {"Name", "B"}),
        ("SELECT Name, NAME FROM CIM_X", "CIM_X", ("Name",), {"Name"}),
        ("SELECT CIM_X.* FROM CIM_X", "CIM_X", None, set()),
        ("SELECT Name, * FROM CIM_X", "CIM_X", None, set()),
        ("SELECT * FROM CIM_X WHERE Where_ = 1 AND Select1 = 2", "CIM_X", None, {"Where_", "Select1"}),
        ("SELECT Größe FROM CIM_X", "CIM_X", ("Größe",), {"Größe"}),
        ("SELECT * FROM CIM_X WHERE Embedded.Name = 'a'", "CIM_X", None, {"Embedded"}),
        ("SELECT * FROM CIM_X WHERE Any = 1 AND Every = 2", "CIM_X", None, {"Any", "Every"}),
    ],
)
def test_a_statement_is_read(
    language: str, text: str, class_name: str, properties: tuple[str, ...] | None, names: set[str]
) -> None:
    query = parse_query(language, text)
    assert (query.class_name, query.properties, query.names) == (class_name, properties, frozenset(names))


@pytest.mark.parametrize(
    "text", ["SELECT c.Name FROM CIM_X AS c WHERE c.B = 1", "SELECT c.Name FROM CIM_X c WHERE C.B = 1"]
)
def test_cql_has_an_alias(text: str) -> None:
    query = parse_query("DMTF:CQL", text)
    assert (query.properties, query.names) == (("Name",), frozenset({"Name", "B"}))


def test_filter_names() -> None:
    assert parse_filter("DMTF:FQL", "A = 1 AND (ANY B > 2 OR C.D = E[0])").names == {"A", "B", "C", "E"}


@pytest.mark.parametrize(
    ("language", "text", "message"),
    [
        ("WQL", "", "WQL query, position 1: expected SELECT, found the end"),
        ("WQL", "SELECT", "WQL query, position 7: expected a property or *, found the end"),
        ("WQL", "SELECT FROM CIM_X", "WQL query, position 8: expected a property or *, found 'FROM'"),
        ("WQL", "SELECT a b FROM CIM_X", "WQL query, position 10: expected , or FROM, found 'b'"),
        ("WQL", "SELECT a", "WQL query, position 9: expected FROM, found the end"),
        ("WQL", "SELECT * FROM", "WQL query, position 14: expected a class, found the end"),
        ("WQL", "SELECT * FROM CIM_X AS c", "WQL query, position 21: expected WHERE, found 'AS'"),
        (
            "WQL",
            "SELECT * FROM CIM_X WHERE",
            "WQL query, position 26: expected a property or a constant, found the end",
        ),
        ("WQL", "SELECT * FROM X WHERE a", "WQL query, position 24: expected an operator, found the end"),
        ("WQL", "SELECT * FROM X WHERE a = 1 b", "WQL query, position 29: expected the end, found 'b'"),
        ("WQL", "SELECT * FROM X WHERE (a = 1", "WQL query, position 29: expected ), found the end"),
        ("WQL", "SELECT * FROM X WHERE a IS 5", "WQL query, position 28: expected NULL, found '5'"),
        (
            "WQL",
            "SELECT * FROM X WHERE a LIKE 5",
            "WQL query, position 30: expected a pattern in quotes, found '5'",
        ),
        ("WQL", "SELECT * FROM X WHERE a = 'b", "WQL query, position 27: the string has no closing '"),
        ("WQL", "SELECT * FROM X WHERE a = 'C:\\w'", "WQL query, position 30: unknown escape '\\\\w'"),
        ("WQL", "SELECT * FROM X WHERE a = 12x", "WQL query, position 27: a number runs into a name"),
        ("WQL", "SELECT * FROM X WHERE a = 1 ; b", "WQL query, position 29: ';' has no meaning"),
        (
            "WQL",
            "SELECT * FROM X WHERE a > TRUE",
            "WQL query, position 23: booleans and arrays have no order, > needs one",
        ),
        ("WQL", "SELECT * FROM X WHERE a < NULL", "WQL query, position 23: no comparison < with NULL"),
        ("WQL", "SELECT * FROM X WHERE ANY a = 1", "WQL query, position 23: WQL has no array predicate ANY"),
        ("WQL", "SELECT * FROM X WHERE a[0] = 1", "WQL query, position 24: WQL has no array index"),
        ("WQL", "SELECT * FROM X WHERE a = {1}", "WQL query, position 27: WQL has no array constants"),
        ("WQL", "SELECT * FROM X WHERE a LIKE '[a'", "at its character 1: [ without ]"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a = NULL", "position 23: no comparison = with NULL"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a != 1", "position 25: expected an operator, found '!='"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a = 1e999", "position 27: the number is too large"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a LIKE '[a'", "at its character 1: [ without ]"),
        (
            "DMTF:CQL",
            "SELECT * FROM X WHERE ANY a[0] = 1",
            "position 27: ANY and EVERY take an array property",
        ),
        (
            "DMTF:CQL",
            "SELECT * FROM X WHERE a[-1] = 1",
            "position 25: expected an index, counted from 0, found '-'",
        ),
        ("DMTF:FQL", "", "position 1: expected a property or a constant, found the end"),
        ("DMTF:FQL", "a IS NULL", "position 1: FQL has no IS"),
        ("DMTF:FQL", "a ISA b", "position 3: FQL has no ISA"),
        ("DMTF:FQL", "1 = a", "position 1: a property has to stand on the left"),
        ("DMTF:FQL", "a = {1, b}", "position 5: an array constant holds constants"),
        ("DMTF:FQL", "a = {1 2}", "position 8: expected ,, found '2'"),
        ("DMTF:FQL", "a < {1}", "position 1: booleans and arrays have no order, < needs one"),
        ("DMTF:FQL", "ANY a = {1}", "position 5: ANY and EVERY compare with a value, no NULL, no array"),
        ("DMTF:FQL", "a = 1 b", "position 7: expected AND, OR or the end, found 'b'"),
    ],
)
def test_what_is_not_of_the_language_is_an_invalid_query(language: str, text: str, message: str) -> None:
    error = refused(language, text)
    assert error.status is Status.INVALID_QUERY
    assert message in error.message


@pytest.mark.parametrize(
    ("language", "text", "feature"),
    [
        ("WQL", "ASSOCIATORS OF {X.a=1}", "ASSOCIATORS OF"),
        ("WQL", "references of {X.a=1}", "REFERENCES OF"),
        ("WQL", "SELECT * FROM X WITHIN 10", "WITHIN"),
        ("WQL", "SELECT * FROM X WHERE a = 1 GROUP BY b", "GROUP BY"),
        ("WQL", "SELECT __PATH FROM X", "__PATH"),
        ("WQL", "SELECT * FROM X WHERE __CLASS = 'X'", "__CLASS"),
        ("WQL", "SELECT COUNT(*) FROM X", "COUNT()"),
        ("DMTF:CQL", "SELECT OBJECTPATH(X) FROM X", "OBJECTPATH()"),
        ("DMTF:CQL", "SELECT DISTINCT a FROM X", "Result Set Operations"),
        ("DMTF:CQL", "SELECT * FROM X ORDER BY a", "Result Set Operations"),
        ("DMTF:CQL", "SELECT a AS b FROM X", "Extended Select List"),
        ("DMTF:CQL", "SELECT a + 1 FROM X", "Extended Select List"),
        ("DMTF:CQL", "SELECT 1 FROM X", "Extended Select List"),
        ("DMTF:CQL", "SELECT a.b FROM X", "Embedded Properties"),
        ("DMTF:CQL", "SELECT * FROM X, Y", "Simple Join"),
        ("DMTF:CQL", "SELECT * FROM X AS x, Y AS y", "Simple Join"),
        ("DMTF:CQL", "SELECT * FROM (SELECT * FROM X)", "Subquery"),
        ("DMTF:CQL", "SELECT * FROM 'root/a':X", "Foreign Namespace Support"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a + 1 = 2", "Arithmetic Expression"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a = b || 'c'", "Arithmetic Expression"),
        ("DMTF:CQL", "SELECT * FROM X WHERE UPPERCASE(a) = 'A'", "UPPERCASE()"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a = X.a#'On'", "symbolic constant"),
        ("DMTF:CQL", "SELECT * FROM X WHERE X::a = 1", "Property Scoping"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a[1..3] = 1", "Array Range"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a[*] = 1", "Array Range"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a[b] = 1", "an index that is not a constant"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a[0].b = 1", "a path that goes on after an index"),
        ("DMTF:CQL", "SELECT * FROM X WHERE ANY x IN a SATISFIES (x = 1)", "Satisfies Array"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a LIKE b", "LIKE with a pattern that is not a constant"),
        ("DMTF:CQL", "SELECT * FROM X WHERE a = (b)", "an expression in parentheses as an operand"),
    ],
)
def test_what_is_not_offered_is_refused_by_name(language: str, text: str, feature: str) -> None:
    error = refused(language, text)
    assert error.status is Status.QUERY_FEATURE_NOT_SUPPORTED
    assert feature in error.message


def test_a_language_that_is_not_known_is_refused_with_those_that_are() -> None:
    error = refused("SQL", "SELECT * FROM X")
    assert error.status is Status.QUERY_LANGUAGE_NOT_SUPPORTED
    assert error.description == "'SQL' is no query language here (supported: WQL and DMTF:CQL)"
    with pytest.raises(CimError) as caught:
        parse_filter("WQL", "a = 1")
    assert caught.value.description == "'WQL' is no filter query language here (supported: DMTF:FQL)"


@pytest.mark.parametrize(
    "condition",
    [
        "(" * (MAX_DEPTH + 1) + "a = 1" + ")" * (MAX_DEPTH + 1),
        "NOT " * (MAX_DEPTH + 1) + "a = 1",
        " OR ".join(["a = 1"] * (MAX_TERMS + 1)),
        "a = '" + "b" * MAX_QUERY_LENGTH + "'",
        " OR ".join([f"a LIKE 'b{{{MAX_POSITIONS}}}'"] * (MAX_PATTERN_SIZE // MAX_POSITIONS + 1)),
    ],
    ids=["parentheses", "not", "terms", "length", "patterns"],
)
def test_a_query_beyond_the_limits_is_refused(condition: str) -> None:
    assert refused("DMTF:FQL", condition).status is Status.SERVER_LIMITS_EXCEEDED


def test_a_query_at_the_limits_is_read() -> None:
    parse_filter("DMTF:FQL", "(" * MAX_DEPTH + "a = 1" + ")" * MAX_DEPTH)
    parse_filter("DMTF:FQL", " OR ".join(["a = 1"] * MAX_TERMS))


def test_messages_stay_short_whatever_the_query() -> None:
    error = refused("WQL", "SELECT * FROM X WHERE a = 1 " + "b" * 10_000)
    assert len(error.description) < 200

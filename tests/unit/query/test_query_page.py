"""The page on queries and the code say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xencim.providers.core.query import parse_filter, parse_query
from xencim.providers.core.query.conditions import MAX_DEPTH, MAX_PATTERN_SIZE, MAX_TERMS
from xencim.providers.core.query.lexer import MAX_QUERY_LENGTH
from xencim.providers.core.query.pattern import MAX_POSITIONS

PAGE = (Path(__file__).parents[3] / "docs/reference/queries.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```(wql|cql|fql)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_there_are_examples_of_every_language() -> None:
    assert {language for language, _ in EXAMPLES} == {"wql", "cql", "fql"}


@pytest.mark.parametrize(("language", "text"), EXAMPLES)
def test_every_example_is_read(language: str, text: str) -> None:
    if language == "fql":
        parse_filter("DMTF:FQL", text)
    else:
        parse_query({"wql": "WQL", "cql": "DMTF:CQL"}[language], text)


def test_the_limits_are_those_of_the_code() -> None:
    assert f"{MAX_QUERY_LENGTH:,} characters, {MAX_TERMS} comparisons or {MAX_DEPTH} levels" in PAGE
    assert f"{MAX_POSITIONS} characters after" in PAGE
    assert f"all patterns of a query {MAX_PATTERN_SIZE:,};" in PAGE

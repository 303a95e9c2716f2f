"""Units of bytes and sets of numbers, as clients write them."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xencim.providers.core.parameters.ranges import MAX_NUMBER, numbers, ranges
from xencim.providers.management.units import bytes_in


@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("Bytes", 1),
        ("byte", 1),
        ("KiloBytes", 1024),
        ("megabytes", 2**20),
        ("GigaBytes", 2**30),
        ("TeraBytes", 2**40),
        ("byte*2^10", 1024),
        (" byte * 2^20 ", 2**20),
        ("byte * 10^3", 1000),
        ("bytes * 1024 * 4", 4096),
        ("bit", Fraction(1, 8)),
        ("bit * 10^6 / second", 125_000),
        ("byte * 2^10 / second", 1024),
        ("MegaBytes per Second", 2**20),
    ],
)
def test_units(unit: str, size: int | Fraction) -> None:
    assert bytes_in(unit) == size


@pytest.mark.parametrize(
    "unit",
    [
        "",
        "count",
        "second",
        "byte *",
        "byte * 2^999",
        "byte ** 2",
        "2^10",
        "mega",
        "byte / minute",
        "by" * 99,
    ],
)
def test_no_units(unit: str) -> None:
    with pytest.raises(ValueError, match="is no unit of bytes"):
        bytes_in(unit)


@given(st.text(max_size=60) | st.from_regex(r"\A(byte|bit)( ?[*^/] ?\d{0,5}){0,9}\Z"))
def test_units_of_any_text(text: str) -> None:
    with suppress(ValueError):
        assert bytes_in(text) >= 0


@given(st.sets(st.integers(0, MAX_NUMBER), max_size=99))
def test_sets_there_and_back(found: set[int]) -> None:
    assert numbers(ranges(found)) == tuple(sorted(found))


@pytest.mark.parametrize(
    ("text", "found", "again"),
    [("", (), ""), ("3", (3,), "3"), ("0-2, 1,7", (0, 1, 2, 7), "0-2,7"), (" 4 - 5 ", (4, 5), "4-5")],
)
def test_sets(text: str, found: tuple[int, ...], again: str) -> None:
    assert (numbers(text), ranges(found)) == (found, again)


@pytest.mark.parametrize("text", ["a", "1-", "-1", "2-1", "1,,2", "16384", "0-999999", "1^2", "٣"])
def test_no_sets(text: str) -> None:
    with pytest.raises(ValueError, match="names no numbers"):
        numbers(text)


def test_texts_that_would_take_all_the_time() -> None:
    with pytest.raises(ValueError, match="is no unit of bytes"):
        bytes_in("byte" + " * 9999^99" * 20_000)
    with pytest.raises(ValueError, match="is too long"):
        numbers("0-16383," * 20_000)

"""CIM values: text to value and back, and what is refused."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xencim.mof.values import (
    INTEGER_RANGES,
    Path,
    WildcardDateTime,
    format_datetime,
    format_scalar,
    parse_datetime,
    parse_scalar,
)

_ZONES = st.integers(-999, 999).map(lambda minutes: timezone(timedelta(minutes=minutes)) if minutes else UTC)
_POINTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=_ZONES)  # noqa: DTZ001 - bounds are naive
_INTERVALS = st.timedeltas(timedelta(), timedelta(days=99_999_999, hours=23))


@given(st.sampled_from(sorted(INTEGER_RANGES)), st.data())
def test_integers_come_back_and_end_where_their_type_ends(cim_type: str, data: st.DataObject) -> None:
    low, high = INTEGER_RANGES[cim_type]
    number = data.draw(st.integers(low, high))
    assert parse_scalar(cim_type, format_scalar(cim_type, number)) == number
    assert parse_scalar(cim_type, f" {number:#x}\n") == number
    for outside in (low - 1, high + 1):
        with pytest.raises(ValueError, match=rf"is outside {cim_type} \({low} to {high}\)"):
            parse_scalar(cim_type, str(outside))


@given(st.floats())
def test_reals_come_back(number: float) -> None:
    found = parse_scalar("real64", format_scalar("real64", number))
    assert isinstance(found, float)
    assert struct.pack("d", found) == struct.pack("d", number) or (math.isnan(found) and math.isnan(number))


@given(st.floats(width=32, allow_nan=False))
def test_short_reals_come_back_in_their_own_precision(number: float) -> None:
    found = parse_scalar("real32", format_scalar("real32", number))
    assert isinstance(found, float)
    assert struct.pack("f", found) == struct.pack("f", number)


@given(_POINTS | _INTERVALS)
def test_datetimes_come_back(value: datetime | timedelta) -> None:
    text = format_datetime(value)
    assert len(text) == 25
    assert parse_datetime(text) == value
    assert format_datetime(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("19980525133015.0000**+***", None),
        ("20240230000000.000000+000", None),
        ("20240102030405.000006+060", datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=1)))),
        ("00000002030405.000000:000", timedelta(days=2, hours=3, minutes=4, seconds=5)),
        ("19980525******.******+000", WildcardDateTime("19980525******.******+000")),
        ("", None),
        ("2024-01-02", None),
        ("20240102030405.000006+06", None),
    ],
)
def test_a_datetime_is_a_point_an_interval_or_has_wildcards(text: str, value: object) -> None:
    if value is None:
        with pytest.raises(ValueError, match="is not a datetime"):
            parse_datetime(text)
        return
    found = parse_datetime(text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("cim_type", "text"),
    [
        ("uint8", ""),
        ("uint8", "1.0"),
        ("uint8", "1_0"),
        ("uint8", "٣"),
        ("uint8", "0b1"),
        ("boolean", "1"),
        ("boolean", ""),
        ("real32", "1,5"),
        ("real64", "."),
        ("real64", "0x1p3"),
        ("char16", "ab"),
        ("char16", "\U0001f600"),
        ("char16", ""),
    ],
)
def test_what_is_no_value_of_a_type_is_refused_by_name(cim_type: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"is not a {cim_type}"):
        parse_scalar(cim_type, text)


def test_booleans_are_written_large_and_read_in_any_case() -> None:
    assert [format_scalar("boolean", value) for value in (True, False)] == ["TRUE", "FALSE"]
    assert [parse_scalar("boolean", text) for text in ("TRUE", "false", " True ")] == [True, False, True]


def test_strings_keep_every_character() -> None:
    assert parse_scalar("string", " a\n") == " a\n"
    assert parse_scalar("char16", " ") == " "


def test_a_path_reads_as_a_uri() -> None:
    inner = Path("CIM_B", (("N", 1),), "root/virt", "host")
    path = Path("CIM_A", (("Name", 'a"\\'), ("Flag", True), ("Ref", inner)), "root/virt")
    assert str(inner) == "//host/root/virt:CIM_B.N=1"
    assert str(path) == ('root/virt:CIM_A.Name="a\\"\\\\",Flag=TRUE,Ref="//host/root/virt:CIM_B.N=1"')
    assert (path.key("NAME"), path.key("absent")) == ('a"\\', None)

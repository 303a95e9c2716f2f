"""Random frames against the daemon's decoders, and random values through them and back."""

from __future__ import annotations

import math
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xencim.cimom_glue.cmpi.frames import FrameError, Reader, text, u16, u32
from xencim.cimom_glue.cmpi.requests import Request, read_request
from xencim.cimom_glue.cmpi.values import data, path
from xencim.mof.values import INTEGER_RANGES, Instance, Path, TypedValue
from xencim.providers.core.operations import InvokeMethod

if TYPE_CHECKING:
    from xencim.mof.values import Scalar, Value

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAMES = st.text("abcXYZ_019", min_size=1, max_size=8)
SCALARS: dict[str, st.SearchStrategy[Scalar]] = {
    "boolean": st.booleans(),
    "char16": st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]),
    "real64": st.floats(allow_nan=False),
    "real32": st.floats(width=32, allow_nan=False),
    "string": TEXT,
    "datetime": st.one_of(
        st.datetimes(timezones=st.just(UTC)),
        st.timedeltas(timedelta(), timedelta(days=99_999_999)),
    ),
    **{kind: st.integers(low, high) for kind, (low, high) in INTEGER_RANGES.items()},
}
PATHS = st.builds(
    lambda name, keys, space: Path(name, tuple(keys.items()), space),
    NAMES,
    st.dictionaries(NAMES, TEXT, max_size=3),
    st.sampled_from([None, "root/virt"]),
)


def typed(kind: str, scalars: st.SearchStrategy[Scalar]) -> st.SearchStrategy[TypedValue]:
    values: st.SearchStrategy[Value] = st.one_of(
        st.none(), scalars, st.lists(st.one_of(st.none(), scalars), max_size=4).map(tuple)
    )
    return st.builds(TypedValue, st.just(kind), values)


PLAIN = st.one_of([typed(kind, scalars) for kind, scalars in SCALARS.items()])
INSTANCES: st.SearchStrategy[Scalar] = st.builds(Instance, NAMES, st.dictionaries(NAMES, PLAIN, max_size=3))
VALUES = st.one_of(PLAIN, typed("reference", PATHS), typed("string", INSTANCES))


def request(parameters: dict[str, TypedValue]) -> bytes:
    arguments = [
        text(name) + data(str(value.type), value.value, is_array=isinstance(value.value, tuple))
        for name, value in parameters.items()
    ]
    head = u32(1000) + text("root") + text(None) + b"\x0c" + u32(0) + text(None)
    target = path(Path("C", (("Name", "x"),), "root/virt"))
    return b"".join((head, target, text("Do"), u16(len(arguments)), *arguments))


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_values_come_back_as_they_went(parameters: dict[str, TypedValue]) -> None:
    read = read_request(request(parameters))
    assert isinstance(read.operation, InvokeMethod)
    assert read.operation.parameters == parameters


@given(st.binary(max_size=300))
def test_bytes_are_a_request_or_a_frame_error(content: bytes) -> None:
    _read(content)


@settings(max_examples=300)
@given(st.dictionaries(NAMES, VALUES, max_size=4), st.data())
def test_a_damaged_request_is_a_request_or_a_frame_error(
    parameters: dict[str, TypedValue], choose: st.DataObject
) -> None:
    content = bytearray(request(parameters))
    for _ in range(choose.draw(st.integers(1, 4))):
        content[choose.draw(st.integers(0, len(content) - 1))] = choose.draw(st.integers(0, 255))
    _read(bytes(content[: choose.draw(st.integers(0, len(content)))]))


def _read(content: bytes) -> None:
    try:
        read = read_request(content)
    except FrameError:
        return
    assert isinstance(read, Request)


@pytest.mark.parametrize("kind", ["real32", "real64"])
def test_numbers_that_are_none_come_back(kind: str) -> None:
    read = read_request(request({"x": TypedValue(kind, math.nan)}))
    assert isinstance(read.operation, InvokeMethod)
    value = read.operation.parameters["x"].value
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uint8", 256),
        ("sint64", 2**63),
        ("uint8", "1"),
        ("uint8", True),
        ("boolean", 1),
        ("string", 1),
        ("char16", "ab"),
        ("char16", "\U0001f30d"),
        ("datetime", "20240101"),
        ("reference", "x"),
        ("real32", 1e300),
        ("real64", 1),
    ],
)
def test_a_value_of_another_type_is_refused(kind: str, value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        data(kind, value, is_array=False)


def test_deep_nesting_is_refused() -> None:
    inner = TypedValue("string", "x")
    for _ in range(30):
        inner = TypedValue("string", Instance("C", {"p": inner}))
    with pytest.raises(FrameError, match="nested too deeply"):
        read_request(request({"x": inner}))


def test_a_reader_knows_its_end() -> None:
    reader = Reader(text("a"))
    assert reader.text() == "a"
    reader.end()

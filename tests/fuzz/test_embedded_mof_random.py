"""Random MOF texts raise only CimError; printed instances are read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st

from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.parameters.embedded_mof import parse_instance_mof

if TYPE_CHECKING:
    from xencim.mof.values import Scalar, Value

WORD_LIST = (
    'instance of CIM_X { } = ; , [ ] # $x as "a" "\\x41" "\\q" \'c\' 1 -0x1F 101b 017 1.5 TRUE NULL // /* */'
)
WORDS = [*WORD_LIST.split(" "), "\n", " "]
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join),
    st.lists(st.sampled_from(WORDS), max_size=30).map("".join),
)


@given(st.sampled_from(["", "instance of CIM_X {", "instance of CIM_X { A = "]), TEXTS)
@example("", "/*" * 50_000)
@example("", "/" * 50_000)
@example("", '"' + "\\" * 50_000)
@example("instance of CIM_X { A = ", "{" * 50_000)
@example("instance of CIM_X { A = ", '"a" ' * 50_000)
def test_random_texts_raise_only_what_is_expected(start: str, text: str) -> None:
    failure = None
    try:
        parse_instance_mof(start + text)
    except CimError as error:
        failure = error
    assert failure is None or failure.status is Status.INVALID_PARAMETER
    assert failure is None or len(failure.description) < 200


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True)
PROPERTIES = st.dictionaries(
    NAMES, st.one_of(SCALARS, st.lists(SCALARS, max_size=3).map(tuple)), max_size=5
).filter(lambda found: len({name.lower() for name in found}) == len(found))


def printed(value: Value) -> str:
    if isinstance(value, tuple):
        return "{" + ", ".join(printed(element) for element in value) + "}"
    return printed_scalar(value)


def printed_scalar(value: Scalar | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        mantissa, _, exponent = f"{value:.17e}".partition("e")
        return f"{mantissa}E{exponent}"
    if isinstance(value, int):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@given(PROPERTIES)
def test_what_is_printed_is_read_back(properties: dict[str, Value]) -> None:
    body = " ".join(f"{name} = {printed(value)};" for name, value in properties.items())
    instance = parse_instance_mof(f"instance of CIM_X {{ {body} }};")
    assert {name: typed.value for name, typed in instance.properties.items()} == properties

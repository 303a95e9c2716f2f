"""MOF text to declarations and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xencim.mof.compiler import compile_mof
from xencim.mof.declarations import SchemaError
from xencim.mof.model import ClassDecl, MethodDecl, ParameterDecl, PropertyDecl, Qualifier, QualifierDecl
from xencim.mof.writer import class_text, qualifier_decl_text

if TYPE_CHECKING:
    import pathlib

    from xencim.mof.values import Value

TYPES = {
    "key": QualifierDecl("Key", "boolean", False, scopes=frozenset({"property"}), overridable=False),
    "in": QualifierDecl("In", "boolean", True, scopes=frozenset({"parameter"})),
    "text": QualifierDecl("Text", "string", None, scopes=frozenset({"any"}), translatable=True),
    "list": QualifierDecl("List", "string", None, is_array=True, scopes=frozenset({"any"}), tosubclass=False),
    "most": QualifierDecl("Most", "sint64", None, scopes=frozenset({"any"}), toinstance=True),
}
TYPES_MOF = "".join(map(qualifier_decl_text, TYPES.values()))


def compile_class(mof: str) -> ClassDecl:
    (decl,) = compile_mof({"types": TYPES_MOF, "class": mof}).classes.values()
    return decl


def test_qualifier_types_come_back_as_written() -> None:
    assert compile_mof({"types": TYPES_MOF}).qualifiers == TYPES


def test_a_qualifier_type_that_says_no_flavours_has_the_standard_ones() -> None:
    found = compile_mof({"t": "Qualifier Q : uint32[4] = {1, 2}, Scope(any);"}).qualifiers["q"]
    assert found == QualifierDecl(
        "Q", "uint32", (1, 2), is_array=True, array_size=4, scopes=frozenset({"any"})
    )


def test_a_class_has_what_its_mof_says_and_nothing_more() -> None:
    decl = compile_class("""
        [Text("a" "b"), list{"x", null}]
        class A_B : A_C {
            [KEY] string Name;
            [Key(false)] A_D REF Other;
            sint8 Numbers[3] = { 0x10, -1 };
            boolean Flag = true;
            [Most(-9223372036854775808)] uint16 M([In(false)] A_D REF Many[], datetime When);
        };""")
    assert decl == ClassDecl(
        name="A_B",
        superclass="A_C",
        properties=(
            PropertyDecl("Name", "string", qualifiers=(_key(value=True),), class_origin="A_B"),
            PropertyDecl(
                "Other",
                "reference",
                reference_class="A_D",
                qualifiers=(_key(value=False),),
                class_origin="A_B",
            ),
            PropertyDecl("Numbers", "sint8", is_array=True, array_size=3, value=(16, -1), class_origin="A_B"),
            PropertyDecl("Flag", "boolean", value=True, class_origin="A_B"),
        ),
        methods=(
            MethodDecl(
                name="M",
                return_type="uint16",
                parameters=(
                    ParameterDecl(
                        "Many",
                        "reference",
                        is_array=True,
                        reference_class="A_D",
                        qualifiers=(Qualifier("In", "boolean", False),),
                    ),
                    ParameterDecl("When", "datetime"),
                ),
                qualifiers=(Qualifier("Most", "sint64", -(2**63), toinstance=True),),
                class_origin="A_B",
            ),
        ),
        qualifiers=(
            Qualifier("Text", "string", "ab", translatable=True),
            Qualifier("List", "string", ("x", None), is_array=True, tosubclass=False),
        ),
    )


def _key(*, value: bool) -> Qualifier:
    return Qualifier("Key", "boolean", value, overridable=False)


@pytest.mark.parametrize(
    ("cim_type", "text", "value"),
    [
        ("datetime", '"00000001000000.000000:000"', timedelta(days=1)),
        ("datetime", '"20240102030405.000006+000"', datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("real32", "1.5", 1.5),
        ("uint64", "18446744073709551615", 2**64 - 1),
        ("boolean", "false", False),
        ("string", "null", None),
        ("string", r'"a\"b\\c\n\x263a"', 'a"b\\c\n\u263a'),
    ],
)
def test_defaults_are_values_of_their_type(cim_type: str, text: str, value: Value) -> None:
    (declared,) = compile_class(f"class A {{ {cim_type} P = {text}; }};").properties
    assert declared.value == value
    assert type(declared.value) is type(value)


@pytest.mark.parametrize(
    ("mof", "text"),
    [
        ("class A {\n string P\n};", "class:3: MOF grammar error"),
        ("class A { }; class a { };", "class a is declared twice"),
        ("[Unknown] class A { };", "class:1: Cannot compile element specifying qualifier"),
        ('instance of A { P = "x"; };', "a schema holds classes and qualifier types only"),
        ("class A {", "class:1: Unexpected end of MOF"),
    ],
)
def test_mof_that_cannot_be_used_names_the_file(mof: str, text: str) -> None:
    with pytest.raises(SchemaError) as raised:
        compile_class(mof)
    assert str(raised.value).startswith("class")
    assert text in str(raised.value)


def test_no_include_opens_a_file(tmp_path: pathlib.Path) -> None:
    secret = tmp_path / "other.mof"
    secret.write_text("class Other { };")
    found = compile_mof({"a.mof": f'#pragma include ("{secret}")\n#pragma locale ("en_US")\nclass A {{ }};'})
    assert list(found.classes) == ["a"]


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
_NAME = st.from_regex(r"\A[A-Z][a-z]{2,6}_[0-9]\Z")


@given(
    texts=st.lists(_TEXT | st.none(), min_size=1, max_size=4),
    text=_TEXT,
    number=st.integers(-(2**63), 2**63 - 1),
    flag=st.booleans(),
    name=_NAME,
    flavors=st.fixed_dictionaries({"overridable": st.booleans(), "tosubclass": st.booleans()}),
)
def test_what_is_written_compiles_to_the_same(
    texts: list[str | None], text: str, number: int, name: str, flavors: dict[str, bool], *, flag: bool
) -> None:
    qualifiers = (
        _key(value=flag),
        Qualifier("Text", "string", text, translatable=True, **flavors),
        Qualifier("List", "string", tuple(texts), is_array=True, tosubclass=False),
        Qualifier("Most", "sint64", number, toinstance=True),
    )
    parameter = ParameterDecl("Parameter", "string", is_array=True, qualifiers=qualifiers)
    decl = ClassDecl(
        name=name,
        superclass="Above",
        properties=(
            PropertyDecl("P", "string", value=text, qualifiers=qualifiers, class_origin=name),
            PropertyDecl("Q", "sint64", is_array=True, value=(number, None), class_origin=name),
            PropertyDecl("R", "reference", reference_class="Above", class_origin=name),
        ),
        methods=(
            MethodDecl("M", "uint32", (parameter, ParameterDecl("N", "uint8")), qualifiers, name),
            MethodDecl("Empty", "uint32", class_origin=name),
        ),
        qualifiers=qualifiers,
    )
    assert compile_class(class_text(decl, TYPES)) == decl


def test_long_values_are_on_lines_of_readable_length() -> None:
    values = Qualifier(
        "List", "string", tuple(f"value {n}" for n in range(60)), is_array=True, tosubclass=False
    )
    text = class_text(ClassDecl("A", qualifiers=(values,)), TYPES)
    assert compile_class(text).qualifiers == (values,)
    assert max(map(len, text.splitlines())) <= 110

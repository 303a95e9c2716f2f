from __future__ import annotations

import pytest

from xencim.mof.values import Instance, TypedValue, Value
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.parameters.embedded_mof import MAX_MOF_LENGTH, parse_instance_mof


def value(text: str) -> Value:
    return parse_instance_mof(f"instance of CIM_X {{ A = {text}; }};").get("A")


def test_an_instance_as_clients_send_it() -> None:
    text = """
        // a machine
        Instance Of Xen_VirtualSystemSettingData {
          InstanceID = "Xen:web"; /* its
          key */
          Notes = {"one", "two"};
          AutomaticStartupAction = 2;
          IsFullVirt = true;
          Parent = "root/virt:Xen_ComputerSystem.Name=\\"web\\"";
          Owner = NULL;
        };
    """
    assert parse_instance_mof(text) == Instance(
        "Xen_VirtualSystemSettingData",
        {
            "InstanceID": TypedValue(None, "Xen:web"),
            "Notes": TypedValue(None, ("one", "two")),
            "AutomaticStartupAction": TypedValue(None, 2),
            "IsFullVirt": TypedValue(None, value=True),
            "Parent": TypedValue(None, 'root/virt:Xen_ComputerSystem.Name="web"'),
            "Owner": TypedValue(None, None),
        },
    )


@pytest.mark.parametrize("text", ["instance of CIM_X {};", "instance of CIM_X {}", "INSTANCE OF CIM_X{};\n"])
def test_an_instance_without_properties(text: str) -> None:
    assert parse_instance_mof(text) == Instance("CIM_X")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('""', ""),
        ('"a" "b"\n"c"', "abc"),
        (r'"\"\\\b\t\n\f\r\'"', "\"\\\b\t\n\f\r'"),
        (r'"\x41\X20AC!"', "A€!"),
        ('"größer"', "größer"),
        ('"// no comment"', "// no comment"),
        ('"instance of CIM_Y { B = \\"c\\"; };"', 'instance of CIM_Y { B = "c"; };'),
        ("'x'", "x"),
        (r"'\''", "'"),
        (r"'\x41'", "A"),
        ("0", 0),
        ("-1", -1),
        ("+7", 7),
        ("18446744073709551615", 2**64 - 1),
        ("0x1F", 31),
        ("-0X10", -16),
        ("101b", 5),
        ("017", 15),
        ("-017", -15),
        ("0.5", 0.5),
        (".5", 0.5),
        ("-1.5E+3", -1500.0),
        ("TRUE", True),
        ("False", False),
        ("null", None),
        ("{}", ()),
        ("{1}", (1,)),
        ('{ "a" "b", NULL, "c" }', ("ab", None, "c")),
    ],
)
def test_values(text: str, expected: Value) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected instance, found the end"),
        ('#pragma include ("secret.mof")', "line 1: an embedded instance takes no #pragma"),
        ("\nclass CIM_X {};", "line 2: an embedded instance takes no class"),
        ("Qualifier Key : boolean = false;", "line 1: an embedded instance takes no qualifier type"),
        ("instance of CIM_X as $x {};", "an embedded instance takes no alias"),
        ("instance of CIM_X { A = $x; };", "an embedded instance takes no alias"),
        ("instance of CIM_X { [Key] A = 1; };", "an embedded instance takes no qualifiers"),
        ("[Description(1)] instance of CIM_X {};", "an embedded instance takes no qualifiers"),
        ("instance of CIM_X {}; instance of CIM_Y {};", "an embedded instance takes no second instance"),
        ("instance of CIM_X {}; x", "expected the end, found 'x'"),
        ("instance CIM_X {};", "expected of, found 'CIM_X'"),
        ("instance of {};", "expected a class, found '{'"),
        ("instance of CIM_X { A 1; };", "expected =, found '1'"),
        ("instance of CIM_X { A = 1 }", "expected ;, found '}'"),
        ("instance of CIM_X { A = ; }", "expected a value, found ';'"),
        ("instance of CIM_X { A = {{1}}; }", "expected a value, found '{'"),
        ("instance of CIM_X { A = {1,}; }", "expected a value, found '}'"),
        ("instance of CIM_X { A = {1 2}; }", "expected ,, found '2'"),
        ("instance of CIM_X { A = 1;\n a = 2; }", "line 2: a is there twice"),
        ("instance of CIM_X {", "expected a property or }, found the end"),
        ('instance of CIM_X { A = "x; }', "has no meaning"),
        ('instance of CIM_X { A = "x\ny"; }', "has no meaning"),
        ("instance of CIM_X { A = 12x; }", "has no meaning"),
        ("instance of CIM_X { /* A = 1; }", "line 1: '/* A = 1; }' has no meaning"),
        ("instance of CIM_X { /* A = 1; * / }", "has no meaning"),
        ("instance of CIM_X { A = 'xy'; }", "has no meaning"),
        ('instance of CIM_X { A = "\\q"; }', "unknown escape '\\\\q'"),
        ("instance of CIM_X { A = 09; }", "09 begins with 0 and is no octal number"),
        ("instance of CIM_X { A = 1.0E999; }", "the number is too large"),
        (f"instance of CIM_X {{ A = {'9' * 5000}; }}", "the number is too long"),
    ],
)
def test_anything_else_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(CimError) as caught:
        parse_instance_mof(text)
    assert caught.value.status is Status.INVALID_PARAMETER
    assert message in caught.value.message


def test_a_text_beyond_the_limit_is_refused() -> None:
    with pytest.raises(CimError) as caught:
        parse_instance_mof(" " * (MAX_MOF_LENGTH + 1))
    assert caught.value.status is Status.SERVER_LIMITS_EXCEEDED

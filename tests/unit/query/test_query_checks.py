from __future__ import annotations

import pytest

from xencim.mof.model import ClassDecl, PropertyDecl, Qualifier
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.query import Filter, parse_filter, parse_query

SELECT = "SELECT * FROM Xen_Thing WHERE "
DECL = ClassDecl(
    "Xen_Thing",
    properties=(
        PropertyDecl("Name", "string"),
        PropertyDecl("Letter", "char16"),
        PropertyDecl("State", "uint16"),
        PropertyDecl("Big", "uint64"),
        PropertyDecl("Real", "real32"),
        PropertyDecl("On", "boolean"),
        PropertyDecl("Started", "datetime"),
        PropertyDecl("States", "uint16", is_array=True),
        PropertyDecl("Words", "string", is_array=True),
        PropertyDecl("Element", "reference", reference_class="CIM_ManagedElement"),
        PropertyDecl("Inner", "string", qualifiers=(Qualifier("EmbeddedInstance", "string", "CIM_Y"),)),
    ),
)


def parse(language: str, condition: str) -> Filter:
    if language == "DMTF:FQL":
        return parse_filter(language, condition)
    return parse_query(language, SELECT + condition)


@pytest.mark.parametrize(
    ("language", "condition"),
    [
        ("WQL", "Name = 'a' AND name LIKE 'a%' AND Letter = 'b'"),
        ("WQL", "State = 2 AND State = '2' AND State = 2.5 AND Big > State AND Real < Big"),
        ("WQL", "On = TRUE AND Started > '20240101000000.000000+000'"),
        ("WQL", "Started = '00000001000000.000000:000'"),
        ("WQL", "Element IS NULL AND States IS NOT NULL AND Inner IS NULL AND Inner.Anything = 3"),
        ("WQL", "__CLASS ISA 'Xen_Other' AND Inner ISA 'Xen_Other'"),
        ("DMTF:CQL", "ANY States = 2 AND EVERY Words LIKE 'a' AND States[0] = State AND ANY States = State"),
        ("DMTF:CQL", "States = States AND NOT (Words[1] LIKE 'b' OR 2 = State)"),
        ("DMTF:FQL", "States = {1, NULL, 2} AND Words <> {'a'} AND Absent = 3 AND ANY Absent = 'x'"),
        ("DMTF:FQL", "Element = NULL AND Letter = Name"),
    ],
)
def test_what_fits_the_class_is_accepted(language: str, condition: str) -> None:
    parse(language, condition).check(DECL)


@pytest.mark.parametrize(
    ("language", "condition", "message"),
    [
        ("WQL", "Absent = 1", "position 31: Xen_Thing has no property Absent"),
        ("WQL", "NOT (On = TRUE OR Absent IS NULL)", "position 49: Xen_Thing has no property Absent"),
        ("WQL", "Name.Length = 1", "position 31: Xen_Thing.Name holds no embedded object"),
        ("DMTF:CQL", "Name ISA X", "position 31: Xen_Thing.Name holds no embedded object"),
        ("WQL", "States = 2", "position 31: Xen_Thing.States is an array"),
        ("WQL", "Words LIKE 'a'", "position 31: Xen_Thing.Words is an array"),
        ("WQL", "State LIKE '2'", "position 31: Xen_Thing.State is a uint16, LIKE needs text"),
        ("WQL", "State = 'two'", "position 39: 'two' cannot be compared with Xen_Thing.State, a uint16"),
        ("WQL", "State = TRUE", "position 39: True cannot be compared with Xen_Thing.State, a uint16"),
        ("WQL", "'a' = State", "position 31: 'a' cannot be compared with Xen_Thing.State, a uint16"),
        ("WQL", "Name = 1", "position 38: 1 cannot be compared with Xen_Thing.Name, a string"),
        ("WQL", "On = 1", "position 36: 1 cannot be compared with Xen_Thing.On, a boolean"),
        ("WQL", "On < On", "position 31: Xen_Thing.On is a boolean, < needs an order"),
        (
            "WQL",
            "Started = '2024'",
            "position 41: '2024' cannot be compared with Xen_Thing.Started, a datetime",
        ),
        (
            "WQL",
            "State = Name",
            "position 31: cannot compare Xen_Thing.State, a uint16 with Xen_Thing.Name, a string",
        ),
        ("DMTF:CQL", "State = '2'", "position 39: '2' cannot be compared with Xen_Thing.State, a uint16"),
        ("DMTF:CQL", "ANY State = 2", "position 35: Xen_Thing.State is no array"),
        ("DMTF:CQL", "EVERY Name LIKE 'a'", "position 37: Xen_Thing.Name is no array"),
        ("DMTF:CQL", "State[0] = 2", "position 31: Xen_Thing.State is no array"),
        ("DMTF:CQL", "States < States", "position 31: Xen_Thing.States is an array"),
        ("DMTF:CQL", "States = Words", "position 31: cannot compare Xen_Thing.States, a uint16"),
        ("DMTF:CQL", "ANY States = States", "position 44: Xen_Thing.States is an array"),
        ("DMTF:FQL", "States = {'a'}", "position 11: 'a' cannot be compared with Xen_Thing.States, a uint16"),
        ("DMTF:FQL", "State = {1}", "position 9: Xen_Thing.State is compared with an array"),
        ("DMTF:FQL", "States[0] = {1}", "position 13: Xen_Thing.States is compared with an array"),
    ],
)
def test_what_does_not_fit_is_an_invalid_query(language: str, condition: str, message: str) -> None:
    with pytest.raises(CimError) as caught:
        parse(language, condition).check(DECL)
    assert caught.value.status is Status.INVALID_QUERY
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("condition", "feature"),
    [
        ("Element = 'Xen_Thing.Name=1'", "comparing Xen_Thing.Element, a reference, is not supported"),
        ("Inner = 'x'", "comparing Xen_Thing.Inner, an embedded object, is not supported"),
    ],
)
def test_references_and_embedded_objects_are_not_compared(condition: str, feature: str) -> None:
    with pytest.raises(CimError) as caught:
        parse("DMTF:FQL", condition).check(DECL)
    assert caught.value.status is Status.QUERY_FEATURE_NOT_SUPPORTED
    assert feature in caught.value.message


def test_the_list_is_checked_too() -> None:
    parse_query("WQL", "SELECT name, STATE FROM Xen_Thing").check(DECL)
    with pytest.raises(CimError) as caught:
        parse_query("WQL", "SELECT Name, Absent FROM Xen_Thing").check(DECL)
    assert caught.value.status is Status.INVALID_QUERY
    assert caught.value.message == "WQL query: Xen_Thing has no property Absent"

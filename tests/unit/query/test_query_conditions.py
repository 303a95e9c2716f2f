from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from xencim.mof.values import Instance, TypedValue, Value, WildcardDateTime
from xencim.providers.core.query import parse_filter, parse_query

MAX_UINT64 = 2**64 - 1
MIN_SINT64 = -(2**63)
SELECT = "SELECT * FROM CIM_ComputerSystem WHERE "


class Row:
    def __init__(self, values: dict[str, Value], classes: tuple[str, ...] = ()) -> None:
        self._values = {name.lower(): value for name, value in values.items()}
        self._classes = classes

    def value(self, name: str) -> Value:
        return self._values[name.lower()]

    def is_a(self, class_name: str, embedded: Instance | None = None) -> bool:
        if embedded is not None:
            return class_name.lower() in {embedded.class_name.lower(), "cim_managedelement"}
        return class_name.lower() in self._classes


ROW = Row(
    {
        "Name": "vm-1",
        "Other": "vm-1",
        "Quote": "it's",
        "Tab": "a\tb",
        "Letter": "x",
        "State": 2,
        "Big": MAX_UINT64,
        "Low": MIN_SINT64,
        "Real": 0.5,
        "On": True,
        "Off": False,
        "Started": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
        "Uptime": timedelta(days=1, hours=2),
        "Vague": WildcardDateTime("2024**********.******+000"),
        "Nothing": None,
        "States": (2, 5),
        "Holes": (2, None),
        "Empty": (),
        "Words": ("alpha", "beta"),
        "Inner": Instance("CIM_Y", {"Size": TypedValue("uint32", 4)}),
    },
    ("xen_computersystem", "cim_computersystem"),
)


def matches(language: str, condition: str, row: Row = ROW) -> bool:
    if language == "DMTF:FQL":
        return parse_filter(language, condition).matches(row)
    return parse_query(language, SELECT + condition).matches(row)


def test_without_where_everything_matches() -> None:
    assert parse_query("WQL", "SELECT * FROM CIM_ComputerSystem").matches(ROW)


@pytest.mark.parametrize("language", ["WQL", "DMTF:CQL", "DMTF:FQL"])
@pytest.mark.parametrize(
    "condition",
    [
        "Name = 'vm-1'",
        'name = "vm-1"',
        "NAME <> 'VM-1'",
        "Name < 'vm-2'",
        "Name >= 'vm-1'",
        "Name = Other",
        r"Quote = 'it\'s'",
        'Quote = "it\'s"',
        r"Tab = 'a\tb'",
        r"Tab = 'a\u0009b' AND Tab <> 'a\x9b'",
        "Letter = 'x'",
        "Letter > 'a'",
        "State = 2",
        "State <> 3",
        "State < 3 AND State <= 2 AND State > 1 AND State >= 2",
        "State = 0x2 AND State = 10b AND State = 10B AND State = +2",
        "State = 2.0",
        "State < 2.5",
        f"Big = {MAX_UINT64}",
        "Big = 0xFFFFFFFFFFFFFFFF",
        f"Big > {MAX_UINT64 - 1}",
        f"Big < {MAX_UINT64}.5E1",
        f"Low = {MIN_SINT64}",
        f"Low < {MIN_SINT64 + 1}",
        "Real = 0.5 AND Real = .5 AND Real = 5E-1 AND Real = 5.e-1",
        "Real < 1",
        "State > Real",
        "On = TRUE",
        "On <> false",
        "Off = FALSE",
        "On <> Off",
        "Started = '20240506070809.000000+000'",
        "Started = '20240506090809.000000+120'",
        "Started > '20240506070808.999999+000'",
        "Started < '20250101000000.000000+000'",
        "Uptime = '00000001020000.000000:000'",
        "Uptime > '00000001000000.000000:000'",
        "NOT State = 3",
        "NOT (State = 3 OR Name = 'x')",
        "State = 3 OR State = 2",
        "State = 2 OR State = 3 AND State = 4",
        "NOT State = 3 AND Name = 'vm-1'",
        "((State = 2))",
        "Inner.Size = 4",
        "inner.SIZE > 3",
        "Name NOT LIKE 'x'",
        "Name LIKE 'vm-1'",
    ],
)
def test_true_in_every_language(language: str, condition: str) -> None:
    assert matches(language, condition)


@pytest.mark.parametrize("language", ["WQL", "DMTF:CQL", "DMTF:FQL"])
@pytest.mark.parametrize(
    "condition",
    [
        "Name = 'VM-1'",
        "State = 3",
        "State > 2",
        f"Big = {MAX_UINT64 - 1}",
        # A float of the same magnitude is another number.
        f"Big = {MAX_UINT64}.0",
        "On = FALSE",
        "Started = '20240506070809.000001+000'",
        # Unknown, and so is its opposite: the types cannot be compared.
        "State = TRUE",
        "NOT State = TRUE",
        "On = 1",
        "NOT On = 1",
        "Name = 1",
        "NOT Name = 1",
        "Started = 'yesterday'",
        "NOT Started = 'yesterday'",
        "Started = '00000001020000.000000:000'",
        "Started = '2024**********.******+000'",
        "States = 2",
        "NOT States = 2",
        "State LIKE '2'",
        "NOT State LIKE '2'",
        "Vague < '20250101000000.000000+000'",
        "NOT Vague < '20250101000000.000000+000'",
        "On < Off",
        "NOT On < Off",
        # NULL has no order.
        "Nothing < 1",
        "NOT Nothing < 1",
        "Nothing >= Nothing",
        "Nothing LIKE 'a'",
        "Nothing NOT LIKE 'a'",
    ],
)
def test_false_or_unknown_in_every_language(language: str, condition: str) -> None:
    assert not matches(language, condition)


@pytest.mark.parametrize("language", ["WQL", "DMTF:CQL"])
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Nothing IS NULL", True),
        ("Nothing IS NOT NULL", False),
        ("Name IS NOT NULL", True),
        ("States IS NOT NULL", True),
        ("Absent IS NULL", True),
        ("Nothing = 1", False),
        ("NOT Nothing = 1", False),
        ("Nothing <> 1", False),
        ("Nothing = Nothing", False),
        ("Nothing = 1 OR State = 2", True),
        ("Nothing = 1 AND State = 2", False),
        ("NOT (Nothing = 1 AND State = 3)", True),
        ("NOT (Nothing = 1 OR State = 3)", False),
        ("2 = State", True),
        ("3 > State", True),
        ("3 < State", False),
        ("'vm-1' = Name", True),
        ("1 = 1", True),
        ("ISA Xen_ComputerSystem", True),
        ("CIM_ComputerSystem ISA xen_computersystem", True),
        ("cim_computersystem ISA 'CIM_ComputerSystem'", True),
        ("NOT CIM_ComputerSystem ISA Xen_Processor", True),
        ("CIM_ComputerSystem.State = 2", True),
        ("CIM_ComputerSystem.Inner.Size = 4", True),
        ("Inner.Absent = 4", False),
        ("Inner ISA CIM_Y", True),
        ("CIM_ComputerSystem.Inner ISA 'CIM_ManagedElement'", True),
        ("Inner ISA CIM_X", False),
        ("Name ISA CIM_Y", False),
        ("NOT Nothing ISA CIM_Y", False),
        ("Name.Absent IS NULL", True),
    ],
)
def test_wql_and_cql(language: str, condition: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert matches(language, condition) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Nothing = NULL", True),
        ("NULL = Nothing", True),
        ("Nothing <> NULL", False),
        ("Name != NULL", True),
        ("State != 3", True),
        ("State = '2'", True),
        ("State < '10'", True),
        ("Real = '0.5'", True),
        ("State = 'two'", False),
        ("Name = 'vm-1'", True),
        ("__CLASS ISA 'Xen_ComputerSystem'", True),
        ("__this ISA Xen_Processor", False),
        ("Name LIKE 'vm%'", True),
        ("Name LIKE 'VM%'", False),
        ("Name LIKE '%[0-9]'", True),
        ("Name LIKE '___1'", True),
        ("NOT Name LIKE 'vm[^a-z]1'", False),
    ],
)
def test_wql(condition: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert matches("WQL", condition) is expected


@pytest.mark.parametrize("language", ["DMTF:CQL", "DMTF:FQL"])
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("ANY States = 5", True),
        ("ANY States = 6", False),
        ("NOT ANY States = 6", True),
        ("EVERY States >= 2", True),
        ("EVERY States > 2", False),
        ("NOT EVERY States > 2", True),
        ("ANY States = State", True),
        ("EVERY States = State", False),
        ("ANY Empty = 1", False),
        ("EVERY Empty = 1", True),
        ("ANY Holes = 2", True),
        ("EVERY Holes > 2", False),
        ("EVERY Holes >= 2", False),
        ("NOT EVERY Holes >= 2", False),
        ("ANY Nothing = 1", False),
        ("NOT ANY Nothing = 1", False),
        ("ANY Words LIKE 'al.*'", True),
        ("EVERY Words LIKE '.*a'", True),
        ("EVERY Words LIKE 'a.*'", False),
        ("ANY Words NOT LIKE 'a.*'", True),
        ("EVERY Words NOT LIKE 'a.*'", False),
        ("EVERY Words NOT LIKE 'c.*'", True),
        ("States[0] = 2", True),
        ("States[1] > States[0]", True),
        ("States[9] = 2", False),
        ("Words[1] LIKE 'b.*'", True),
        ("States = States", True),
        ("States = Holes", False),
        ("States <> Holes", True),
        ("Name LIKE 'vm-.'", True),
        ("Name LIKE 'vm'", False),
        ("Name LIKE 'vm%'", False),
        (r"Name LIKE 'vm\\-(1|2)'", True),
    ],
)
def test_arrays_and_expressions(language: str, condition: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert matches(language, condition) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Nothing = NULL", True),
        ("Nothing <> NULL", False),
        ("Name <> NULL", True),
        ("Absent = NULL", True),
        ("Absent = 3", False),
        ("Absent <> 3", True),
        ("Absent <= 3", False),
        ("Nothing <> Name", True),
        ("Nothing = Absent", True),
        ("Nothing <> Absent", False),
        ("States[9] <> 2", True),
        ("States = {2, 5}", True),
        ("States = {5, 2}", False),
        ("States <> {2}", True),
        ("Holes = {2, NULL}", True),
        ("Empty = {}", True),
        ("Nothing <> {1}", True),
        ("Words = {'alpha', \"beta\"}", True),
        ("ANY Holes <> 2", True),
    ],
)
def test_fql(condition: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert matches("DMTF:FQL", condition) is expected


def test_datetimes_with_different_offsets_are_the_same_moment() -> None:
    row = Row({"At": datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=-5)))})
    assert matches("WQL", "At = '20240101170000.000000+000'", row)


def test_a_naive_datetime_is_not_compared() -> None:
    row = Row({"At": datetime(2024, 1, 1)})  # noqa: DTZ001 - what a careless provider might give
    assert not matches("WQL", "At < '20250101000000.000000+000'", row)


def test_cql_alias_names_the_instance() -> None:
    query = parse_query(
        "DMTF:CQL", "SELECT * FROM CIM_ComputerSystem AS c WHERE c ISA Xen_ComputerSystem AND c.State = 2"
    )
    assert query.matches(ROW)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Inner.CIM_Y::Size = 4", True),
        ("CIM_ComputerSystem.Inner.CIM_Y::Size = 4", True),
        ("Inner.CIM_X::Size = 4", False),
        ("Inner.CIM_X::Size IS NULL", True),
    ],
)
def test_scopes_of_embedded_properties(condition: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert matches("DMTF:CQL", condition) is expected

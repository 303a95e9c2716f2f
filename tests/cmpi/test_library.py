"""The provider library, driven as a CIMOM drives it: every operation, every type, both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, cast

import pytest

from xencim.mof.model import ClassDecl, PropertyDecl, Qualifier
from xencim.mof.values import Instance, Path, TypedValue, WildcardDateTime
from xencim.providers.core import operations as op
from xencim.providers.core.acting import LANGUAGES
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Batch, Done, Instances, MethodReturn, OutParameter, Paths, Shape
from xencim.providers.core.served import Served, ServedProperty, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cmpi.conftest import Built, Daemon

    from xencim.providers.core.access import Principal
    from xencim.providers.core.results import Result

NAMESPACE = "root/virt"
ALICE = Path("T_Class", (("Name", "alice"),), NAMESPACE)
INNER = Instance("T_Inner", {"Size": TypedValue("sint32", -7), "Name": TypedValue("string", "a<b")})
KEY = (Qualifier("Key", "boolean", value=True),)
OWNER = Path("T_Owner", (("Id", 7), ("Of", Path("T_Root", (("Name", "top"),)))), "interop")

# A property's name, type, whether it is an array, its value, and how the broker prints it.
PROPERTIES: tuple[tuple[str, str, bool, object, str], ...] = (
    ("Flag", "boolean", False, True, "boolean 1"),
    ("Letter", "char16", False, "€", "char16 8364"),
    ("U8", "uint8", False, 255, "uint8 255"),
    ("U64", "uint64", False, 2**64 - 1, "uint64 18446744073709551615"),
    ("S64", "sint64", False, -(2**63), "sint64 -9223372036854775808"),
    ("R32", "real32", False, 0.5, "real32 0.5"),
    ("R64", "real64", False, -1.7976931348623157e308, "real64 -1.7976931348623157e+308"),
    ("Text", "string", False, "Grüße 🌍", '"Grüße 🌍"'),
    ("Cut", "string", False, "a\0b\ud800", '"a\ufffdb\ufffd"'),
    ("When", "datetime", False, datetime(2024, 2, 29, 1, 2, 3, 4, UTC), "datetime 20240229010203.000004+000"),
    (
        "There",
        "datetime",
        False,
        datetime(2024, 2, 29, tzinfo=timezone(timedelta(minutes=-570))),
        "datetime 20240229000000.000000-570",
    ),
    ("Long", "datetime", False, timedelta(days=3, seconds=4), "datetime 00000003000004.000000:000"),
    ("Vague", "datetime", False, WildcardDateTime("2024**************.******+000"[:25]), "NULL 0x1800"),
    (
        "Owner",
        "reference",
        False,
        OWNER,
        'ref interop:T_Owner{Id=uint64 7,Of=ref root/virt:T_Root{Name="top"}}',
    ),
    ("Inner", "string", False, INNER, 'instance of T_Inner{Size=sint32 -7,Name="a<b"}'),
    ("Numbers", "uint16", True, (1, None, 65535), "[uint16 1,NULL 0x90,uint16 65535]"),
    ("Texts", "string", True, ("a", None, ""), '["a",NULL 0x1600,""]'),
    ("Inners", "string", True, (INNER,), '[instance of T_Inner{Size=sint32 -7,Name="a<b"}]'),
    ("Empty", "sint8", True, (), "[]"),
)


class Made(Served):
    """A class with a row of one property each; ``Default`` is NULL where the class has a default."""

    cacheable = True

    def __init__(self, values: dict[str, object] | None = None) -> None:
        decls = [PropertyDecl("Name", "string", qualifiers=KEY)]
        decls += [PropertyDecl(name, kind, is_array=is_array) for name, kind, is_array, _, _ in PROPERTIES]
        decls += [PropertyDecl("Nothing", "uint32"), PropertyDecl("Default", "uint32", value=5)]
        super().__init__(cast("Site", None), NAMESPACE, ClassDecl("T_Class", properties=tuple(decls)))
        given = values or {name: value for name, _, _, value, _ in PROPERTIES}
        self._bind(ServedProperty(decl, self._getter(decl.name, given)) for decl in decls)

    @staticmethod
    def _getter(name: str, values: dict[str, object]) -> Callable[[Any], Any]:
        return lambda row: row[0] if name == "Name" else values.get(name)


class Echo:
    """An engine that answers with what it is given, and keeps what it was asked."""

    def __init__(self, rows: tuple[str, ...] = ("alice",)) -> None:
        self.asked: list[op.Operation] = []
        self.principals: set[str] = set()
        self.languages: set[str | None] = set()
        self._batch = Batch(Made(), [(row,) for row in rows])

    async def execute(self, operation: op.Operation, principal: Principal) -> Result:
        self.asked.append(operation)
        self.principals.add(principal.name)
        self.languages.add(LANGUAGES.get())
        match operation:
            case op.InvokeMethod():
                out = tuple(
                    OutParameter(
                        name, value.type or "string", isinstance(value.value, tuple), None, value.value
                    )
                    for name, value in operation.parameters.items()
                )
                return MethodReturn(operation.method_name, "uint32", 4096, out)
            case op.DeleteInstance() | op.ModifyInstance():
                return Done()
            case (
                op.EnumerateInstanceNames() | op.AssociatorNames() | op.ReferenceNames() | op.CreateInstance()
            ):
                return Paths((self._batch,))
            case op.GetInstance(instance_name=Path(keys=(("Name", "nobody"),))):
                raise CimError(Status.NOT_FOUND, "no such thing: Ünïcode", hint="look")
        return Instances((self._batch,), Shape(properties=_wanted(operation)))


def _wanted(operation: op.Operation) -> frozenset[str] | None:
    names = getattr(operation, "property_list", None)
    return None if names is None else frozenset(name.lower() for name in names)


async def test_every_type_comes_back_from_a_method_in_every_thread(sanitized: Built, daemon: Daemon) -> None:
    async with daemon(Echo()) as socket:
        answer = await sanitized.call(
            socket, "-t", "8", "-n", "5", "invoke", NAMESPACE, "T_Class", "Echo", "all", "Name=alice"
        )
    assert (answer.code, answer.errors) == (0, "")
    # The daemon tells a NULL instance by CIM's own type of embedded ones, string.
    sent = answer.lines[0:2]
    given = "\n".join(answer.lines[: answer.lines.index("value uint32 4096")])
    taken = "\n".join(answer.lines[answer.lines.index("done") + 1 : -1])
    assert given.replace("InstanceNull=NULL 0x1000", "InstanceNull=NULL 0x1600") == taken
    assert "Uint64=uint64 18446744073709551615" in sent[0]
    assert answer.status == "rc 0 "


async def test_every_type_of_property_arrives(sanitized: Built, daemon: Daemon) -> None:
    async with daemon(Echo()) as socket:
        answer = await sanitized.call(socket, "get", NAMESPACE, "T_Class", "-", "Name=alice")
    assert (answer.code, answer.errors) == (0, "")
    printed = ",".join(f"{name}={text}" for name, _, _, _, text in PROPERTIES)
    assert answer.lines == [
        f'instance of T_Class{{Name="alice",{printed},Default=NULL 0xa0}}',
        "done",
        "rc 0 ",
    ]


async def test_an_embedded_instance_is_text_where_the_class_takes_only_that(
    sanitized: Built, daemon: Daemon
) -> None:
    async with daemon(Echo()) as socket:
        answer = await sanitized.call(
            socket, "-s", "Inner", "get", NAMESPACE, "T_Class", "Inner", "Name=alice"
        )
    (line,) = answer.lines[:-2]
    assert line.startswith('instance of T_Class{Inner="<INSTANCE CLASSNAME="T_Inner">')
    assert "a&lt;b" in line


REQUESTS: tuple[tuple[tuple[str, ...], op.Operation], ...] = (
    (("names",), op.EnumerateInstanceNames(namespace=NAMESPACE, class_name="T_Class")),
    (
        ("enumerate", "U8,Text"),
        op.EnumerateInstances(
            namespace=NAMESPACE, class_name="T_Class", deep_inheritance=False, property_list=("U8", "Text")
        ),
    ),
    (("get", "-"), op.GetInstance(namespace=NAMESPACE, instance_name=ALICE)),
    (
        ("create",),
        op.CreateInstance(
            namespace=NAMESPACE,
            new_instance=Instance(
                "T_Class",
                {
                    "Size": TypedValue("sint32", -7),
                    "Name": TypedValue("string", 'inner "text"'),
                    "Nothing": TypedValue("uint16", None),
                },
            ),
        ),
    ),
    (("delete",), op.DeleteInstance(namespace=NAMESPACE, instance_name=ALICE)),
    (
        ("query", "SELECT * FROM T_Class", "WQL"),
        op.ExecQuery(namespace=NAMESPACE, query="SELECT * FROM T_Class", query_language="WQL"),
    ),
    (
        ("associators", "A", "B", "left", "right", "-"),
        op.Associators(
            namespace=NAMESPACE,
            object_name=ALICE,
            assoc_class="A",
            result_class="B",
            role="left",
            result_role="right",
        ),
    ),
    (
        ("associator-names", "-", "B", "-", "right"),
        op.AssociatorNames(namespace=NAMESPACE, object_name=ALICE, result_class="B", result_role="right"),
    ),
    (
        ("references", "A", "left", "U8"),
        op.References(
            namespace=NAMESPACE, object_name=ALICE, result_class="A", role="left", property_list=("U8",)
        ),
    ),
    (
        ("reference-names", "A", "left"),
        op.ReferenceNames(namespace=NAMESPACE, object_name=ALICE, result_class="A", role="left"),
    ),
    (
        ("invoke", "Do", "-"),
        op.InvokeMethod(namespace=NAMESPACE, object_name=ALICE, method_name="Do", parameters={}),
    ),
)


@pytest.mark.parametrize(("words", "expected"), REQUESTS, ids=[words[0] for words, _ in REQUESTS])
async def test_each_operation_arrives_as_itself(
    sanitized: Built, daemon: Daemon, words: tuple[str, ...], expected: op.Operation
) -> None:
    engine = Echo()
    keys = () if words[0] in {"names", "enumerate", "query", "create"} else ("Name=alice",)
    async with daemon(engine) as socket:
        answer = await sanitized.call(
            socket, "-p", "bob:secret", words[0], NAMESPACE, "T_Class", *words[1:], *keys
        )
    assert (answer.code, answer.errors, answer.status) == (0, "", "rc 0 ")
    assert engine.asked == [expected]
    assert engine.principals == {"bob"}


async def test_what_is_modified_arrives(sanitized: Built, daemon: Daemon) -> None:
    engine = Echo()
    async with daemon(engine) as socket:
        answer = await sanitized.call(socket, "modify", NAMESPACE, "T_Class", "Size", "Name=alice")
    assert answer.lines == ["done", "rc 0 "]
    (asked,) = engine.asked
    assert isinstance(asked, op.ModifyInstance)
    assert (asked.instance_name, asked.property_list) == (ALICE, ("Size",))
    assert asked.modified_instance.properties["Size"] == TypedValue("sint32", -7)


async def test_flags_say_whether_subclasses_are_whole(plain: Built, daemon: Daemon) -> None:
    engine = Echo()
    async with daemon(engine) as socket:
        await plain.call(socket, "-f", "2", "enumerate", NAMESPACE, "T_Class", "-")
    (asked,) = engine.asked
    assert isinstance(asked, op.EnumerateInstances)
    assert asked.deep_inheritance


async def test_a_provider_named_for_a_class_answers_for_it_alone(plain: Built, daemon: Daemon) -> None:
    engine = Echo()
    async with daemon(engine) as socket:
        name = ("-m", "xencim_T_Class")
        await plain.call(socket, *name, "names", NAMESPACE, "CIM_Base")
        await plain.call(socket, *name, "associators", NAMESPACE, "T_Class", *"-----", "Name=alice")
        await plain.call(socket, *name, "reference-names", NAMESPACE, "T_Class", "-", "-", "Name=alice")
    assert engine.asked == [
        op.EnumerateInstanceNames(namespace=NAMESPACE, class_name="T_Class"),
        op.Associators(namespace=NAMESPACE, object_name=ALICE, assoc_class="T_Class"),
        op.ReferenceNames(namespace=NAMESPACE, object_name=ALICE, result_class="T_Class"),
    ]


async def test_status_and_message_come_back_unchanged(sanitized: Built, daemon: Daemon) -> None:
    async with daemon(Echo()) as socket:
        answer = await sanitized.call(socket, "-n", "3", "get", NAMESPACE, "T_Class", "-", "Name=nobody")
    assert answer.lines == ["rc 6 no such thing: Ünïcode (look)"]


async def test_languages_go_both_ways(sanitized: Built, daemon: Daemon) -> None:
    engine = Echo()
    async with daemon(engine) as socket:
        told = await sanitized.call(socket, "-l", "names", NAMESPACE, "T_Class")
        refused = await sanitized.call(socket, "-l", "get", NAMESPACE, "T_Class", "-", "Name=nobody")
    assert engine.languages == {"de, en;q=0.5"}
    assert (told.lines[-1], refused.lines[-1]) == ("language none", "language en")


@pytest.mark.parametrize("principal", ["-", "", ":secret"])
async def test_nobody_has_no_access(sanitized: Built, daemon: Daemon, principal: str) -> None:
    engine = Echo()
    async with daemon(engine) as socket:
        answer = await sanitized.call(socket, "-p", principal, "names", NAMESPACE, "T_Class")
    assert answer.status.startswith("rc 2 the CIMOM names no user for this request")
    assert engine.asked == []


async def test_30_000_instances_leave_no_more_objects_than_three(plain: Built, daemon: Daemon) -> None:
    left = {}
    for count in (3, 30_000):
        async with daemon(Echo(tuple(f"row{i}" for i in range(count)))) as socket:
            answer = await plain.call(socket, "-o", "enumerate", NAMESPACE, "T_Class", "U8,When,Owner")
        assert len(answer.lines) == count + 3
        assert answer.lines[-2] == "rc 0 "
        left[count] = answer.status
    assert left[30_000] == left[3]


async def test_a_forked_child_has_connections_of_its_own(sanitized: Built, daemon: Daemon) -> None:
    async with daemon(Echo()) as socket:
        answer = await sanitized.call(socket, "-F", "-t", "4", "-n", "5", "names", NAMESPACE, "T_Class")
    assert (answer.code, answer.errors) == (0, "")
    assert answer.lines == ['path root/virt:T_Class{Name="alice"}', "done", "rc 0 "] * 3


async def test_more_threads_than_connections_take_turns(plain: Built, daemon: Daemon) -> None:
    async with daemon(Echo()) as socket:
        answer = await plain.call(socket, "-t", "48", "-n", "20", "names", NAMESPACE, "T_Class")
    assert (answer.code, answer.errors, answer.status) == (0, "", "rc 0 ")


async def test_valgrind_finds_nothing(valgrind: Built, daemon: Daemon) -> None:
    async with daemon(Echo()) as socket:
        for words in (("get", "-"), ("invoke", "Echo", "all")):
            answer = await valgrind.call(
                socket, "-t", "8", "-n", "2", words[0], NAMESPACE, "T_Class", *words[1:], "Name=alice"
            )
            assert (answer.code, answer.errors, answer.status) == (0, "", "rc 0 ")

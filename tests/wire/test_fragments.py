"""Encoded instances are kept exactly as long as their records, and within their budget."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.wire import Encoder, Message
from xencim.mof.values import Path
from xencim.providers.backends.records import Network, VirtualMachine
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.operations import (
    EnumerateInstanceNames,
    EnumerateInstances,
    GetInstance,
    References,
)
from xencim.providers.core.results import Batch, Instances, Paths, Shape
from xencim.providers.core.served import AssocRow, ServedClass
from xencim.providers.core.spec import Prop

from .peer import (
    MACHINE,
    MACHINE_CLASS,
    NETWORK,
    NETWORK_CLASS,
    inventory,
    machine,
    message,
    reply_of,
    rows,
    rows_of,
    served_machines,
    served_thing,
    served_uses,
    site,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.core.spec import ClassSpec, Row

ENUMERATE = EnumerateInstances(namespace="root/virt", class_name="Xen_ComputerSystem")
NAMES = EnumerateInstanceNames(namespace="root/virt", class_name="Xen_ComputerSystem")
GET = GetInstance(namespace="root/virt", instance_name=Path("Xen_ComputerSystem"))


class Counting:
    """A machine class that counts how often its instances and names are made."""

    def __init__(self, stock: Inventory) -> None:
        self.stock = stock
        self.encoded: list[str] = []
        self.walked = 0
        self.encoder = Encoder()
        spec: ClassSpec = type(MACHINE)(
            cim_class="ComputerSystem",
            rows=rows_of(VirtualMachine),
            keys=MACHINE.keys,
            props=(Prop("Description", self._description, "test"),),
        )
        self.served = ServedClass(spec, site(stock), "root/virt", MACHINE_CLASS)

    def _description(self, vm: VirtualMachine) -> Value:
        self.encoded.append(vm.name)
        return vm.state_reason

    def _rows(self) -> Iterator[Row]:
        for row in rows(self.stock):
            self.walked += 1
            yield row

    def batch(self, *, whole: bool = True) -> Batch:
        return Batch(self.served, self._rows(), whole, self.stock.generation)

    def enumerate(self, shape: Shape | None = None) -> bytes:
        return reply_of(ENUMERATE, Instances((self.batch(),), shape or Shape()), self.encoder)

    def kept_bytes(self) -> int:
        return self.encoder._cache.bytes

    def take(self) -> tuple[list[str], int]:
        """Return what has been encoded and how many rows were looked at since the last time."""
        taken = (self.encoded.copy(), self.walked)
        self.encoded.clear()
        self.walked = 0
        return taken


@pytest.fixture
def counting() -> Counting:
    return Counting(inventory(3))


def test_an_unchanged_class_is_not_even_looked_at(counting: Counting) -> None:
    first = counting.enumerate()
    assert counting.take() == (["vm0", "vm1", "vm2"], 3)
    assert counting.enumerate() == first
    assert counting.take() == ([], 0)


def test_only_what_changed_is_encoded(counting: Counting) -> None:
    counting.enumerate()
    counting.take()
    counting.stock.put(machine(1, state_reason="new"))
    counting.stock.put(machine(3))
    reply = counting.enumerate()
    assert counting.take() == (["vm1", "vm3"], 4)
    assert (reply.count(b"<INSTANCE "), reply.count(b"<VALUE>new</VALUE>")) == (4, 1)


def test_what_vanished_is_let_go(counting: Counting) -> None:
    counting.enumerate()
    before = counting.kept_bytes()
    counting.stock.put(machine(3))
    counting.enumerate()
    assert counting.kept_bytes() > before
    counting.stock.remove(VirtualMachine, machine(3).uuid)
    assert b"vm3" not in counting.enumerate()
    assert counting.kept_bytes() == before


def test_forms_share_what_is_kept(counting: Counting) -> None:
    counting.enumerate()
    counting.take()
    references = References(namespace="root/virt", object_name=Path("X"))
    reply_of(references, Instances((counting.batch(whole=False),)), counting.encoder)
    names = reply_of(NAMES, Paths((counting.batch(),)), counting.encoder)
    assert counting.take() == ([], 3)
    assert names.count(b"<INSTANCENAME ") == 3


def test_single_instances_are_kept_too(counting: Counting) -> None:
    row = rows(counting.stock)[0]
    for _ in range(2):
        reply_of(GET, Instances((Batch(counting.served, (row,)),)), counting.encoder)
    assert counting.take() == (["vm0"], 0)
    counting.enumerate()
    assert counting.take() == (["vm1", "vm2"], 3)


def test_class_origins_are_kept_apart(counting: Counting) -> None:
    plain = counting.enumerate()
    with_origin = counting.enumerate(Shape(include_class_origin=True))
    assert (b"CLASSORIGIN" in plain, b"CLASSORIGIN" in with_origin) == (False, True)
    assert counting.take() == (["vm0", "vm1", "vm2"] * 2, 3)
    assert counting.enumerate(Shape(include_class_origin=True)) == with_origin
    assert counting.enumerate() == plain
    assert counting.take() == ([], 0)


def test_property_lists_are_kept_apart(counting: Counting) -> None:
    whole = counting.enumerate()
    shape = Shape(False, frozenset({"description", "name"}))
    reply = counting.enumerate(shape)
    assert reply.count(b"<PROPERTY ") == 6
    assert counting.take()[0] == ["vm0", "vm1", "vm2"] * 2
    assert (counting.enumerate(shape), counting.enumerate()) == (reply, whole)
    assert counting.take() == ([], 0)


def test_many_property_lists_do_not_add_up(counting: Counting) -> None:
    shapes = [Shape(False, frozenset({"description", f"p{number}"})) for number in range(20)]
    for shape in shapes[:4] * 2:
        counting.enumerate(shape)
    four_bytes = counting.kept_bytes()
    for shape in shapes:
        counting.enumerate(shape)
    assert counting.kept_bytes() == four_bytes
    counting.take()
    for shape in (shapes[-4], shapes[0], shapes[-1]):
        counting.enumerate(shape)
    assert counting.take()[0] == ["vm0", "vm1", "vm2"]


def test_an_answer_given_up_halfway_leaves_the_cache_right() -> None:
    counting = Counting(inventory(300))
    replies = [counting.encoder.reply(message(ENUMERATE), Instances((counting.batch(),))) for _ in range(2)]
    first = next(replies[0])
    assert len(first) < 300 * 1000
    del replies[0]
    rest = b"".join(replies[0])
    assert rest.count(b"<INSTANCE ") == 300
    counting.take()
    assert counting.enumerate() == rest
    assert counting.take() == ([], 0)


def test_two_answers_at_once_from_different_generations(counting: Counting) -> None:
    def both() -> tuple[Iterator[bytes], Iterator[bytes]]:
        old = Instances((Batch(counting.served, rows(counting.stock), True, counting.stock.generation),))
        counting.stock.put(machine(0, state_reason="new"))
        new = Instances((Batch(counting.served, rows(counting.stock), True, counting.stock.generation),))
        return (
            counting.encoder.reply(message(ENUMERATE), old),
            counting.encoder.reply(message(ENUMERATE), new),
        )

    old, new = both()
    assert b">new<" in b"".join(new)
    assert b">new<" not in b"".join(old)
    assert b">new<" in counting.enumerate()


def test_the_budget_holds() -> None:
    stock = inventory(50)
    budget = 60_000
    encoder = Encoder(budget)
    few, many = rows(stock)[:15], rows(stock)
    for served in [served_machines(stock) for _ in range(4)] * 2:
        for kept_rows in (many, few):
            stock.put(machine(99, state_reason=str(stock.generation)))
            result = Instances((Batch(served, kept_rows, True, stock.generation),))
            reply_of(ENUMERATE, result, encoder)
            assert encoder._cache.bytes <= budget
            tables = encoder._cache._tables.values()
            assert encoder._cache.bytes == sum(table.bytes for table in tables)
            for table in tables:
                assert table.bytes == sum(f.size for f in (*table._walked.values(), *table._loose.values()))
    assert encoder._cache.bytes > 0


def test_a_class_too_large_for_the_budget_is_answered_all_the_same() -> None:
    stock = inventory(500)
    encoder = Encoder(20_000)
    served = served_machines(stock)
    for _ in range(2):
        result = Instances((Batch(served, rows(stock), True, stock.generation),))
        assert reply_of(ENUMERATE, result, encoder).count(b"<INSTANCE ") == 500
        assert encoder._cache.bytes <= 20_000


def test_loose_instances_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xencim.cimom_glue.wire.fragments._LOOSE_ROWS", 10)
    stock = inventory(35)
    encoder = Encoder()
    served = served_machines(stock)
    for row in rows(stock):
        reply_of(GET, Instances((Batch(served, (row,)),)), encoder)
    table = encoder._cache.table(served)
    assert len(table._loose) == 5
    assert encoder._cache.bytes == sum(fragment.size for fragment in table._loose.values())


def test_associations_are_not_kept_but_the_names_they_refer_to_are() -> None:
    stock = inventory(2)
    stock.put(Network(name="net", uuid="u", active=True))
    machines = served_machines(stock)
    networks = ServedClass(NETWORK, site(stock), "root/virt", NETWORK_CLASS)
    assoc, bound = served_uses(machines, networks)
    encoder = Encoder()
    uses = [AssocRow(bound, row, (stock.view.get(Network, "net"),)) for row in rows(stock)]
    reply = reply_of(ENUMERATE, Instances((Batch(assoc, uses, True, stock.generation),)), encoder)
    assert reply.count(b"<PROPERTY.REFERENCE ") == 4
    assert encoder._cache.table(assoc).bytes == 0
    assert len(encoder._cache.table(machines)._loose) == 2
    assert len(encoder._cache.table(networks)._loose) == 1


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"U8": 256}, "256 is outside uint8"),
        ({"U8": True}, "True is no value of type uint8"),
        ({"U8": "1"}, "'1' is no value of type uint8"),
        ({"Text": 5}, "5 is no value of type string"),
        ({"Yes": 1}, "1 is no value of type boolean"),
        ({"Letter": "ab"}, "'ab' is no value of type char16"),
        ({"When": "now"}, "'now' is no value of type datetime"),
        ({"R32": 1}, "1 is no value of type real32"),
        ({"Texts": ["a"]}, "['a'] is no tuple"),
        ({"Texts": ("a", 1)}, "1 is no value of type string"),
    ],
)
def test_an_instance_that_fails_is_logged_and_left_out(
    caplog: pytest.LogCaptureFixture, wrong: dict[str, object], text: str
) -> None:
    stock = inventory(2)
    good, bad = served_machines(stock), served_thing(stock, **wrong)
    result = Instances((Batch(good, rows(stock)), Batch(bad, rows(stock)[:1])))
    reply = reply_of(ENUMERATE, result)
    assert reply.count(b"<INSTANCE ") == 2
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    uuid = machine(0).uuid
    assert record.getMessage() == f"an instance of Xen_Thing ({uuid}) cannot be told and is left out"
    assert text in caplog.text


def test_an_instance_without_a_key_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    stock = inventory()
    stock.put(machine(0, name=None))
    stock.put(machine(1))
    reply = reply_of(NAMES, Paths((Batch(served_machines(stock), rows(stock), True, 1),)))
    assert reply.count(b"<INSTANCENAME ") == 1
    assert "a key is NULL" in caplog.text


def test_the_one_instance_asked_for_fails() -> None:
    stock = inventory(1)
    result = Instances((Batch(served_thing(stock, U8=-1), rows(stock)),))
    reply = reply_of(GET, result)
    assert b'<ERROR CODE="1" DESCRIPTION="the instance cannot be told' in reply
    assert b"IRETURNVALUE" not in reply


def failing(stock: Inventory, after: int) -> Iterator[Batch]:
    for _ in range(after):
        yield Batch(served_machines(stock), rows(stock))
    raise CimError(Status.FAILED, "the class fails")


def test_a_class_that_fails_before_anything_is_sent() -> None:
    reply = reply_of(ENUMERATE, Instances(failing(inventory(1), 1)))
    assert reply.count(b"<?xml") == 1
    assert b'<ERROR CODE="1" DESCRIPTION="the class fails"></ERROR>' in reply


def test_a_class_that_fails_later_breaks_the_answer_off() -> None:
    reply = Encoder().reply(message(ENUMERATE), Instances(failing(inventory(200), 1)))
    assert next(reply).startswith(b"<?xml")
    with pytest.raises(CimError, match="the class fails"):
        b"".join(reply)


def test_small_replies_are_one_chunk_and_large_ones_are_cut() -> None:
    stock = inventory(1000)
    small = list(
        Encoder().reply(message(ENUMERATE), Instances((Batch(served_machines(stock), rows(stock)[:9]),)))
    )
    large = list(
        Encoder().reply(message(ENUMERATE), Instances((Batch(served_machines(stock), rows(stock)),)))
    )
    assert len(small) == 1
    assert all(64 * 1024 <= len(chunk) <= 512 * 1024 for chunk in large[:-1])
    assert b"".join(large).count(b"<INSTANCE ") == 1000


def test_the_message_is_repeated_as_it_came() -> None:
    odd = Message('<"&\n', "getINSTANCE", True, GET)
    (reply,) = Encoder().reply(odd, Instances(()))
    assert b'<MESSAGE ID="&lt;&quot;&amp; " PROTOCOLVERSION="1.0">' in reply
    assert b'<IMETHODRESPONSE NAME="getINSTANCE">' in reply

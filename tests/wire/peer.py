"""A small class model and inventory, and what clients see of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from xencim.cimom_glue.wire import Encoder, Message
from xencim.mof.model import ClassDecl, PropertyDecl, Qualifier
from xencim.mof.values import Instance, TypedValue
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import (
    CpuAllocation,
    Host,
    MachineConfig,
    MemoryAllocation,
    Network,
    PowerState,
    VirtualMachine,
)
from xencim.providers.core.served import BoundLink, ServedAssoc, ServedClass, Site
from xencim.providers.core.spec import AssocSpec, ClassName, ClassSpec, Const, Link, Prop, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.mof.values import Value
    from xencim.providers.backends.base import Backend
    from xencim.providers.backends.records import Record
    from xencim.providers.core.operations import Operation
    from xencim.providers.core.results import Result
    from xencim.providers.core.spec import Context, Row

HOST = "host.example.org"
KEY = Qualifier("Key", "boolean", True, overridable=False)
WHEN = datetime(2024, 2, 29, 23, 59, 58, 123456, tzinfo=UTC)
LONG = timedelta(days=3, hours=4, seconds=5)


def key(name: str, cim_type: str = "string") -> PropertyDecl:
    return PropertyDecl(name, cim_type, qualifiers=(KEY,), class_origin="CIM_Thing")


def plain(
    name: str, cim_type: str = "string", *, is_array: bool = False, embedded: str | None = None
) -> PropertyDecl:
    qualifiers: tuple[Qualifier, ...] = ()
    if embedded:
        qualifiers = (Qualifier("EmbeddedInstance", "string", embedded),)
    elif embedded == "":
        qualifiers = (Qualifier("EmbeddedObject", "boolean", True),)
    return PropertyDecl(name, cim_type, is_array, qualifiers=qualifiers, class_origin="Xen_Thing")


def machine(number: int, **more: Any) -> VirtualMachine:  # noqa: ANN401 - fields of the record
    config = MachineConfig(
        cpu=CpuAllocation(count=1, maximum=2), memory=MemoryAllocation(current_kib=1024, maximum_kib=2048)
    )
    fields = {"name": f"vm{number}", "state": PowerState.RUNNING, "current": config, **more}
    return VirtualMachine(uuid=f"00000000-0000-0000-0000-{number:012d}", **fields)


def inventory(machines: int = 0) -> Inventory:
    made = Inventory()
    made.put(Host(name=HOST, prefix="Xen", hypervisor="Test"))
    for number in range(machines):
        made.put(machine(number))
    return made


def site(stock: Inventory, namespace: str = "root/virt") -> Site:
    return Site(namespace, "Xen", cast("Backend", None), stock, Inventory())  # no backend is asked


def rows_of(kind: type[Record]) -> Rows:
    def every(context: Context) -> Iterable[Row]:
        return ((record,) for record in context.view.all(kind).values())

    return Rows((kind,), every, lambda _ctx, _keys: None)


THING_VALUES: dict[str, tuple[PropertyDecl, Value]] = {
    decl.name: (decl, value)
    for decl, value in (
        (plain("Text"), "a & b <c> \"d\" 'e' \u00e9 \U0001f427"),
        (plain("Empty"), ""),
        (plain("Nothing"), None),
        (plain("Return"), "a\r\nb\tc"),
        (plain("Letter", "char16"), "\u20ac"),
        (plain("Yes", "boolean"), True),
        (plain("No", "boolean"), False),
        (plain("U8", "uint8"), 255),
        (plain("S8", "sint8"), -128),
        (plain("U16", "uint16"), 65535),
        (plain("S16", "sint16"), -32768),
        (plain("U32", "uint32"), 2**32 - 1),
        (plain("S32", "sint32"), -(2**31)),
        (plain("U64", "uint64"), 2**64 - 1),
        (plain("S64", "sint64"), -(2**63)),
        (plain("R32", "real32"), 0.5),
        (plain("R64", "real64"), 1e-300),
        (plain("When", "datetime"), WHEN),
        (plain("Long", "datetime"), LONG),
        (plain("Texts", is_array=True), ("a", "", "<b>")),
        (plain("Holes", is_array=True), ("a", None, "c")),
        (plain("None_", "uint16", is_array=True), None),
        (plain("Zero", "uint16", is_array=True), ()),
        (plain("Inner", embedded="Xen_Inner"), Instance("Xen_Inner", {"A": TypedValue("string", "x & y")})),
        (
            plain("Outer", embedded=""),
            Instance(
                "Xen_Outer",
                {
                    "Deep": TypedValue("string", Instance("Xen_Inner", {"N": TypedValue("uint8", 7)})),
                    "Many": TypedValue("sint16", (1, -2)),
                },
            ),
        ),
    )
}

MACHINE = ClassSpec(
    cim_class="ComputerSystem",
    rows=rows_of(VirtualMachine),
    keys=(
        Prop("CreationClassName", ClassName(), "constant"),
        Prop("Name", lambda vm: vm.name, "test"),
    ),
    props=(
        Prop("EnabledState", lambda vm: 2 if vm.state is PowerState.RUNNING else 3, "test"),
        Prop("Caption", Const("a machine"), "constant: test"),
        Prop("Description", lambda vm: vm.state_reason, "test"),
    ),
)
MACHINE_CLASS = ClassDecl(
    "Xen_ComputerSystem",
    "CIM_ComputerSystem",
    (
        key("CreationClassName"),
        key("Name"),
        plain("EnabledState", "uint16"),
        plain("Caption"),
        plain("Description"),
        plain("Unfilled", "datetime"),
    ),
)
NETWORK = ClassSpec(
    cim_class="Net",
    rows=rows_of(Network),
    keys=(Prop("InstanceID", lambda net: f"Net:{net.name}", "test"),),
)
NETWORK_CLASS = ClassDecl("Xen_Net", None, (key("InstanceID"),))
LINK_CLASS = ClassDecl(
    "Xen_Uses",
    None,
    (
        PropertyDecl("Machine", "reference", reference_class="CIM_ComputerSystem", qualifiers=(KEY,)),
        PropertyDecl("Net", "reference", reference_class="Xen_Net", qualifiers=(KEY,)),
        plain("Order", "uint16"),
    ),
)


def served_machines(stock: Inventory) -> ServedClass:
    return ServedClass(MACHINE, site(stock), "root/virt", MACHINE_CLASS)


def served_thing(stock: Inventory, **replaced: Any) -> ServedClass:  # noqa: ANN401 - any value, also wrong ones
    values = {name: value for name, (_, value) in THING_VALUES.items()} | replaced
    props = tuple(Prop(name, _giving(values[name]), "test") for name in THING_VALUES)
    spec = ClassSpec(
        cim_class="Thing",
        rows=rows_of(VirtualMachine),
        keys=(
            Prop("Name", lambda vm: vm.name, "test"),
            Prop("Number", lambda _vm: 7, "test"),
            Prop("Flag", lambda _vm: True, "test"),
        ),
        props=props,
    )
    keys = (key("Name"), key("Number", "uint32"), key("Flag", "boolean"))
    decl = ClassDecl("Xen_Thing", None, (*keys, *(decl for decl, _ in THING_VALUES.values())))
    return ServedClass(spec, site(stock), "root/virt", decl)


def _giving(value: object) -> Any:  # noqa: ANN401 - a property's get
    return lambda _vm: value


def served_uses(machines: ServedClass, networks: ServedClass) -> tuple[ServedAssoc, BoundLink]:
    link = Link(
        left=MACHINE,
        right=NETWORK,
        rights_of=lambda _ctx, _row: (),
        lefts_of=lambda _ctx, _row: (),
        props=(Prop("Order", lambda _left, _right: 1, "test"),),
    )
    spec = AssocSpec(cim_class="Uses", left_role="Machine", right_role="Net", links=(link,))
    bound = BoundLink(link, machines.site, machines, networks)
    return ServedAssoc(spec, machines.site, "root/virt", LINK_CLASS, (bound,)), bound


def rows(stock: Inventory) -> list[Row]:
    return [(record,) for record in stock.view.all(VirtualMachine).values()]


def message(operation: Operation, method: str | None = None, *, intrinsic: bool = True) -> Message:
    return Message("17", method or type(operation).__name__, intrinsic, operation)


def reply_of(operation: Operation, result: Result, encoder: Encoder | None = None) -> bytes:
    return b"".join((encoder or Encoder()).reply(message(operation), result))

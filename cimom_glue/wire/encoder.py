"""Answers as CIM-XML: each kind of result in the elements that its operation returns.

Source: DSP0200 1.4, sections 5.3, 5.4 (what each operation returns) and 5.2 (methods); DSP0201 2.4,
section 5.2.6 (message elements).
Errors: an error before the first byte is out becomes an ERROR element; a later one is raised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from xencim.cimom_glue.wire.classes import class_element, qualifier_declaration
from xencim.cimom_glue.wire.fragments import Cache
from xencim.cimom_glue.wire.render import embedded_attribute, namespace_path, value_element
from xencim.cimom_glue.wire.text import attribute
from xencim.providers.core import operations as ops
from xencim.providers.core import results
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.cimom_glue.wire.fragments import Table
    from xencim.cimom_glue.wire.message import Message
    from xencim.providers.core.results import Batch, Classes, ClassNames, Instances, Paths, Result, Shape

_DECLARATION = '<?xml version="1.0" encoding="utf-8" ?>\n'
DEFAULT_BUDGET_BYTES = 128 * 2**20
# Every chunk costs a write of its own, and holds up others for as long as it takes to make.
_CHUNK_BYTES = 64 * 1024


class _Form(NamedTuple):
    """What stands around an instance's name and its INSTANCE; without a name where ``named`` is False."""

    before: str
    between: str
    after: str
    named: bool = True
    located: bool = False  # ``before`` is followed by NAMESPACEPATH


_INSTANCE = _Form("", "", "", named=False)
_NAMED_INSTANCE = _Form("<VALUE.NAMEDINSTANCE>", "", "</VALUE.NAMEDINSTANCE>")
_OBJECT_WITH_PATH = _Form(
    "<VALUE.OBJECTWITHPATH><INSTANCEPATH>", "</INSTANCEPATH>", "</VALUE.OBJECTWITHPATH>", located=True
)
_INSTANCE_WITH_PATH = _Form(
    "<VALUE.INSTANCEWITHPATH><INSTANCEPATH>", "</INSTANCEPATH>", "</VALUE.INSTANCEWITHPATH>", located=True
)
_INSTANCE_FORMS: dict[type, _Form] = {
    ops.GetInstance: _INSTANCE,
    ops.EnumerateInstances: _NAMED_INSTANCE,
    ops.Associators: _OBJECT_WITH_PATH,
    ops.References: _OBJECT_WITH_PATH,
    ops.ExecQuery: _OBJECT_WITH_PATH,
    ops.OpenQueryInstances: _INSTANCE,
    ops.PullInstances: _INSTANCE,
}
_INSTANCE_NAME = _Form("", "", "")
_OBJECT_PATH = _Form("<OBJECTPATH><INSTANCEPATH>", "", "</INSTANCEPATH></OBJECTPATH>", located=True)
_INSTANCE_PATH = _Form("<INSTANCEPATH>", "", "</INSTANCEPATH>", located=True)
_PATH_FORMS: dict[type, _Form] = {
    ops.EnumerateInstanceNames: _INSTANCE_NAME,
    ops.CreateInstance: _INSTANCE_NAME,
    ops.AssociatorNames: _OBJECT_PATH,
    ops.ReferenceNames: _OBJECT_PATH,
}
_ASSOCIATION_OPERATIONS = (ops.Associators, ops.AssociatorNames, ops.References, ops.ReferenceNames)


class Encoder:
    """Turns results into replies, and keeps what it encoded up to ``budget_bytes``."""

    def __init__(self, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self._cache = Cache(budget_bytes)

    def reply(self, message: Message, result: Result) -> Iterator[bytes]:
        """Yield a reply in chunks; a small one is one chunk."""
        pieces = self._pieces(message, result)
        held: list[bytes] = []
        held_bytes = 0
        started = False
        try:
            for piece in pieces:
                held.append(piece)
                held_bytes += len(piece)
                if held_bytes >= _CHUNK_BYTES:
                    started = True
                    yield b"".join(held)
                    held, held_bytes = [], 0
        except CimError as error:
            if started:
                raise
            held = [self.error(message, error)]
        if held:
            yield b"".join(held)

    def error(self, message: Message, error: CimError) -> bytes:
        """Return the reply that says an operation failed."""
        head, tail = _envelope(message)
        description = attribute(error.description)
        return f'{head}<ERROR CODE="{int(error.status)}" DESCRIPTION={description}></ERROR>{tail}'.encode()

    def _pieces(self, message: Message, result: Result) -> Iterator[bytes]:
        head, tail = _envelope(message)
        if isinstance(result, results.MethodReturn):
            yield f"{head}{_method_return(result)}{tail}".encode()
            return
        if isinstance(result, results.Done):
            yield f"{head}{tail}".encode()
            return
        content = result.content if isinstance(result, results.Page) else result
        yield f"{head}<IRETURNVALUE>".encode()
        yield from self._content(type(message.operation), content)
        after = _page_parameters(result) if isinstance(result, results.Page) else ""
        yield f"</IRETURNVALUE>{after}{tail}".encode()

    def _content(self, operation: type, result: Result) -> Iterator[bytes]:
        if isinstance(result, results.Instances):
            yield from self._instances(operation, result)
        elif isinstance(result, results.Paths):
            yield from self._paths(operation, result)
        elif isinstance(result, results.Classes):
            yield from _classes(operation, result)
        elif isinstance(result, results.ClassNames):
            yield _class_names(operation, result).encode()
        elif isinstance(result, results.Qualifiers):
            yield "".join(map(qualifier_declaration, result.qualifiers)).encode()
        elif isinstance(result, results.PropertyValue):
            cim_type = result.value.type or "string"
            yield value_element(cim_type, result.value.value, is_array=result.is_array).encode()

    def _instances(self, operation: type, result: Instances) -> Iterator[bytes]:
        form = _INSTANCE_FORMS.get(operation, _INSTANCE_WITH_PATH)
        is_empty = True
        for batch in result.batches:
            table = self._cache.table(batch.served)
            for block in table.kept(
                batch, (form, result.shape), _instances(table, batch, form, result.shape)
            ):
                is_empty = False
                yield block
        if is_empty and operation is ops.GetInstance:
            raise CimError(Status.FAILED, "the instance cannot be told", hint="the server's log says why")

    def _paths(self, operation: type, result: Paths) -> Iterator[bytes]:
        form = _PATH_FORMS.get(operation, _INSTANCE_PATH)
        for batch in result.batches:
            table = self._cache.table(batch.served)
            yield from table.kept(batch, (form, None), _names(table, batch, form))


def _instances(table: Table, batch: Batch, form: _Form, shape: Shape) -> Iterator[bytes]:
    before, between, after = _around(form, batch)
    for names, instances in table.instances(batch, shape):
        if instances:
            yield _interleave(before, names, between, instances, after) if form.named else b"".join(instances)


def _names(table: Table, batch: Batch, form: _Form) -> Iterator[bytes]:
    before, _, after = _around(form, batch)
    for names in table.names(batch):
        if names:
            yield before + (after + before).join(names) + after


def _around(form: _Form, batch: Batch) -> tuple[bytes, bytes, bytes]:
    before = form.before
    if form.located:
        before += namespace_path(batch.served.host, batch.served.namespace)
    return before.encode(), form.between.encode(), form.after.encode()


def _interleave(
    before: bytes, names: list[bytes], between: bytes, instances: list[bytes], after: bytes
) -> bytes:
    """Join names and instances, pair by pair; most of an answer's bytes go through here once."""
    parts = [after + before, b"", between, b""] * len(names)
    parts[0] = before
    parts[1::4] = names
    parts[3::4] = instances
    parts.append(after)
    return b"".join(parts)


def _envelope(message: Message) -> tuple[str, str]:
    kind = "IMETHODRESPONSE" if message.intrinsic else "METHODRESPONSE"
    head = (
        f'{_DECLARATION}<CIM CIMVERSION="2.0" DTDVERSION="2.0">'
        f'<MESSAGE ID={attribute(message.id)} PROTOCOLVERSION="1.0">'
        f"<SIMPLERSP><{kind} NAME={attribute(message.method)}>"
    )
    return head, f"</{kind}></SIMPLERSP></MESSAGE></CIM>"


def _page_parameters(page: results.Page) -> str:
    end = value_element("boolean", page.end_of_sequence, is_array=False)
    context = value_element("string", page.context, is_array=False)
    return (
        f'<PARAMVALUE NAME="EndOfSequence" PARAMTYPE="boolean">{end}</PARAMVALUE>'
        f'<PARAMVALUE NAME="EnumerationContext" PARAMTYPE="string">{context}</PARAMVALUE>'
    )


def _method_return(result: results.MethodReturn) -> str:
    value = ""
    if result.return_value is not None:
        content = value_element(result.return_type, result.return_value, is_array=False)
        value = f'<RETURNVALUE PARAMTYPE="{result.return_type}">{content}</RETURNVALUE>'
    return value + "".join(map(_out_parameter, result.out))


def _out_parameter(out: results.OutParameter) -> str:
    content = value_element(out.type, out.value, is_array=out.is_array)
    details = f' PARAMTYPE="{out.type}"{embedded_attribute(out.embedded)}'
    return f"<PARAMVALUE NAME={attribute(out.name)}{details}>{content}</PARAMVALUE>"


def _classes(operation: type, result: Classes) -> Iterator[bytes]:
    paths = issubclass(operation, _ASSOCIATION_OPERATIONS)
    for decl in result.classes:
        element = class_element(decl, result)
        if paths:
            path = _class_path(decl.name, result.host, result.namespace)
            element = f"<VALUE.OBJECTWITHPATH>{path}{element}</VALUE.OBJECTWITHPATH>"
        yield element.encode()


def _class_names(operation: type, result: ClassNames) -> str:
    if issubclass(operation, _ASSOCIATION_OPERATIONS):
        paths = (_class_path(name, result.host, result.namespace) for name in result.names)
        return "".join(f"<OBJECTPATH>{path}</OBJECTPATH>" for path in paths)
    return "".join(map(_class_name, result.names))


def _class_name(name: str) -> str:
    return f"<CLASSNAME NAME={attribute(name)}></CLASSNAME>"


def _class_path(name: str, host: str, namespace: str) -> str:
    return f"<CLASSPATH>{namespace_path(host, namespace)}{_class_name(name)}</CLASSPATH>"

"""Operations out of the elements of a call: one table, made from the operations' own fields.

A field's name is the parameter's in snake case, its default says whether it may be left out, its
name and type say how it is written.

Source: DSP0200 1.4, sections 5.3 and 5.4 (parameters), 5.2 (methods); DSP0201 2.4, section 5.2.6.
Errors: ValueError in an envelope that is none; `CimError` is returned in a message, not raised by it.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.wire import objects
from xencim.mof.values import Path, TypedValue, parse_scalar
from xencim.providers.core import operations as ops
from xencim.providers.core.errors import CimError, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xencim.cimom_glue.wire.document import Element


@dataclass(frozen=True, slots=True)
class _Parameter:
    field: str
    read: Callable[[Element], object]
    required: bool


def _read_boolean(element: Element) -> bool:
    return bool(parse_scalar("boolean", objects.read_text(element)))


def _read_uint32(element: Element) -> object:
    return parse_scalar("uint32", objects.read_text(element))


def _read_class_name(element: Element) -> str:
    if element.tag != "CLASSNAME":
        raise objects.unexpected(element, "a class's name")
    return element.required("NAME")


def _read_object_name(element: Element) -> str | Path:
    path = objects.read_name(element)
    return path.class_name if element.tag == "CLASSNAME" else path


def _read_property_list(element: Element) -> tuple[str, ...]:
    names = objects.read_texts(element)
    if None in names:
        raise ValueError("an element is NULL")
    return tuple(name.strip() for name in names if name is not None)


def _read_new_value(element: Element) -> TypedValue:
    value = objects.read_value(element)
    return TypedValue("reference" if element.tag == "VALUE.REFERENCE" else None, value)


_READ_BY_FIELD: Mapping[str, Callable[[Element], object]] = {
    "class_name": _read_class_name,
    "assoc_class": _read_class_name,
    "result_class": _read_class_name,
    "object_name": _read_object_name,
    "instance_name": objects.read_instance_name,
    "property_list": _read_property_list,
    "new_instance": objects.read_instance,
    "modified_instance": objects.read_named_instance,
    "new_value": _read_new_value,
}
_READ_BY_TYPE: Mapping[str, Callable[[Element], object]] = {
    "bool": _read_boolean,
    "int": _read_uint32,
    "int | None": _read_uint32,
    "str": objects.read_text,
    "str | None": objects.read_text,
}


def _parameters(operation: type[ops.Operation]) -> dict[str, _Parameter]:
    found = {}
    for field in fields(operation):
        # A namespace has an element of its own, and ModifiedInstance brings its instance's name along.
        if field.name == "namespace" or (operation is ops.ModifyInstance and field.name == "instance_name"):
            continue
        read = _READ_BY_FIELD.get(field.name) or _READ_BY_TYPE[str(field.type)]
        required = field.default is MISSING and field.default_factory is MISSING
        found[field.name.replace("_", "")] = _Parameter(field.name, read, required)
    return found


_OPERATIONS: Mapping[str, type[ops.Operation]] = {
    operation.__name__.lower(): operation
    for operation in vars(ops).values()
    if isinstance(operation, type)
    and issubclass(operation, ops.Operation)
    and operation not in {ops.Operation, ops.NotOffered, ops.InvokeMethod}
    and not operation.__name__.startswith("_")
}
_PARAMETERS = {operation: _parameters(operation) for operation in _OPERATIONS.values()}
_NOT_OFFERED = {
    name.lower(): name
    for name in ("CreateClass", "ModifyClass", "DeleteClass", "SetQualifier", "DeleteQualifier")
}


def read_intrinsic(call: Element) -> ops.Operation | CimError:
    """Return the operation in an IMETHODCALL, or the error that answers it."""
    name = call.required("NAME")
    if not call.children:
        raise ValueError("IMETHODCALL is empty")
    namespace = objects.read_namespace(call.children[0])
    if offered := _NOT_OFFERED.get(name.lower()):
        return ops.NotOffered(namespace=namespace, name=offered)
    operation = _OPERATIONS.get(name.lower())
    if operation is None:
        return CimError(Status.NOT_SUPPORTED, f"{name[:80]!r} is no operation of DSP0200")
    try:
        values = _read_arguments(_PARAMETERS[operation], _named(call, "IPARAMVALUE"))
    except ValueError as error:
        return CimError(Status.INVALID_PARAMETER, f"{operation.__name__}: {error}")
    if operation is ops.ModifyInstance:
        values["instance_name"], values["modified_instance"] = values["modified_instance"]
    return operation(namespace=namespace, **values)


def _named(call: Element, tag: str) -> dict[str, Element]:
    """Return the parameters of a call by their names."""
    found: dict[str, Element] = {}
    seen = set()
    for element in call.children[1:]:
        if element.tag != tag:
            raise objects.unexpected(element, call.tag)
        name = element.required("NAME")
        if name.lower() in seen:
            raise ValueError(f"parameter {name[:80]} stands twice")
        seen.add(name.lower())
        found[name] = element
    return found


def _read_arguments(parameters: Mapping[str, _Parameter], given: Mapping[str, Element]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, element in given.items():
        parameter = parameters.get(name.lower())
        if parameter is None:
            raise ValueError(f"there is no parameter {name[:80]}")
        try:
            content = element.only_child()
            if content is not None:  # NULL is as good as left out
                values[parameter.field] = parameter.read(content)
        except ValueError as error:
            raise ValueError(f"parameter {name}: {error}") from error
    for parameter in parameters.values():
        if parameter.required and parameter.field not in values:
            name = "".join(word.capitalize() for word in parameter.field.split("_"))
            raise ValueError(f"parameter {name} is missing")
    return values


def read_extrinsic(call: Element) -> ops.InvokeMethod | CimError:
    """Return the method call in a METHODCALL, or the error that answers it."""
    name = call.required("NAME")
    if not call.children:
        raise ValueError("METHODCALL is empty")
    target = call.children[0]
    if target.tag not in {"LOCALINSTANCEPATH", "LOCALCLASSPATH"} or len(target.children) != 2:  # noqa: PLR2004
        raise ValueError("METHODCALL does not begin with a local path")
    namespace = objects.read_namespace(target.children[0])
    try:
        object_name = _read_object_name(target.children[1])
        parameters = {
            parameter: _read_parameter(parameter, element)
            for parameter, element in _named(call, "PARAMVALUE").items()
        }
    except ValueError as error:
        return CimError(Status.INVALID_PARAMETER, f"{name[:80]}: {error}")
    return ops.InvokeMethod(
        namespace=namespace, object_name=object_name, method_name=name, parameters=parameters
    )


def _read_parameter(name: str, element: Element) -> TypedValue:
    try:
        return objects.read_parameter(element)
    except ValueError as error:
        raise ValueError(f"parameter {name[:80]}: {error}") from error

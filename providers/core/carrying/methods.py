"""InvokeMethod: find the method, check who calls, convert the parameters by MOF, call.

Source: DSP0200 1.4, 5.3.3 (extrinsic methods).
Errors: METHOD_NOT_FOUND, METHOD_NOT_AVAILABLE, INVALID_PARAMETER, TYPE_MISMATCH, ACCESS_DENIED.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.core.carrying.rehearsal import RehearsedError
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.errors import DONE
from xencim.providers.core.parameters.conversion import convert
from xencim.providers.core.parameters.embedded import read_embedded
from xencim.providers.core.results import MethodReturn, OutParameter
from xencim.providers.core.served import ServedClass
from xencim.providers.core.spec import MethodCall, MethodResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.model import ClassRepository, MethodDecl
    from xencim.mof.values import TypedValue, Value
    from xencim.providers.core.access import AccessPolicy, Principal
    from xencim.providers.core.carrying.reading import Found, Reader
    from xencim.providers.core.operations import InvokeMethod
    from xencim.providers.core.parameters.embedded import ParseXml
    from xencim.providers.core.registry import Namespace, Registry
    from xencim.providers.core.spec import MethodSpec


def find_method(
    namespace: Namespace, request: InvokeMethod, policy: AccessPolicy, principal: Principal
) -> tuple[MethodDecl, MethodSpec]:
    """Return the method as MOF declares it and as it is carried out, the caller's right checked."""
    path = request.object_name
    class_name = path.class_name if isinstance(path, Path) else path
    decl = namespace.demand_class(class_name)
    method = decl.find_method(request.method_name)
    if method is None:
        raise CimError(Status.METHOD_NOT_FOUND, f"class {decl.name} has no method {request.method_name!r}")
    specs = [
        spec
        for served in namespace.of_class(decl.name)
        if isinstance(served, ServedClass)
        for spec in served.spec.methods
        if spec.name == method.name
    ]
    if not specs:
        raise CimError(
            Status.METHOD_NOT_AVAILABLE,
            f"method {method.name} of class {decl.name} is not offered by this server",
        )
    policy.demand(principal, specs[0].access, f"method {method.name} of class {decl.name}")
    if not isinstance(path, Path):
        raise CimError(
            Status.INVALID_PARAMETER, f"method {method.name} needs an instance of {decl.name}, not the class"
        )
    return method, specs[0]


def make_call(
    reader: Reader, found: Found, parameters: Mapping[str, Value], principal: Principal
) -> MethodCall:
    """Put together what a method's function is given."""
    site = found.served.site
    return MethodCall(
        context=reader.context(site),
        row=found.row,
        path=found.served.path(found.row),
        parameters=parameters,
        principal=principal,
        backend=site.backend,
        inventory=site.inventory,
        jobs=site.jobs,
        security=site.security,
        reservations=site.reservations,
        sampler=site.sampler,
    )


async def carry_out(spec: MethodSpec, call: MethodCall) -> MethodResult:
    """Call a method; what the security policy refuses is an error with its reason for every method alike."""
    try:
        return await spec.call(call)
    except RehearsedError:
        return MethodResult(DONE)
    except BackendError as error:
        if error.kind != "denied":
            raise
        raise CimError(Status.ACCESS_DENIED, error.message, hint=error.hint) from error


def make_return(method: MethodDecl, result: MethodResult) -> MethodReturn:
    """Give a method's answer the types that MOF declares."""
    out = tuple(
        OutParameter(p.name, p.type, p.is_array, p.embedded, result.out[p.name])
        for p in method.parameters
        if p.name in result.out
    )
    return MethodReturn(method.name, method.return_type, result.return_value, out)


def convert_parameters(
    method: MethodDecl,
    given: Mapping[str, TypedValue],
    repository: ClassRepository,
    registry: Registry,
    parse_xml: ParseXml | None,
) -> dict[str, Value]:
    """Return the parameters as MOF declares them, by their names in lower case."""
    declared = {p.name.lower(): p for p in method.parameters if p.is_in}
    converted = {}
    for name, typed in given.items():
        parameter = declared.get(name.lower())
        if parameter is None:
            raise CimError(Status.INVALID_PARAMETER, f"method {method.name} takes no parameter {name!r}")
        what = f"parameter {parameter.name} of {method.name}"
        value: Value = typed.value
        if parameter.type == "reference" and isinstance(value, str) and not value.strip():
            # libvirt-cim's clients write a space where they have no reference to give.
            value = None
        value = convert(what, parameter, value)
        if parameter.type == "reference":
            value = _canonical(registry, value)
        if parameter.embedded is not None:
            value = read_embedded(what, parameter.embedded, value, repository, parse_xml)
        converted[name.lower()] = value
    for name, parameter in declared.items():
        if parameter.qualifier("Required") and converted.get(name) is None:
            raise CimError(
                Status.INVALID_PARAMETER, f"method {method.name} requires parameter {parameter.name}"
            )
    return converted


def _canonical(registry: Registry, value: Value) -> Value:
    """Return references as the namespaces that they name call themselves."""
    if isinstance(value, tuple):
        return tuple(registry.canonical(item) if isinstance(item, Path) else item for item in value)
    return registry.canonical(value) if isinstance(value, Path) else value

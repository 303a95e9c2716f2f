"""The CIM operations over what is served: one place for every protocol.

An operation comes in as data (`operations`) with whoever asks (`Principal`) and goes out as data
(`results`); rows become bytes in the protocol's codec. What is read was asked before: reads never call the
hypervisor.

Source: DSP0200 1.4, section 5.3.
Errors: CimError with the status DSP0200 names for each operation.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from xencim.mof.values import Path, TypedValue
from xencim.providers.core import operations as op
from xencim.providers.core.access import Access
from xencim.providers.core.acting import ACTING
from xencim.providers.core.carrying import class_operations, methods
from xencim.providers.core.carrying.pull import Contexts
from xencim.providers.core.carrying.pulled import PulledOperations
from xencim.providers.core.carrying.reading import Found, Reader, demand_instance, demand_source, traversal
from xencim.providers.core.carrying.refreshing import refresh
from xencim.providers.core.carrying.rehearsal import rehearsed
from xencim.providers.core.carrying.selection import instance_shape, matching, parse_for_class
from xencim.providers.core.carrying.writes import Change, Writer
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Batch, Classes, ClassNames, Instances, Paths, PropertyValue
from xencim.providers.core.served import ServedClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.core.access import AccessPolicy, Principal
    from xencim.providers.core.events.subscriptions import Subscriptions
    from xencim.providers.core.parameters.embedded import ParseXml
    from xencim.providers.core.registry import Namespace, Registry
    from xencim.providers.core.results import Result
    from xencim.providers.core.served import Served


class Engine:
    """Answers operations from the registry's sites, within the caller's rights."""

    def __init__(
        self,
        registry: Registry,
        policy: AccessPolicy,
        contexts: Contexts | None = None,
        parse_xml: ParseXml | None = None,
        subscriptions: Subscriptions | None = None,
    ) -> None:
        self.registry = registry
        self.policy = policy
        self.contexts = contexts or Contexts()
        self._pulled = PulledOperations(self.contexts)
        self._parse_xml = parse_xml
        self._subscriptions = subscriptions

    async def execute(self, request: op.Operation, principal: Principal) -> Result:
        """Carry out one operation; CimError when it is refused or fails."""
        namespace = self.registry.namespace(request.namespace)
        what = f"{type(request).__name__} in {namespace.name}"
        self.policy.demand(principal, Access.READ, what)
        if isinstance(request, op.InvokeMethod):
            token = ACTING.set(principal.name)
            try:
                return await self._invoke(namespace, request, principal)
            finally:
                ACTING.reset(token)
        if isinstance(request, Change) and self._subscriptions is not None:
            writer = Writer(self.registry, self.policy, self._subscriptions, namespace, principal)
            return await writer.answer(request)
        await refresh(namespace, request)
        return self._read(namespace, request, principal)

    def _read(self, namespace: Namespace, request: op.Operation, principal: Principal) -> Result:
        reader = Reader(self.registry)
        result = (
            self._read_instances(reader, namespace, request)
            or class_operations.answer(namespace, request)
            or self._pulled.answer(reader, namespace, request, principal)
        )
        if result is None:
            name = request.name if isinstance(request, op.NotOffered) else type(request).__name__
            raise CimError(Status.NOT_SUPPORTED, f"{name} is not offered by this server")
        return result

    def _read_instances(self, reader: Reader, namespace: Namespace, request: op.Operation) -> Result | None:
        match request:
            case op.GetInstance():
                return self._get_instance(reader, namespace, request)
            case op.EnumerateInstances():
                return self._enumerate_instances(reader, namespace, request)
            case op.EnumerateInstanceNames():
                return Paths(self._extent(reader, namespace, request.class_name))
            case op.Associators() | op.AssociatorNames() | op.References() | op.ReferenceNames():
                return self._traverse(reader, namespace, request)
            case op.ExecQuery():
                return self._exec_query(reader, namespace, request)
            case op.GetProperty():
                return self._get_property(reader, namespace, request)
        return None

    # Instances ---------------------------------------------------------------------------------

    @staticmethod
    def _get_instance(reader: Reader, namespace: Namespace, request: op.GetInstance) -> Instances:
        found = demand_instance(reader, namespace, request.instance_name)
        shape = instance_shape(None, request.property_list, include_class_origin=request.include_class_origin)
        return Instances((Batch(found.served, (found.row,)),), shape)

    @staticmethod
    def _extent(reader: Reader, namespace: Namespace, class_name: str) -> list[Batch]:
        namespace.demand_class(class_name)
        return [reader.batch(served) for served in namespace.family(class_name)]

    def _enumerate_instances(
        self, reader: Reader, namespace: Namespace, request: op.EnumerateInstances
    ) -> Instances:
        batches = self._extent(reader, namespace, request.class_name)
        decl = namespace.demand_class(request.class_name)
        served = [batch.served for batch in batches]
        limit = None if request.deep_inheritance or all(one.decl is decl for one in served) else decl
        shape = instance_shape(
            limit, request.property_list, include_class_origin=request.include_class_origin
        )
        return Instances(batches, shape)

    @staticmethod
    def _get_property(reader: Reader, namespace: Namespace, request: op.GetProperty) -> PropertyValue:
        found = demand_instance(reader, namespace, request.instance_name)
        decl = found.served.decl.find_property(request.property_name)
        if decl is None:
            raise CimError(
                Status.NO_SUCH_PROPERTY,
                f"class {found.served.name} has no property {request.property_name!r}",
            )
        return PropertyValue(TypedValue(decl.type, found.served.value(found.row, decl.name)), decl.is_array)

    def _exec_query(self, reader: Reader, namespace: Namespace, request: op.ExecQuery) -> Instances:
        query = parse_for_class(namespace, request.query_language, request.query)
        rows = matching(
            (
                found
                for batch in self._extent(reader, namespace, query.class_name)
                for found in _founds(batch)
            ),
            namespace,
            query,
        )
        shape = instance_shape(None, query.properties, include_class_origin=False)
        return Instances(_batches(rows), shape)

    # Associations ------------------------------------------------------------------------------

    @staticmethod
    def _traverse(
        reader: Reader,
        namespace: Namespace,
        request: op.Associators | op.AssociatorNames | op.References | op.ReferenceNames,
    ) -> Result:
        wanted = traversal(namespace, request)
        is_associators = isinstance(request, op.Associators | op.AssociatorNames)
        if isinstance(request.object_name, str):
            find = (
                class_operations.associated_classes if is_associators else class_operations.referring_classes
            )
            classes = find(namespace, request.object_name, wanted)
            if isinstance(request, op.Associators | op.References):
                return Classes(
                    classes,
                    namespace.name,
                    namespace.host,
                    include_qualifiers=request.include_qualifiers,
                    include_class_origin=request.include_class_origin,
                    property_list=request.property_list,
                )
            return ClassNames(tuple(decl.name for decl in classes), namespace.name, namespace.host)
        source = demand_source(reader, namespace, request.object_name)
        follow = reader.associators if is_associators else reader.references
        batches = _batches(follow(namespace, source, wanted))
        if isinstance(request, op.Associators | op.References):
            shape = instance_shape(
                None, request.property_list, include_class_origin=request.include_class_origin
            )
            return Instances(batches, shape)
        return Paths(batches)

    # Methods -----------------------------------------------------------------------------------

    async def _invoke(self, namespace: Namespace, request: op.InvokeMethod, principal: Principal) -> Result:
        method, spec = methods.find_method(namespace, request, self.policy, principal)
        reader = Reader(self.registry)
        path = request.object_name
        if not isinstance(path, Path):
            raise TypeError(path)
        found = demand_instance(reader, namespace, path)
        if not isinstance(found.served, ServedClass):
            raise CimError(Status.METHOD_NOT_AVAILABLE, f"association {path.class_name} has no methods")
        parameters = methods.convert_parameters(
            method, request.parameters, namespace.repository, self.registry, self._parse_xml
        )
        call = methods.make_call(reader, found, parameters, principal)
        if request.is_rehearsal:
            call = rehearsed(spec, call)
        return methods.make_return(method, await methods.carry_out(spec, call))


def _founds(batch: Batch) -> Iterator[Found]:
    return (Found(batch.served, row) for row in batch.rows)


def _batches(founds: Iterable[Found]) -> Iterator[Batch]:
    def served_of(found: Found) -> Served:
        return found.served

    for served, group in groupby(founds, key=served_of):
        yield Batch(served, (found.row for found in group))

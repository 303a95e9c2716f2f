"""CreateInstance, ModifyInstance, SetProperty and DeleteInstance.

A class's `Writes` carries them out; classes without it are changed by their services' methods only.

Source: DSP0200 1.4, 5.3.2.4 to 5.3.2.6 and 5.3.2.19.
Errors: NOT_SUPPORTED, ACCESS_DENIED, INVALID_PARAMETER, TYPE_MISMATCH, NO_SUCH_PROPERTY, and those of
`Writes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from xencim.mof.values import Path, TypedValue
from xencim.providers.core import operations as op
from xencim.providers.core.access import Access
from xencim.providers.core.carrying.reading import Reader, demand_instance, not_found
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.parameters.conversion import convert
from xencim.providers.core.results import Batch, Done, Paths
from xencim.providers.core.served import AssocRow, ServedAssoc
from xencim.providers.core.spec import InstanceChange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.model import ClassDecl
    from xencim.mof.values import Value
    from xencim.providers.core.access import AccessPolicy, Principal
    from xencim.providers.core.carrying.reading import Found
    from xencim.providers.core.events.subscriptions import Subscriptions
    from xencim.providers.core.registry import Namespace, Registry
    from xencim.providers.core.results import Result
    from xencim.providers.core.served import Served, Site
    from xencim.providers.core.spec import Row, Writes

Change: TypeAlias = op.CreateInstance | op.ModifyInstance | op.SetProperty | op.DeleteInstance


class Writer:
    """Carries out the writing operations of one caller in one namespace."""

    def __init__(
        self,
        registry: Registry,
        policy: AccessPolicy,
        subscriptions: Subscriptions,
        namespace: Namespace,
        principal: Principal,
    ) -> None:
        self._registry = registry
        self._policy = policy
        self._subscriptions = subscriptions
        self._namespace = namespace
        self._principal = principal

    async def answer(self, request: Change) -> Result:
        """Carry out a writing operation."""
        match request:
            case op.CreateInstance():
                return await self._create(request)
            case op.ModifyInstance():
                return await self._modify(request)
            case op.SetProperty():
                return await self._set_property(request)
            case op.DeleteInstance():
                return await self._delete(request)

    async def _create(self, request: op.CreateInstance) -> Paths:
        new = request.new_instance
        decl = self._namespace.demand_class(new.class_name)
        served, writes = self._writes(decl)
        if writes is None or writes.create is None or served is None:
            raise self._not_supported(decl, "Making")
        self._demand(writes, decl)
        values = _values(decl, new.properties)
        reader = Reader(self._registry)
        keys = await writes.create(self._change(reader, served, None, values))
        path = Path(decl.name, tuple(keys.items()), self._namespace.name)
        found = Reader(self._registry).get(self._namespace, path)
        if found is None:
            raise not_found(self._namespace, path)
        return Paths((Batch(found.served, (found.row,)),))

    async def _modify(self, request: op.ModifyInstance) -> Done:
        given = request.modified_instance.properties
        if request.property_list is not None:
            wanted = {name.lower() for name in request.property_list}
            given = {name: value for name, value in given.items() if name.lower() in wanted}
            # DSP0200 5.3.2.6: a property that is listed and not given becomes what the class says.
            for name in wanted - {name.lower() for name in given}:
                given[name] = TypedValue(None, None)
        return await self._change_values(request.instance_name, given)

    async def _set_property(self, request: op.SetProperty) -> Done:
        decl = self._namespace.demand_class(request.instance_name.class_name)
        if decl.find_property(request.property_name) is None:
            raise CimError(
                Status.NO_SUCH_PROPERTY, f"class {decl.name} has no property {request.property_name!r}"
            )
        value = request.new_value or TypedValue(None, None)
        return await self._change_values(request.instance_name, {request.property_name: value})

    async def _change_values(self, path: Path, given: Mapping[str, TypedValue]) -> Done:
        decl = self._namespace.demand_class(path.class_name)
        _, writes = self._writes(decl)
        if writes is None or writes.modify is None:
            raise self._not_supported(decl, "Changing")
        self._demand(writes, decl)
        reader = Reader(self._registry)
        found = demand_instance(reader, self._namespace, path)
        values = _values(decl, given)
        for key in decl.keys:
            if key.name.lower() in values and not _is_key(found, key.name, values.pop(key.name.lower())):
                raise CimError(Status.INVALID_PARAMETER, f"key {decl.name}.{key.name} cannot be changed")
        # Clients read an instance, change a property and send back all of it.
        changed = {
            name: value for name, value in values.items() if found.served.value(found.row, name) != value
        }
        await writes.modify(self._change(reader, found.served, found.row, changed))
        return Done()

    async def _delete(self, request: op.DeleteInstance) -> Done:
        decl = self._namespace.demand_class(request.instance_name.class_name)
        _, writes = self._writes(decl)
        if writes is None or writes.delete is None:
            raise self._not_supported(decl, "Deleting")
        self._demand(writes, decl)
        reader = Reader(self._registry)
        found = demand_instance(reader, self._namespace, request.instance_name)
        await writes.delete(self._change(reader, found.served, found.row, {}))
        return Done()

    def _writes(self, decl: ClassDecl) -> tuple[Served | None, Writes | None]:
        found = ((served, served.spec.writes) for served in self._namespace.of_class(decl.name))
        return next((one for one in found if one[1] is not None), (None, None))

    def _demand(self, writes: Writes, decl: ClassDecl) -> None:
        self._policy.demand(self._principal, writes.access, f"instances of class {decl.name}")

    def _not_supported(self, decl: ClassDecl, done: str) -> CimError:
        return CimError(
            Status.NOT_SUPPORTED,
            f"{done} instances of class {decl.name} is not offered by this server",
        )

    def _change(
        self, reader: Reader, served: Served, row: Row | None, values: Mapping[str, Value]
    ) -> InstanceChange:
        is_admin = self._policy.level(self._principal) >= Access.ADMIN
        site = _site(served, row)
        return InstanceChange(
            context=reader.context(site),
            row=row,
            values=values,
            principal=self._principal,
            is_admin=is_admin,
            subscriptions=self._subscriptions,
            backend=site.backend,
            inventory=site.inventory,
            jobs=site.jobs,
        )


def _site(served: Served, row: Row | None) -> Site:
    """Return whose instance it is: an association may have links of several sites."""
    if isinstance(row, AssocRow):
        return row.link.site
    return served.links[0].site if isinstance(served, ServedAssoc) else served.site


def _values(decl: ClassDecl, given: Mapping[str, TypedValue]) -> dict[str, Value]:
    values = {}
    for name, typed in given.items():
        declared = decl.find_property(name)
        if declared is None:
            raise CimError(Status.INVALID_PARAMETER, f"class {decl.name} has no property {name[:80]!r}")
        values[name.lower()] = convert(f"property {decl.name}.{declared.name}", declared, typed.value)
    return values


def _is_key(found: Found, name: str, value: Value) -> bool:
    own = found.served.value(found.row, name)
    if isinstance(own, Path) and isinstance(value, Path):
        return {k.lower(): v for k, v in own.keys} == {k.lower(): v for k, v in value.keys}
    return value is None or own == value

"""What the resource pools have in common.

A pool's row is ``(source, host, usage)``: the source is the record of a concrete pool, None for the
primordial pool of its kind.

Source: DSP1041 1.1, section 10 (CIM_ResourcePool).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.records import Host, HostUsage
from xencim.providers.core.pool_ids import pool_id, pool_name
from xencim.providers.core.spec import Const, Prop, Rows
from xencim.providers.pools.status import CONTACT, communication_status, host_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.providers.core.pool_ids import PoolSource
    from xencim.providers.core.spec import Context, Keys, Row

OTHER = 1


def _no_concrete_pools(_context: Context) -> Iterable[PoolSource]:
    return ()


def _no_concrete_pool(_context: Context, _kind: type | None, _name: str) -> PoolSource:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class PoolKind:
    """A kind of pool; ``concrete`` yields its sources, ``find`` looks one up by what its id names."""

    name: str  # Processor: the class is ProcessorPool, its primordial instance ProcessorPool/0
    resource_type: int
    other_resource_type: str | None = None
    sharing_mode: int | None = None  # CIM_AllocationCapabilities.SharingMode
    concrete: Callable[[Context], Iterable[PoolSource]] = _no_concrete_pools
    find: Callable[[Context, type | None, str], PoolSource] = _no_concrete_pool
    source_kinds: tuple[type, ...] = ()

    def sources(self, context: Context) -> Iterator[PoolSource]:
        """Yield the primordial pool and every concrete one."""
        yield None
        yield from self.concrete(context)

    def all(self, context: Context) -> Iterator[Row]:
        """Yield the rows of all pools of the kind."""
        return (pool_row(context, source) for source in self.sources(context))

    def find_row(self, context: Context, instance_id: str) -> Row | None:
        """Return the row of the pool with this InstanceID, None when there is none."""
        try:
            bridge, name = pool_name(self.name, instance_id)
        except LookupError:
            return None
        if name is None:
            return pool_row(context, None)
        source = self.find(context, bridge, name)
        return pool_row(context, source) if source is not None else None

    def rows(self) -> Rows:
        """Return where the pools' class has its instances."""

        def find(context: Context, keys: Keys) -> Row | None:
            return self.find_row(context, str(keys.get("instanceid")))

        return Rows(kinds=(*self.source_kinds, Host, HostUsage), all=self.all, find=find)

    def keys(self) -> tuple[Prop, ...]:
        """Return the key of the pools' class."""
        return (Prop("InstanceID", self._id, source="the pool's kind and name"),)

    def props(self) -> tuple[Prop, ...]:
        """Return the properties that every pool has."""
        return (
            Prop("PoolID", self._id, source="DSP1041: the pool's InstanceID"),
            Prop("ElementName", self._id, source="the pool's kind and name"),
            Prop("Primordial", lambda source, *_: source is None, source="DSP1041: the host's own resources"),
            Prop("ResourceType", Const(self.resource_type), source="constant: the pool's kind"),
            Prop("OtherResourceType", Const(self.other_resource_type), source="constant: the pool's kind"),
        )

    def _id(self, source: PoolSource, *_: Any) -> str:  # noqa: ANN401 - the rest of any row
        return pool_id(self.name, source)


def pool_row(context: Context, source: PoolSource) -> Row:
    """Return a pool's row."""
    return (source, context.view.host, usage(context))


def usage(context: Context) -> HostUsage:
    """Return what all machines together take."""
    return context.view.all(HostUsage)["usage"]


COMMUNICATION = Prop(
    "CommunicationStatus", lambda _source, host, _usage: communication_status(host), source=CONTACT
)

HOST_POOL_STATUS = host_status(1)
"""The status of a pool that is nothing but a part of the host."""


def counted_props(kind: PoolKind, what: str, count: Callable[[HostUsage], int]) -> tuple[Prop, ...]:
    """Return the properties of a pool of things that the hypervisor makes without end."""
    return (
        *kind.props(),
        Prop("Caption", Const(what), source="constant: the pool's kind"),
        Prop("AllocationUnits", Const("count"), source="constant: the things are counted"),
        Prop("ConsumedResourceUnits", Const("count"), source="constant: the things are counted"),
        Prop(
            "CurrentlyConsumedResource",
            lambda _source, _host, used: count(used),
            source="virDomainGetXMLDesc of all machines, counted",
        ),
        *HOST_POOL_STATUS,
    )


ENDLESS = {
    "Capacity": "the hypervisor sets no limit",
    "Reserved": "nothing has to be reserved where nothing can run out",
    "MaxConsumableResource": "the hypervisor sets no limit",
}
"""Why such a pool has no sizes."""

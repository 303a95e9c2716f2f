"""Settings that say what can be allocated from a pool: default, minimum, maximum and increment.

They are of the classes of machines' own settings. A template's row is ``(source, host, level)``; its
InstanceID is its pool's and the level (``MemoryPool/0/Default``), so it is unique. A template
says one thing, the quantity. There is no Maximum where the host sets none.

Source: DSP1043 1.0, section 7 (CIM_SettingsDefineCapabilities).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from xencim.providers.backends.records import Host
from xencim.providers.core.pool_ids import PoolSource, pool_id
from xencim.providers.core.spec import ClassSpec, Const, Prop, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xencim.providers.core.spec import Context, Keys, Row
    from xencim.providers.pools.kind import PoolKind

Quantity: TypeAlias = "int | Callable[[PoolSource, Host], int | None] | None"


class Level(Enum):
    """What a template tells of the quantity."""

    DEFAULT = "Default"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"
    INCREMENT = "Increment"


_ONE_MACHINE = "it is set for one machine, not for all"
_UNFILLED = (
    *("ResourceSubType", "ConsumerVisibility", "HostResource", "AllocationUnits", "Reservation", "Limit"),
    *("Weight", "Parent", "Connection", "Address", "MappingBehavior", "AddressOnParent"),
    *("AutomaticAllocation", "AutomaticDeallocation"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """The templates of a kind of pool; a quantity that is None, or turns out so, is no template."""

    kind: PoolKind
    units: str
    default: Quantity = 1
    minimum: Quantity = 1
    maximum: Quantity = None
    increment: Quantity = 1

    def of(self, context: Context, source: PoolSource) -> Iterator[Row]:
        """Yield the rows of one pool's templates."""
        host = context.view.host
        return ((source, host, level) for level in Level if self.quantity(source, host, level) is not None)

    def spec(
        self, cim_class: str, *own: str, profiles: tuple[str, ...], refreshes_storage: bool = False
    ) -> ClassSpec:
        """Return the spec that adds them to a class of settings; ``own`` are the class's own properties."""
        kind = self.kind
        return ClassSpec(
            cim_class=cim_class,
            rows=Rows(kinds=(Host, *kind.source_kinds), all=self._all, find=self._find),
            profiles=profiles,
            refreshes_storage=refreshes_storage,
            keys=(Prop("InstanceID", self._id, source="the pool's InstanceID and what the template tells"),),
            props=(
                Prop("ElementName", self._id, source="as InstanceID"),
                Prop("Caption", self._caption, source="the pool's InstanceID and what the template tells"),
                Prop("PoolID", lambda source, *_: pool_id(kind.name, source), source="the pool's InstanceID"),
                Prop("ResourceType", Const(kind.resource_type), source="constant: the pool's kind"),
                Prop(
                    "OtherResourceType", Const(kind.other_resource_type), source="constant: the pool's kind"
                ),
                Prop("VirtualQuantity", self.quantity, source="the host's limits, and our own defaults"),
                Prop("VirtualQuantityUnits", Const(self.units), source="constant: as machines' settings"),
                Prop("ChangeableType", Const(0), source="constant: templates cannot be changed"),
            ),
            unfilled=dict.fromkeys((*_UNFILLED, *own), _ONE_MACHINE),
        )

    def _all(self, context: Context) -> Iterator[Row]:
        for source in self.kind.sources(context):
            yield from self.of(context, source)

    def _find(self, context: Context, keys: Keys) -> Row | None:
        pool, _, level = str(keys.get("instanceid")).rpartition("/")
        row = self.kind.find_row(context, pool)
        if row is None:
            return None
        return next((found for found in self.of(context, row[0]) if found[2].value == level), None)

    def _id(self, source: PoolSource, _host: Host, level: Level) -> str:
        return f"{pool_id(self.kind.name, source)}/{level.value}"

    def _caption(self, source: PoolSource, _host: Host, level: Level) -> str:
        return f"{level.value} of what comes from {pool_id(self.kind.name, source)}"

    def quantity(self, source: PoolSource, host: Host, level: Level) -> int | None:
        """Return what a template tells."""
        quantity = {
            Level.DEFAULT: self.default,
            Level.MINIMUM: self.minimum,
            Level.MAXIMUM: self.maximum,
            Level.INCREMENT: self.increment,
        }[level]
        return quantity(source, host) if callable(quantity) else quantity

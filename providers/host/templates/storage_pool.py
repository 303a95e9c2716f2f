"""Templates of storage pools: for each type that the hypervisor has, as input of CreateChildResourcePool.

They come from all storage of the host. A row is ``(None, type, Level.DEFAULT)``: of a pool there is no
quantity to be told, and so neither minimum nor maximum.

Source: DSP1041 1.1 (settings as input of CreateChildResourcePool); DSP1043 1.0, section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Host
from xencim.providers.core.pool_ids import pool_id
from xencim.providers.core.spec import ClassSpec, Const, Prop, Rows
from xencim.providers.host.templates.common import Level
from xencim.providers.storage.disk_pool import KIND
from xencim.providers.storage.settings import DISK_DRIVE, POOL_TARGETS, POOL_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.pool_ids import PoolSource
    from xencim.providers.core.spec import Context, Keys, Row
    from xencim.providers.storage.settings import PoolType

_NO_DEFAULT = "whoever makes a pool has to say it"
_NO_QUANTITY = "a pool is one, as large as what it is made from"


class PoolTemplates:
    """The templates of all types."""

    kind = KIND

    def of(self, context: Context, source: PoolSource) -> Iterator[Row]:
        """Yield the rows of what can be made from one pool: pools from all storage of the host only."""
        there = context.view.host.pool_types
        if source is None:
            for kind in POOL_TYPES.values():
                if there is None or kind.name in there:
                    yield (None, kind, Level.DEFAULT)

    def all(self, context: Context) -> Iterator[Row]:
        """Yield all rows."""
        return self.of(context, None)

    def find(self, context: Context, keys: Keys) -> Row | None:
        """Return the row with an InstanceID."""
        return next((row for row in self.all(context) if _id(*row) == keys.get("instanceid")), None)


def _id(source: None, kind: PoolType, level: Level) -> str:
    return f"{pool_id(KIND.name, source)}/{kind.name}/{level.value}"


def _caption(_source: None, kind: PoolType, level: Level) -> str:
    return f"{level.value} of storage pools of type {kind.name}"


TEMPLATES = PoolTemplates()
_NUMBERS = {kind.name: number for number, kind in POOL_TYPES.items()}

SPEC = ClassSpec(
    cim_class="DiskPoolResourceAllocationSettingData",
    rows=Rows(kinds=(Host,), all=TEMPLATES.all, find=TEMPLATES.find),
    profiles=("DSP1041", "DSP1043"),
    keys=(Prop("InstanceID", _id, source="the pool's InstanceID, the type and what the template tells"),),
    props=(
        Prop("ElementName", _id, source="as InstanceID"),
        Prop("Caption", _caption, source="the type"),
        Prop("PoolID", Const(pool_id(KIND.name)), source="constant: all storage of the host"),
        Prop("ResourceType", Const(DISK_DRIVE), source="constant: the pool's kind"),
        Prop("ResourceSubType", lambda _, kind, __: kind.name, source="libvirt's name of the type"),
        Prop("Type", lambda _, kind, __: _NUMBERS[kind.name], source="the type"),
        Prop("Path", lambda _, kind, __: POOL_TARGETS.get(kind.name), source="our own default"),
        Prop("Autostart", Const(False), source="constant: as CreateChildResourcePool"),
        Prop("Build", lambda _, kind, __: 0 if "Build" in kind.takes else None, source="our own default"),
        Prop("ChangeableType", Const(0), source="constant: templates cannot be changed"),
    ),
    unfilled={
        **dict.fromkeys(
            ("DevicePaths", "Host", "HostPort", "SourceDirectory", "SourceName", "SourceFormat", "UserName"),
            _NO_DEFAULT,
        ),
        **dict.fromkeys(
            ("SecretUUID", "SecretUsage", "InitiatorName", "AdapterName", "PortName", "NodeName"), _NO_DEFAULT
        ),
        **dict.fromkeys(
            ("VirtualQuantity", "VirtualQuantityUnits", "AllocationUnits", "Reservation", "Limit", "Weight"),
            _NO_QUANTITY,
        ),
        **dict.fromkeys(
            ("OtherResourceType", "ConsumerVisibility", "HostResource", "Parent", "Connection", "Address"),
            "a pool is no machine's device",
        ),
        **dict.fromkeys(
            ("MappingBehavior", "AddressOnParent", "AutomaticAllocation", "AutomaticDeallocation"),
            "a pool is no machine's device",
        ),
    },
)

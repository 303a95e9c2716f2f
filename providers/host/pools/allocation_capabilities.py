"""What can be allocated from a pool: one for each pool, of every kind, with the pool's InstanceID.

Rows are ``(kind, source, host)``.

Source: DSP1043 1.0, section 10 (CIM_AllocationCapabilities).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Bridge, CpuPool, Host, Network, StoragePool
from xencim.providers.core.pool_ids import PoolSource, pool_id
from xencim.providers.core.spec import ClassSpec, Prop, Rows
from xencim.providers.host.pools import (
    controller_pool,
    graphics_pool,
    input_pool,
    memory_pool,
    processor_pool,
)
from xencim.providers.network import network_pool
from xencim.providers.storage import disk_pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import Context, Keys, Row
    from xencim.providers.pools.kind import PoolKind

POOLS: dict[PoolKind, ClassSpec] = {
    module.KIND: module.SPEC
    for module in (
        processor_pool,
        memory_pool,
        disk_pool,
        network_pool,
        graphics_pool,
        input_pool,
        controller_pool,
    )
}
"""Every kind of pool and its class."""


def capabilities_row(context: Context, kind: PoolKind, source: PoolSource) -> Row:
    """Return the row of a pool's capabilities."""
    return (kind, source, context.view.host)


def all_capabilities(context: Context) -> Iterator[Row]:
    """Yield the rows of all pools' capabilities."""
    return (capabilities_row(context, kind, source) for kind in POOLS for source in kind.sources(context))


def _find(context: Context, keys: Keys) -> Row | None:
    for kind in POOLS:
        pool = kind.find_row(context, str(keys.get("instanceid")))
        if pool is not None:
            return capabilities_row(context, kind, pool[0])
    return None


def _id(kind: PoolKind, source: PoolSource, _host: Host) -> str:
    return pool_id(kind.name, source)


SPEC = ClassSpec(
    cim_class="AllocationCapabilities",
    rows=Rows(kinds=(Host, StoragePool, Network, Bridge, CpuPool), all=all_capabilities, find=_find),
    profiles=("DSP1043",),
    keys=(Prop("InstanceID", _id, source="the pool's InstanceID"),),
    props=(
        Prop("ElementName", _id, source="the pool's InstanceID"),
        Prop("Caption", lambda *row: f"What {_id(*row)} can give", source="the pool's InstanceID"),
        Prop("ResourceType", lambda kind, *_: kind.resource_type, source="the pool's ResourceType"),
        Prop(
            "OtherResourceType",
            lambda kind, *_: kind.other_resource_type,
            source="the pool's OtherResourceType",
        ),
        Prop("SharingMode", lambda kind, *_: kind.sharing_mode, source="whether machines share the resource"),
    ),
    unfilled={
        "ResourceSubType": "a pool does not tell which sub-types it can serve",
        "RequestTypesSupported": "no method allocates",
        "SupportedAddStates": "no method allocates",
        "SupportedRemoveStates": "no method allocates",
    },
)

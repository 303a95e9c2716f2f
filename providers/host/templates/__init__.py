"""Settings that say what machines and their resources can be like."""

from xencim.providers.host.templates import (
    controller,
    disk,
    graphics,
    input,  # noqa: A004 - the class's own name
    memory,
    network,
    network_pool,
    processor,
    storage_pool,
    storage_volume,
    virtual_system,
)

RESOURCES = (processor, memory, disk, network, graphics, input, controller)
"""The modules of templates that belong to a pool."""

POOLS = (storage_pool, storage_volume, network_pool)
"""The modules of templates of pools, and of what is made in them without a machine."""

SPECS = (*(module.SPEC for module in (*RESOURCES, *POOLS)), virtual_system.SPEC)

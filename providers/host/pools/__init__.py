"""The pools of what the host itself has, and what can be allocated from pools."""

from xencim.providers.host.pools import (
    allocation_capabilities,
    controller_pool,
    graphics_pool,
    input_pool,
    memory_pool,
    processor_pool,
)

SPECS = (
    processor_pool.SPEC,
    memory_pool.SPEC,
    graphics_pool.SPEC,
    input_pool.SPEC,
    controller_pool.SPEC,
    allocation_capabilities.SPEC,
)

"""Settings that say what machines and their resources can be like."""

from xencim.providers.host.templates import (
    controller,
    disk,
    graphics,
    input,  # noqa: A004 - the class's own name
    memory,
    network,
    processor,
    virtual_system,
)

RESOURCES = (processor, memory, disk, network, graphics, input, controller)
"""The modules of templates that belong to a pool."""

SPECS = (*(module.SPEC for module in RESOURCES), virtual_system.SPEC)

"""The settings of the resources that machines are given."""

from xencim.providers.vm.settings import (
    console,
    controller,
    disk,
    graphics,
    input,  # noqa: A004 - the class's own name
    memory,
    network,
    processor,
)

SPECS = (
    processor.SPEC,
    memory.SPEC,
    disk.SPEC,
    network.SPEC,
    graphics.SPEC,
    input.SPEC,
    console.SPEC,
    controller.SPEC,
)

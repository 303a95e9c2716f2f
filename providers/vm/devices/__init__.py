"""The devices of machines."""

from xencim.providers.vm.devices import (
    console_display_controller,
    controller,
    display_controller,
    keyboard,
    logical_disk,
    memory,
    network_port,
    pointing_device,
    processor,
)

SPECS = (
    processor.SPEC,
    memory.SPEC,
    logical_disk.SPEC,
    network_port.SPEC,
    display_controller.SPEC,
    console_display_controller.SPEC,
    pointing_device.SPEC,
    keyboard.SPEC,
    controller.SPEC,
)

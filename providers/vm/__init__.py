"""Machines: the systems, their devices, their settings, and what joins them."""

from xencim.providers.vm import (
    computer_system,
    devices,
    enabled_logical_element_capabilities,
    settings,
    virtual_system_setting_data,
)
from xencim.providers.vm.associations import ASSOCIATIONS

SPECS = (
    computer_system.SPEC,
    enabled_logical_element_capabilities.SPEC,
    virtual_system_setting_data.SPEC,
    *devices.SPECS,
    *settings.SPECS,
)

__all__ = ("ASSOCIATIONS", "SPECS")

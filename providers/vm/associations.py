"""What joins machines, their devices and their settings.

Current settings define the state of a machine and its devices (SettingsDefineState). The settings that
follow at the next start are found from the current ones (ElementSettingData): both ends are settings, as
DSP1057 joins a state configuration with a defined one and as clients of libvirt-cim expect. With one set
only, it is its own next. A machine without a definition has no next start.

On Xen, domains may serve or emulate the devices of others: driver and stub domains (DomainDependency).

Source: DSP1057 and DSP1059, the associations of these names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import VirtualMachine
from xencim.providers.core.spec import AssocSpec, ClassSpec, Const, Link, Prop
from xencim.providers.vm import (
    computer_system,
    enabled_logical_element_capabilities,
    rows,
    virtual_system_setting_data,
)
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
from xencim.providers.vm.rows import Origin, Parts
from xencim.providers.vm.settings import console as console_settings
from xencim.providers.vm.settings import controller as controller_settings
from xencim.providers.vm.settings import disk as disk_settings
from xencim.providers.vm.settings import graphics as graphics_settings
from xencim.providers.vm.settings import input as input_settings
from xencim.providers.vm.settings import memory as memory_settings
from xencim.providers.vm.settings import network as network_settings
from xencim.providers.vm.settings import processor as processor_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.providers.core.spec import Context, Row

# Each class of devices, what it is made from, the class of its settings and what they are made from.
# A machine's processors have settings in common.
_DEVICES: tuple[tuple[ClassSpec, Parts, ClassSpec, Parts], ...] = (
    (processor.SPEC, rows.VCPUS, processor_settings.SPEC, rows.CPU_ALLOCATIONS),
    (memory.SPEC, rows.MEMORY, memory_settings.SPEC, rows.MEMORY),
    (logical_disk.SPEC, rows.DISKS, disk_settings.SPEC, rows.DISKS),
    (network_port.SPEC, rows.NICS, network_settings.SPEC, rows.NICS),
    (display_controller.SPEC, rows.GRAPHICS, graphics_settings.SPEC, rows.GRAPHICS),
    (console_display_controller.SPEC, rows.CONSOLES, console_settings.SPEC, rows.CONSOLES),
    (pointing_device.SPEC, rows.POINTERS, input_settings.SPEC, rows.POINTERS),
    (keyboard.SPEC, rows.KEYBOARDS, input_settings.SPEC, rows.KEYBOARDS),
    (controller.SPEC, rows.CONTROLLERS, controller_settings.SPEC, rows.CONTROLLERS),
)
SETTINGS: tuple[tuple[ClassSpec, Parts], ...] = (
    (processor_settings.SPEC, rows.CPU_ALLOCATIONS),
    (memory_settings.SPEC, rows.MEMORY),
    (disk_settings.SPEC, rows.DISKS),
    (network_settings.SPEC, rows.NICS),
    (graphics_settings.SPEC, rows.GRAPHICS),
    (input_settings.SPEC, rows.INPUTS),
    (console_settings.SPEC, rows.CONSOLES),
    (controller_settings.SPEC, rows.CONTROLLERS),
)
_DEFAULT = 2  # ElementCapabilities.Characteristics


def _machine(context: Context, row: Row) -> Iterator[Row]:
    yield rows.machine_row(context, row[0])


def _needing(context: Context, row: Row) -> Iterator[Row]:
    return (rows.machine_row(context, other) for other in context.view.machines_by("needs", row[0].uuid))


def _needed(context: Context, row: Row) -> Iterator[Row]:
    machines = context.view.all(VirtualMachine)
    return (rows.machine_row(context, machines[uuid]) for uuid in row[0].needs if uuid in machines)


def _system_settings(context: Context, row: Row, origin: Origin) -> Iterator[Row]:
    found = rows.system_settings_row(context, row[0], origin)
    if found is not None:
        yield found


def _is_current(row: Row) -> bool:
    return row[2] is Origin.CURRENT


def _system_device(device: ClassSpec, parts: Parts) -> Link:
    return Link(
        left=computer_system.SPEC,
        right=device,
        rights_of=lambda context, row: parts.devices(context, row[0]),
        lefts_of=_machine,
    )


def _device_state(device: ClassSpec, parts: Parts, settings: ClassSpec, setting_parts: Parts) -> Link:
    if parts is setting_parts:
        return Link(
            left=device,
            right=settings,
            rights_of=lambda context, row: parts.settings_like(context, row, Origin.CURRENT),
            lefts_of=lambda context, row: parts.devices_like(context, row) if _is_current(row) else (),
        )
    return Link(
        left=device,
        right=settings,
        rights_of=lambda context, row: setting_parts.settings(context, row[0], Origin.CURRENT),
        lefts_of=lambda context, row: parts.devices(context, row[0]) if _is_current(row) else (),
    )


def _component(settings: ClassSpec, parts: Parts) -> Link:
    return Link(
        left=virtual_system_setting_data.SPEC,
        right=settings,
        rights_of=lambda context, row: parts.settings(context, row[0], row[2]),
        lefts_of=lambda context, row: _system_settings(context, row, row[2]),
    )


SYSTEM_DEVICE = AssocSpec(
    cim_class="SystemDevice",
    left_role="GroupComponent",
    right_role="PartComponent",
    profiles=("DSP1057", "DSP1052"),
    links=tuple(_system_device(device, parts) for device, parts, *_ in _DEVICES),
)

SETTINGS_DEFINE_STATE = AssocSpec(
    cim_class="SettingsDefineState",
    left_role="ManagedElement",
    right_role="SettingData",
    profiles=("DSP1057", "DSP1059"),
    links=(
        Link(
            left=computer_system.SPEC,
            right=virtual_system_setting_data.SPEC,
            rights_of=lambda context, row: _system_settings(context, row, Origin.CURRENT),
            lefts_of=lambda context, row: _machine(context, row) if _is_current(row) else (),
        ),
        *(_device_state(*kinds) for kinds in _DEVICES),
    ),
)

VIRTUAL_SYSTEM_SETTING_DATA_COMPONENT = AssocSpec(
    cim_class="VirtualSystemSettingDataComponent",
    left_role="GroupComponent",
    right_role="PartComponent",
    profiles=("DSP1057",),
    links=tuple(_component(settings, parts) for settings, parts in SETTINGS),
)


# ElementSettingData ----------------------------------------------------------------------------

_YES, _NO = 1, 2  # IsDefault, IsCurrent and IsNext


def _is_next(_current: Row, other: Row) -> int:
    machine = other[0]
    return _YES if machine.persistent and (machine.stored is None or not _is_current(other)) else _NO


# What the next start takes is also what a machine has when nobody says otherwise.
_PROPS = (
    Prop("IsDefault", _is_next, source="virDomainGetXMLDesc, the inactive definition"),
    Prop(
        "IsCurrent",
        lambda _current, other: _YES if _is_current(other) else _NO,
        source="virDomainGetXMLDesc, the active definition",
    ),
    Prop("IsNext", _is_next, source="virDomainGetXMLDesc, the inactive definition"),
)


def _followed(settings: ClassSpec, like: Callable[[Context, Row, Origin], Iterable[Row]]) -> Link:
    """Join a setting with itself and with its like in the stored set."""

    def rights_of(context: Context, row: Row) -> Iterator[Row]:
        if _is_current(row):
            yield row
            yield from like(context, row, Origin.STORED)

    def lefts_of(context: Context, row: Row) -> Iterable[Row]:
        return (row,) if _is_current(row) else like(context, row, Origin.CURRENT)

    return Link(left=settings, right=settings, rights_of=rights_of, lefts_of=lefts_of, props=_PROPS)


ELEMENT_SETTING_DATA = AssocSpec(
    cim_class="ElementSettingData",
    left_role="ManagedElement",
    right_role="SettingData",
    profiles=("DSP1057", "DSP1059"),
    links=(
        _followed(virtual_system_setting_data.SPEC, _system_settings),
        *(_followed(settings, parts.settings_like) for settings, parts in SETTINGS),
    ),
)

DOMAIN_DEPENDENCY = AssocSpec(
    cim_class="DomainDependency",
    left_role="Antecedent",
    right_role="Dependent",
    prefixes=frozenset({"Xen"}),
    links=(
        Link(
            left=computer_system.SPEC,
            right=computer_system.SPEC,
            rights_of=_needing,
            lefts_of=_needed,
        ),
    ),
)

# The association is shared with the host's folder, which puts all its links together.
ELEMENT_CAPABILITIES_LINKS = (
    Link(
        left=computer_system.SPEC,
        right=enabled_logical_element_capabilities.SPEC,
        rights_of=lambda context, row: (rows.capabilities_row(context, row[0]),),
        lefts_of=_machine,
        props=(Prop("Characteristics", Const((_DEFAULT,)), source="constant: machines have no others"),),
    ),
)

ASSOCIATIONS = (
    SYSTEM_DEVICE,
    SETTINGS_DEFINE_STATE,
    VIRTUAL_SYSTEM_SETTING_DATA_COMPONENT,
    ELEMENT_SETTING_DATA,
    DOMAIN_DEPENDENCY,
)

"""A machine's settings as a whole: which of them clients may write, and how.

A machine's name, uuid and type are its own from its definition on.

Source: DSP1057 1.0 and DSP1042 1.0, CIM_VirtualSystemSettingData.
Errors: CimError INVALID_PARAMETER, naming the property.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.records import NumaCell
from xencim.providers.core.parameters.ranges import numbers
from xencim.providers.management.given import demand_told, differing
from xencim.providers.management.resource import Outcome, affected
from xencim.providers.vm.rows import Origin, system_setting_id, system_settings_row
from xencim.providers.vm.virtual_system_setting_data import SPEC

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xencim.mof.values import Value
    from xencim.providers.backends.records import MachineConfig, VirtualMachine
    from xencim.providers.core.spec import Context
    from xencim.providers.management.given import Given

_CLOCKS = ("utc", "localtime", "timezone", "variable")  # ClockOffset
_STARTUP = {2: False, 4: True}  # AutomaticStartupAction: none, always
_RECOVERY = {2: "destroy", 3: "restart"}  # AutomaticRecoveryAction: none, restart


def _field(name: str) -> Callable[[MachineConfig, Any], MachineConfig]:
    def set_field(config: MachineConfig, value: Any) -> MachineConfig:  # noqa: ANN401 - as the field is
        changed: dict[str, Any] = {name: None if value == "" else value}
        return replace(config, **changed)

    return set_field


def _notes(config: MachineConfig, value: tuple[str, ...]) -> MachineConfig:
    """Set the notes where there are not several: there is one place for them."""
    return replace(config, description=value[0] if value else None) if len(value) <= 1 else config


def _clock(config: MachineConfig, value: int) -> MachineConfig:
    return replace(config, clock_offset=_CLOCKS[value]) if value < len(_CLOCKS) else config


def _numa_cells(config: MachineConfig, value: tuple[str, ...]) -> MachineConfig:
    """Set the nodes where each is told in the usual form; the machine's memory is what they hold."""
    cells = []
    for text in value:
        processors, _, size = str(text or "").partition("/")
        try:
            cells.append(NumaCell(cpus=numbers(processors), memory_kib=int(size)))
        except ValueError:
            return config
    if not cells:
        return replace(config, numa_cells=())
    total_kib = sum(cell.memory_kib for cell in cells)
    memory = replace(config.memory, maximum_kib=total_kib, current_kib=total_kib)
    return replace(config, numa_cells=tuple(cells), memory=memory)


_SETTERS: Mapping[str, Callable[[MachineConfig, Any], MachineConfig]] = {
    "Caption": _field("title"),
    "Description": _field("description"),
    "Notes": _notes,
    "AutomaticRecoveryAction": lambda config, value: replace(
        config, on_crash=_RECOVERY.get(value, config.on_crash)
    ),
    "ClockOffset": _clock,
    "EnableACPI": _field("acpi"),
    "EnableAPIC": _field("apic"),
    "EnablePAE": _field("pae"),
    "Bootloader": _field("bootloader"),
    "BootloaderArgs": _field("bootloader_args"),
    "Kernel": _field("kernel"),
    "Ramdisk": _field("initrd"),
    "CommandLine": _field("command_line"),
    "BootDevices": _field("boot_devices"),
    "Emulator": _field("emulator"),
    "Arch": _field("arch"),
    "Machine": _field("machine"),
    "InitPath": _field("init_path"),
    "Firmware": _field("firmware"),
    "Loader": _field("loader"),
    "SecureBoot": _field("secure_boot"),
    "IsTemplate": _field("is_template"),
    "TPMVersion": _field("tpm_version"),
    "VirtualNUMANodes": _numa_cells,
}
_OF_THE_MACHINE: Mapping[str, Callable[[Any], bool | None]] = {
    "AutomaticStartupAction": _STARTUP.get,
    "AutoStart": {0: False, 1: True}.get,
}


def apply(context: Context, machine: VirtualMachine, origin: Origin, asked: Given) -> Outcome:
    """Return a machine with its settings as asked; whatever cannot be so is refused by name."""
    row = system_settings_row(context, machine, origin)
    if row is None:
        raise LookupError(f"{machine.name} has no {origin.name.lower()} definition")
    wanted = differing(SPEC, row, asked)
    for one in affected(machine, origin):
        machine = _set(machine, one, wanted)
    after = system_settings_row(context, machine, origin)
    demand_told(SPEC, after or row, asked, wanted)
    return Outcome(machine, system_setting_id(machine, context.view.host, origin), wanted)


def _set(machine: VirtualMachine, origin: Origin, wanted: Mapping[str, Value]) -> VirtualMachine:
    for name, switch in _OF_THE_MACHINE.items():
        started = switch(wanted[name]) if name in wanted else None
        if started is not None and machine.persistent and not (started and machine.current.is_template):
            machine = replace(machine, autostart=started)
    config = machine.current if origin is Origin.CURRENT else machine.stored
    if config is None:
        return machine
    for name, setter in _SETTERS.items():
        if name in wanted:
            config = setter(config, wanted[name])
    if origin is Origin.CURRENT:
        return replace(machine, current=config)
    return replace(machine, stored=config)

"""What a machine's settings tell of its platform: clock, mainboard, boot, firmware.

Source: DSP1057 leaves these to implementations; the names are libvirt-cim's, where it has one.
"""

from __future__ import annotations

from xencim.providers.core.parameters.ranges import ranges
from xencim.providers.core.spec import Prop

_CLOCK = {"utc": 0, "localtime": 1, "timezone": 2, "variable": 3}


def _xml(name: str, field: str, element: str) -> Prop:
    return Prop(
        name, lambda _vm, config, *_: getattr(config, field) or None, source=f"virDomainGetXMLDesc: {element}"
    )


def _feature(name: str, field: str) -> Prop:
    return Prop(
        name, lambda _vm, config, *_: getattr(config, field), source=f"virDomainGetXMLDesc: features/{field}"
    )


PLATFORM_PROPS = (
    Prop(
        "ClockOffset",
        lambda _vm, config, *_: _CLOCK.get(config.clock_offset or ""),
        source="virDomainGetXMLDesc: clock/@offset",
    ),
    _feature("EnableACPI", "acpi"),
    _feature("EnableAPIC", "apic"),
    _feature("EnablePAE", "pae"),
    Prop(
        "IsFullVirt",
        lambda _vm, config, *_: config.os_type == "hvm",
        source="virDomainGetXMLDesc: os/type",
    ),
    _xml("Bootloader", "bootloader", "bootloader"),
    _xml("BootloaderArgs", "bootloader_args", "bootloader_args"),
    _xml("Kernel", "kernel", "os/kernel"),
    _xml("Ramdisk", "initrd", "os/initrd"),
    _xml("CommandLine", "command_line", "os/cmdline"),
    _xml("BootDevices", "boot_devices", "os/boot"),
    _xml("Emulator", "emulator", "devices/emulator"),
    _xml("Arch", "arch", "os/type/@arch"),
    _xml("Machine", "machine", "os/type/@machine"),
    _xml("InitPath", "init_path", "os/init"),
    _xml("Firmware", "firmware", "os/@firmware"),
    _xml("Loader", "loader", "os/loader"),
    Prop(
        "SecureBoot",
        lambda _vm, config, *_: config.secure_boot,
        source="virDomainGetXMLDesc: os/loader/@secure",
    ),
    _xml("TPMVersion", "tpm_version", "devices/tpm/backend/@version"),
    Prop(
        "VirtualNUMANodes",
        lambda _vm, config, *_: (
            tuple(f"{ranges(cell.cpus)}/{cell.memory_kib}" for cell in config.numa_cells) or None
        ),
        source="virDomainGetXMLDesc: cpu/numa/cell",
    ),
)

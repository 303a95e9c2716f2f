"""Xen_LogicalDisk: a disk, CD-ROM or floppy drive of a machine.

The hypervisor does not tell the size of a block, and blocks of one byte say so
(CIM_StorageExtent.BlockSize); a drive without a medium has none.

Source: DSP1047 (CIM_LogicalDisk of a virtual disk).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.devices.common import NO_DESCRIPTION, device_keys, device_props
from xencim.providers.vm.rows import DISKS

if TYPE_CHECKING:
    from xencim.providers.backends.records import Disk, Host, VirtualMachine

_READABLE, _READ_WRITE = 1, 3
_FIXED_BLOCK = 2
_OS_DEVICE_NAME, _OS_DEVICE_NAMESPACE = 12, 8


def _access(_vm: VirtualMachine, disk: Disk, _host: Host) -> int:
    return _READABLE if disk.readonly or disk.device == "cdrom" else _READ_WRITE


def _serial(_vm: VirtualMachine, disk: Disk, _host: Host) -> tuple[str, ...] | None:
    return (disk.serial,) if disk.serial else None


_CAPACITY = "virDomainGetBlockInfo or virStorageVolGetInfo"

SPEC = ClassSpec(
    cim_class="LogicalDisk",
    rows=DISKS.device_rows(),
    profiles=("DSP1047", "DSP1057"),
    keys=device_keys(DISKS, "devices/disk/target"),
    props=(
        *device_props("Virtual disk", lambda disk: disk.target, "virDomainGetXMLDesc: devices/disk/target"),
        Prop("NameFormat", Const(_OS_DEVICE_NAME), source="constant: the name of the target"),
        Prop("NameNamespace", Const(_OS_DEVICE_NAMESPACE), source="constant: the name of the target"),
        Prop(
            "Purpose",
            lambda _vm, disk, _host: disk.device,
            source="virDomainGetXMLDesc: devices/disk/@device",
        ),
        Prop("Access", _access, source="virDomainGetXMLDesc: devices/disk/readonly"),
        Prop("OtherIdentifyingInfo", _serial, source="virDomainGetXMLDesc: devices/disk/serial"),
        Prop(
            "IdentifyingDescriptions",
            lambda _vm, disk, _host: ("Serial number",) if disk.serial else None,
            source="virDomainGetXMLDesc: devices/disk/serial",
        ),
        Prop("BlockSize", Const(1), source="constant: the size of a block is not told"),
        Prop("NumberOfBlocks", lambda _vm, disk, _host: disk.capacity_bytes, source=_CAPACITY),
        Prop("ConsumableBlocks", lambda _vm, disk, _host: disk.capacity_bytes, source=_CAPACITY),
        Prop("DataOrganization", Const(_FIXED_BLOCK), source="constant: it is a disk"),
        Prop("SequentialAccess", Const(value=False), source="constant: it is a disk"),
        Prop("Primordial", Const(value=False), source="constant: it is taken from a pool"),
    ),
    unfilled={
        **NO_DESCRIPTION,
        "NumExtentsMigrating": "a virtual disk has no extents",
        "ThinlyProvisioned": "a definition does not tell it",
    },
)

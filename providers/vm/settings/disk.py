"""Xen_DiskResourceAllocationSettingData: a disk, CD-ROM or floppy drive.

All are of ResourceType 17, as the pools they are taken from; EmulatedType tells them apart.

Source: DSP1047 (storage resource allocation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.pool_ids import pool_id
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.rows import DISKS
from xencim.providers.vm.settings.common import (
    NO_DESCRIPTION,
    PASSED_THROUGH,
    VIRTUALIZED,
    setting_keys,
    setting_props,
)

if TYPE_CHECKING:
    from xencim.providers.backends.records import Disk, VirtualMachine
    from xencim.providers.core.spec import Row

_DISK_DRIVE = 17
_EMULATED = {"disk": 0, "cdrom": 1, "floppy": 2, "fs": 3, "lun": 4}
_CAPTION = {
    "cdrom": "Virtual CD-ROM drive",
    "floppy": "Virtual floppy drive",
    "lun": "Passed-through disk",
}


LIMITS = {
    "TotalBandwidthLimit": "total_bytes_s",
    "ReadBandwidthLimit": "read_bytes_s",
    "WriteBandwidthLimit": "write_bytes_s",
    "TotalIOPSLimit": "total_iops",
    "ReadIOPSLimit": "read_iops",
    "WriteIOPSLimit": "write_iops",
}
"""Properties by the fields that they tell."""


def _address(_vm: VirtualMachine, disk: Disk, *_: Row) -> str | None:
    if disk.source is None and disk.pool and disk.volume:
        return f"{disk.pool}/{disk.volume}"
    return disk.source


def _xml(name: str, field: str, element: str) -> Prop:
    return Prop(
        name,
        lambda _vm, disk, *_: getattr(disk, field),
        source=f"virDomainGetXMLDesc: devices/disk/{element}",
    )


SPEC = ClassSpec(
    cim_class="DiskResourceAllocationSettingData",
    rows=DISKS.setting_rows(),
    profiles=("DSP1047", "DSP1041"),
    keys=setting_keys(DISKS, "devices/disk/target"),
    props=(
        *setting_props(_DISK_DRIVE, lambda disk: disk.target, "virDomainGetXMLDesc: devices/disk/target"),
        Prop(
            "Caption",
            lambda _vm, disk, *_: _CAPTION.get(disk.device, "Virtual disk"),
            source="virDomainGetXMLDesc: devices/disk/@device",
        ),
        Prop(
            "ConsumerVisibility",
            lambda _vm, disk, *_: PASSED_THROUGH if disk.device == "lun" else VIRTUALIZED,
            source="virDomainGetXMLDesc: devices/disk/@device",
        ),
        _xml("ResourceSubType", "device", "@device"),
        Prop(
            "EmulatedType",
            lambda _vm, disk, *_: _EMULATED.get(disk.device),
            source="virDomainGetXMLDesc: devices/disk/@device",
        ),
        Prop(
            "PoolID",
            lambda _vm, _disk, _origin, pool: pool_id("Disk", pool),
            source="virDomainGetXMLDesc: devices/disk/source; the pool whose folder it is in",
        ),
        Prop("Address", _address, source="virDomainGetXMLDesc: devices/disk/source"),
        Prop("AllocationUnits", Const("byte"), source="constant: the unit of the records"),
        Prop("VirtualQuantityUnits", Const("byte"), source="constant: the unit of the records"),
        Prop(
            "VirtualQuantity",
            lambda _vm, disk, *_: disk.capacity_bytes,
            source="virDomainGetBlockInfo or virStorageVolGetInfo",
        ),
        _xml("VirtualDevice", "target", "target/@dev"),
        _xml("BusType", "bus", "target/@bus"),
        _xml("readonly", "readonly", "readonly"),
        _xml("shareable", "shareable", "shareable"),
        _xml("DriverName", "driver_name", "driver/@name"),
        _xml("DriverType", "driver_type", "driver/@type"),
        _xml("DriverCache", "cache", "driver/@cache"),
        *(
            Prop(
                name,
                lambda _vm, disk, *_, field=field: getattr(disk, field) or 0,
                source="virDomainGetXMLDesc: devices/disk/iotune",
            )
            for name, field in LIMITS.items()
        ),
        _xml("BootOrder", "boot_order", "boot/@order"),
    ),
    unfilled=NO_DESCRIPTION,
)

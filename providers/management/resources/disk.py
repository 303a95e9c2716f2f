"""Disks, CD-ROM and floppy drives.

A new disk names its medium: the path of an image or device, or ``pool/volume``; drives of removable
media may be empty. Or it names a storage pool and its size: then a volume is made for it, called after
machine and disk.

Source: DSP1047 1.0 (storage resource allocation).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.records import Disk, StoragePool, Volume
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.pool_ids import pool_name
from xencim.providers.management.resource import Resource
from xencim.providers.management.units import in_unit
from xencim.providers.vm.rows import DISKS, config_of, origins
from xencim.providers.vm.settings.disk import LIMITS, SPEC

if TYPE_CHECKING:
    from xencim.providers.management.given import Given
    from xencim.providers.management.resource import Scene, Setter

_DEVICES = {0: "disk", 1: "cdrom", 2: "floppy", 4: "lun"}  # EmulatedType
_REMOVABLE = frozenset({"cdrom", "floppy"})
_BUS = {"xvd": "xen", "vd": "virtio", "hd": "ide", "fd": "fdc"}
_PREFIX = {"xen": "xvd", "virtio": "vd", "ide": "hd", "fdc": "fd", "scsi": "sd", "sata": "sd", "usb": "sd"}
_FILE_POOLS = frozenset({"dir", "fs", "netfs"})
_FORMATS = {"qcow2": "qcow2", "vmdk": "vmdk", "vhd": "vpc", "vhdx": "vhdx", "qed": "qed"}


def _in_bytes(asked: Given, is_new: bool) -> Given:  # noqa: FBT001 - a fact
    if is_new and "VirtualQuantity" in asked.values and "Address" in asked.values:
        raise asked.refusal("VirtualQuantity", "a new disk is as large as its medium, which is there already")
    return in_unit(asked, "byte", {"VirtualQuantity": "VirtualQuantityUnits"}, 1)


def _make(asked: Given, scene: Scene) -> Disk:
    emulated = asked.number("EmulatedType")
    device = asked.text("ResourceSubType") or "disk" if emulated is None else _DEVICES.get(emulated, "")
    if device not in _DEVICES.values():
        name = "ResourceSubType" if emulated is None else "EmulatedType"
        raise asked.refusal(name, f"{asked.values[name]!r} is none of those that can be added")
    target = asked.text("VirtualDevice")
    if target is not None:
        bus = next((bus for prefix, bus in _BUS.items() if target.startswith(prefix)), None)
    else:
        bus = asked.text("BusType") or _usual_bus(scene, device)
        target = _free_target(scene, _PREFIX.get(bus, "sd"))
    disk = Disk(target=target, device=device, bus=bus, readonly=device == "cdrom")
    if device in _REMOVABLE and "VirtualQuantity" in asked.values:
        raise asked.refusal("VirtualQuantity", "a removable medium has its own size")
    is_medium_given = device in _REMOVABLE or asked.text("Address")
    return disk if is_medium_given else _on_new_volume(disk, asked, scene)


def _on_new_volume(disk: Disk, asked: Given, scene: Scene) -> Disk:
    """Return a disk whose medium is still to be made, in the pool that is named."""
    pool_id, size = asked.text("PoolID"), asked.number("VirtualQuantity")
    if not pool_id or not size:
        raise asked.refusal(
            "Address",
            "a disk needs a medium: the path of an image, pool/volume, or PoolID and VirtualQuantity",
        )
    try:
        name = pool_name("Disk", pool_id)[1]
    except LookupError:
        name = None
    pool = scene.context.view.get(StoragePool, name or "")
    if pool is None or pool.target_path is None or pool.type not in {*_FILE_POOLS, "logical"}:
        raise asked.refusal("PoolID", f"no volume can be made for a disk in {pool_id!r}")
    is_file = pool.type in _FILE_POOLS
    own_format = asked.text("DriverType") or ("qcow2" if is_file else "raw")
    volume = f"{scene.machine.name}-{disk.target}".replace("/", "-") + (f".{own_format}" if is_file else "")
    return replace(
        disk,
        source_type="file" if is_file else "block",
        source=f"{pool.target_path.rstrip('/')}/{volume}",
        driver_type=own_format,
    )


def _usual_bus(scene: Scene, device: str) -> str:
    config = scene.machine.current
    if device == "floppy":
        return "fdc"
    if device == "cdrom":
        return "sata" if "q35" in (config.machine or "") else "ide"
    return "virtio" if scene.context.view.host.prefix == "KVM" else "xen"


def _free_target(scene: Scene, prefix: str) -> str:
    taken = {
        disk.target
        for origin in origins(scene.machine)
        for disk in getattr(config_of(scene.machine, origin), "disks", ())
    }
    number = 0
    while f"{prefix}{_letters(number)}" in taken:
        number += 1
    return f"{prefix}{_letters(number)}"


def _letters(number: int) -> str:
    """Count as device names do: a, b, …, z, aa, ab, …."""
    text = chr(ord("a") + number % 26)
    return text if number < 26 else _letters(number // 26 - 1) + text  # noqa: PLR2004 - the alphabet


def _target(disk: Disk, value: str, scene: Scene) -> Disk:
    """Call a disk anew; its system would see another one, so not while it runs."""
    return disk if scene.is_live else replace(disk, target=value)


def _medium(disk: Disk, value: str, scene: Scene) -> Disk:
    disk = replace(disk, source=None, pool=None, volume=None, capacity_bytes=None)
    if not value:
        return disk
    pool, _, volume = value.partition("/")
    if pool and volume and scene.context.view.get(StoragePool, pool):
        own_format = disk.driver_type or _volume_format(value, scene)
        return replace(disk, source_type="volume", pool=pool, volume=volume, driver_type=own_format)
    is_device = value.startswith("/dev/")
    own_format = "raw" if is_device else _format_by_name(value)
    return replace(
        disk,
        source_type="block" if is_device else "file",
        source=value,
        driver_type=disk.driver_type or own_format,
    )


def _format_by_name(name: str) -> str:
    return _FORMATS.get(name.rpartition(".")[2].lower(), "raw")


def _volume_format(key: str, scene: Scene) -> str:
    """Return what a volume's name says that it holds.

    What it seems to hold may be a guest's doing: one that has a raw disk can write the head of an image
    into it, whose backing file is any of the host's.
    """
    known, named = scene.context.view.get(Volume, key), _format_by_name(key)
    if known is not None and named == "raw" and known.format in _FORMATS.values():
        raise CimError(
            Status.INVALID_PARAMETER,
            f"{SPEC.cim_class}: volume {key!r} looks like {known.format}, and its name does not say so",
            hint="DriverType says what it is: raw, if a guest may have written all of it",
        )
    return named


def _limit(field: str) -> Setter:
    """Return what sets a limit; 0 is none."""
    return lambda disk, value, _scene: replace(disk, **{field: value or None})


RESOURCE = Resource(
    spec=SPEC,
    parts=DISKS,
    field="disks",
    resource_types=(17, 14, 15, 16, 31),
    make=_make,
    normalised=_in_bytes,
    setters={
        "VirtualDevice": _target,
        "EmulatedType": lambda disk, value, _scene: replace(disk, device=_DEVICES.get(value, disk.device)),
        "ResourceSubType": lambda disk, value, _scene: replace(disk, device=value),
        "BusType": lambda disk, value, _scene: replace(disk, bus=value),
        "DriverName": lambda disk, value, _scene: replace(disk, driver_name=value or None),
        "DriverType": lambda disk, value, _scene: replace(disk, driver_type=value or None),
        "Address": _medium,
        "VirtualQuantity": lambda disk, value, _scene: replace(disk, capacity_bytes=value),
        "DriverCache": lambda disk, value, _scene: replace(disk, cache=value or None),
        "readonly": lambda disk, value, _scene: replace(disk, readonly=value),
        "shareable": lambda disk, value, _scene: replace(disk, shareable=value),
        **{name: _limit(field) for name, field in LIMITS.items()},
        "BootOrder": lambda disk, value, _scene: replace(disk, boot_order=value or None),
    },
)

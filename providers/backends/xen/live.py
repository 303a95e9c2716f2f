"""What a domain has at the moment, from xenstore: name, memory, processors, devices.

Source: Xen's docs/misc/xenstore-paths.pandoc; under /libxl only Xen's toolstack writes.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xencim.providers.backends.records import Console, Disk, Nic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.backends.xen.xenstore import Xenstore

_INCOMING = "--incoming"
"""What xl puts behind a name while a machine arrives; its memory is not all there."""
_SINGLE = (
    "name",
    "memory/target",
    "memory/static-max",
    "memory/videoram",
    "console/tty",
    "image/device-model-domid",
)
_DISK = ("dev", "params", "type", "mode", "device-type", "backend")
_NIC = ("mac", "bridge", "backend")
_SERVED = re.compile(r"/local/domain/([1-9]\d*)/")


@dataclass(frozen=True, slots=True)
class Live:
    """A domain's present, as far as xenstore tells it."""

    name: str
    kind: str = "pv"  # pv, pvh, hvm
    memory_kib: int | None = None
    maximum_kib: int | None = None
    vcpus_online: tuple[int, ...] = ()
    vcpus: int = 0
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    consoles: tuple[Console, ...] = ()
    disk_numbers: tuple[tuple[int, str], ...] = ()  # of their devices, and their targets
    needs: tuple[int, ...] = ()  # the domains that serve its devices, but Domain-0, or emulate them


def watched(number: int) -> tuple[str, ...]:
    """Return what is watched of each domain; its devices are under /libxl, watched for all."""
    return (f"/local/domain/{number}/memory/target", f"/local/domain/{number}/cpu")


async def read(store: Xenstore, number: int) -> Live | None:
    """Read a domain; None while it has no name, so is still being made, or is gone."""
    home, kept = f"/local/domain/{number}", f"/libxl/{number}"
    told, vcpus, disks, nics = await asyncio.gather(
        store.values([*(f"{home}/{name}" for name in _SINGLE), f"{kept}/type"]),
        _vcpus(store, home),
        _devices(store, f"{kept}/device/vbd", _DISK),
        _devices(store, f"{kept}/device/vif", _NIC),
    )
    name, target, console = told.get("name"), _number(told.get("target")), told.get("tty")
    if not name or name.endswith(_INCOMING):
        return None
    return Live(
        name=name,
        kind=told.get("type") or "pv",
        memory_kib=None if target is None else target + max(0, _number(told.get("videoram")) or 0),
        maximum_kib=_number(told.get("static-max")),
        vcpus_online=tuple(index for index, is_online in vcpus.items() if is_online),
        vcpus=len(vcpus),
        disks=tuple(_disk(disk) for disk in disks.values() if "dev" in disk),
        nics=tuple(_nic(nic, f"vif{number}.{index}") for index, nic in nics.items() if "mac" in nic),
        consoles=(_console(console),) if console else (),
        disk_numbers=tuple((int(device), disk["dev"]) for device, disk in disks.items() if "dev" in disk),
        needs=_needed(told, *disks.values(), *nics.values()),
    )


async def _vcpus(store: Xenstore, home: str) -> dict[int, bool]:
    names = sorted(int(name) for name in await store.directory(f"{home}/cpu") if name.isdecimal())
    told = await asyncio.gather(*(store.read(f"{home}/cpu/{index}/availability") for index in names))
    return {index: state == "online" for index, state in zip(names, told, strict=True)}


async def _devices(store: Xenstore, folder: str, names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    indexes = await store.directory(folder)
    told = await asyncio.gather(
        *(store.values(f"{folder}/{index}/{name}" for name in names) for index in indexes)
    )
    return dict(zip(indexes, told, strict=True))


def _needed(machine: Mapping[str, str], *devices: Mapping[str, str]) -> tuple[int, ...]:
    """Return the stub domain that emulates devices, and the driver domains that serve some."""
    stub = _number(machine.get("device-model-domid"))
    served = (_SERVED.match(device.get("backend", "")) for device in devices)
    return tuple(sorted({int(match[1]) for match in served if match} | ({stub} if stub else set())))


def _disk(told: Mapping[str, str]) -> Disk:
    kind, _, path = told.get("params", "").rpartition(":")
    return Disk(
        target=told["dev"],
        device="cdrom" if told.get("device-type") == "cdrom" else "disk",
        bus="ide" if told["dev"].startswith("hd") else "xen",
        source_type="block" if path.startswith("/dev/") else "file",
        source=path or None,
        driver_name="phy" if told.get("type") == "phy" else "qemu",
        driver_type="raw" if kind in {"", "aio"} else kind,
        readonly=told.get("mode") == "r",
    )


def _nic(told: Mapping[str, str], device: str) -> Nic:
    bridge = told.get("bridge") or None
    return Nic(
        mac=told["mac"].lower(),
        source_type="bridge" if bridge else "ethernet",
        bridge=bridge,
        target_dev=device,
    )


def _console(path: str) -> Console:
    return Console(index=0, source_type="pty", source_path=path, target_type="xen")


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.lstrip("-").isdecimal() else None

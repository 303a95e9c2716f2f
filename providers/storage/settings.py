"""What clients want of storage, as records: embedded settings of pools and volumes.

Every property that is given is carried out or refused by its name. Names and paths reach the programs
that a hypervisor calls, so that nothing that looks like an option or climbs out of a folder is let through.

Source: DSP1041 1.1 (settings as input of CreateChildResourcePool); libvirt-cim's settings of these names.
Errors: CimError INVALID_PARAMETER, naming parameter, class and property.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xencim.mof.values import Instance, TypedValue
from xencim.providers.backends.records import PoolBuild, PoolState, StoragePool, Volume
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.pool_ids import concrete_pool_id, pool_id
from xencim.providers.management.units import in_unit
from xencim.providers.pools.wanted import NAME, demand_only, demand_type, wanted_name

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import View
    from xencim.providers.management.given import Given

FIXED_POOLS = frozenset({"iscsi", "iscsi-direct", "scsi", "mpath"})
"""Pools whose volumes are made where they come from, not here."""
DISK_DRIVE = 17
"""ResourceType of pools, and of what is in them."""
_WORD = re.compile(r"(?!-)[^\s\x00-\x1f\x7f]{1,1024}\Z")
_LINE = re.compile(r"[^\x00-\x1f\x7f]{1,1024}\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
FORMATS = {0: None, 1: "raw", 2: "qcow2"}


@dataclass(frozen=True, slots=True)
class PoolType:
    """What a type of pool is called by libvirt, what must be given for it, and what may be."""

    name: str
    needs: frozenset[str]
    takes: frozenset[str] = frozenset()


_LOGIN = frozenset({"HostPort", "UserName", "SecretUUID", "SecretUsage"})
_FORMATTED = frozenset({"SourceFormat", "Build"})
POOL_TYPES = {
    1: PoolType("dir", frozenset({"Path"})),
    2: PoolType("fs", frozenset({"Path", "DevicePaths"}), _FORMATTED),
    3: PoolType("netfs", frozenset({"Path", "Host", "SourceDirectory"}), frozenset({"SourceFormat"})),
    4: PoolType("disk", frozenset({"DevicePaths"}), _FORMATTED | {"Path"}),
    5: PoolType("iscsi", frozenset({"Host", "DevicePaths"}), _LOGIN | {"Path"}),
    6: PoolType("logical", frozenset(), _FORMATTED | {"Path", "DevicePaths"}),
    7: PoolType("scsi", frozenset(), frozenset({"Path", "AdapterName", "PortName", "NodeName"})),
    8: PoolType("iscsi-direct", frozenset({"Host", "DevicePaths", "InitiatorName"}), _LOGIN),
    9: PoolType("mpath", frozenset(), frozenset({"Path"})),
    10: PoolType("rbd", frozenset({"Host", "SourceName"}), _LOGIN),
    11: PoolType("gluster", frozenset({"Host", "SourceName"}), frozenset({"SourceDirectory", "HostPort"})),
    12: PoolType("zfs", frozenset({"SourceName"}), frozenset({"DevicePaths", "Build"})),
    13: PoolType("vstorage", frozenset({"SourceName", "Path"})),
}
"""By the number that Type has."""
POOL_TARGETS = {
    "disk": "/dev",
    "iscsi": "/dev/disk/by-path",
    "scsi": "/dev/disk/by-path",
    "mpath": "/dev/mapper",
}
"""Where volumes appear when nobody says it."""
_TARGET_NAMES = frozenset({"iscsi", "iscsi-direct"})
"""Pools whose device is a target's name, no path."""
_ON_SERVERS = frozenset({"rbd"})
"""Pools that any of several servers gives: their names stand in Host with commas between."""
_ON_MANY = frozenset({"logical", "zfs"})
_BUILDS = {0: None, 1: PoolBuild.NEW, 2: PoolBuild.OVERWRITE}
_LAST_PORT = 65535


def wanted_pool(asked: Given, name: str | None) -> StoragePool:
    """Return the pool that settings ask for; ``name`` is the method's ElementName."""
    kind = POOL_TYPES.get(asked.number("Type") or 0)
    if kind is None:
        known = ", ".join(f"{number} {one.name}" for number, one in POOL_TYPES.items())
        raise asked.refusal("Type", f"it is one of {known}")
    demand_only(
        asked, {"Type", "Autostart", "PoolID", *kind.needs, *kind.takes}, f"a pool of type {kind.name}"
    )
    demand_type(asked, DISK_DRIVE, kind.name, f"Type says {kind.name}")
    for needed in sorted(kind.needs):
        if not asked.values.get(needed):
            raise asked.refusal(needed, f"a pool of type {kind.name} needs it")
    own = wanted_name(asked, "Disk", name)
    adapter, port, node = (_word(asked, each) for each in ("AdapterName", "PortName", "NodeName"))
    if kind.name == "scsi" and not adapter and not (port and node):
        raise asked.refusal("AdapterName", "a pool of type scsi needs it, or PortName and NodeName")
    path = _path(asked, "Path")
    user, uuid, usage = _login(asked)
    autostart = asked.values.get("Autostart")
    return StoragePool(
        name=own,
        uuid="",
        type=kind.name,
        state=PoolState.INACTIVE,
        autostart=None if autostart is None else bool(autostart),
        target_path=_target(kind.name, path, own),
        source_host=_servers(asked, kind.name),
        source_host_port=_port(asked),
        source_path=_path(asked, "SourceDirectory"),
        source_devices=_devices(asked, kind.name),
        source_name=posixpath.basename(path or own) if kind.name == "logical" else _word(asked, "SourceName"),
        source_format=_word(asked, "SourceFormat"),
        source_initiator=_word(asked, "InitiatorName"),
        source_adapter=adapter,
        source_port=port,
        source_node=node,
        auth_user=user,
        secret_uuid=uuid,
        secret_usage=usage,
    )


def wanted_build(asked: Given, pool: StoragePool) -> PoolBuild | None:
    """Return how a pool's devices are to be made ready, None where they are taken as they are."""
    number = asked.number("Build") or 0
    if number not in _BUILDS:
        raise asked.refusal("Build", "it is 0 (as it is), 1 (only what is empty) or 2 (overwrite)")
    build = _BUILDS[number]
    if build and not pool.source_devices:
        raise asked.refusal("DevicePaths", "it says what Build is to write to")
    if build and pool.type == "fs" and pool.source_format is None:
        raise asked.refusal("SourceFormat", "it says which file system Build is to make")
    if build is PoolBuild.OVERWRITE and pool.type == "zfs":
        raise asked.refusal("Build", "a zpool is made on empty devices only (1)")
    return build


def _login(asked: Given) -> tuple[str | None, str | None, str | None]:
    """Return who logs in, and UUID or usage of the secret: itself it is the hypervisor's."""
    user, uuid, usage = (_word(asked, name) for name in ("UserName", "SecretUUID", "SecretUsage"))
    if not user and (uuid or usage):
        raise asked.refusal("UserName", "it says whose secret it is")
    if user and bool(uuid) == bool(usage):
        raise asked.refusal("SecretUUID", "it or SecretUsage names UserName's secret, one of them")
    if uuid and not _UUID.match(uuid):
        raise asked.refusal("SecretUUID", f"{uuid!r} is no UUID")
    return user, uuid, usage


def _servers(asked: Given, kind: str) -> str | None:
    """Return the server, or the servers of a pool that may have several."""
    host = _word(asked, "Host")
    names = host.split(",") if host else []
    if len(names) > 1 and kind not in _ON_SERVERS:
        raise asked.refusal("Host", f"a pool of type {kind} comes from one server")
    if "" in names:
        raise asked.refusal("Host", f"{host!r} makes no sense")
    return host


def _port(asked: Given) -> int | None:
    port = asked.number("HostPort")
    if port is not None and not 0 < port <= _LAST_PORT:
        raise asked.refusal("HostPort", f"it is 1 to {_LAST_PORT}")
    return port


def pool_type(number: object) -> str:
    """Return what libvirt calls a type of pool."""
    kind = POOL_TYPES.get(number) if isinstance(number, int) else None
    if kind is None:
        raise CimError(Status.INVALID_PARAMETER, f"Type: {number} is no type of pool")
    return kind.name


def checked_host(value: object) -> str | None:
    """Return the name of a server to ask, None where there is none."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _WORD.match(value):
        raise CimError(Status.INVALID_PARAMETER, f"Host: {value!r} makes no sense")
    return value


def described(source: StoragePool, class_name: str) -> Instance:
    """Return what a pool could be made from as settings that make it."""
    number = next(number for number, kind in POOL_TYPES.items() if kind.name == source.type)
    told = {
        "Type": TypedValue("uint16", number),
        "Host": TypedValue("string", source.source_host),
        "SourceDirectory": TypedValue("string", source.source_path),
        "DevicePaths": TypedValue("string", source.source_devices or None),
        "Path": TypedValue("string", f"/dev/{source.source_name}" if source.type == "logical" else None),
        "SourceName": TypedValue("string", None if source.type == "logical" else source.source_name),
    }
    return Instance(class_name, {name: typed for name, typed in told.items() if typed.value is not None})


def _target(kind: str, path: str | None, name: str) -> str | None:
    return path or (f"/dev/{name}" if kind == "logical" else POOL_TARGETS.get(kind))


def _devices(asked: Given, kind: str) -> tuple[str, ...]:
    devices = asked.values.get("DevicePaths") or ()
    paths = tuple(str(device) for device in devices) if isinstance(devices, tuple) else ()
    for path in paths:
        if not _WORD.match(path) or (kind not in _TARGET_NAMES and not _is_path(path)):
            raise asked.refusal("DevicePaths", f"{path!r} is no device")
    if len(paths) > 1 and kind not in _ON_MANY:
        raise asked.refusal("DevicePaths", f"a pool of type {kind} is on one device")
    return paths


def wanted_volume(asked: Given, pool: StoragePool, view: View) -> Volume:
    """Return the volume that settings ask for in a pool."""
    counted = in_unit(
        asked, "byte", {"Capacity": "AllocationUnits", "AllocationQuantity": "AllocationUnits"}, 1
    )
    known = {"VolumeName", "Path", "PoolID", "FormatType", "AllocationQuantity", "Capacity", "BackingVolume"}
    demand_only(counted, known, "a volume")
    demand_type(counted, DISK_DRIVE, None, "")
    _demand_pool(counted, pool)
    name = _volume_name(counted, pool)
    backing = _backing(counted, view)
    form = _format(counted, pool, backing)
    capacity = counted.number("Capacity") or (backing.capacity_bytes if backing else None)
    if not capacity:
        raise counted.refusal("Capacity", "a volume needs a size")
    allocation = counted.number("AllocationQuantity")
    if allocation is not None and allocation > capacity:
        raise counted.refusal("AllocationQuantity", "it is more than Capacity")
    if allocation is None and pool.is_folder:
        allocation = 0
    return Volume(
        pool=pool.name,
        name=name,
        capacity_bytes=capacity,
        allocation_bytes=allocation,
        format=form,
        backing_path=backing.path if backing else None,
        backing_format=backing.format if backing else None,
    )


def named_volume(asked: Given, pool: StoragePool, view: View) -> Volume:
    """Return the volume of a pool that settings name by VolumeName, or by Path alone."""
    known = {"VolumeName", "Path", "PoolID", "FormatType", "AllocationQuantity", "Capacity"}
    demand_only(asked, known, "the name of a volume")
    _demand_pool(asked, pool)
    name = _volume_name(asked, pool)
    volume = view.get(Volume, f"{pool.name}/{name}")
    if volume is None:
        raise CimError(Status.NOT_FOUND, f"{asked.what}: there is no volume {name!r} in pool {pool.name!r}")
    return volume


def checked_name(what: str, name: object) -> str:
    """Return the name of a volume that is to be made."""
    if not isinstance(name, str) or not NAME.match(name):
        raise CimError(Status.INVALID_PARAMETER, f"{what}: {name!r} is no name of a volume")
    return name


def _volume_name(asked: Given, pool: StoragePool) -> str:
    name, path = asked.text("VolumeName"), asked.text("Path")
    folder = (pool.target_path or "").rstrip("/")
    if path:
        parent, own = posixpath.split(path)
        if path.rstrip("/") != folder and (parent != folder or own != (name or own)):
            raise asked.refusal("Path", f"{path!r} is not in pool {pool.name!r}, whose folder is {folder!r}")
        if path.rstrip("/") != folder:
            name = own
    if not name or not NAME.match(name):
        raise asked.refusal("VolumeName", f"{name or ''!r} is no name of a volume")
    return name


def _backing(asked: Given, view: View) -> Volume | None:
    told = asked.text("BackingVolume")
    if told is None:
        return None
    volume = view.get(Volume, told)
    if volume is None or volume.path is None:
        raise asked.refusal("BackingVolume", f"there is no volume {told!r} (a pool's name, a slash, its own)")
    return volume


def _format(asked: Given, pool: StoragePool, backing: Volume | None) -> str | None:
    number = asked.number("FormatType") or 0
    if number not in FORMATS:
        raise asked.refusal("FormatType", "it is 0 (default), 1 (raw) or 2 (qcow2)")
    form = FORMATS[number]
    if not pool.is_folder:
        if form == "qcow2" or backing:
            raise asked.refusal("FormatType", f"volumes of a pool of type {pool.type} are raw devices")
        return None
    if backing and form == "raw":
        raise asked.refusal("FormatType", "raw holds no differences to a BackingVolume, qcow2 does")
    return form or ("qcow2" if backing else "raw")


def _demand_pool(asked: Given, pool: StoragePool) -> None:
    told = asked.text("PoolID")
    if told and told not in {pool_id("Disk"), concrete_pool_id("Disk", pool.name)}:
        raise asked.refusal("PoolID", f"{told!r} is not the pool that the method is given, {pool.name!r}")


def _word(asked: Given, name: str) -> str | None:
    value = asked.text(name)
    if value is not None and not _WORD.match(value):
        raise asked.refusal(name, f"{value!r} makes no sense")
    return value


def _path(asked: Given, name: str) -> str | None:
    value = asked.text(name)
    if value is not None and not _is_path(value):
        raise asked.refusal(name, f"{value!r} is no absolute path, or not in its shortest form")
    return None if value is None else value.rstrip("/") or "/"


def _is_path(value: str) -> bool:
    return (
        bool(_LINE.match(value))
        and value.startswith("/")
        and posixpath.normpath(value) == (value.rstrip("/") or "/")
    )

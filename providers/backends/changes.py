"""What two definitions of a machine differ in, one by one and by name.

A wanted definition is the whole of it; what is to be done are its differences to the present one.
Devices are told apart by what stays when others come and go (`KEYS`).

Errors: BackendError: invalid for a definition that makes no sense, unsupported for what no hypervisor
changes; the text names the property and the device.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from xencim.providers.backends.records import CpuAllocation, Disk, Host, MachineConfig, MemoryAllocation

KEYS: dict[str, Callable[[Any], str]] = {
    "vcpus": lambda vcpu: f"{vcpu.index}",
    "disks": lambda disk: disk.target,
    "nics": lambda nic: nic.mac,
    "graphics": lambda display: f"{display.type}:{display.index}",
    "inputs": lambda device: f"{device.type}:{device.bus or ''}:{device.index}",
    "consoles": lambda console: f"{console.index}",
    "controllers": lambda controller: f"{controller.type}:{controller.index}",
}
_GROUPS = ("cpu", "memory")
# Processors come and go by their count; a machine type's short name becomes the newest of its kind; a
# password is never told.
_TOLD_OTHERWISE = frozenset({"vcpus+", "vcpus-", "machine", "graphics.password"})
REMOVABLE = frozenset({"cdrom", "floppy"})
MEDIUM = frozenset({"source", "source_type", "pool", "volume", "driver_name", "driver_type"})


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; a device that comes has no ``old``, one that goes has no ``new``."""

    part: str  # the field of MachineConfig: disks, cpu, title
    key: str | None  # which device
    field: str | None  # which field of it; None: the device as a whole
    old: Any
    new: Any

    @property
    def name(self) -> str:
        """What a person calls it: disks[vda].cache."""
        key = "" if self.key is None else f"[{self.key}]"
        return f"{self.part}{key}" + ("" if self.field is None else f".{self.field}")

    @property
    def kind(self) -> str:
        """What sort it is, whichever device: disks+, disks-, disks.cache, cpu.count, title."""
        if self.field is not None:
            return f"{self.part}.{self.field}"
        if self.key is None:
            return self.part
        return f"{self.part}+" if self.old is None else f"{self.part}-"


def changes(old: MachineConfig, new: MachineConfig) -> tuple[Change, ...]:
    """Return all differences, in the order of MachineConfig's fields."""
    return tuple(
        change
        for field in fields(new)
        for change in _changes(field.name, getattr(old, field.name), getattr(new, field.name))
    )


def _changes(part: str, old: Any, new: Any) -> Iterator[Change]:  # noqa: ANN401 - whatever the field holds
    if part in KEYS:
        before = {KEYS[part](item): item for item in old}
        after = {KEYS[part](item): item for item in new}
        for key in dict.fromkeys((*before, *after)):
            if key not in before or key not in after:
                yield Change(part, key, None, before.get(key), after.get(key))
            else:
                yield from _fields(part, key, before[key], after[key])
    elif part in _GROUPS:
        yield from _fields(part, None, old, new)
    elif old != new:
        yield Change(part, None, None, old, new)


def _fields(part: str, key: str | None, old: Any, new: Any) -> Iterator[Change]:  # noqa: ANN401 - any record
    for field in fields(new):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before != after:
            yield Change(part, key, field.name, before, after)


def unmet(old: MachineConfig, wanted: MachineConfig, now: MachineConfig) -> list[str]:
    """Name what was to change and has not; what the hypervisor adds by itself is none of it."""
    wanted = renumbered(wanted)
    left = {change.name: change for change in changes(now, wanted)}
    return [
        change.name
        for change in changes(old, wanted)
        if change.kind not in _TOLD_OTHERWISE
        and not _follows(old, change)
        and change.name in left
        # No value leaves the choice to the hypervisor: it must only have let go of the old one.
        and (change.new is not None or left[change.name].old == change.old)
    ]


def rebased(old: MachineConfig, wanted: MachineConfig, now: MachineConfig) -> MachineConfig:
    """Return what a definition is to be when it is not what it was thought to be (``old``) any more.

    Only what was to change changes; what others did meanwhile stays.
    """
    found: dict[str, Any] = {}
    for field in fields(wanted):
        name = field.name
        before, after, present = getattr(old, name), getattr(wanted, name), getattr(now, name)
        if before != after:
            if name in KEYS:
                after = _rebased_devices(name, before, after, present)
            elif name in _GROUPS:
                after = _rebased(before, after, present)
            found[name] = after
    return replace(now, **found)


def _rebased(before: Any, after: Any, present: Any) -> Any:  # noqa: ANN401 - any record
    changed = [f.name for f in fields(after) if getattr(before, f.name) != getattr(after, f.name)]
    return replace(present, **{name: getattr(after, name) for name in changed})


def _rebased_devices(part: str, *definitions: Iterable[Any]) -> tuple[Any, ...]:
    before, after, present = ({KEYS[part](item): item for item in items} for items in definitions)
    for key in after.keys() & before.keys() - present.keys():
        if after[key] != before[key] and part != "vcpus":
            raise BackendError("not_found", f"{part}[{key}] is not there any more")
    kept = {key: device for key, device in present.items() if key in after or key not in before}
    changed = {key: _rebased(before[key], after[key], kept[key]) for key in before.keys() & kept.keys()}
    return tuple({**kept, **changed, **{key: after[key] for key in after if key not in before}}.values())


def renumbered(config: MachineConfig) -> MachineConfig:
    """Count anew what is counted among its kind, as the hypervisor does when some are gone."""
    return replace(
        config,
        graphics=_counted(config.graphics, lambda display: display.type),
        inputs=_counted(config.inputs, lambda device: (device.type, device.bus)),
        consoles=_counted(config.consoles, lambda _console: None),
    )


def _counted(devices: Iterable[Any], kind: Callable[[Any], object]) -> tuple[Any, ...]:
    seen: Counter[object] = Counter()
    found = []
    for device in devices:
        index = seen[kind(device)]
        found.append(device if device.index == index else replace(device, index=index))
        seen[kind(device)] += 1
    return tuple(found)


# What makes sense ------------------------------------------------------------------------------


def check(config: MachineConfig, host: Host, old: MachineConfig | None = None) -> None:
    """Refuse a definition that no hypervisor of this host could run.

    What it has in common with the ``old`` one is not asked for, so it is not judged.
    """
    if old is None or config.cpu != old.cpu:
        _check_cpu(config.cpu, host)
    if old is None or config.memory != old.memory:
        _check_memory(config.memory)
    _check_platform(config, host, old)
    for part, key in KEYS.items():
        counts = Counter(key(item) for item in getattr(config, part))
        twice = [name for name, count in counts.items() if count > 1]
        if twice:
            raise BackendError("invalid", f"{part}[{twice[0]}] is there twice")
        if "" in counts:
            raise BackendError("invalid", f"one of {part} has no name")
    _check_disks(config.disks)
    same = old.vcpus if old else ()
    for vcpu in config.vcpus:
        if vcpu.pinned_to is not None and vcpu not in same and not _exist(vcpu.pinned_to, host):
            raise BackendError(
                "invalid",
                f"vcpus[{vcpu.index}].pinned_to is {vcpu.pinned_to}: the host has processors 0 to "
                f"{host.cpu_count - 1}",
            )


def _exist(processors: tuple[int, ...], host: Host) -> bool:
    return bool(processors) and all(0 <= number < (host.cpu_count or 1) for number in processors)


def _check_cpu(cpu: CpuAllocation, host: Host) -> None:
    if not 1 <= cpu.count <= cpu.maximum:
        raise BackendError("invalid", f"cpu.count is {cpu.count}: from 1 to cpu.maximum, {cpu.maximum}")
    if host.max_vcpus is not None and cpu.maximum > host.max_vcpus:
        raise BackendError(
            "invalid", f"cpu.maximum is {cpu.maximum}: a machine of this host has at most {host.max_vcpus}"
        )
    for name, value, lowest in (("weight", cpu.weight, 1), ("cap_percent", cpu.cap_percent, 0)):
        if value is not None and value < lowest:
            raise BackendError("invalid", f"cpu.{name} is {value}: at least {lowest}")


def _check_platform(config: MachineConfig, host: Host, old: MachineConfig | None) -> None:
    """Refuse what this host's hypervisor has not; where it does not tell, it decides itself."""
    kinds = (guest for guest in host.guests if (guest.os_type, guest.arch) == (config.os_type, config.arch))
    guest = next(kinds, None)
    has = guest.platform if guest is not None else None
    if guest is None or has is None:
        return
    # Where an image is named, none is looked for.
    firmware, secure = (None, None) if config.loader else (config.firmware, config.secure_boot or None)
    wanted: tuple[tuple[str, Any, tuple[Any, ...] | None, str], ...] = (
        ("firmware", firmware, has.firmwares, "a firmware image of this kind (OVMF)"),
        ("secure_boot", secure, (True,) if has.secure_boot else (), "a firmware image that can (OVMF)"),
        ("tpm_version", config.tpm_version, has.tpm_versions, "the emulator of TPMs (swtpm)"),
        ("cpu.mode", config.cpu.mode, has.cpu_modes, "a processor or an emulator that can"),
    )
    judged = None if old is None else {change.name for change in changes(old, config)}
    for name, value, possible, missing in wanted:
        is_there = value is None or possible is None or value in possible
        if not is_there and (judged is None or name in judged):
            has_these = ", ".join(possible or ()) or "none"
            raise BackendError(
                "unsupported",
                f"{name} is {value}: {host.hypervisor} on this host has {has_these}",
                hint=f"what the host lacks is {missing}",
            )


def _check_disks(disks: Iterable[Disk]) -> None:
    for disk in disks:
        for unit in ("bytes_s", "iops"):
            limits = {way: getattr(disk, f"{way}_{unit}") for way in ("total", "read", "write")}
            if limits["total"] and (limits["read"] or limits["write"]):
                name = f"disks[{disk.target}].total_{unit}"
                raise BackendError("invalid", f"{name} excludes read_{unit} and write_{unit}: set 0 there")


def _check_memory(memory: MemoryAllocation) -> None:
    if not 0 < memory.current_kib <= memory.maximum_kib:
        raise BackendError(
            "invalid",
            f"memory.current_kib is {memory.current_kib}: more than 0, at most memory.maximum_kib, "
            f"{memory.maximum_kib}",
        )
    if memory.hot_plug_limit_kib is not None and memory.hot_plug_limit_kib < memory.maximum_kib:
        raise BackendError(
            "invalid",
            f"memory.hot_plug_limit_kib is {memory.hot_plug_limit_kib}: at least memory.maximum_kib, "
            f"{memory.maximum_kib}",
        )


# What can be done ------------------------------------------------------------------------------


def doable(config: MachineConfig, wanted: Iterable[Change], possible: Container[str]) -> list[Change]:
    """Return the changes that are to be made on a running machine, once each is known to be possible.

    ``possible`` are the kinds that the hypervisor makes on one; a medium is changed only where it is
    removable, and its size is its own. Processors come and go by their count.
    """
    found = []
    for change in wanted:
        if _follows(config, change):
            continue
        if change.kind not in possible or (_is_medium(change) and not _removable(config, change)):
            raise BackendError("unsupported", f"{change.name} cannot be changed while the machine runs")
        refuse_shrinking(change)
        found.append(change)
    return found


def refuse_shrinking(change: Change) -> None:
    """Refuse to make a disk smaller: it would lose its end."""
    if change.kind == "disks.capacity_bytes" and (change.new or 0) < (change.old or 0):
        raise BackendError("unsupported", f"{change.name}: a disk is never made smaller")


def grown(config: MachineConfig, wanted: Iterable[Change]) -> list[Change]:
    """Return the changes that are a disk's growth."""
    found = [c for c in wanted if c.kind == "disks.capacity_bytes" and not _follows(config, c)]
    for change in found:
        refuse_shrinking(change)
    return found


def _follows(config: MachineConfig, change: Change) -> bool:
    """Tell whether a change is none of its own, but what another one brings about."""
    if change.kind in {"vcpus+", "vcpus-"}:
        return change.new is None or change.new.pinned_to is None
    if change.kind == "disks.capacity_bytes":
        return change.new is None or _removable(config, change)
    return False


def _is_medium(change: Change) -> bool:
    return change.part == "disks" and change.field in MEDIUM


def _removable(config: MachineConfig, change: Change) -> bool:
    return any(disk.target == change.key and disk.device in REMOVABLE for disk in config.disks)

"""What is changed on a running machine, as libvirt calls in a fixed order.

`steps` decides on the event loop and refuses before anything is touched; the steps themselves run on
a worker thread.

Source: libvirt's API reference, virDomainSetVcpusFlags, virDomainSetMemoryFlags,
virDomainSetSchedulerParametersFlags, virDomainPinVcpu, virDomainSetMetadata,
virDomainSetLifecycleAction, virDomainSetNumaParameters, virDomainAttachDeviceFlags and its kin,
virDomainSetBlockIoTune, virDomainBlockResize.
Errors: BackendError: unsupported, naming what cannot be changed; invalid.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lxml import etree

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.changes import KEYS, changes, doable
from xencim.providers.backends.libvirt.xml.device_writer import elements, new_element, write_device
from xencim.providers.backends.libvirt.xml.device_xml import DISK_LIMITS
from xencim.providers.backends.libvirt.xml.machine_writer import PERIOD_US, domain_text, module, modules
from xencim.providers.backends.libvirt.xml.parse import document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from libvirt import virDomain

    from xencim.providers.backends.changes import Change
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.records import MachineConfig, MemoryAllocation

_TEXTS = frozenset({"title", "description"})
_PROCESSORS = frozenset({"cpu.count", "vcpus+", "vcpus.pinned_to", "memory.current_kib"})
_WEIGHTS = frozenset({"cpu.weight", "cpu.cap_percent"})
_PLUGGED = frozenset({"disks+", "disks-", "nics+", "nics-"})
_MEDIA = frozenset(
    f"disks.{field}" for field in ("source", "source_type", "pool", "volume", "driver_name", "driver_type")
)
_NIC_FIELDS = frozenset(
    f"nics.{field}"
    for field in (
        "source_type",
        "network",
        "bridge",
        "source_dev",
        "mode",
        "link_up",
        "filter_ref",
        "profile_id",
        "vlan_ids",
        "inbound",
        "outbound",
    )
)
_LIMITS = frozenset(f"disks.{field}" for field in DISK_LIMITS)
_STRICT = "strict"
_PLACES = frozenset({"memory.numa_nodes", "memory.numa_mode"})
_LIFECYCLE = {"on_poweroff": 0, "on_reboot": 1, "on_crash": 2}  # virDomainLifecycle
_LIFECYCLE_ACTIONS = {  # virDomainLifecycleAction
    "destroy": 0,
    "restart": 1,
    "rename-restart": 2,
    "preserve": 3,
    "coredump-destroy": 4,
    "coredump-restart": 5,
}

POSSIBLE: dict[str, frozenset[str]] = {
    "qemu": _TEXTS
    | _PROCESSORS
    | _WEIGHTS
    | _PLUGGED
    | _MEDIA
    | _NIC_FIELDS
    | _LIMITS
    | _PLACES
    | {"inputs+", "inputs-", "disks.capacity_bytes", "graphics.password", "memory.maximum_kib"}
    | frozenset(_LIFECYCLE),
    "xen": _TEXTS | _PROCESSORS | _WEIGHTS | _PLUGGED | _MEDIA | {"memory.maximum_kib"},
    "test": _TEXTS | _PROCESSORS,
    "lxc": _TEXTS | _WEIGHTS | _PLUGGED | {"memory.current_kib"},
}
"""By driver, the kinds of changes that it can make on a running machine."""

_EMULATED = "qemu"
"""The domain type of a machine that QEMU emulates (TCG): taking a processor away from one ends it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call, or a few that belong together, and the differences that it makes."""

    name: str
    run: Callable[[Session, virDomain], None]


def steps(driver: str, old: MachineConfig, wanted: MachineConfig, host_cpus: int) -> list[Step]:
    """Return how a running machine becomes what is wanted, if every difference can be made."""
    todo = doable(old, changes(old, wanted), _possible(driver, old.memory, wanted.memory))
    if wanted.cpu.count < old.cpu.count and old.domain_type == _EMULATED:
        raise BackendError(
            "unsupported",
            "cpu.count: an emulated machine does not survive it when a processor is taken away; "
            "change its stored definition",
        )
    return [
        *_texts(todo),
        *_memory(todo, driver),
        *_places(todo, wanted.memory),
        *_processors(todo, host_cpus),
        *_scheduling(todo, driver),
        *_lifecycle(todo),
        *_devices(todo, wanted),
        *_limits(todo, wanted),
        *_growth(todo),
    ]


def _possible(driver: str, old: MemoryAllocation, wanted: MemoryAllocation) -> frozenset[str]:
    """Return what changes; of QEMU's memory it depends on what the machine was started with."""
    possible = POSSIBLE.get(driver, frozenset())
    if driver != "qemu":
        return possible
    if old.hot_plug_limit_kib is None:
        possible -= {"memory.maximum_kib"}
    if old.numa_mode not in {None, _STRICT} or wanted.numa_mode != _STRICT:
        possible -= _PLACES
    return possible


def _texts(todo: Iterable[Change]) -> Iterator[Step]:
    for change in todo:
        if change.part in _TEXTS:
            yield Step(change.name, partial(_set_text, change))


def _set_text(change: Change, session: Session, domain: virDomain) -> None:
    libvirt = session.libvirt
    kind = (
        libvirt.VIR_DOMAIN_METADATA_TITLE
        if change.part == "title"
        else libvirt.VIR_DOMAIN_METADATA_DESCRIPTION
    )
    session.call(domain.setMetadata, kind, change.new, None, None, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _memory(todo: list[Change], driver: str) -> Iterator[Step]:
    """Set the maximum first when it grows, last when it shrinks: the size in use stays below it."""
    sizes = [change for change in todo if change.part == "memory" and change.kind not in _PLACES]
    growing = any(c.field == "maximum_kib" and c.new > c.old for c in sizes)
    for change in sorted(sizes, key=lambda c: (c.field == "maximum_kib") != growing):
        is_plugged = driver == "qemu" and change.field == "maximum_kib"
        yield Step(change.name, partial(_plug_memory if is_plugged else _set_memory, change))


def _places(todo: list[Change], memory: MemoryAllocation) -> Iterator[Step]:
    """Take memory from other nodes of the host; the kernel moves what is there already."""
    if any(change.kind in _PLACES for change in todo):
        nodes = ",".join(map(str, memory.numa_nodes))
        yield Step("memory.numa_nodes", partial(_place, nodes))


def _place(nodes: str, session: Session, domain: virDomain) -> None:
    libvirt = session.libvirt
    figures = {libvirt.VIR_DOMAIN_NUMA_NODESET: nodes}
    session.call(domain.setNumaParameters, figures, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _set_memory(change: Change, session: Session, domain: virDomain) -> None:
    libvirt = session.libvirt
    flags = libvirt.VIR_DOMAIN_AFFECT_LIVE
    if change.field == "maximum_kib":
        flags |= libvirt.VIR_DOMAIN_MEM_MAXIMUM
    session.call(domain.setMemoryFlags, change.new, flags)


def _plug_memory(change: Change, session: Session, domain: virDomain) -> None:
    """Add a module, or have the guest let go of one."""
    live = session.libvirt.VIR_DOMAIN_AFFECT_LIVE
    if change.new > change.old:
        session.call(domain.attachDeviceFlags, domain_text(module(change.new - change.old)), live)
        return
    there = modules(document(session.call(domain.XMLDesc, 0), "domain"))
    fitting = [element for element, size_kib in there if size_kib == change.old - change.new]
    if not fitting:
        sizes = ", ".join(str(size_kib) for _, size_kib in there) or "none"
        raise BackendError("unsupported", f"memory goes by whole modules; the machine's, in KiB: {sizes}")
    session.call(domain.detachDeviceFlags, domain_text(fitting[-1]), live)


def _processors(todo: list[Change], host_cpus: int) -> Iterator[Step]:
    for change in todo:
        if change.kind == "cpu.count":
            yield Step(change.name, partial(_set_count, change.new))
    for change in todo:
        if change.part == "vcpus":
            pins = change.new if change.field else change.new.pinned_to
            yield Step(f"vcpus[{change.key}].pinned_to", partial(_pin, int(change.key or 0), pins, host_cpus))


def _set_count(count: int, session: Session, domain: virDomain) -> None:
    session.call(domain.setVcpusFlags, count, session.libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _pin(
    index: int, pins: tuple[int, ...] | None, host_cpus: int, session: Session, domain: virDomain
) -> None:
    chosen = tuple(pins is None or number in pins for number in range(host_cpus))
    session.call(domain.pinVcpu, index, chosen)  # not ...Flags: the test driver knows none


def _scheduling(todo: list[Change], driver: str) -> Iterator[Step]:
    found = {change.field: change for change in todo if change.kind in _WEIGHTS}
    weight, cap = found.get("weight"), found.get("cap_percent")
    if weight is not None and weight.new is None:
        raise BackendError("unsupported", "cpu.weight: a running machine has one; give another value")
    figures: dict[str, int] = {}
    if driver == "xen":
        figures |= {} if weight is None else {"weight": weight.new}
        figures |= {} if cap is None else {"cap": cap.new or 0}
    else:
        figures |= {} if weight is None else {"cpu_shares": weight.new}
        if cap is not None:
            quota = cap.new * PERIOD_US // 100 if cap.new else -1
            figures |= {"vcpu_quota": -1, "global_period": PERIOD_US, "global_quota": quota}
    if figures:
        yield Step(", ".join(change.name for change in found.values()), partial(_schedule, driver, figures))


def _schedule(driver: str, figures: dict[str, int], session: Session, domain: virDomain) -> None:
    if driver == "xen":
        session.call(domain.setSchedulerParameters, figures)
    else:
        live = session.libvirt.VIR_DOMAIN_AFFECT_LIVE
        session.call(domain.setSchedulerParametersFlags, figures, live)


def _lifecycle(todo: list[Change]) -> Iterator[Step]:
    for change in todo:
        if change.part in _LIFECYCLE:
            action = _LIFECYCLE_ACTIONS.get(change.new)
            if action is None:
                raise BackendError("invalid", f"{change.name}: {change.new!r} is no such action")
            yield Step(change.name, partial(_set_lifecycle, _LIFECYCLE[change.part], action))


def _set_lifecycle(event: int, action: int, session: Session, domain: virDomain) -> None:
    session.call(domain.setLifecycleAction, event, action, session.libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _devices(todo: list[Change], wanted: MachineConfig) -> Iterator[Step]:
    """First what goes, then what changes, then what comes: it may take the place of what went."""
    elsewhere = {"disks.capacity_bytes", *_LIMITS}
    devices = [c for c in todo if c.part in KEYS and c.part != "vcpus" and c.kind not in elsewhere]
    for change in devices:
        if change.new is None and change.field is None:
            yield Step(change.name, partial(_detach, change.part, change.key or ""))
    edited: dict[tuple[str, str], list[str]] = {}
    for change in devices:
        if change.field is not None:
            edited.setdefault((change.part, change.key or ""), []).append(change.name)
    for (part, key), names in edited.items():
        record = next(device for device in getattr(wanted, part) if KEYS[part](device) == key)
        yield Step(", ".join(names), partial(_update, part, key, record))
    for change in devices:
        if change.old is None and change.field is None:
            element = new_element(etree.Element("devices"), change.part, change.new)
            write_device(element, change.part, change.new)
            yield Step(change.name, partial(_attach, domain_text(element)))


def _element(session: Session, domain: virDomain, part: str, key: str) -> Any:  # noqa: ANN401 - an element
    devices = document(session.call(domain.XMLDesc, 0), "domain").find("devices")
    found = None if devices is None else elements(devices, part).get(key)
    if found is None:
        raise BackendError("not_found", f"{part}[{key}] is not there any more")
    return found


def _detach(part: str, key: str, session: Session, domain: virDomain) -> None:
    xml = domain_text(_element(session, domain, part, key))
    session.call(domain.detachDeviceFlags, xml, session.libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _update(part: str, key: str, record: object, session: Session, domain: virDomain) -> None:
    element = deepcopy(_element(session, domain, part, key))
    write_device(element, part, record)
    live = session.libvirt.VIR_DOMAIN_AFFECT_LIVE
    session.call(domain.updateDeviceFlags, domain_text(element), live)


def _attach(xml: str, session: Session, domain: virDomain) -> None:
    session.call(domain.attachDeviceFlags, xml, session.libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _limits(todo: list[Change], wanted: MachineConfig) -> Iterator[Step]:
    """All limits of a disk in one call: a total is let go as the others come, and the other way round."""
    for disk in wanted.disks:
        names = [c.name for c in todo if c.kind in _LIMITS and c.key == disk.target]
        if names:
            figures = {name: getattr(disk, field) or 0 for field, name in DISK_LIMITS.items()}
            yield Step(", ".join(names), partial(_limit, disk.target, figures))


def _limit(target: str, figures: dict[str, int], session: Session, domain: virDomain) -> None:
    session.call(domain.setBlockIoTune, target, figures, session.libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _growth(todo: list[Change]) -> Iterator[Step]:
    for change in todo:
        if change.kind == "disks.capacity_bytes":
            yield Step(change.name, partial(_resize, change.key or "", change.new))


def _resize(target: str, size_bytes: int, session: Session, domain: virDomain) -> None:
    in_bytes = session.libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES
    session.call(domain.blockResize, target, size_bytes, in_bytes)

"""A machine's wanted definitions turned into what is to be done, and that done.

First everything is decided, on records alone; what cannot be is refused before anything is touched.
Then the stored definition is replaced in one call, and the running machine follows step by step. An
error at the first step takes the stored definition back, so that nothing is changed; a later one
tells what was done and what was not.

Errors: BackendError: invalid, invalid_state, unsupported, and what the calls give.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.changes import changes, check, grown, unmet
from xencim.providers.backends.libvirt.writing.define import grow_volume, redefine
from xencim.providers.backends.libvirt.writing.live import Step, steps
from xencim.providers.backends.libvirt.xml.device_xml import DISK_LIMITS

if TYPE_CHECKING:
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.records import (
        GuestSupport,
        Host,
        InputDevice,
        MachineConfig,
        VirtualMachine,
    )

log = logging.getLogger(__name__)

_XEN_GUESTS = frozenset({"linux", "xen", "xenpvh"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to a machine."""

    machine: VirtualMachine
    current: MachineConfig | None = None
    stored: MachineConfig | None = None
    steps: list[Step] = field(default_factory=list)

    def left(self, now: VirtualMachine) -> list[str]:
        """Name what a machine does not show yet."""
        before, names = self.machine, []
        if self.current is not None and now.state.is_active:
            names += unmet(before.current, self.current, now.current)
        if self.stored is not None:
            old = before.stored or before.current
            names += [f"stored {name}" for name in unmet(old, self.stored, now.stored or now.current)]
        return names


def plan(
    driver: str,
    machine: VirtualMachine,
    host: Host,
    current: MachineConfig | None,
    stored: MachineConfig | None,
) -> Plan:
    """Decide what is to be done, or why it cannot be."""
    if not machine.state.is_active:
        current, stored = None, stored or current
    elif stored is not None and machine.stored is None:
        raise BackendError("invalid_state", f"{machine.name!r} is transient: nothing is stored of it")
    todo: list[Step] = []
    if current is not None:
        current = settled(current, machine.current)
        check(current, host, machine.current)
        todo += steps(driver, machine.current, current, host.cpu_count)
    if stored is not None:
        old = machine.stored or machine.current
        stored = settled(stored, old)
        check(stored, host, old)
        _check_stored(driver, old, stored)
        todo += _volumes_grown(machine, old, stored, current)
        if not [c for c in changes(old, stored) if c.kind != "disks.capacity_bytes"]:
            stored = None
    return Plan(machine, current, stored, todo)


def _check_stored(driver: str, old: MachineConfig, wanted: MachineConfig) -> None:
    if driver == "xen" and (wanted.cpu.cap_percent or 0) != (old.cpu.cap_percent or 0):
        raise BackendError("unsupported", "cpu.cap_percent: libxl keeps none in a stored definition")
    check_limits(driver, wanted)


def check_limits(driver: str, wanted: MachineConfig) -> None:
    """Refuse limits of disks where the driver keeps them in a definition and does not carry them out."""
    if driver not in {"xen", "lxc"}:
        return
    for disk in wanted.disks:
        for limit in DISK_LIMITS:
            if getattr(disk, limit):
                name = f"disks[{disk.target}].{limit}"
                raise BackendError("unsupported", f"{name}: libvirt's driver {driver!r} limits no disks")


def _volumes_grown(
    machine: VirtualMachine, old: MachineConfig, stored: MachineConfig, current: MachineConfig | None
) -> list[Step]:
    """Return how disks grow while nobody uses them; a running machine's grow under it."""
    grown_live = {} if current is None else {disk.target: disk.capacity_bytes for disk in current.disks}
    found = []
    for change in grown(old, changes(old, stored)):
        disk = next(disk for disk in stored.disks if disk.target == change.key)
        if machine.state.is_active:
            if grown_live.get(disk.target) != change.new:
                raise BackendError("unsupported", f"{change.name}: the running machine uses this disk")
        else:
            found.append(Step(change.name, partial(grow_volume, disk)))
    return found


def apply(session: Session, todo: Plan) -> None:
    """Do what is to be done; runs on a worker thread."""
    domain = session.call(session.connection.lookupByUUIDString, todo.machine.uuid)
    old = todo.machine.stored or todo.machine.current
    before = None if todo.stored is None else redefine(session, domain, old, todo.stored)
    for number, step in enumerate(todo.steps):
        try:
            step.run(session, domain)
        except BackendError as error:
            done = [step.name for step in todo.steps[:number]]
            if before is not None and (done or not _taken_back(session, before)):
                done.insert(0, "the stored definition")
            rest = [step.name for step in todo.steps[number + 1 :]]
            message = f"{step.name}: {error.message}"
            message += f"; done before: {', '.join(done)}" if done else ""
            message += f"; not done: {', '.join(rest)}" if done and rest else ""
            raise BackendError(error.kind, message, hint=error.hint) from error


def _taken_back(session: Session, definition: str) -> bool:
    """Store a definition as it was and tell whether that worked."""
    try:
        session.call(session.connection.defineXML, definition)
    except BackendError as error:
        log.warning("a stored definition was not taken back: %s", error)
        return False
    return True


# What a definition leaves open ------------------------------------------------------------------


def settled(config: MachineConfig, old: MachineConfig | None = None) -> MachineConfig:
    """Return a definition the way libvirt tells it back."""
    firmware = config.firmware
    if firmware == "bios" and config.loader is None and (old is None or old.firmware != firmware):
        firmware = None  # what a machine has when nothing is said
    return replace(
        config,
        title=(config.title or "").strip() or None,
        description=(config.description or "").strip() or None,
        firmware=firmware,
        nics=tuple(
            nic if nic.mac == nic.mac.lower() else replace(nic, mac=nic.mac.lower()) for nic in config.nics
        ),
        inputs=tuple(
            device if device.bus else replace(device, bus=_bus(device, config)) for device in config.inputs
        ),
    )


def _bus(device: InputDevice, config: MachineConfig) -> str:
    if config.os_type in _XEN_GUESTS:
        return "xen"
    return "usb" if device.type == "tablet" else "ps2"


def completed(config: MachineConfig, host: Host) -> MachineConfig:
    """Return a new machine's definition with the kind of machine that this host runs."""
    config = settled(config)
    arch = config.arch or (host.arch if config.os_type != "exe" else None)
    if config.domain_type:
        return replace(config, arch=arch)
    # Capabilities call xen what definitions call linux.
    os_types = {config.os_type, "xen"} if config.os_type == "linux" else {config.os_type}
    fitting = [g for g in host.guests if g.os_type in os_types and arch in {None, g.arch}]
    kinds = [kind for guest in fitting for kind in guest.domain_types]
    if not kinds:
        raise BackendError(
            "unsupported",
            f"the host runs no machine of type {config.os_type!r} for {arch}: {_told(host.guests)}",
        )
    return replace(config, arch=arch, domain_type="kvm" if "kvm" in kinds else kinds[0])


def _told(guests: tuple[GuestSupport, ...]) -> str:
    return "it runs " + (", ".join(sorted({f"{g.os_type} for {g.arch}" for g in guests})) or "none")

"""What libvirt and Xen tell of a machine as one record: libvirt's definition, Xen's present.

A machine that libvirt does not know is xl's: it is transient, and what it was made with comes from
``xl list -l``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.records import (
    CpuAllocation,
    MachineConfig,
    MemoryAllocation,
    PowerState,
    Vcpu,
    VirtualMachine,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.backends.records import Host
    from xencim.providers.backends.xen.domains import Domain
    from xencim.providers.backends.xen.live import Live

# As libvirt calls them.
_OS_TYPES = {"pv": "linux", "pvh": "xenpvh", "hvm": "hvm"}
_MACHINES = {"pv": "xenpv", "pvh": "xenpvh", "hvm": "xenfv"}
_SWITCHED = {PowerState.RUNNING, PowerState.PAUSED}


@dataclass(frozen=True, slots=True)
class Around:
    """What a domain has of others."""

    pool: str | None = None  # the CPU pool that it runs on, by name
    needs: tuple[str, ...] = ()  # the domains that serve or emulate its devices, by uuid


def definitions(out: str) -> dict[int, Mapping[str, Any]]:
    """Read what ``xl list -l`` prints: what domains were made with, by their numbers."""
    told = json.loads(out or "[]")
    return {one["domid"]: one.get("config", {}) for one in told if isinstance(one, dict) and "domid" in one}


def host(told: Host, info: Mapping[str, str]) -> Host:
    """Return libvirt's record of the host with what ``xl info`` tells of the hypervisor."""
    return replace(
        told,
        hypervisor_version=info.get("xen_version") or told.hypervisor_version,
        scheduler=info.get("xen_scheduler"),
        capabilities=tuple(info.get("xen_caps", "").split()),
        command_line=info.get("xen_commandline"),
    )


def of_xl(
    domain: Domain,
    live: Live,
    made_with: Mapping[str, Any],
    arch: str | None = None,
    around: Around | None = None,
) -> VirtualMachine:
    """Return the record of a machine that libvirt does not know."""
    info = made_with.get("b_info", {})
    scheduling = info.get("sched_params", {})
    maximum = max(live.vcpus, 1)
    online = live.vcpus_online or (0,)
    memory = live.memory_kib or info.get("target_memkb") or 0
    return VirtualMachine(
        uuid=domain.uuid,
        name=live.name,
        state=domain.state,
        id=domain.number,
        persistent=False,
        autostart=False,
        needs=around.needs if around else (),
        current=MachineConfig(
            cpu=CpuAllocation(
                count=len(online),
                maximum=maximum,
                weight=scheduling.get("weight"),
                cap_percent=scheduling.get("cap"),
                pool=around.pool if around else None,
            ),
            memory=MemoryAllocation(
                current_kib=memory, maximum_kib=live.maximum_kib or info.get("max_memkb") or memory
            ),
            domain_type="xen",
            os_type=_OS_TYPES.get(live.kind, live.kind),
            arch=arch,
            machine=_MACHINES.get(live.kind),
            kernel=info.get("kernel"),
            initrd=info.get("ramdisk"),
            command_line=info.get("cmdline"),
            bootloader=info.get("bootloader"),
            on_poweroff=_action(made_with, "on_poweroff"),
            on_reboot=_action(made_with, "on_reboot"),
            on_crash=_action(made_with, "on_crash"),
            vcpus=tuple(Vcpu(index=index) for index in online),
            disks=live.disks,
            nics=live.nics,
            consoles=live.consoles,
        ),
    )


def _action(made_with: Mapping[str, Any], name: str) -> str | None:
    """Return what happens then; libxl leaves out what is its own choice: to destroy."""
    return str(made_with.get(name, "destroy")).replace("_", "-") if made_with else None


def merged(
    machine: VirtualMachine, domain: Domain, live: Live | None, around: Around | None = None
) -> VirtualMachine:
    """Return libvirt's record of a machine that runs with what Xen has at the moment."""
    if machine.id != domain.number:
        return machine
    # Libvirt tells of crashes, shutdowns and their reasons; of a pause by xl it does not know.
    switched = {machine.state, domain.state} <= _SWITCHED and machine.state is not domain.state
    if switched:
        machine = replace(machine, state=domain.state, state_reason=None)
    config = machine.current
    if around is not None:
        config = replace(config, cpu=replace(config.cpu, pool=around.pool))
        machine = replace(machine, needs=around.needs)
    if live is None:
        return replace(machine, current=config)
    cpu = config.cpu
    if live.memory_kib is not None:
        config = replace(config, memory=replace(config.memory, current_kib=live.memory_kib))
    if live.vcpus_online and len(live.vcpus_online) != cpu.count:
        pinned = {vcpu.index: vcpu for vcpu in config.vcpus}
        vcpus = tuple(pinned.get(index, Vcpu(index=index)) for index in live.vcpus_online)
        config = replace(config, cpu=replace(cpu, count=len(vcpus)), vcpus=vcpus)
    if not machine.is_management_domain:
        config = _with_devices(config, live, gone=domain.state is PowerState.RUNNING)
    return replace(machine, current=config)


def _with_devices(config: MachineConfig, live: Live, *, gone: bool) -> MachineConfig:
    """Return the definition with the devices that are there, and unless ``gone`` those that are not."""
    present = {disk.target for disk in live.disks}, {nic.mac for nic in live.nics}
    disks = tuple(disk for disk in config.disks if disk.target in present[0] or not gone)
    nics = tuple(nic for nic in config.nics if nic.mac in present[1] or not gone)
    known = {disk.target for disk in config.disks}, {nic.mac for nic in config.nics}
    disks += tuple(disk for disk in live.disks if disk.target not in known[0])
    nics += tuple(nic for nic in live.nics if nic.mac not in known[1])
    if (disks, nics) == (config.disks, config.nics):
        return config
    return replace(config, disks=disks, nics=nics)

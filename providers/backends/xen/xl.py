"""Machines that xl made told what to do by xl, and what of a running domain xl can set.

Domains are named by number: xl takes a number for one, never for a name.
Errors: BackendError: unsupported, invalid_state, failed, and those of `Tools`.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Action, MachineConfig, PowerState

if TYPE_CHECKING:
    from xencim.providers.backends.records import CpuAllocation, MemoryAllocation, VirtualMachine
    from xencim.providers.backends.xen.tools import Tools

HINT = "it was made by xl, which libvirt does not manage; one that is defined by libvirt can"
_WORDS = {
    Action.START: "unpause",
    Action.PAUSE: "pause",
    Action.SHUT_DOWN: "shutdown",
    Action.REBOOT: "reboot",
    Action.DESTROY: "destroy",
}
_FROM = {Action.START: {PowerState.PAUSED}, Action.PAUSE: {PowerState.RUNNING}}


async def carry_out(tools: Tools, machine: VirtualMachine, action: Action) -> None:
    """Have xl do it."""
    if action not in _WORDS:
        raise BackendError("unsupported", f"xl cannot {action.value} {machine.name}", hint=HINT)
    if machine.state not in _FROM.get(action, {machine.state}):
        raise BackendError("invalid_state", f"{machine.name} is {machine.state.value}")
    await _xl(tools, machine, _WORDS[action], str(machine.id))


async def change(tools: Tools, machine: VirtualMachine, wanted: MachineConfig) -> None:
    """Make a running machine what is wanted; what xl cannot is named, and then nothing is changed."""
    possible = replace(
        machine.current, cpu=_share(machine, wanted), memory=_memory(machine, wanted), vcpus=wanted.vcpus
    )
    names = [field.name for field in fields(MachineConfig)]
    left = [name for name in names if getattr(possible, name) != getattr(wanted, name)]
    if left:
        message = f"{machine.name}: while it runs, not changed is its {', '.join(left)}"
        raise BackendError("unsupported", message, hint="memory, processors, weight and cap can be")
    for command in commands(machine, wanted):
        await _xl(tools, machine, *command)


def _share(machine: VirtualMachine, wanted: MachineConfig) -> CpuAllocation:
    asked = wanted.cpu
    return replace(machine.current.cpu, count=asked.count, weight=asked.weight, cap_percent=asked.cap_percent)


def _memory(machine: VirtualMachine, wanted: MachineConfig) -> MemoryAllocation:
    return replace(machine.current.memory, current_kib=wanted.memory.current_kib)


def commands(machine: VirtualMachine, wanted: MachineConfig) -> list[tuple[str, ...]]:
    """Return the words for xl that give a machine the share that is wanted; none are left when it has it."""
    now, number = machine.current, str(machine.id)
    found: list[tuple[str, ...]] = []
    if wanted.memory.current_kib != now.memory.current_kib:
        found.append(("mem-set", number, f"{wanted.memory.current_kib}k"))
    if wanted.cpu.count != now.cpu.count:
        found.append(("vcpu-set", number, str(wanted.cpu.count)))
    share = []
    if wanted.cpu.weight not in {None, now.cpu.weight}:
        share += ["-w", str(wanted.cpu.weight)]
    if (wanted.cpu.cap_percent or 0) != (now.cpu.cap_percent or 0):
        share += ["-c", str(wanted.cpu.cap_percent or 0)]
    if share:
        found.append(("sched-credit2", "-d", number, *share))
    return found


async def _xl(tools: Tools, machine: VirtualMachine, *words: str) -> None:
    ended = await tools.run("xl", *words)
    if ended.status:
        raise BackendError("failed", f"{machine.name}: xl {words[0]} failed: {ended.said}")

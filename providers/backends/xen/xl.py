"""Machines that xl made told what to do by xl, and what of a running domain xl can set.

Domains are named by number: xl takes a number for one, never for a name.
Errors: BackendError: unsupported, invalid_state, failed, and those of `Tools`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xencim.providers.backends import changes
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Action, PowerState

if TYPE_CHECKING:
    from xencim.providers.backends.records import MachineConfig, VirtualMachine
    from xencim.providers.backends.xen.tools import Tools

INFO = re.compile(r"^(\w+)\s*: ?(.*?) *$", re.MULTILINE)
"""A line of ``xl info``: what it is about, and what it is."""
HINT = "it was made by xl, which libvirt does not manage; one that is defined by libvirt can"
SHARE = frozenset({"cpu.count", "cpu.weight", "cpu.cap_percent", "memory.current_kib", "vcpus+", "vcpus-"})
"""What can be changed of a running domain by xl, Domain-0 too: kinds of `changes.Change`."""
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
    now = machine.current
    changes.doable(now, changes.changes(now, wanted), SHARE)
    for command in commands(machine, wanted):
        await _xl(tools, machine, *command)


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

"""What the made-up host counts and logs: the same for ever after the first look, so that it can be checked.

Machine number n has used a tenth of its processors' time and, of each counter, n and some.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import (
    DiskCounters,
    FreeMemory,
    Host,
    HostUsage,
    MachineSample,
    NicCounters,
    Sample,
    VcpuCounters,
    VirtualMachine,
)

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import Inventory

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
APART_S = 10
"""Seconds between the first sample and all others."""
NS_PER_S = 10**9
LOG = (
    "(XEN) A hypervisor made up in memory\n(XEN) [2026-01-01 00:00:00] Scrubbing Free RAM\n(XEN) *** Ready\n"
)


class FakeSamples:
    """The counters and the console of a host made up in memory."""

    samples_taken: int
    """How often all machines were asked."""
    log: str
    """What the hypervisor has written."""

    def _filled(self) -> Inventory:
        raise NotImplementedError

    async def sample(self) -> Sample:
        """Count, without anything having happened since the second time."""
        view = self._filled().view
        taken_s = APART_S if self.samples_taken else 0
        self.samples_taken += 1
        return Sample(
            taken=BEGAN + timedelta(seconds=taken_s),
            taken_s=taken_s,
            machines={
                machine.uuid: _counted(machine, taken_s)
                for machine in view.all(VirtualMachine).values()
                if machine.state.is_active
            },
        )

    async def free_memory(self) -> FreeMemory:
        """Tell what the machines leave, half of it on each NUMA node."""
        view = self._filled().view
        free = view.host.memory_kib - view.all(HostUsage)["usage"].active_memory_kib
        return FreeMemory(free_kib=free, node_free_kib=(free // 2, free - free // 2))

    async def read_log(self) -> str:
        """Return what a hypervisor might have written."""
        self._demand_log()
        return self.log

    async def clear_log(self) -> None:
        """Forget it."""
        self._demand_log()
        self.log = ""

    def _demand_log(self) -> None:
        host = self._filled().view.get(Host, "host")
        if host is None or not host.has_log:
            raise BackendError("unsupported", "this hypervisor keeps no log of its console")


def _counted(machine: VirtualMachine, taken_s: int) -> MachineSample:
    config, number = machine.current, machine.id or 0
    vcpu_ns = (number * 100 + taken_s) * NS_PER_S // 10
    return MachineSample(
        uuid=machine.uuid,
        processor_time_ns=vcpu_ns * config.cpu.count,
        memory_kib=config.memory.current_kib,
        vcpus=tuple(
            VcpuCounters(index=vcpu.index, time_ns=vcpu_ns, host_processor=(number + vcpu.index) % 64)
            for vcpu in config.vcpus
        ),
        disks=tuple(
            DiskCounters(
                target=disk.target,
                read_bytes=number * 4096,
                read_requests=number,
                written_bytes=number * 8192,
                write_requests=number * 2,
            )
            for disk in config.disks
        ),
        nics=tuple(
            NicCounters(
                mac=nic.mac,
                received_bytes=number * 1500,
                received_packets=number,
                received_errors=0,
                received_drops=1,
                sent_bytes=number * 3000,
                sent_packets=number * 2,
                sent_errors=0,
                sent_drops=0,
            )
            for nic in config.nics
        ),
    )

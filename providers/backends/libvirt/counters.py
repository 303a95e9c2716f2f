"""What libvirt counts of machines that run: one call for all of them.

Only the groups that are told here are asked for: each of them costs QEMU a millisecond or two a machine.
A machine with work going on is not waited for.

Source: libvirt's API reference, virConnectGetAllDomainStats, virNodeGetFreeMemory, virNodeGetCellsFreeMemory.
Errors: BackendError of every kind.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import (
    Counted,
    DiskCounters,
    FreeMemory,
    Host,
    MachineSample,
    NicCounters,
    Sample,
    VcpuCounters,
    VirtualMachine,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers
    from xencim.providers.backends.libvirt.mirror import Mirror

    Stats = Mapping[str, Any]

COUNTED = {"qemu": (Counted.PROCESSORS, Counted.MEMORY, Counted.DISKS, Counted.NICS)}
"""What drivers tell; the others tell of a machine's state alone, or have no such call."""
_KIB = 1024


class Counting:
    """What a connected backend counts."""

    uri: str
    _workers: Workers
    _inventory: Inventory

    def _connected(self) -> tuple[Session, Mirror]:
        raise NotImplementedError

    async def sample(self) -> Sample:
        """Return the counters of all machines that run, as far as the driver tells them."""
        session, _mirror = self._connected()
        machines: list[MachineSample] = []
        if self._inventory.view.host.counted:
            told = await self._workers.run("the machines' counters", partial(_all_stats, session))
            machines = [self._counters(uuid, stats) for uuid, stats in told]
        return Sample(
            taken=datetime.now(UTC),
            taken_s=asyncio.get_running_loop().time(),
            machines={machine.uuid: machine for machine in machines},
        )

    async def free_memory(self) -> FreeMemory:
        """Return how much of the host's memory is free."""
        session, _mirror = self._connected()
        nodes = self._inventory.view.host.numa_nodes or 1
        return await self._workers.run("the host's free memory", partial(_free_memory, session, nodes))

    async def read_log(self) -> str:
        """Say that libvirt passes on no log of a hypervisor."""
        raise self._no_log()

    async def clear_log(self) -> None:
        """Say that there is none."""
        raise self._no_log()

    def _no_log(self) -> BackendError:
        host = self._inventory.view.get(Host, "host")
        name = host.hypervisor if host else self.uri
        return BackendError("unsupported", f"{name} by libvirt: no log of a hypervisor's console is told")

    def _counters(self, uuid: str, stats: Stats) -> MachineSample:
        machine = self._inventory.view.get(VirtualMachine, uuid)
        nics = machine.current.nics if machine else ()
        macs = {nic.target_dev: nic.mac for nic in nics if nic.target_dev}
        return counters(uuid, stats, macs)


def _all_stats(session: Session) -> list[tuple[str, Stats]]:
    libvirt = session.libvirt
    groups = (
        libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
        | libvirt.VIR_DOMAIN_STATS_VCPU
        | libvirt.VIR_DOMAIN_STATS_BALLOON
        | libvirt.VIR_DOMAIN_STATS_BLOCK
        | libvirt.VIR_DOMAIN_STATS_INTERFACE
    )
    flags = (
        libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
    )
    told = session.call(session.connection.getAllDomainStats, groups, flags)
    return [(domain.UUIDString(), stats) for domain, stats in told]


def _free_memory(session: Session, nodes: int) -> FreeMemory:
    free = session.call(session.connection.getFreeMemory)
    cells = session.offered(session.connection.getCellsFreeMemory, 0, nodes)
    return FreeMemory(free_kib=free // _KIB, node_free_kib=tuple(cell // _KIB for cell in cells or ()))


def counters(uuid: str, stats: Stats, macs: Mapping[str, str]) -> MachineSample:
    """Return what one machine's statistics tell; ``macs`` are its interfaces by their names on the host."""
    return MachineSample(
        uuid=uuid,
        processor_time_ns=stats.get("cpu.time"),
        memory_kib=stats.get("balloon.current"),
        vcpus=tuple(
            VcpuCounters(index=index, time_ns=stats[f"vcpu.{index}.time"])
            for index in range(stats.get("vcpu.maximum", 0))
            if f"vcpu.{index}.time" in stats
        ),
        disks=tuple(
            DiskCounters(
                target=stats[f"{item}.name"],
                read_bytes=stats.get(f"{item}.rd.bytes"),
                read_requests=stats.get(f"{item}.rd.reqs"),
                written_bytes=stats.get(f"{item}.wr.bytes"),
                write_requests=stats.get(f"{item}.wr.reqs"),
            )
            for item in _items(stats, "block")
        ),
        nics=tuple(
            NicCounters(
                mac=macs[stats[f"{item}.name"]],
                received_bytes=stats.get(f"{item}.rx.bytes"),
                received_packets=stats.get(f"{item}.rx.pkts"),
                received_errors=stats.get(f"{item}.rx.errs"),
                received_drops=stats.get(f"{item}.rx.drop"),
                sent_bytes=stats.get(f"{item}.tx.bytes"),
                sent_packets=stats.get(f"{item}.tx.pkts"),
                sent_errors=stats.get(f"{item}.tx.errs"),
                sent_drops=stats.get(f"{item}.tx.drop"),
            )
            for item in _items(stats, "net")
            if stats[f"{item}.name"] in macs
        ),
    )


def _items(stats: Stats, kind: str) -> Iterator[str]:
    """Yield what the entries of each disk or interface begin with; one without a name is left out."""
    items = (f"{kind}.{index}" for index in range(stats.get(f"{kind}.count", 0)))
    return (item for item in items if stats.get(f"{item}.name"))

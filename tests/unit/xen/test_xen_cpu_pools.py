"""Xen's CPU pools: read by one call, told of machines; the facts that ``xl info`` tells."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.fake import fake_host
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import CpuPool, HostUsage, PowerState, VirtualMachine
from xencim.providers.backends.xen import cpu_pools, live, merging, xl
from xencim.providers.backends.xen.domains import Domain
from xencim.providers.backends.xen.following import Following
from xencim.providers.backends.xen.hypervisor import Hypervisor
from xencim.providers.backends.xen.tools import Tools

from .made_up_xenstore import MadeUpXenstore

if TYPE_CHECKING:
    from pathlib import Path

POOLS = [
    {"cpupool": 0, "sched": 6, "n_dom": 1, "cpulist": [0, 1, 2]},
    {"cpupool": 1, "sched": 9, "n_dom": 1, "cpulist": [3]},
]


class MadeUpModule:
    """Stands for Xen's Python module on a host with two CPU pools."""

    def __init__(self, domains: list[dict[str, Any]]) -> None:
        self.domains = domains

    def domain_getinfo(self, first: int, most: int) -> list[dict[str, Any]]:
        assert (first, most) == (0, 4096)
        return self.domains

    def cpupool_getinfo(self) -> list[dict[str, Any]]:
        return POOLS


def domain(number: int, pool: int) -> dict[str, Any]:
    told = dict.fromkeys(("dying", "shutdown", "shutdown_reason", "paused"), 0)
    return {**told, "domid": number, "handle": [number] * 16, "cpupool": pool}


async def test_pools_are_read_when_they_are_new_and_not_on_each_look(tmp_path: Path) -> None:
    made_up, module = MadeUpXenstore(), MadeUpModule([domain(1, 0), domain(2, 1)])
    made_up.nodes |= {"/local/pool/0/name": "Pool-0", "/local/pool/1/name": "quick"}
    hypervisor = Hypervisor(module)
    socket = tmp_path / "xenstored"
    async with made_up.serving(socket):
        found = Following(Tools(str(tmp_path)), lambda: None, (str(socket),))
        found.hypervisor = hypervisor

        async def listed() -> tuple[Domain, ...]:
            return tuple(
                Domain(one["domid"], "u", PowerState.RUNNING, one["cpupool"]) for one in module.domains
            )

        await found.start(listed)
        try:
            assert found.known_pools() == [
                CpuPool(name="Pool-0", number=0, scheduler="credit2", cpus=(0, 1, 2)),
                CpuPool(name="quick", number=1, scheduler="null", cpus=(3,)),
            ]
            assert [found.around(one).pool for one in found.domains.values()] == ["Pool-0", "quick"]
            asked = hypervisor.calls
            await found.look()
            assert hypervisor.calls == asked
            made_up.set("/local/pool/1/name", "slow")
            async with asyncio.timeout(10):
                while found.pools[1].name != "slow":
                    await found.look()
        finally:
            await found.stop()


def test_the_limits_that_xl_prints() -> None:
    out = "Cpupool Pool-0: ratelimit=1000us\nCpupool b: tslice=30ms ratelimit=500us migration-delay=0us\n"
    assert cpu_pools.read_limits(out) == {"Pool-0": 1000, "b": 500}


def test_a_machine_is_on_its_pool() -> None:
    inventory = Inventory()
    for number, pool in ((1, "Pool-0"), (2, "quick")):
        told = Domain(number, f"uuid-{number}", PowerState.RUNNING)
        around = merging.Around(pool, ("uuid-9",))
        machine = merging.of_xl(told, live.Live(f"m{number}"), {}, around=around)
        assert merging.merged(machine, told, None, around) == machine
        moved = merging.merged(machine, told, None, merging.Around("other"))
        assert (moved.current.cpu.pool, moved.needs) == ("other", ())
        inventory.put(machine)
    assert [one.name for one in inventory.view.machines_by("cpu pool", "quick")] == ["m2"]
    usage = inventory.view.all(HostUsage)["usage"]
    assert (usage.active_vcpus, usage.pool_vcpus) == (2, (("Pool-0", 1), ("quick", 1)))
    assert [one.name for one in inventory.view.machines_by("needs", "uuid-9")] == ["m1", "m2"]
    inventory.remove(VirtualMachine, "uuid-2")
    assert inventory.view.all(HostUsage)["usage"].pool_vcpus == (("Pool-0", 1),)


def test_what_xl_tells_of_the_hypervisor(shared_dir: Path) -> None:
    told = (shared_dir / "xen" / "captures" / "xl" / "xl-info.txt").read_text()
    host = merging.host(fake_host(1), dict(xl.INFO.findall(told)))
    assert (host.hypervisor_version, host.scheduler) == ("4.17.7", "credit2")
    assert host.capabilities == (
        "xen-3.0-x86_64",
        "hvm-3.0-x86_32",
        "hvm-3.0-x86_32p",
        "hvm-3.0-x86_64",
    )
    assert host.command_line is not None
    assert host.command_line.startswith("console=com1 com1=115200,8n1 dom0_mem=1024M,max:1024M")

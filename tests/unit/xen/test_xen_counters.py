"""What Xen counts, in one pass: twenty made-up domains, and how often the hypervisor is asked for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from xencim.providers.backends.records import (
    DiskCounters,
    MachineSample,
    Nic,
    NicCounters,
    PowerState,
    VcpuCounters,
)
from xencim.providers.backends.xen.counters import Kernel, count
from xencim.providers.backends.xen.domains import Domain
from xencim.providers.backends.xen.hypervisor import Hypervisor
from xencim.providers.backends.xen.live import Live

if TYPE_CHECKING:
    from pathlib import Path

MANY = 20
HEADINGS = """Inter-|   Receive     |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo:  100       1    0    0    0     0          0         0      100       1    0    0    0     0
"""


class MadeUpModule:
    """Stands for Xen's Python module: domains of two virtual processors, one of which is off."""

    def domain_getinfo(self, first: int, most: int) -> list[dict[str, Any]]:
        del first, most
        return [
            {
                "domid": number,
                "handle": [number] * 16,
                "cpu_time": number * 1000,
                "mem_kb": 131072,
                "max_vcpu_id": 1,
                "dying": int(number == MANY),
            }
            for number in range(MANY + 1)
        ]

    def readconsolering(self) -> bytes:
        return b"(XEN) a\n(d1) \xff\n"

    def vcpu_getinfo(self, domain: int, index: int) -> dict[str, Any]:
        if domain == 3:
            raise OSError("it has gone")
        return {"online": int(not index), "cpu_time": domain * 500, "cpu": 7}


def uuid(number: int) -> str:
    return str(UUID(bytes=bytes([number] * 16)))


def served(folder: Path, number: int) -> None:
    """Have the kernel serve a disk of a domain."""
    statistics = folder / f"vbd-{number}-51712" / "statistics"
    statistics.mkdir(parents=True)
    for name, value in (("rd_req", 3), ("rd_sect", 8), ("wr_req", 5), ("wr_sect", 16), ("oo_req", 0)):
        (statistics / name).write_text(f"{value}\n")


def with_disk(number: int) -> Live:
    nic = Nic(mac=f"00:16:3e:00:00:{number:02x}", target_dev=f"vif{number}.0")
    return Live(f"m{number}", nics=(nic,), disk_numbers=((51712, "xvda"), (51728, "xvdb")))


def test_twenty_domains_cost_one_call_and_one_for_each_processor(tmp_path: Path) -> None:
    interfaces = tmp_path / "dev"
    lines = (
        f"  vif{number}.0: {number}00 {number} 1 2 0 0 0 0 {number}000 {number}0 3 4 0 0 0 0\n"
        for number in range(1, MANY)
    )
    interfaces.write_text(HEADINGS + "".join(lines))
    lives = {number: with_disk(number) for number in range(1, MANY)}
    for number in lives:
        served(tmp_path / "disks", number)
    hypervisor = Hypervisor(MadeUpModule())
    found = count(hypervisor, {}, lives, Kernel(tmp_path / "disks", interfaces))
    # One domain is being taken down, of another the first processor was asked in vain.
    assert list(found) == [uuid(number) for number in range(MANY)]
    assert hypervisor.calls == 1 + 2 * MANY - 1
    assert found[uuid(5)] == MachineSample(
        uuid=uuid(5),
        processor_time_ns=5000,
        memory_kib=131072,
        vcpus=(
            VcpuCounters(index=0, time_ns=2500, host_processor=7),
            VcpuCounters(index=1, time_ns=2500, host_processor=None),
        ),
        disks=(
            DiskCounters(
                target="xvda", read_bytes=4096, read_requests=3, written_bytes=8192, write_requests=5
            ),
        ),
        nics=(
            NicCounters(
                mac="00:16:3e:00:00:05",
                received_bytes=5000,
                received_packets=50,
                received_errors=3,
                received_drops=4,
                sent_bytes=500,
                sent_packets=5,
                sent_errors=1,
                sent_drops=2,
            ),
        ),
    )
    assert (found[uuid(3)].vcpus, found[uuid(3)].memory_kib) == ((), 131072)
    assert found[uuid(0)].disks == ()


def test_the_console_is_read_as_text() -> None:
    assert Hypervisor(MadeUpModule()).console() == "(XEN) a\n(d1) \ufffd\n"


def test_without_hypercalls_devices_are_counted(tmp_path: Path) -> None:
    served(tmp_path, 1)
    domains = {1: Domain(1, "one", PowerState.RUNNING), 2: Domain(2, "two", PowerState.RUNNING)}
    found = count(None, domains, {1: with_disk(1)}, Kernel(tmp_path, tmp_path / "none"))
    assert [disk.target for disk in found["one"].disks] == ["xvda"]
    assert found == {
        "one": MachineSample(uuid="one", disks=found["one"].disks),
        "two": MachineSample(uuid="two"),
    }
